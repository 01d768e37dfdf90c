import assert from "node:assert/strict";
import test from "node:test";
import { FakeJmap } from "../../dev/jmap";
import { Trouble } from "../base/trouble";
import { Answers, type Batch } from "../jmap/call";
import { Connection } from "../jmap/connection";
import { mailboxId } from "../jmap/id";
import { jmapSession } from "../jmap/session";
import { Actions } from "./actions";
import { Composer } from "./composer";
import { Composers } from "./composers";
import { newDraft } from "./draft";
import { Outgoing, type Unsent } from "./outgoing";
import { Recents } from "./recents";
import { Toasts } from "./toasts";
import { UndoSend } from "./undosend";
import { EmailList } from "../store/emaillist";
import { Pages } from "../store/pages";
import { Records } from "../store/records";
import { Store } from "../store/store";

/** Requests of all wires. */
let asked = 0;

/** A connection to the development server's JMAP, without HTTP, that can be cut and counted. */
class Wire extends Connection {
  requests = 0;
  down = false;
  constructor(readonly server: FakeJmap) {
    super(jmapSession(server.session(), "session"), () => Promise.reject(new Error("no renewal here")));
  }
  override async send(batch: Batch): Promise<Answers> {
    this.requests++;
    asked++;
    await new Promise((resolve) => setImmediate(resolve)); // others run between two answers
    if (this.down) throw new Trouble("offline", "cut");
    return Answers.decode(JSON.parse(JSON.stringify(this.server.handle(batch.encode()))));
  }
}

const inbox = mailboxId("mb-inbox", "");
const archive = mailboxId("mb-archive", "");
const query = { filter: { inMailbox: inbox }, collapseThreads: true };

/** rest waits until nothing has been asked for 20 ms and ten turns of the event loop; a second at most, as some ask for ever. */
async function rest(): Promise<void> {
  const end = Date.now() + 1000;
  let before: number;
  do {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  } while (asked !== before && Date.now() < end);
}

async function opened(threads = 900) {
  const server = new FakeJmap(threads);
  const wire = new Wire(server);
  const store = new Store(wire);
  await store.start();
  const list = store.list(query);
  const stop = list.view();
  await rest();
  return { server, wire, store, list, stop };
}

test("the first page comes in one request and the total is real", async () => {
  const { server, wire, store, list } = await opened();
  assert.equal(wire.requests, 2); // mailboxes, then the list
  const threads = new Set(server.mails.filter((m) => m.mailboxIds.has("mb-inbox")).map((m) => m.threadId));
  assert.equal(list.total.value, threads.size);
  const first = list.at(0);
  assert.ok(first !== undefined && store.emails.peek(first)?.subject !== undefined);
  assert.equal(list.at(60), undefined);
});

test("scrolling far loads that window alone", async () => {
  const { list, wire } = await opened();
  const before = wire.requests;
  list.show(300, 312);
  await rest();
  assert.equal(wire.requests, before + 1);
  assert.ok(list.at(305) !== undefined);
  assert.equal(list.at(150), undefined);
});

test("new mail comes in above and the rows in view stay the same", async () => {
  const { server, store, list } = await opened();
  list.show(300, 312);
  await rest();
  const seen = list.at(300);
  server.deliver();
  await store.sync();
  await rest();
  assert.equal(list.shifted.value, 1);
  assert.equal(list.at(301), seen);
});

test("new mail at the top is the first row", async () => {
  const { server, store, list } = await opened();
  server.deliver("Hello");
  await store.sync();
  await rest();
  const first = list.at(0);
  assert.equal(first !== undefined && store.emails.peek(first)?.subject, "Hello");
});

test("our own change is not asked for again", async () => {
  const { server, wire, store, list } = await opened();
  const states: Record<string, string>[] = [];
  server.listeners.add((data) => {
    const message = JSON.parse(data) as { changed: Record<string, Record<string, string>> };
    states.push(message.changed["A1"] ?? {});
  });
  const id = list.at(2);
  assert.ok(id !== undefined);
  const before = wire.requests;
  new Actions(store, new Toasts()).setStar([id], true);
  await rest();
  assert.equal(wire.requests, before + 1);
  assert.equal(states.length, 1);
  assert.ok(store.isCurrent(states[0] ?? {}));
});

test("a move shows at once, counts follow, and undo brings it back", async () => {
  const { store, list } = await opened();
  const toasts = new Toasts();
  const actions = new Actions(store, toasts);
  const total = list.total.value ?? 0;
  const id = list.at(1);
  assert.ok(id !== undefined);
  const archived = store.mailbox(archive)?.totalEmails ?? 0;
  const done = actions.move([id], [id], inbox, archive);
  assert.equal(list.total.value, total - 1);
  assert.notEqual(list.at(1), id);
  assert.equal(store.mailbox(archive)?.totalEmails, archived + 1);
  await done;
  toasts.undo();
  await rest();
  assert.equal(list.at(1), id);
  assert.equal(list.total.value, total);
  assert.equal(store.mailbox(archive)?.totalEmails, archived);
});

test("a list that was shown before a mail moved into it has the mail", async () => {
  const { store, list } = await opened();
  const target = store.list({ filter: { inMailbox: archive }, collapseThreads: true });
  target.view();
  await rest();
  const id = list.at(1);
  assert.ok(id !== undefined);
  assert.equal(target.find(id), -1);
  await new Actions(store, new Toasts()).move([id], [id], inbox, archive);
  await rest();
  assert.ok(target.find(id) >= 0);
});

test("rows whose load failed come by themselves when the line is back", async () => {
  const { wire, list } = await opened();
  wire.down = true;
  list.show(300, 312);
  await rest();
  assert.equal(list.status.value.kind, "failed");
  wire.down = false;
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal(list.status.value.kind, "ready");
  assert.ok(list.at(305) !== undefined);
});

test("what the server refuses is back where it was, with a word why", async () => {
  const { server, store, list } = await opened();
  const toasts = new Toasts();
  const id = list.at(1);
  assert.ok(id !== undefined);
  server.refuse = "overQuota";
  await new Actions(store, toasts).move([id], [id], inbox, archive);
  await rest();
  assert.equal(list.at(1), id);
  assert.ok(store.emails.peek(id)?.mailboxIds.includes(inbox));
  assert.match(toasts.shown.value.at(-1)?.text ?? "", /back where it was.*mailbox is full/);
});

test("a cut line takes an optimistic star back", async () => {
  const { wire, store, list } = await opened();
  const id = list.at(3);
  assert.ok(id !== undefined);
  const before = Boolean(store.emails.peek(id)?.keywords["$flagged"]);
  wire.down = true;
  new Actions(store, new Toasts()).setStar([id], !before);
  assert.equal(Boolean(store.emails.peek(id)?.keywords["$flagged"]), !before);
  await rest();
  assert.equal(Boolean(store.emails.peek(id)?.keywords["$flagged"]), before);
});

test("a list that failed says so and recovers", async () => {
  const { wire, store } = await opened();
  wire.down = true;
  const other = store.list({ filter: { inMailbox: archive }, collapseThreads: true });
  const stop = other.view();
  await rest();
  assert.equal(other.status.value.kind, "failed");
  wire.down = false;
  other.retry();
  await rest();
  assert.equal(other.status.value.kind, "ready");
  assert.ok((other.total.value ?? 0) > 0);
  stop();
});

test("a server that cannot tell changes is asked anew", async () => {
  const { server, store, list } = await opened();
  const handle = server.handle.bind(server);
  server.handle = (body) => {
    const answer = handle(body) as { methodResponses: [string, unknown, string][] };
    answer.methodResponses = answer.methodResponses.map((r) =>
      r[0] === "Email/changes" ? ["error", { type: "cannotCalculateChanges" }, r[2]] : r,
    );
    return answer;
  };
  server.deliver("After the gap");
  await store.sync();
  await rest();
  const first = list.at(0);
  assert.equal(first !== undefined && store.emails.peek(first)?.subject, "After the gap");
});

test("an empty folder that gets its first mail shows it", async () => {
  const { server, store } = await opened();
  const empty = store.list({ filter: { inMailbox: mailboxId("mb-empty", "") }, collapseThreads: true });
  const stop = empty.view();
  await rest();
  assert.equal(empty.total.value, 0);
  server.handle({
    methodCalls: [
      ["Email/set", { update: { [server.mails[0]?.id ?? ""]: { "mailboxIds/mb-empty": true } } }, "0"],
    ],
  });
  await store.sync();
  await rest();
  assert.equal(empty.total.value, 1);
  stop();
});

test("a list whose total is a lie ends where its rows end", async () => {
  const { store } = await opened();
  const list = new EmailList(store, query);
  const stop = list.view();
  await rest();
  const total = list.total.value ?? 0;
  list.show(total - 5, total + 40);
  await rest();
  assert.equal(list.total.value, total);
  stop();
});

test("an overlay survives an answer that was under way, and goes without a trace", () => {
  const records = new Records<string, { n: number; star: boolean }>();
  records.put("a", () => ({ n: 1, star: false }));
  const overlay = records.overlay("a", (v) => ({ ...v, star: true }));
  records.put("a", () => ({ n: 2, star: false }));
  assert.deepEqual(records.peek("a"), { n: 2, star: true });
  overlay.rollback();
  assert.deepEqual(records.peek("a"), { n: 2, star: false });
});

test("pages know what is missing and forget what is far", () => {
  const pages = new Pages<string>();
  pages.setLength(100_000);
  assert.deepEqual(pages.missing(49_990, 50_020), { from: 49_950, count: 100 });
  pages.put(
    49_950,
    Array.from({ length: 100 }, (_, i) => `e${i}`),
  );
  assert.equal(pages.missing(49_990, 50_020), undefined);
  assert.equal(pages.remove(new Set(["e3"])), 1);
  assert.equal(pages.at(49_953), "e4");
  for (let p = 0; p < 80; p++)
    pages.put(
      p * 50,
      Array.from({ length: 50 }, (_, i) => `p${p}-${i}`),
    );
  assert.ok(pages.forget(0));
  assert.equal(pages.at(50_000), undefined);
  assert.equal(pages.at(10), "p0-10");
});

function composing(store: Store) {
  const [identity] = store.identities.value;
  const composer = new Composer(store, "new", newDraft(identity, [{ name: null, email: "tom@example.com" }]));
  composer.subject.value = "Once";
  composer.body.value = "Only once.";
  return composer;
}

test("a mail that was saved and sent in one second is in Sent once, and in Drafts no more", async () => {
  const { server, store, stop } = await opened();
  const composer = composing(store);
  await composer.save();
  assert.ok(await composer.send());
  await rest();
  const found = server.mails.filter((m) => m.subject === "Once");
  assert.deepEqual(
    found.map((m) => [[...m.mailboxIds], m.keywords.has("$draft")]),
    [[["mb-sent"], false]],
  );
  stop();
});

test("a mail that was changed after saving is sent as it stands", async () => {
  const { server, store, stop } = await opened();
  const composer = composing(store);
  await composer.save();
  composer.body.value = "Changed.";
  assert.ok(await composer.send());
  await rest();
  assert.deepEqual(
    server.mails.filter((m) => m.subject === "Once").map((m) => m.text),
    ["Changed."],
  );
  stop();
});

test("when nobody knows whether it went out, nothing that may be in Sent is destroyed", async () => {
  const { server, wire, store, stop } = await opened();
  const composer = composing(store);
  await composer.save();
  const send = wire.send.bind(wire);
  wire.send = async (batch) => {
    await send(batch);
    wire.down = true; // the answer is lost, and the look into Sent fails as well
    throw new Trouble("offline", "cut");
  };
  assert.ok(!(await composer.send()));
  assert.equal(composer.sending.value.kind, "uncertain");
  wire.send = send;
  wire.down = false;
  await composer.discard();
  await rest();
  assert.equal(server.mails.filter((m) => m.subject === "Once" && m.mailboxIds.has("mb-sent")).length, 1);
  stop();
});

test("an answer that was lost is looked for in Sent", async () => {
  const { wire, store, stop } = await opened();
  const composer = composing(store);
  const send = wire.send.bind(wire);
  let cut = true;
  wire.send = async (batch) => {
    const answers = await send(batch);
    if (!cut) return answers;
    cut = false;
    throw new Trouble("offline", "cut");
  };
  assert.ok(await composer.send());
  assert.equal(composer.sending.value.kind, "sent");
  stop();
});

/** A mail that was sent and can be taken back. */
async function held() {
  const all = await opened();
  const toasts = new Toasts();
  const outgoing = new Outgoing(all.store);
  const actions = new Actions(all.store, toasts);
  const composers = new Composers(all.store, actions, new Recents(), toasts, outgoing);
  const composer = composing(all.store);
  await composers.send(composer);
  await rest();
  const [submission] = all.server.submissions.values();
  assert.ok(submission);
  return { ...all, toasts, outgoing, composers, composer, submission };
}

test("a sent mail can be taken back, and is a draft again that is open", async () => {
  const { server, toasts, outgoing, composers, composer, stop } = await held();
  const [toast] = toasts.shown.value;
  assert.equal(toast?.action?.label, "Undo");
  assert.deepEqual([...(server.mails.find((m) => m.subject === "Once")?.mailboxIds ?? [])], ["mb-sent"]);
  assert.ok(outgoing.underWay());
  toasts.undo();
  await rest();
  const mail = server.mails.find((m) => m.subject === "Once");
  assert.deepEqual([[...(mail?.mailboxIds ?? [])], mail?.keywords.has("$draft")], [["mb-drafts"], true]);
  const [open] = composers.open.value;
  assert.equal(open?.body.value, composer.body.value);
  assert.ok(mail && open?.savedAs === mail.id);
  assert.ok(!outgoing.underWay());
  stop();
});

test("for how long a mail can be taken back is the person's choice, in every browser", async () => {
  const server = new FakeJmap(1);
  const browser = () => {
    const wire = new Wire(server);
    return { wire, undo: new UndoSend(wire) };
  };
  const first = browser();
  assert.deepEqual([first.undo.seconds.value, first.undo.choices], [10, [0, 5, 10, 30, 60]]);
  await first.undo.choose(30);
  assert.deepEqual([first.undo.seconds.value, browser().undo.seconds.value], [30, 30]);
  await first.undo.choose(0);
  assert.equal(browser().undo.seconds.value, 0);
  first.wire.down = true;
  await assert.rejects(first.undo.choose(5));
  assert.deepEqual([first.undo.seconds.value, browser().undo.seconds.value], [5, 0]);
  server.undoSend = 60;
  server.undoMost = 20; // the operator has changed their mind
  assert.deepEqual([browser().undo.seconds.value, browser().undo.choices], [20, [0, 5, 10]]);
});

test("what is out already cannot be taken back, and the person is told so", async () => {
  const { submission, toasts, composers, stop } = await held();
  submission["undoStatus"] = "final";
  toasts.undo();
  await rest();
  assert.equal(composers.open.value.length, 0);
  assert.ok(toasts.shown.value.some((t) => t.tone === "trouble"));
  stop();
});

test("a mail in doubt and one that was refused are shown until they are dismissed", async () => {
  const { server, submission, outgoing, stop } = await held();
  const say = (smtpReply: string, delivered: string) =>
    Object.assign(submission, {
      undoStatus: "final",
      deliveryStatus: { "tom@example.com": { smtpReply, delivered } },
    });
  say("250 2.1.5 Ok", "unknown");
  await outgoing.refresh();
  const shown = (): readonly Unsent[] => outgoing.unsent.value;
  assert.equal(shown().length, 0);
  say("451 4.4.2 Uncertain: the connection broke", "unknown");
  await outgoing.refresh();
  assert.deepEqual(
    shown().map((u) => [u.kind, u.subject, u.to]),
    [["uncertain", "Once", ["tom@example.com"]]],
  );
  say("550 5.1.1 no such user", "no");
  await outgoing.refresh();
  const [refused] = shown();
  assert.deepEqual([refused?.kind, refused?.reply], ["refused", "550 5.1.1 no such user"]);
  assert.ok(refused);
  await outgoing.dismiss(refused);
  await outgoing.refresh();
  assert.deepEqual([shown(), server.submissions.size], [[], 0]);
  stop();
});

test("a refused send keeps the draft and can be repeated", async () => {
  const { server, store, stop } = await opened();
  const composer = composing(store);
  server.refuse = "overQuota";
  assert.ok(!(await composer.send()));
  assert.equal(composer.sending.value.kind, "failed");
  server.refuse = undefined;
  assert.ok(await composer.send());
  await rest();
  assert.equal(server.mails.filter((m) => m.subject === "Once").length, 1);
  stop();
});

test("a search shows what there is and asks until it is complete, with snippets", async () => {
  const { server, wire, store } = await opened();
  server.searchSteps = 2;
  const word = "re";
  const search = { filter: { search: { text: word } }, collapseThreads: false };
  const list = store.list(search);
  const totals: (number | null)[] = [];
  const searching: boolean[] = [];
  const stopTotals = list.total.subscribe((n) => totals.push(n));
  const stopSearching = list.searching.subscribe((s) => searching.push(s));
  const before = wire.requests;
  list.view();
  for (let i = 0; i < 20 && (i === 0 || list.searching.value); i++) await rest();
  await rest();
  assert.deepEqual(totals.slice(0, 3), [null, 1, 2]);
  assert.ok((list.total.value ?? 0) > 2);
  assert.deepEqual(searching, [false, true, false]);
  assert.ok(wire.requests - before <= 6, `${wire.requests - before} requests`); // three answers, and snippets of each
  const first = list.at(0);
  const snippet = first === undefined ? undefined : list.snippets.value.get(first);
  const marked = [...(snippet?.subject ?? []), ...(snippet?.preview ?? [])].find((p) => p.marked);
  assert.equal(marked?.text.toLowerCase(), word);
  stopTotals();
  stopSearching();
});

test("a search that nobody looks at is not asked for again", async () => {
  const { server, wire, store } = await opened();
  server.searchSteps = Infinity;
  const list = store.list({ filter: { search: { text: "e" } }, collapseThreads: false });
  const leave = list.view();
  await rest();
  leave();
  await rest();
  const before = wire.requests;
  await rest();
  assert.equal(wire.requests, before);
  server.searchSteps = 0;
  list.view();
  await rest();
  assert.equal(list.searching.value, false);
});
