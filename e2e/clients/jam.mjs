// Drives a JMAP server with a client that we did not write, jmap-jam: it reads,
// threads, flags, moves, sends, and waits to be told of what it sent. The
// environment names SESSION (a URL), LOGIN and PASSWORD; a mail with the subject
// "talk" and an answer to it are in the inbox.
import assert from "node:assert/strict";
import JamClient from "jmap-jam";

const { SESSION, LOGIN, PASSWORD } = process.env;
const basic = "Basic " + Buffer.from(`${LOGIN}:${PASSWORD}`).toString("base64");

// jmap-jam knows bearer tokens alone; the server under test has HTTP Basic.
const plainFetch = globalThis.fetch;
const signed = (url, init = {}) => plainFetch(url, { ...init, headers: { ...init.headers, Authorization: basic } });
globalThis.fetch = signed;

// Node 20 has no EventSource: as much of it as is needed, signed in as well.
globalThis.EventSource = class extends EventTarget {
  #stop = new AbortController();
  constructor(url) {
    super();
    this.#read(url).catch((cause) => this.#stop.signal.aborted || this.dispatchEvent(Object.assign(new Event("error"), { cause })));
  }
  async #read(url) {
    const response = await signed(url, { headers: { Accept: "text/event-stream" }, signal: this.#stop.signal });
    assert.equal(response.status, 200);
    this.dispatchEvent(new Event("open"));
    let text = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const event = { name: "message", data: "" };
        for (const line of text.slice(0, end).split("\n")) {
          if (line.startsWith("event:")) event.name = line.slice(6).trim();
          if (line.startsWith("data:")) event.data += line.slice(5).trim();
        }
        this.dispatchEvent(Object.assign(new Event(event.name), { data: event.data }));
      }
    }
  }
  close() {
    this.#stop.abort();
  }
};

const jam = new JamClient({ sessionUrl: SESSION, bearerToken: "none" });
const accountId = await jam.getPrimaryAccount();

const [{ list: boxes }] = await jam.api.Mailbox.get({ accountId });
const byRole = Object.fromEntries(boxes.map((b) => [b.role, b.id]));
for (const role of ["inbox", "drafts", "sent", "archive"]) assert.ok(byRole[role], role);
console.log("mailboxes");

// A conversation in one request, by references.
const [{ emails, threads, all }] = await jam.requestMany((t) => {
  const found = t.Email.query({
    accountId,
    filter: { inMailbox: byRole.inbox, subject: "talk" },
    sort: [{ property: "receivedAt", isAscending: true }],
    collapseThreads: true,
  });
  const emails = t.Email.get({ accountId, ids: found.$ref("/ids"), properties: ["threadId", "from", "textBody", "bodyValues"], fetchTextBodyValues: true });
  const threads = t.Thread.get({ accountId, ids: emails.$ref("/list/*/threadId") });
  const all = t.Email.get({ accountId, ids: threads.$ref("/list/*/emailIds"), properties: ["subject", "header:Message-ID:asMessageIds"] });
  return { found, emails, threads, all };
});
const [mail] = emails.list;
assert.equal(emails.list.length, 1);
assert.equal(mail.from[0].email, "ann@example.org");
assert.match(mail.bodyValues[mail.textBody[0].partId].value, /Hello/);
console.log("read");
assert.equal(threads.list[0].id, mail.threadId);
assert.equal(threads.list[0].emailIds.length, 2);
assert.deepEqual(all.list.map((e) => e.subject).sort(), ["Re: talk", "talk"]);
console.log("thread");

// update changes the mail, and returns it as it is then.
async function update(ifInState, patch) {
  const [updated] = await jam.api.Email.set({ accountId, ifInState, update: { [mail.id]: patch } });
  assert.ok(mail.id in updated.updated, JSON.stringify(updated));
  const [changes] = await jam.api.Email.changes({ accountId, sinceState: ifInState });
  assert.deepEqual([changes.created, changes.updated, changes.destroyed], [[], [mail.id], []]);
  const [{ list, state }] = await jam.api.Email.get({ accountId, ids: [mail.id], properties: ["mailboxIds", "keywords"] });
  return { ...list[0], state };
}

const flagged = await update(emails.state, { "keywords/$flagged": true });
assert.equal(flagged.keywords.$flagged, true);
assert.deepEqual(flagged.mailboxIds, { [byRole.inbox]: true });
console.log("flag");
const moved = await update(flagged.state, { [`mailboxIds/${byRole.inbox}`]: null, [`mailboxIds/${byRole.archive}`]: true });
assert.deepEqual(moved.mailboxIds, { [byRole.archive]: true });
assert.equal(moved.keywords.$flagged, true);
console.log("move");

const blob = await jam.uploadBlob(accountId, "some bytes");
const back = await jam.downloadBlob({ accountId, blobId: blob.blobId, mimeType: "text/plain", fileName: "a.txt" });
assert.equal(await back.text(), "some bytes");
console.log("blob");

const stream = await jam.connectEventSource({ types: ["EmailDelivery"], ping: 0 });
await new Promise((resolve, reject) => {
  stream.addEventListener("open", resolve);
  stream.addEventListener("error", (e) => reject(e.cause));
});
const told = new Promise((resolve) => stream.addEventListener("state", (e) => resolve(JSON.parse(e.data))));
const [{ list: identities }] = await jam.api.Identity.get({ accountId });
const [{ draft, sent }] = await jam.requestMany((t) => {
  const draft = t.Email.set({
    accountId,
    create: {
      d: {
        mailboxIds: { [byRole.drafts]: true },
        keywords: { $draft: true },
        from: [{ email: LOGIN }],
        to: [{ email: LOGIN }],
        subject: "from a foreign client",
        bodyValues: { t: { value: "Hello" } },
        textBody: [{ partId: "t", type: "text/plain" }],
        attachments: [{ blobId: blob.blobId, type: "text/plain", name: "a.txt", disposition: "attachment" }],
      },
    },
  });
  const sent = t.EmailSubmission.set({
    accountId,
    create: { s: { identityId: identities[0].id, emailId: "#d" } },
    onSuccessUpdateEmail: { "#s": { [`mailboxIds/${byRole.drafts}`]: null, [`mailboxIds/${byRole.sent}`]: true, "keywords/$draft": null } },
  });
  return { draft, sent };
});
// The implicit Email/set bears the call id of its EmailSubmission/set (RFC 8621,
// section 7.5), so that it is what jmap-jam returns for it.
assert.ok(draft.created?.d?.id, JSON.stringify({ draft, sent }));
assert.ok(draft.created.d.id in (sent.updated ?? {}), JSON.stringify({ draft, sent }));
console.log("send");
const late = setTimeout(() => assert.fail("nobody told of the mail"), 20_000);
const change = await told;
clearTimeout(late);
stream.close();
assert.equal(change["@type"], "StateChange");
assert.ok(change.changed[accountId].EmailDelivery);
const [{ ids }] = await jam.api.Email.query({ accountId, filter: { inMailbox: byRole.inbox, subject: "foreign" } });
assert.equal(ids.length, 1);
console.log("push");
