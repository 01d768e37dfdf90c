/** Porter's side of the sign-in, written with Node alone so that it checks the page's HPKE independently. */
import { createDecipheriv, createECDH, createHash, createHmac, randomBytes, webcrypto } from "node:crypto";

const u16 = (n: number) => Buffer.from([n >> 8, n & 255]);
const hmac = (key: Buffer, ...data: Buffer[]) =>
  createHmac("sha256", key).update(Buffer.concat(data)).digest();

function kdf(suite: Buffer) {
  const label = Buffer.concat([Buffer.from("HPKE-v1"), suite]);
  return {
    extract: (salt: Buffer, name: string, ikm: Buffer) => hmac(salt, label, Buffer.from(name), ikm),
    expand(prk: Buffer, name: string, info: Buffer, length: number): Buffer {
      let out: Buffer = Buffer.alloc(0);
      let block: Buffer = Buffer.alloc(0);
      for (let i = 1; out.length < length; i++) {
        block = hmac(prk, block, u16(length), label, Buffer.from(name), info, Buffer.from([i]));
        out = Buffer.concat([out, block]);
      }
      return out.subarray(0, length);
    },
  };
}

/** openBase opens a single message of HPKE's base mode (RFC 9180, section 6.1), AES-256-GCM. */
export function openBase(
  skR: Buffer,
  pkR: Buffer,
  enc: Buffer,
  info: Buffer,
  aad: Buffer,
  ct: Buffer,
): Buffer {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(skR);
  const dh = ecdh.computeSecret(enc);
  const none = Buffer.alloc(0);
  const kem = kdf(Buffer.concat([Buffer.from("KEM"), u16(0x10)]));
  const shared = kem.expand(kem.extract(none, "eae_prk", dh), "shared_secret", Buffer.concat([enc, pkR]), 32);
  const hpke = kdf(Buffer.concat([Buffer.from("HPKE"), u16(0x10), u16(1), u16(2)]));
  const context = Buffer.concat([
    Buffer.from([0]),
    hpke.extract(none, "psk_id_hash", none),
    hpke.extract(none, "info_hash", info),
  ]);
  const secret = hpke.extract(shared, "secret", none);
  const decipher = createDecipheriv(
    "aes-256-gcm",
    hpke.expand(secret, "key", context, 32),
    hpke.expand(secret, "base_nonce", context, 12),
  );
  decipher.setAAD(aad);
  decipher.setAuthTag(ct.subarray(ct.length - 16));
  return Buffer.concat([decipher.update(ct.subarray(0, ct.length - 16)), decipher.final()]);
}

export class FakePorter {
  private readonly ecdh = createECDH("prime256v1");
  private kid = Buffer.alloc(8);
  private readonly challenge = randomBytes(24);
  private operator: webcrypto.CryptoKeyPair | undefined;

  async start(): Promise<void> {
    this.ecdh.generateKeys();
    this.kid = createHash("sha256").update(this.ecdh.getPublicKey()).digest().subarray(0, 8);
    this.operator = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
    ]);
  }

  private keys(): webcrypto.CryptoKeyPair {
    if (!this.operator) throw new Error("start first");
    return this.operator;
  }

  async operatorKey(): Promise<unknown> {
    const raw = await webcrypto.subtle.exportKey("raw", this.keys().publicKey);
    return { v: 1, alg: "ES256", pk: Buffer.from(raw).toString("base64url") };
  }

  async info(): Promise<unknown> {
    const pk = this.ecdh.getPublicKey();
    const notBefore = Math.floor(Date.now() / 1000) - 3600;
    const notAfter = notBefore + 86_400;
    const times = Buffer.alloc(16);
    times.writeBigUInt64BE(BigInt(notBefore), 0);
    times.writeBigUInt64BE(BigInt(notAfter), 8);
    const signed = Buffer.concat([Buffer.from("cofferdam/signin-key/v1\0"), this.kid, pk, times]);
    const sig = await webcrypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      this.keys().privateKey,
      signed,
    );
    const key = { v: 1, kid: this.kid.toString("base64url"), kem: "P-256", pk: pk.toString("base64url"), notBefore, notAfter, sig: Buffer.from(sig).toString("base64url") }; // prettier-ignore
    return {
      key,
      challenge: this.challenge.toString("base64url"),
      domains: ["example.org"],
      name: "Northshore",
    };
  }

  async open(body: unknown): Promise<{ login: string; password: string }> {
    const sealed = body as { enc: string; ct: string };
    const bytes = (text: string) => Buffer.from(text, "base64url");
    const info = Buffer.concat([Buffer.from("cofferdam/signin/v1\0"), this.kid]);
    const sk = this.ecdh.getPrivateKey();
    const plain = openBase(
      sk,
      this.ecdh.getPublicKey(),
      bytes(sealed.enc),
      info,
      this.challenge,
      bytes(sealed.ct),
    );
    const l = plain.readUInt16BE(2);
    const p = plain.readUInt16BE(4 + l);
    const login = plain.subarray(4, 4 + l).toString();
    await Promise.resolve();
    return { login, password: plain.subarray(6 + l, 6 + l + p).toString() };
  }
}
