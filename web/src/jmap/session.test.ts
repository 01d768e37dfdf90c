import assert from "node:assert/strict";
import test from "node:test";
import { COFFERDAM, MAIL } from "./call";
import { jmapSession } from "./session";

const session = (accountCapabilities: object) => ({
  capabilities: { [COFFERDAM]: {} },
  accounts: { a1: { accountCapabilities } },
  primaryAccounts: { [MAIL]: "a1" },
  username: "anna@example.org",
  apiUrl: "/jmap/api",
  downloadUrl: "/d",
  uploadUrl: "/u",
  eventSourceUrl: "/e",
});

test("for how long a sent mail can be taken back is read from there too", () => {
  const got = (undoSend?: object) => jmapSession(session({ [COFFERDAM]: { undoSend } }), "s").undoSend;
  assert.deepEqual(got({ seconds: null, default: 10, most: 60 }), { seconds: -1, default: 10, most: 60 });
  assert.deepEqual(got({ seconds: 0, default: 10, most: 60 }), { seconds: 0, default: 10, most: 60 });
  assert.equal(got(), undefined);
});

test("faults of sealed records are read from the account's part of the vendor capability", () => {
  const found = "2026-03-04T05:06:07Z";
  const got = jmapSession(
    session({ [COFFERDAM]: { faults: [{ class: "settings", kind: "rows", found, rows: 0 }] } }),
    "s",
  );
  assert.deepEqual(got.faults, [{ found }]);
  assert.deepEqual(jmapSession(session({}), "s").faults, []);
});
