import assert from "node:assert/strict";
import test from "node:test";
import { Trouble } from "../base/trouble";
import { Answers, Batch } from "./call";
import { emailGet, emailQuery, emailSet } from "./email";
import { type AccountId, accountId, mailboxId } from "./id";
import { changesFor } from "./push";
import { expandUrl, jmapSession } from "./session";

const account: AccountId = accountId("A1", "");

function twoCalls() {
  const batch = new Batch();
  const query = batch.add(
    emailQuery(account, {
      filter: { inMailbox: mailboxId("m", "") },
      collapseThreads: true,
      position: 0,
      limit: 50,
      calculateTotal: true,
    }),
  );
  const get = batch.add(emailGet(account, query.ref("/ids"), ["id", "subject"]));
  return { batch, query, get };
}

test("a batch names its capabilities and writes references as RFC 8620, section 3.7 does", () => {
  const { batch } = twoCalls();
  const body = batch.encode() as {
    using: string[];
    methodCalls: [string, Record<string, unknown>, string][];
  };
  assert.deepEqual(body.using, ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]);
  assert.deepEqual(body.methodCalls[1], [
    "Email/get",
    {
      accountId: "A1",
      "#ids": { resultOf: "0", name: "Email/query", path: "/ids" },
      properties: ["id", "subject"],
    },
    "1",
  ]);
});

test("answers are decoded by what was asked for, in whatever order they come", () => {
  const { query, get } = twoCalls();
  const answers = Answers.decode({
    methodResponses: [
      ["Email/get", { state: "s", list: [{ id: "e", subject: null, size: 3 }], notFound: [] }, "1"],
      ["Email/query", { queryState: "q", position: 0, ids: ["e"], total: 1 }, "0"],
    ],
  });
  assert.deepEqual(answers.of(get).list, [{ id: "e", subject: "" }]);
  assert.equal(answers.of(query).total, 1);
});

test("a method error becomes Trouble; maybe() takes it as an absence", () => {
  const { query, get } = twoCalls();
  const answers = Answers.decode({
    methodResponses: [
      ["error", { type: "unknownMethod" }, "0"],
      ["error", { type: "serverUnavailable", description: "later" }, "1"],
    ],
  });
  assert.equal(answers.maybe(query), undefined);
  assert.throws(
    () => answers.of(get),
    (e) => e instanceof Trouble && e.kind === "unavailable" && e.type === "serverUnavailable",
  );
});

test("a mail that breaks the protocol is refused and not half shown", () => {
  const { get } = twoCalls();
  const answers = Answers.decode({
    methodResponses: [["Email/get", { state: "s", list: [{ id: "../x" }] }, "1"]],
  });
  assert.throws(() => answers.of(get), /not an id/);
});

test("the session's URLs stay on our origin, whatever host they name", () => {
  const session = jmapSession(
    {
      capabilities: { "urn:ietf:params:jmap:core": { maxObjectsInGet: 64 } },
      primaryAccounts: { "urn:ietf:params:jmap:mail": "A1" },
      apiUrl: "https://mail.example.org/jmap/api",
      downloadUrl: "https://elsewhere.example/d/{accountId}/{blobId}/{name}?t={type}",
      uploadUrl: "/u/{accountId}/",
      eventSourceUrl: "/e?types={types}",
    },
    "session",
  );
  assert.equal(session.apiUrl, "/jmap/api");
  assert.equal(session.limits.maxObjectsInGet, 64);
  assert.equal(
    expandUrl(session.downloadUrl, {
      accountId: "A1",
      blobId: "b",
      name: "a/b c.pdf",
      type: "application/pdf",
    }),
    "/d/A1/b/a%2Fb%20c.pdf?t=application%2Fpdf",
  );
});

test("a push message for another account, or one that cannot be read, is no change", () => {
  assert.deepEqual(changesFor(account, '{"changed":{"A1":{"Email":"7"}}}'), { Email: "7" });
  assert.equal(changesFor(account, '{"changed":{"A2":{"Email":"7"}}}'), undefined);
  assert.equal(changesFor(account, "{"), undefined);
});

test("a batch that changes something says so", () => {
  const { batch } = twoCalls();
  assert.equal(batch.writes, false);
  batch.add(emailSet(account, { destroy: [] }));
  assert.equal(batch.writes, true);
});
