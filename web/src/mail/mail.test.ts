import assert from "node:assert/strict";
import test from "node:test";
import { type Address, RECEIPT_TO } from "../jmap/email";
import { type EmailId, emailId, identityId, mailboxId, threadId, blobId } from "../jmap/id";
import type { Identity } from "../jmap/identity";
import type { Mailbox } from "../jmap/mailbox";
import type { DetailEmail } from "../store/email";
import { countChanges } from "./counts";
import { forwardDraft, isMine, newDraft, replyDraft, replyIdentity, replyRecipients, toEmail } from "./draft";
import { folderTree } from "./folders";
import { applyPatch, inversePatch, moveBetween, setKeyword } from "./patch";
import { displayName, initials, isAddress, parseAddresses, participants } from "./people";
import { forwardSubject, quote, replySubject, threadSubject, withoutSignature } from "./quote";
import { Recents } from "./recents";
import { formatRoute, parseRoute } from "./route";
import { deliveryOf } from "./outgoing";
import { receiptAsked, receiptIdentity } from "./receipts";
import { Selection } from "./selection";

const a = (email: string, name: string | null = null): Address => ({ name, email });
const identities: Identity[] = [
  { id: identityId("I1", ""), name: "Ada", email: "ada@example.org", textSignature: "Ada\nSpan team" },
  { id: identityId("I2", ""), name: "Team", email: "team@example.org", textSignature: "" },
  { id: identityId("I3", ""), name: "Any", email: "*@ada.example", textSignature: "" },
];

function mail(change: Partial<DetailEmail> = {}): DetailEmail {
  return {
    id: emailId("M1", ""),
    threadId: threadId("T1", ""),
    blobId: blobId("B1", ""),
    mailboxIds: [mailboxId("inbox", "")],
    keywords: {},
    from: [a("tom@example.com", "Tom")],
    to: [a("ada@example.org", "Ada")],
    cc: [],
    bcc: [],
    replyTo: [],
    receivedAt: "2026-11-23T10:00:00Z",
    sentAt: "2026-11-23T09:59:00Z",
    subject: "Pier 4",
    preview: "",
    hasAttachment: false,
    size: 1,
    messageId: ["m1@example.com"],
    inReplyTo: [],
    references: ["m0@example.com"],
    [RECEIPT_TO]: [],
    attachments: [],
    ...change,
  };
}

test("a reply goes to Reply-To, and never to oneself or twice to one", () => {
  const original = mail({
    replyTo: [a("list@example.net")],
    to: [a("ADA@example.org"), a("eve@example.net")],
    cc: [a("Eve@example.net"), a("list@example.net"), a("bob@example.net")],
  });
  assert.deepEqual(replyRecipients(original, identities, false), { to: [a("list@example.net")], cc: [] });
  assert.deepEqual(replyRecipients(original, identities, true).cc, [
    a("eve@example.net"),
    a("bob@example.net"),
  ]);
});

test("answering one's own mail goes on to the people it went to", () => {
  const own = mail({ from: [a("ada@example.org")], to: [a("tom@example.com")], cc: [a("bob@example.net")] });
  assert.deepEqual(replyRecipients(own, identities, false).to, [a("tom@example.com")]);
  assert.deepEqual(replyRecipients(own, identities, true).cc, [a("bob@example.net")]);
});

test("a note to oneself can be answered", () => {
  const own = mail({ from: [a("ada@example.org")], to: [a("ada@example.org")] });
  assert.deepEqual(replyRecipients(own, identities, false).to, [a("ada@example.org")]);
});

test("an answer comes from the address that the mail was sent to", () => {
  assert.equal(replyIdentity(identities, mail({ to: [a("Team@Example.org")] }))?.id, "I2");
  assert.equal(replyIdentity(identities, mail({ to: [a("shop-77@ada.example")] }))?.id, "I3");
  assert.equal(replyIdentity(identities, mail({ to: [a("somebody@else.example")] }))?.id, "I1");
  assert.ok(isMine(identities, "x@ada.example"));
  assert.ok(!isMine(identities, "x@notada.example"));
});

test("a reply threads: In-Reply-To the parent, References the whole line (RFC 5322, 3.6.4)", () => {
  const draft = replyDraft(mail(), "Hello\n> older", identities, false);
  assert.deepEqual(draft.inReplyTo, ["m1@example.com"]);
  assert.deepEqual(draft.references, ["m0@example.com", "m1@example.com"]);
  assert.equal(draft.subject, "Re: Pier 4");
  assert.match(draft.body, /^\n\n-- \nAda\nSpan team\n\nOn .*, Tom wrote:\n> Hello\n>> older\n$/);
});

test("a forward carries the files and names the sender", () => {
  const part = {
    partId: null,
    blobId: blobId("B9", ""),
    size: 5,
    name: "a.pdf",
    type: "application/pdf",
    disposition: "attachment",
    cid: null,
  };
  const draft = forwardDraft(mail({ attachments: [part] }), "Text", identities);
  assert.deepEqual(draft.files, [{ blobId: "B9", name: "a.pdf", type: "application/pdf", size: 5 }]);
  assert.deepEqual(draft.to, []);
  assert.match(draft.body, /From: Tom <tom@example.com>\n/);
  assert.equal(draft.original?.keyword, "$forwarded");
});

test("a draft is stored as RFC 8621, section 4.6 wants it", () => {
  const email = toEmail(
    newDraft(identities[0], [a("tom@example.com")]),
    a("ada@example.org", "Ada"),
    mailboxId("d", ""),
    "x@y",
  );
  assert.deepEqual(email.keywords, { $draft: true, $seen: true });
  assert.deepEqual(email.mailboxIds, { d: true });
  assert.deepEqual(email.textBody, [{ partId: "text", type: "text/plain" }]);
  assert.equal(email.inReplyTo, null);
});

test("subjects do not collect prefixes, in any language", () => {
  assert.equal(replySubject("AW: Re: SV: Pier"), "Re: Pier");
  assert.equal(forwardSubject("WG: Fwd: Pier"), "Fwd: Pier");
  assert.equal(threadSubject("Re-use of railings"), "Re-use of railings");
  assert.equal(threadSubject("Re:"), "Re:");
  assert.equal(replySubject("回复：桥"), "Re: 桥");
});

test("quoting keeps levels and drops the signature", () => {
  assert.equal(quote("a\n\n> b\r\n"), "> a\n>\n>> b");
  assert.equal(withoutSignature("text\n-- \nTom"), "text");
  assert.equal(withoutSignature("no -- here\n--\nstays"), "no -- here\n--\nstays");
});

test("addresses are read as people paste them", () => {
  assert.deepEqual(
    parseAddresses('Tom <tom@example.com>; "Doe, Jane" <jane@example.com>,\nbob@example.com'),
    [a("tom@example.com", "Tom"), a("jane@example.com", "Doe, Jane"), a("bob@example.com")],
  );
  assert.ok(isAddress("jörg@exämple.example"));
  for (const bad of ["", "a", "a@", "@b", "a b@c", "a@b,"]) assert.ok(!isAddress(bad), bad);
});

test("names are shown as people write them", () => {
  assert.equal(displayName(a("x@y.z", '"Tom"')), "Tom");
  assert.equal(initials(a("x@y.z", "Ada Lindqvist")), "AL");
  assert.equal(initials(a("x@y.z", "田中 由美")), "田");
  assert.equal(initials(a("ben.okafor@example.com")), "BO");
});

test("participants: each once, me by a word, unread marked", () => {
  const list = participants(
    [
      { from: [a("tom@example.com", "Tom Herrera")], keywords: { $seen: true } },
      { from: [a("ada@example.org", "Ada")], keywords: { $seen: true } },
      { from: [a("tom@example.com", "Tom Herrera")], keywords: {} },
    ],
    (e) => e === "ada@example.org",
  );
  assert.deepEqual(list, [
    { label: "Tom", unread: true },
    { label: "me", unread: false },
  ]);
});

function mailbox(id: string, change: Partial<Mailbox> = {}): Mailbox {
  const rights = {
    mayAddItems: true,
    mayRemoveItems: true,
    maySetSeen: true,
    maySetKeywords: true,
    maySubmit: true,
  };
  const counts = { totalEmails: 0, unreadEmails: 0, totalThreads: 0, unreadThreads: 0 };
  return {
    id: mailboxId(id, ""),
    name: id,
    parentId: null,
    role: null,
    sortOrder: 0,
    ...counts,
    myRights: rights,
    ...change,
  };
}

test("folders: roles first, nested by name, circles and orphans shown once", () => {
  const all = [
    mailbox("b10", { name: "b10" }),
    mailbox("b9", { name: "b9" }),
    mailbox("kid", { parentId: mailboxId("b9", "") }),
    mailbox("trash", { role: "trash", parentId: mailboxId("b9", "") }),
    mailbox("inbox", { role: "inbox" }),
    mailbox("orphan", { parentId: mailboxId("nowhere", "") }),
  ];
  const tree = folderTree(new Map(all.map((m) => [m.id, m])));
  assert.deepEqual(
    tree.map((f) => `${f.depth}${f.mailbox.id}`),
    ["0inbox", "0trash", "0b9", "1kid", "0b10", "0orphan"],
  );
});

test("every place has a URL that leads back to it", () => {
  for (const url of [
    "/",
    "/mail/m1",
    "/mail/m1/e1",
    "/mail/m1?show=unread",
    "/mail/id/e1",
    "/search/a%2Fb%20c",
    "/search/x/e1",
    "/sessions",
  ]) {
    const [path = "", query = ""] = url.split("?");
    assert.equal(formatRoute(parseRoute(path, query)), url);
  }
  for (const bad of ["/nowhere", "/mail/a%2Fb", "/mail/a/b/c", "/mail/id"])
    assert.equal(parseRoute(bad).kind, "missing", bad);
});

test("a patch and its inverse", () => {
  const [inbox, trash] = [mailboxId("inbox", ""), mailboxId("trash", "")];
  const before = mail({ keywords: { $seen: true } });
  const moved = applyPatch(before, moveBetween(inbox, trash));
  assert.deepEqual(moved.mailboxIds, [trash]);
  assert.deepEqual(applyPatch(moved, inversePatch(before, moveBetween(inbox, trash))).mailboxIds, [inbox]);
  assert.deepEqual(inversePatch(before, setKeyword("$seen", true)), { "keywords/$seen": true });
  assert.deepEqual(applyPatch(before, setKeyword("$seen", false)).keywords, {});
});

test("counts change with the threads they count", () => {
  const one = mail({ keywords: {} });
  const two = { ...mail({ keywords: { $seen: true } }), id: emailId("M2", "") };
  const read = applyPatch(one, setKeyword("$seen", true));
  const change = countChanges([one, two], [read, two]).get(mailboxId("inbox", ""));
  assert.deepEqual(change, { totalEmails: 0, unreadEmails: -1, totalThreads: 0, unreadThreads: -1 });
});

test("suggestions: people written to first, robots never", () => {
  const recents = new Recents();
  recents.note([a("tom@example.com", "Tom Herrera"), a("no-reply@shop.example")], false);
  recents.note([a("tomas@example.net")], true);
  const found = recents.suggest("tom", 5, new Set());
  assert.deepEqual(
    found.map((f) => f.email),
    ["tomas@example.net", "tom@example.com"],
  );
  assert.deepEqual(
    recents.suggest("her", 5, new Set()).map((f) => f.email),
    ["tom@example.com"],
  );
  assert.deepEqual(recents.suggest("no-", 5, new Set()), []);
});

test("a range is selected from the row touched last", () => {
  const rows = ["a", "b", "c", "d"].map((id): EmailId => emailId(id, ""));
  const selection = new Selection();
  const [first, , third] = rows;
  if (first === undefined || third === undefined) throw new Error("rows");
  selection.toggle(first);
  selection.extend(
    third,
    (id) => rows.indexOf(id),
    (i) => rows[i],
  );
  assert.deepEqual([...selection.ids.value], rows.slice(0, 3));
});

test("a person is asked for a receipt only where somebody else asks for one, and once", () => {
  const mine = (address: string) => isMine(identities, address);
  const asking = (change: Partial<DetailEmail> = {}) =>
    receiptAsked(
      mail({ [RECEIPT_TO]: [a("tom@example.com", "Tom"), a("tom@example.com")], ...change }),
      mine,
    );
  assert.deepEqual(asking(), ["tom@example.com"]);
  assert.deepEqual(asking({ [RECEIPT_TO]: [] }), []);
  assert.deepEqual(asking({ [RECEIPT_TO]: [a("nobody")] }), []);
  assert.deepEqual(asking({ keywords: { $mdnsent: true } }), []);
  assert.deepEqual(asking({ keywords: { $draft: true } }), []);
  assert.deepEqual(asking({ from: [a("ada@example.org")] }), []);
});

test("a receipt is sent as the address that the mail came to", () => {
  assert.equal(receiptIdentity(mail({ to: [a("Team@example.org")] }), identities)?.id, "I2");
  assert.equal(receiptIdentity(mail({ to: [a("list@example.net")] }), identities)?.id, "I1");
  assert.equal(receiptIdentity(mail(), []), undefined);
});

test("a delivery status is told in one word", () => {
  const told = (smtpReply: string, delivered: string, displayed = "unknown") =>
    deliveryOf({ smtpReply, delivered, displayed });
  assert.equal(told("250 2.1.5 Ok", "unknown"), "unknown");
  assert.equal(told("", "queued"), "queued");
  assert.equal(told("250 2.1.5 Ok", "yes"), "yes");
  assert.equal(told("250 2.1.5 Ok", "yes", "yes"), "displayed");
  assert.equal(told("550 5.1.1 nobody", "no"), "no");
  assert.equal(told("451 4.4.2 Uncertain", "unknown"), "uncertain");
});
