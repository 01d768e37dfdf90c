/**
 * Sealing a sign-in (docs/formats/signin-box.md and signin-key.md): the page checks the operator's signature over porter's
 * key and seals the password to it, so that the gate in between passes on what it cannot read.
 */
import { type Bytes, concat, fromBase64url, i2osp, toBase64url, utf8, wipe } from "../base/bytes";
import { seal } from "../base/hpke";
import { Trouble } from "../base/trouble";
import type { OperatorKey, SealedSignin, SigninInfo, SigninKey } from "./gate";

const KEY_CONTEXT = "cofferdam/signin-key/v1";
const SEAL_CONTEXT = "cofferdam/signin/v1";
/** The plaintext's length says nothing about the password: it is padded to a multiple of this. */
const PAD = 256;
/** A key of a longer life than this is refused (docs/formats/signin-key.md). */
const LONGEST_LIFE_S = 400 * 86_400;
const VERSION = 1;
const KIND_PASSWORD = 1;

function point(text: string): Bytes {
  const bytes = fromBase64url(text);
  if (bytes.length !== 65 || bytes[0] !== 4) throw new RangeError("not an uncompressed P-256 point");
  return bytes;
}

function sized(text: string, length: number): Bytes {
  const bytes = fromBase64url(text);
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function lengthPrefixed(bytes: Bytes): Bytes {
  return concat(i2osp(bytes.length, 2), bytes);
}

/** plaintext is 0x01, kind, login, password and zeros up to a multiple of PAD. */
export function plaintext(login: string, password: string): Bytes {
  const l = utf8(login);
  const p = utf8(password);
  const body = concat(new Uint8Array([VERSION, KIND_PASSWORD]), lengthPrefixed(l), lengthPrefixed(p));
  const padded = new Uint8Array(Math.ceil(body.length / PAD) * PAD);
  padded.set(body);
  wipe(p, body);
  return padded;
}

/** verifyKey refuses a sign-in key that the operator did not sign, or whose time is not now. */
export async function verifyKey(key: SigninKey, operator: OperatorKey, now: number): Promise<Bytes> {
  const refuse = (why: string) =>
    new Trouble(
      "refused",
      `This page will not send your password: ${why}. Please tell your provider.`,
      "key",
    );
  if (operator.v !== 1 || operator.alg !== "ES256" || key.v !== 1 || key.kem !== "P-256") {
    throw refuse("the server's sign-in key is of an unknown kind");
  }
  const pk = point(key.pk);
  const kid = sized(key.kid, 8);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", pk));
  if (toBase64url(digest.slice(0, 8)) !== key.kid) throw refuse("the server's sign-in key has a wrong name");
  const signed = concat(
    utf8(KEY_CONTEXT),
    new Uint8Array(1),
    kid,
    pk,
    i2osp(key.notBefore, 8),
    i2osp(key.notAfter, 8),
  );
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const verifier = await crypto.subtle.importKey("raw", point(operator.pk), algorithm, false, ["verify"]);
  const ok = await crypto.subtle.verify(
    { name: "ECDSA", hash: "SHA-256" },
    verifier,
    sized(key.sig, 64),
    signed,
  );
  if (!ok) throw refuse("the server's sign-in key does not carry the operator's signature");
  if (now < key.notBefore || now >= key.notAfter || key.notAfter - key.notBefore > LONGEST_LIFE_S) {
    throw refuse("the server's sign-in key is out of date, or this device's clock is wrong");
  }
  return pk;
}

/** How a box is sealed; tests put a known ephemeral key here. */
export type Seal = typeof seal;

/** sealSignin verifies the key and seals the login and password to it. */
export async function sealSignin(
  info: SigninInfo,
  operator: OperatorKey,
  login: string,
  password: string,
  shared: boolean,
  now = Date.now() / 1000,
  sealBox: Seal = seal,
): Promise<SealedSignin> {
  const pk = await verifyKey(info.key, operator, now);
  const context = concat(utf8(SEAL_CONTEXT), new Uint8Array(1), fromBase64url(info.key.kid));
  const secret = plaintext(login, password);
  try {
    const { enc, ct } = await sealBox(pk, context, sized(info.challenge, 24), secret);
    const { kid } = info.key;
    return { v: 1, kid, enc: toBase64url(enc), ct: toBase64url(ct), challenge: info.challenge, shared };
  } finally {
    wipe(secret);
  }
}
