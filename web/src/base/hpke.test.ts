import assert from "node:assert/strict";
import test from "node:test";
import { type Bytes, toBase64url, utf8 } from "./bytes";
import { AES_128_GCM, seal, sealWith } from "./hpke";
import { openBase } from "../../dev/porter";
import { createECDH } from "node:crypto";

const hex = (text: string): Bytes => new Uint8Array(Buffer.from(text, "hex"));

/** The ephemeral key pair of a vector, from its private scalar and public point. */
async function keyPair(sk: string, pk: string): Promise<CryptoKeyPair> {
  const point = hex(pk);
  const base = {
    kty: "EC",
    crv: "P-256",
    x: toBase64url(point.slice(1, 33)),
    y: toBase64url(point.slice(33)),
  };
  const alg = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", { ...base, d: toBase64url(hex(sk)) }, alg, false, [
    "deriveBits",
  ]);
  return { privateKey, publicKey: await crypto.subtle.importKey("jwk", base, alg, true, []) };
}

test("HPKE base mode gives the ciphertext of RFC 9180, appendix A.3.1.1, sequence number 0", async () => {
  const pkEm =
    "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4";
  const ephemeral = await keyPair("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb", pkEm);
  const pkR = hex(
    "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
  );
  const info = hex("4f6465206f6e2061204772656369616e2055726e");
  const aad = hex("436f756e742d30");
  const pt = hex("4265617574792069732074727574682c20747275746820626561757479");
  const sealed = await sealWith(ephemeral, AES_128_GCM, pkR, info, aad, pt);
  assert.equal(Buffer.from(sealed.enc).toString("hex"), pkEm);
  assert.equal(
    Buffer.from(sealed.ct).toString("hex"),
    "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
  );
});

test("what is sealed with AES-256-GCM opens with an implementation of its own", async () => {
  const receiver = createECDH("prime256v1");
  receiver.generateKeys();
  const [info, aad, text] = [utf8("info"), utf8("aad"), utf8("a password")];
  const { enc, ct } = await seal(new Uint8Array(receiver.getPublicKey()), info, aad, text);
  const open = (a: Bytes) =>
    openBase(
      receiver.getPrivateKey(),
      receiver.getPublicKey(),
      Buffer.from(enc),
      Buffer.from(info),
      Buffer.from(a),
      Buffer.from(ct),
    );
  assert.equal(open(aad).toString(), "a password");
  assert.throws(() => open(utf8("another challenge")));
});
