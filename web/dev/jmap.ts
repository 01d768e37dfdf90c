/** A JMAP server in memory, for development and screenshots: RFC 8620 and 8621 as far as the client asks. */
import { extension } from "../src/jmap/call";
import { type FakeMail, type FakeFile, mailboxes, makeMails, me } from "./mails";

type Json = Record<string, unknown>;
type Change = { state: number; created: string[]; updated: string[]; destroyed: string[] };

const ACCOUNT = "A1";

function isObject(v: unknown): v is Json {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}
const strings = (v: unknown): string[] => (Array.isArray(v) ? v.map(String) : []);

export class FakeJmap {
  readonly mails: FakeMail[];
  private readonly byId = new Map<string, FakeMail>();
  private state = 1;
  private readonly log: Change[] = [];
  readonly blobs = new Map<string, { type: string; bytes: Buffer }>();
  readonly listeners = new Set<(data: string) => void>();
  /** Set by tests: every mutation is refused with this type. */
  refuse: string | undefined;
  private serial = 0;
  /** What the person chose, and may choose: for how long a sent mail can be taken back. */
  undoSend: number | null = null;
  undoMost = 60;

  constructor(threads: number) {
    this.mails = makeMails(threads);
    for (const mail of this.mails) this.byId.set(mail.id, mail);
  }

  session(origin = "http://localhost"): Json {
    return {
      capabilities: {
        "urn:ietf:params:jmap:core": {
          maxSizeUpload: 25_000_000, maxConcurrentUpload: 4, maxSizeRequest: 10_000_000, maxConcurrentRequests: 8,
          maxCallsInRequest: 32, maxObjectsInGet: 500, maxObjectsInSet: 500, collationAlgorithms: [],
        },
        "urn:ietf:params:jmap:mail": {},
        "urn:ietf:params:jmap:submission": {},
        [extension(origin)]: {},
      },
      accounts: { [ACCOUNT]: { name: me.email, isPersonal: true, isReadOnly: false, accountCapabilities: { "urn:ietf:params:jmap:submission": { maxDelayedSend: 60, submissionExtensions: {} }, [extension(origin)]: { faults: [], undoSend: { seconds: this.undoSend, default: 10, most: this.undoMost } } } } },
      primaryAccounts: { "urn:ietf:params:jmap:mail": ACCOUNT, "urn:ietf:params:jmap:submission": ACCOUNT },
      username: me.email,
      apiUrl: "/jmap/api",
      downloadUrl: "/jmap/download/{accountId}/{blobId}/{name}?accept={type}",
      uploadUrl: "/jmap/upload/{accountId}/",
      eventSourceUrl: "/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}",
      state: "s",
    };
  } // prettier-ignore

  handle(body: unknown): Json {
    const calls =
      isObject(body) && Array.isArray(body["methodCalls"]) ? (body["methodCalls"] as unknown[]) : [];
    const responses: [string, Json, string][] = [];
    for (const call of calls) {
      if (!Array.isArray(call)) continue;
      const [name, args, id] = [String(call[0]), call[1] as unknown, String(call[2])];
      try {
        const resolved = this.resolve(isObject(args) ? args : {}, responses);
        for (const [n, r] of this.call(name, resolved)) responses.push([n, r, id]);
      } catch (thrown) {
        responses.push(["error", { type: thrown instanceof Error ? thrown.message : "serverFail" }, id]);
      }
    }
    return { methodResponses: responses, sessionState: "s" };
  }

  /** Back references of RFC 8620, section 3.7. */
  private resolve(args: Json, responses: [string, Json, string][]): Json {
    const out: Json = {};
    for (const [key, value] of Object.entries(args)) {
      if (!key.startsWith("#") || !isObject(value)) {
        out[key] = value;
        continue;
      }
      const answer = responses.find(([name, , id]) => id === value["resultOf"] && name === value["name"]);
      if (!answer) throw new Error("invalidResultReference");
      out[key.slice(1)] = walk(answer[1], String(value["path"]).split("/").slice(1));
    }
    return out;
  }

  private call(name: string, args: Json): [string, Json][] {
    const methods: Record<string, (a: Json) => [string, Json][]> = {
      "Mailbox/get": (a) => [[name, this.mailboxGet(a)]],
      "Mailbox/changes": (a) => [[name, this.mailboxChanges(a)]],
      "Email/query": (a) => [[name, this.emailQuery(a)]],
      "EmailSearch/query": (a) => [[name, this.emailSearch(a)]],
      "SearchSnippet/get": (a) => [[name, this.snippets(a)]],
      "Email/get": (a) => [[name, this.emailGet(a)]],
      "Email/changes": (a) => [[name, this.emailChanges(a)]],
      "Email/set": (a) => [[name, this.emailSet(a)]],
      "Thread/get": (a) => [[name, this.threadGet(a)]],
      "Identity/get": () => [[name, this.identityGet()]],
      "EmailSubmission/set": (a) => this.submit(a),
      "EmailSubmission/get": () => [[name, this.submissionGet()]],
      "UndoSend/set": (a) => {
        this.undoSend = a["seconds"] as number | null;
        return [[name, { accountId: ACCOUNT }]];
      },
      "MessageView/get": (a) => [[name, this.views(a)]],
    };
    const method = methods[name];
    return method ? method(args) : [["error", { type: "unknownMethod" }]];
  }

  private mailboxGet(args: Json): Json {
    const wanted = args["ids"] ? new Set(strings(args["ids"])) : undefined;
    const list = mailboxes
      .filter((m) => !wanted || wanted.has(m.id))
      .map((m) => {
        const inside = this.mails.filter((e) => e.mailboxIds.has(m.id));
        const unread = inside.filter((e) => !e.keywords.has("$seen"));
        const threads = (l: FakeMail[]) => new Set(l.map((e) => e.threadId)).size;
        return {
          ...m, totalEmails: inside.length, unreadEmails: unread.length, totalThreads: threads(inside),
          unreadThreads: threads(unread), isSubscribed: true,
          myRights: { mayReadItems: true, mayAddItems: true, mayRemoveItems: true, maySetSeen: true, maySetKeywords: true, mayCreateChild: true, mayRename: true, mayDelete: true, maySubmit: true },
        }; // prettier-ignore
      });
    return { accountId: ACCOUNT, state: String(this.state), list, notFound: [] };
  }

  private mailboxChanges(args: Json): Json {
    const moved = String(args["sinceState"]) !== String(this.state);
    const updated = moved ? mailboxes.map((m) => m.id) : [];
    return { oldState: args["sinceState"], newState: String(this.state), hasMoreChanges: false, created: [], updated, destroyed: [], updatedProperties: null }; // prettier-ignore
  }

  private emailQuery(args: Json): Json {
    const filter = isObject(args["filter"]) ? args["filter"] : {};
    let found = this.mails.filter((e) => matches(e, filter));
    if (args["collapseThreads"]) {
      const seen = new Set<string>();
      found = found.filter((e) => !seen.has(e.threadId) && seen.add(e.threadId));
    }
    let position = Number(args["position"] ?? 0);
    if (args["anchor"] !== undefined) {
      const at = found.findIndex((e) => e.id === args["anchor"]);
      if (at < 0) throw new Error("anchorNotFound");
      position = Math.max(0, at + Number(args["anchorOffset"] ?? 0));
    }
    const ids = found.slice(position, position + Number(args["limit"] ?? 50)).map((e) => e.id);
    return { accountId: ACCOUNT, queryState: String(this.state), canCalculateChanges: false, position, ids, total: found.length }; // prettier-ignore
  }

  /** Set by tests: how many answers of a search come before it is complete; the first has one mail. */
  searchSteps = 0;

  private emailSearch(args: Json): Json {
    const step = Number(args["sinceSearchState"] ?? 0) + 1;
    const isComplete = step > this.searchSteps;
    const answer = this.emailQuery(args);
    const partial = isComplete ? {} : { ids: strings(answer["ids"]).slice(0, step), total: step };
    return { ...answer, ...partial, searchState: String(step), isComplete, searched: step, toSearch: this.searchSteps + 1 };
  } // prettier-ignore

  private snippets(args: Json): Json {
    const filter = isObject(args["filter"]) ? args["filter"] : {};
    const asked = isObject(filter["search"]) ? filter["search"]["text"] : filter["text"];
    const list = strings(args["emailIds"]).map((id) => {
      const mail = this.byId.get(id);
      return { emailId: id, subject: markIn(mail?.subject ?? "", text(asked)), preview: markIn(mail?.text ?? "", text(asked)) };
    });
    return { accountId: ACCOUNT, list, notFound: null };
  } // prettier-ignore

  private emailGet(args: Json): Json {
    const ids = [...new Set(strings(args["ids"]))];
    if (ids.length > 500) throw new Error("requestTooLarge");
    const properties = strings(args["properties"]);
    const list = ids.map((id) => this.byId.get(id)).filter((e) => e !== undefined);
    return {
      accountId: ACCOUNT,
      state: String(this.state),
      list: list.map((e) => {
        const full = wire(e);
        return Object.fromEntries(["id", ...properties].map((p) => [p, full[p] ?? null]));
      }),
      notFound: ids.filter((id) => !this.byId.has(id)),
    };
  }

  private emailChanges(args: Json): Json {
    const since = Number(args["sinceState"]);
    const changes = this.log.filter((c) => c.state > since);
    const all = (key: "created" | "updated" | "destroyed") => [...new Set(changes.flatMap((c) => c[key]))];
    const created = all("created");
    return {
      accountId: ACCOUNT, oldState: args["sinceState"], newState: String(this.state), hasMoreChanges: false,
      created, updated: all("updated").filter((id) => !created.includes(id)), destroyed: all("destroyed"),
    }; // prettier-ignore
  }

  private threadGet(args: Json): Json {
    const list = [...new Set(strings(args["ids"]))].map((id) => ({
      id,
      emailIds: this.mails
        .filter((e) => e.threadId === id)
        .sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1))
        .map((e) => e.id),
    }));
    return { accountId: ACCOUNT, state: String(this.state), list, notFound: [] };
  }

  private identityGet(): Json {
    const list = [
      { id: "I1", name: me.name, email: me.email, textSignature: "Ada Lindqvist\nHarbour Works, Span Team", mayDelete: false },
      { id: "I2", name: "Span Team", email: "team@example.org", textSignature: "", mayDelete: false },
    ]; // prettier-ignore
    return { accountId: ACCOUNT, state: "1", list, notFound: [] };
  }

  private emailSet(args: Json): Json {
    if (this.refuse !== undefined) throw new Error(this.refuse);
    const change: Change = { state: this.state + 1, created: [], updated: [], destroyed: [] };
    const created: Json = {};
    for (const [key, value] of Object.entries(isObject(args["create"]) ? args["create"] : {})) {
      const mail = this.make(isObject(value) ? value : {});
      created[key] = { id: mail.id, blobId: `B${mail.id}`, threadId: mail.threadId, size: 1000 };
      this.creations.set(key, mail.id);
      change.created.push(mail.id);
    }
    const notUpdated: Json = {};
    for (const [id, patch] of Object.entries(isObject(args["update"]) ? args["update"] : {})) {
      const mail = this.byId.get(id);
      if (!mail) notUpdated[id] = { type: "notFound" };
      else change.updated.push(applyTo(mail, isObject(patch) ? patch : {}));
    }
    for (const id of strings(args["destroy"])) {
      const at = this.mails.findIndex((e) => e.id === id);
      if (at >= 0) this.mails.splice(at, 1);
      this.byId.delete(id);
      change.destroyed.push(id);
    }
    this.commit(change);
    return { accountId: ACCOUNT, oldState: String(this.state - 1), newState: String(this.state), created, updated: {}, destroyed: change.destroyed, notCreated: {}, notUpdated, notDestroyed: {} }; // prettier-ignore
  }

  private readonly creations = new Map<string, string>();

  private commit(change: Change): void {
    if (change.created.length + change.updated.length + change.destroyed.length === 0) return;
    this.state = change.state;
    this.log.push(change);
    const data = JSON.stringify({
      "@type": "StateChange",
      changed: {
        [ACCOUNT]: { Email: String(this.state), Mailbox: String(this.state), Thread: String(this.state) },
      },
    });
    for (const listener of this.listeners) listener(data);
  }

  private make(value: Json): FakeMail {
    const id = `N${(++this.serial).toString(36).padStart(6, "0")}`;
    const references = strings(value["references"]);
    const parent = this.mails.find((e) => e.messageId.some((m) => references.includes(m)));
    const bodies = isObject(value["bodyValues"]) ? Object.values(value["bodyValues"]) : [];
    const at = new Date().toISOString().slice(0, 19) + "Z";
    const mail: FakeMail = {
      id,
      threadId: parent?.threadId ?? `T${id}`,
      mailboxIds: new Set(Object.keys(isObject(value["mailboxIds"]) ? value["mailboxIds"] : {})),
      keywords: new Set(Object.keys(isObject(value["keywords"]) ? value["keywords"] : {})),
      from: value["from"] as FakeMail["from"], to: (value["to"] ?? []) as FakeMail["to"],
      cc: (value["cc"] ?? []) as FakeMail["cc"], bcc: (value["bcc"] ?? []) as FakeMail["bcc"], replyTo: [],
      subject: text(value["subject"]), receivedAt: at, sentAt: at,
      messageId: strings(value["messageId"]), inReplyTo: strings(value["inReplyTo"]), references,
      text: bodies.map((b) => (isObject(b) ? String(b["value"]) : "")).join("\n"), html: undefined, remote: 0,
      files: (Array.isArray(value["attachments"]) ? value["attachments"] : []).map((f: FakeFile) => ({ ...f, size: this.blobs.get(f.blobId)?.bytes.length ?? 1000 })),
    }; // prettier-ignore
    this.mails.unshift(mail);
    this.byId.set(id, mail);
    return mail;
  }

  /** What was handed in; tests say what became of it. */
  readonly submissions = new Map<string, Json>();

  private submissionGet(): Json {
    return { accountId: ACCOUNT, state: String(this.serial), list: [...this.submissions.values()].reverse(), notFound: [] };
  } // prettier-ignore

  /** changeSubmissions cancels and forgets. */
  private changeSubmissions(args: Json): [string, Json][] {
    const after = isObject(args["onSuccessUpdateEmail"]) ? args["onSuccessUpdateEmail"] : {};
    const updated: Json = {};
    const notUpdated: Json = {};
    const update: Json = {};
    for (const id of Object.keys(isObject(args["update"]) ? args["update"] : {})) {
      const found = this.submissions.get(id);
      if (found?.["undoStatus"] !== "pending") {
        notUpdated[id] = { type: "cannotUnsend" };
        continue;
      }
      found["undoStatus"] = "canceled";
      updated[id] = null;
      if (after[id]) update[text(found["emailId"])] = after[id];
    }
    const destroyed = strings(args["destroy"]).filter((id) => this.submissions.delete(id));
    return [
      ["EmailSubmission/set", { accountId: ACCOUNT, updated, notUpdated, destroyed, newState: "1" }],
      ["Email/set", this.emailSet({ update })],
    ];
  }

  private submit(args: Json): [string, Json][] {
    if (this.refuse !== undefined) throw new Error(this.refuse);
    if (!args["create"]) return this.changeSubmissions(args);
    const created: Json = {};
    const update: Json = {};
    const after = isObject(args["onSuccessUpdateEmail"]) ? args["onSuccessUpdateEmail"] : {};
    for (const [key, value] of Object.entries(isObject(args["create"]) ? args["create"] : {})) {
      const ref = isObject(value) ? String(value["emailId"]) : "";
      const id = ref.startsWith("#") ? (this.creations.get(ref.slice(1)) ?? "") : ref;
      const made = `S${++this.serial}`;
      const envelope = isObject(value) ? value["envelope"] : undefined;
      created[key] = { id: made };
      this.submissions.set(made, {
        id: made,
        emailId: id,
        envelope: envelope ?? null,
        undoStatus: envelope ? "pending" : "final",
        deliveryStatus: { "tom@example.com": { smtpReply: envelope ? "" : "250 2.1.5 Ok", delivered: envelope ? "queued" : "unknown" } },
      }); // prettier-ignore
      if (after[`#${key}`]) update[id] = after[`#${key}`];
    }
    const implicit = this.emailSet({ update });
    return [
      ["EmailSubmission/set", { accountId: ACCOUNT, created, newState: "1" }],
      ["Email/set", implicit],
    ];
  }

  private views(args: Json): Json {
    const list = strings(args["ids"]).map((id) => {
      const mail = this.byId.get(id);
      return { id, remote: { count: mail?.remote ?? 0, hosts: mail?.remote ? ["img.weekly.example", "cdn.example"] : [] }, links: 2, isHtml: mail?.html !== undefined, removed: [] }; // prettier-ignore
    });
    return { accountId: ACCOUNT, list, notFound: [] };
  }

  mail(id: string): FakeMail | undefined {
    return this.byId.get(id);
  }

  /** deliver puts a new mail into the inbox, for trying live updates. */
  deliver(subject = "Fresh from the press"): void {
    const from = { name: "Priya Raman", email: "priya.raman@example.net" };
    const mail = this.make({ from: [from], to: [me], subject, mailboxIds: { "mb-inbox": true }, bodyValues: { t: { value: "It just arrived.\n\nPriya" } } }); // prettier-ignore
    this.commit({ state: this.state + 1, created: [mail.id], updated: [], destroyed: [] });
  }
}

function walk(value: unknown, path: string[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (step === "*" && Array.isArray(value)) return value.flatMap((v) => walk(v, rest));
  return isObject(value) ? walk(value[step], rest) : undefined;
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}

/** The first word of a search, marked, with some words around it; null if it is not there. */
function markIn(all: string, asked: string): string | null {
  const word = asked.split(/\s+/)[0] ?? "";
  const at = all.toLowerCase().indexOf(word.toLowerCase());
  if (word === "" || at < 0) return null;
  const safe = (s: string) =>
    s.replace(/\s+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const end = at + word.length;
  return `${safe(all.slice(Math.max(0, at - 40), at))}<mark>${safe(all.slice(at, end))}</mark>${safe(all.slice(end, end + 80))}`;
}

function matches(e: FakeMail, f: Json): boolean {
  if (f["inMailbox"] !== undefined && !e.mailboxIds.has(text(f["inMailbox"]))) return false;
  if (f["hasKeyword"] !== undefined && !e.keywords.has(text(f["hasKeyword"]))) return false;
  if (f["notKeyword"] !== undefined && e.keywords.has(text(f["notKeyword"]))) return false;
  if (f["hasAttachment"] === true && e.files.length === 0) return false;
  const asked = isObject(f["search"]) ? f["search"]["text"] : f["text"];
  if (asked === undefined) return true;
  const all = `${e.subject} ${e.text} ${e.from.map((a) => `${a.name} ${a.email}`).join(" ")}`.toLowerCase();
  return text(asked).toLowerCase().split(/\s+/).every((w) => all.includes(w));
} // prettier-ignore

function applyTo(mail: FakeMail, patch: Json): string {
  for (const [path, value] of Object.entries(patch)) {
    const [property, name = ""] = path.split("/");
    const set = property === "keywords" ? mail.keywords : mail.mailboxIds;
    if (value === null) set.delete(name);
    else set.add(name);
  }
  return mail.id;
}

function wire(e: FakeMail): Json {
  const flags = (s: Set<string>) => Object.fromEntries([...s].map((k) => [k, true]));
  const part = (f: FakeFile) => ({ partId: null, blobId: f.blobId, size: f.size, name: f.name, type: f.type, disposition: "attachment", cid: null }); // prettier-ignore
  return {
    ...e,
    blobId: `B${e.id}`,
    mailboxIds: flags(e.mailboxIds),
    keywords: flags(e.keywords),
    size: e.text.length,
    hasAttachment: e.files.length > 0,
    preview: e.text.replace(/\s+/g, " ").slice(0, 256),
    attachments: e.files.map(part),
    textBody: [{ partId: "1", blobId: `B${e.id}-t`, size: e.text.length, name: null, type: e.html ? "text/html" : "text/plain", disposition: null, cid: null }],
    htmlBody: [],
    bodyValues: { "1": { value: e.html ?? e.text, isEncodingProblem: false, isTruncated: false } },
  }; // prettier-ignore
}
