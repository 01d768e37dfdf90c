import assert from "node:assert/strict";
import test from "node:test";
import { FakePorter } from "../../dev/porter";
import { Trouble } from "../base/trouble";
import type { OperatorKey, SigninInfo } from "./gate";
import { plaintext, sealSignin, verifyKey } from "./signin";

async function provider() {
  const porter = new FakePorter();
  await porter.start();
  const info = (await porter.info()) as SigninInfo;
  const operator = (await porter.operatorKey()) as OperatorKey;
  return { porter, info, operator };
}

test("a sealed sign-in opens at porter and nowhere names the password", async () => {
  const { porter, info, operator } = await provider();
  const sealed = await sealSignin(info, operator, "jörg@example.org", "pässword 🗝", false);
  assert.deepEqual(await porter.open(sealed), { login: "jörg@example.org", password: "pässword 🗝" });
  assert.equal(sealed.challenge, info.challenge);
  assert.ok(!JSON.stringify(sealed).includes("pässword"));
});

test("the plaintext's length says nothing about short passwords", () => {
  assert.equal(plaintext("a@b", "x").length, 256);
  assert.equal(plaintext("a@b", "x".repeat(200)).length, 256);
  assert.equal(plaintext("a@b", "x".repeat(260)).length, 512);
  assert.deepEqual([...plaintext("a", "bc").slice(0, 10)], [1, 1, 0, 1, 97, 0, 2, 98, 99, 0]);
});

for (const [name, change] of [
  [
    "another key",
    (i: SigninInfo) => ({ ...i.key, pk: i.key.pk.replace(/.$/, (c) => (c === "A" ? "E" : "A")) }),
  ],
  ["a longer life", (i: SigninInfo) => ({ ...i.key, notAfter: i.key.notAfter + 1 })],
  ["another kind", (i: SigninInfo) => ({ ...i.key, kem: "X25519" })],
] as const) {
  test(`a sign-in key with ${name} is refused`, async () => {
    const { info, operator } = await provider();
    await assert.rejects(verifyKey(change(info), operator, Date.now() / 1000));
  });
}

test("a sign-in key that is out of date is refused with a sentence for the person", async () => {
  const { info, operator } = await provider();
  await assert.rejects(
    verifyKey(info.key, operator, info.key.notAfter + 3_600),
    (e) => e instanceof Trouble && e.type === "key" && /clock/.test(e.detail),
  );
});

test("a key signed by another operator is refused", async () => {
  const [{ info }, { operator }] = [await provider(), await provider()];
  await assert.rejects(verifyKey(info.key, operator, Date.now() / 1000), /operator's signature/);
});
