// Opens a push message and checks a VAPID header by Node's own cryptography.
// Argument: JSON with body, private (JWK), auth, authorization.
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, createDecipheriv, verify } from "node:crypto";

const b64 = (s) => Buffer.from(s, "base64url");
const { body, jwk, auth, authorization } = JSON.parse(process.argv[2]);
const msg = b64(body);
const salt = msg.subarray(0, 16);
const rs = msg.readUInt32BE(16);
const asPublic = msg.subarray(21, 21 + msg[20]);
const point = (p) => createPublicKey({ key: { kty: "EC", crv: "P-256", x: p.subarray(1, 33).toString("base64url"), y: p.subarray(33).toString("base64url") }, format: "jwk" });
const secret = diffieHellman({ privateKey: createPrivateKey({ key: jwk, format: "jwk" }), publicKey: point(asPublic) });
const uaPublic = Buffer.concat([Buffer.from([4]), b64(jwk.x), b64(jwk.y)]);
const ikm = hkdfSync("sha256", secret, b64(auth), Buffer.concat([Buffer.from("WebPush: info\0"), uaPublic, asPublic]), 32);
const cek = hkdfSync("sha256", ikm, salt, "Content-Encoding: aes128gcm\0", 16);
const nonce = hkdfSync("sha256", ikm, salt, "Content-Encoding: nonce\0", 12);
const d = createDecipheriv("aes-128-gcm", Buffer.from(cek), Buffer.from(nonce));
d.setAuthTag(msg.subarray(-16));
const record = Buffer.concat([d.update(msg.subarray(86, -16)), d.final()]);
const end = record.lastIndexOf(2);
const [, t, k] = /^vapid t=([^,]+), k=(.+)$/.exec(authorization);
const [head, claims, sig] = t.split(".");
const signed = verify("sha256", Buffer.from(`${head}.${claims}`), { key: point(b64(k)), dsaEncoding: "ieee-p1363" }, b64(sig));
console.log(JSON.stringify({ text: record.subarray(0, end).toString(), zeros: record.subarray(end + 1).every((x) => x === 0), rs, length: msg.length, signed, head: JSON.parse(b64(head)), claims: JSON.parse(b64(claims)), k }));
