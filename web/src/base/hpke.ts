/**
 * HPKE base mode, single shot (RFC 9180): DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-GCM, on
 * WebCrypto. Only sealing: the page has nothing to open. Names and order follow the RFC.
 */
import { type Bytes, concat, i2osp, utf8, wipe } from "./bytes";

const KEM_ID = 0x0010; // section 7.1: DHKEM(P-256, HKDF-SHA256)
const KDF_ID = 0x0001; // section 7.2: HKDF-SHA256
const MODE_BASE = 0x00; // section 5
const N_SECRET = 32; // section 7.1
const N_HASH = 32; // section 7.2
const N_NONCE = 12; // section 7.3

/** An AEAD of section 7.3. The sign-in uses AES-256-GCM; the other one is for the RFC's vectors. */
export interface Aead {
  readonly id: number;
  /** Key length in bytes. */
  readonly nK: number;
}
export const AES_128_GCM: Aead = { id: 0x0001, nK: 16 };
export const AES_256_GCM: Aead = { id: 0x0002, nK: 32 };

export interface Sealed {
  /** The encapsulated key: an uncompressed P-256 point, 65 bytes. */
  readonly enc: Bytes;
  readonly ct: Bytes;
}

const P256 = { name: "ECDH", namedCurve: "P-256" } as const;

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  // WebCrypto refuses an empty HMAC key; zeros of the hash's length are the same key (RFC 2104).
  const raw = key.length === 0 ? new Uint8Array(N_HASH) : key;
  const k = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", k, data));
}

/** HKDF-Expand (RFC 5869, section 2.3). */
async function expand(prk: Bytes, info: Bytes, length: number): Promise<Bytes> {
  let out = new Uint8Array(0);
  let block = new Uint8Array(0);
  for (let i = 1; out.length < length; i++) {
    block = await hmac(prk, concat(block, info, i2osp(i, 1)));
    out = concat(out, block);
  }
  return out.slice(0, length);
}

/** LabeledExtract and LabeledExpand of section 4, for one suite_id. */
function labeled(suiteId: Bytes) {
  return {
    extract: (salt: Bytes, label: string, ikm: Bytes) =>
      hmac(salt, concat(utf8("HPKE-v1"), suiteId, utf8(label), ikm)),
    expand: (prk: Bytes, label: string, info: Bytes, length: number) =>
      expand(prk, concat(i2osp(length, 2), utf8("HPKE-v1"), suiteId, utf8(label), info), length),
  };
}

const EMPTY = new Uint8Array(0);

/** Encap of section 4.1. */
async function encap(pkR: Bytes, ephemeral: CryptoKeyPair): Promise<{ sharedSecret: Bytes; enc: Bytes }> {
  const peer = await crypto.subtle.importKey("raw", pkR, P256, false, []);
  const bits = await crypto.subtle.deriveBits({ name: "ECDH", public: peer }, ephemeral.privateKey, 256);
  const dh = new Uint8Array(bits);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const kdf = labeled(concat(utf8("KEM"), i2osp(KEM_ID, 2)));
  const eaePrk = await kdf.extract(EMPTY, "eae_prk", dh);
  const sharedSecret = await kdf.expand(eaePrk, "shared_secret", concat(enc, pkR), N_SECRET);
  wipe(dh, eaePrk);
  return { sharedSecret, enc };
}

/** KeySchedule of section 5.1 in base mode, as far as a single message needs it. */
async function keySchedule(
  sharedSecret: Bytes,
  info: Bytes,
  aead: Aead,
): Promise<{ key: Bytes; nonce: Bytes }> {
  const kdf = labeled(concat(utf8("HPKE"), i2osp(KEM_ID, 2), i2osp(KDF_ID, 2), i2osp(aead.id, 2)));
  const pskIdHash = await kdf.extract(EMPTY, "psk_id_hash", EMPTY);
  const infoHash = await kdf.extract(EMPTY, "info_hash", info);
  const context = concat(i2osp(MODE_BASE, 1), pskIdHash, infoHash);
  const secret = await kdf.extract(sharedSecret, "secret", EMPTY);
  const key = await kdf.expand(secret, "key", context, aead.nK);
  const nonce = await kdf.expand(secret, "base_nonce", context, N_NONCE);
  wipe(secret);
  return { key, nonce };
}

/** sealWith is seal with a given ephemeral key pair, for the RFC's test vectors. */
export async function sealWith(
  ephemeral: CryptoKeyPair,
  aead: Aead,
  pkR: Bytes,
  info: Bytes,
  aad: Bytes,
  plaintext: Bytes,
): Promise<Sealed> {
  const { sharedSecret, enc } = await encap(pkR, ephemeral);
  const { key, nonce } = await keySchedule(sharedSecret, info, aead);
  const aesKey = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  wipe(sharedSecret, key);
  // The first message of a context has sequence number 0, so its nonce is base_nonce (section 5.2).
  const ct = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: 128 },
    aesKey,
    plaintext,
  );
  return { enc, ct: new Uint8Array(ct) };
}

/** seal encrypts one message to the public key pkR (uncompressed point); SealBase of section 6.1. */
export async function seal(pkR: Bytes, info: Bytes, aad: Bytes, plaintext: Bytes): Promise<Sealed> {
  const ephemeral = await crypto.subtle.generateKey(P256, false, ["deriveBits"]);
  return sealWith(ephemeral, AES_256_GCM, pkR, info, aad, plaintext);
}
