/** Mailroom is the signed-in world: one account's store and everything that acts on it. */
import { batch, computed, signal } from "@preact/signals";
import { words } from "../base/words";
import { Connection, type Renew } from "../jmap/connection";
import type { EmailFilter } from "../jmap/email";
import type { EmailId, MailboxId } from "../jmap/id";
import type { Mailbox } from "../jmap/mailbox";
import { openPush, type Push } from "../jmap/push";
import { emailSearchExplain } from "../jmap/search";
import type { EmailRecord } from "../store/email";
import type { EmailList, ListQuery } from "../store/emaillist";
import { Store } from "../store/store";
import { Actions } from "./actions";
import { Composers } from "./composers";
import { Conversation } from "./conversation";
import { isMine } from "./draft";
import type { Navigator } from "./navigator";
import { Outgoing } from "./outgoing";
import { Receipts } from "./receipts";
import { Recents } from "./recents";
import { type Filter, openEmail, type Route } from "./route";
import { type Note, notes } from "./searchhelp";
import { Selection } from "./selection";
import { BodyTickets } from "./tickets";
import { Toasts } from "./toasts";

const filterConditions: Readonly<Record<Filter, EmailFilter>> = {
  unread: { notKeyword: "$seen" },
  starred: { hasKeyword: "$flagged" },
  files: { hasAttachment: true },
};

/** Milliseconds that a pointer rests on a row before its mail is loaded ahead. */
const REST_MS = 60;

export type Line = "connecting" | "live" | "lost";

/** What a row stands for: its email, the whole of its conversation, and the part in this folder. */
export interface RowMails {
  readonly email: EmailRecord;
  readonly thread: readonly EmailRecord[];
  /** Those that actions on the row move: the members that lie in the folder shown. */
  readonly here: readonly EmailRecord[];
  readonly mailbox: MailboxId | undefined;
}

export class Mailroom {
  readonly toasts = new Toasts();
  readonly recents = new Recents();
  readonly selection = new Selection();
  readonly store: Store;
  readonly tickets: BodyTickets;
  readonly actions: Actions;
  readonly outgoing: Outgoing;
  readonly composers: Composers;
  readonly receipts: Receipts;
  readonly conversation = signal<Conversation | undefined>(undefined);
  /** The row that the keyboard is on. */
  readonly cursor = signal<EmailId | undefined>(undefined);
  readonly line = signal<Line>("connecting");
  /** Mails that the last update brought, for those who hear the page. */
  readonly arrived = signal(0);
  /** Rows that the person was asked about deleting for ever. */
  readonly confirmRemoval = signal<readonly EmailId[]>([]);
  private push: Push | undefined;
  private resting: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly connection: Connection,
    readonly navigator: Navigator,
  ) {
    this.store = new Store(connection);
    this.tickets = new BodyTickets(connection);
    this.actions = new Actions(this.store, this.toasts);
    this.outgoing = new Outgoing(this.store);
    this.composers = new Composers(this.store, this.actions, this.recents, this.toasts, this.outgoing);
    this.receipts = new Receipts(this.store, this.actions, this.toasts);
    this.store.onNewMail = (ids) => {
      this.arrived.value = ids.length;
      void this.conversation.peek()?.reload();
    };
    this.store.onSeen = (email) => {
      const own = email.from.some((a) => this.mine(a.email));
      this.recents.note(own ? (email.to ?? []) : email.from, own);
    };
  }

  /** enter opens the account and loads what the first screen needs. */
  static async enter(navigator: Navigator, renew: Renew): Promise<Mailroom> {
    const room = new Mailroom(await Connection.open(renew), navigator);
    await room.store.start();
    room.listen();
    return room;
  }

  private listen(): void {
    this.push = openPush(this.connection.session, {
      onOpen: () => {
        this.line.value = "live";
        // What changed between the loading of the first list and now has no event, like all that was
        // missed while the line was lost.
        void this.store.loaded.then(() => {
          this.sync();
          this.outgoing.refresh().catch(() => undefined); // a server without submissions has nothing to show
        });
      },
      onChange: (states) => {
        if (!this.store.isCurrent(states)) this.sync();
        this.outgoing.changed(states["EmailSubmission"]);
      },
      onClosed: () => (this.line.value = "lost"),
    });
  }

  /** sync follows the server. */
  sync(): void {
    this.store.sync().catch(() => undefined); // the line is watched by push; it is tried again on reconnection
  }

  /** renewed follows a new sign-in over an ended session: tickets of the old one are void. */
  renewed(): void {
    this.tickets.forget();
    this.push?.again();
    const open = this.conversation.peek();
    if (open) open.expand(open.open.peek());
  }

  mine(email: string): boolean {
    return (
      isMine(this.store.identities.value, email) ||
      email.toLowerCase() === this.connection.session.username.toLowerCase()
    );
  }

  // Places

  readonly route = computed((): Route => this.navigator.route.value);

  /** place is the folder shown, resolved through the root. */
  readonly mailbox = computed((): Mailbox | undefined => {
    const route = this.route.value;
    if (route.kind === "mailbox") return this.store.mailbox(route.mailbox);
    if (route.kind === "home") return this.inbox();
    return undefined;
  });

  inbox(): Mailbox | undefined {
    return this.store.byRole("inbox") ?? this.store.mailboxes.value.values().next().value;
  }

  readonly list = computed((): EmailList | undefined => {
    const query = this.query.value;
    return query === undefined ? undefined : this.store.list(JSON.parse(query) as ListQuery); // written by query below
  });

  /** The query as a string, so that opening a mail in the same list is no change. */
  private readonly query = computed((): string | undefined => {
    const route = this.route.value;
    if (route.kind === "search") {
      return route.text.trim() === "" ? undefined : asQuery(this.searchFilter(route.text.trim()), false);
    }
    const mailbox = this.mailbox.value?.id;
    if (mailbox === undefined) return undefined;
    const filter = route.kind === "mailbox" ? route.filter : undefined;
    return asQuery(
      { inMailbox: mailbox, ...(filter ? filterConditions[filter] : {}) },
      this.collapses(mailbox),
    );
  });

  /** Only our server knows operators; any other one finds the words. */
  private searchFilter(text: string): EmailFilter {
    if (!this.store.connection.session.hasVendor) return { text };
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    return { search: { text, timeZone } };
  }

  /** Drafts are single mails: each is opened by itself. */
  private collapses(mailbox: MailboxId): boolean {
    return this.store.mailbox(mailbox)?.role !== "drafts";
  }

  /** A key that changes when another list is shown. */
  readonly listKey = computed(() => this.query.value ?? "");

  goTo(mailbox: MailboxId, filter?: Filter): void {
    this.navigator.go({ kind: "mailbox", mailbox, email: undefined, filter });
  }

  search(text: string): void {
    if (text.trim() === "") this.closeSearch();
    else this.navigator.go({ kind: "search", text: text.trim(), email: undefined });
  }

  /** searchNotes says which parts of a search text were not understood; nothing when nobody can tell. */
  async searchNotes(text: string): Promise<readonly Note[]> {
    const { connection } = this.store;
    const { search } = this.searchFilter(text);
    if (!search) return [];
    try {
      const { spans } = await connection.call(emailSearchExplain(connection.session.account, search));
      return notes(text, spans);
    } catch {
      return []; // the search itself says what is wrong with the line
    }
  }

  closeSearch(): void {
    const inbox = this.inbox();
    if (this.route.peek().kind === "search" && inbox) this.goTo(inbox.id);
  }

  // Opening

  /** open shows a mail in the reading pane, or a draft in a composer. */
  open(id: EmailId): void {
    const route = this.route.peek();
    const mailbox = this.mailbox.peek();
    const draft = this.store.emails.peek(id)?.keywords["$draft"] || this.composers.isDraft(id);
    if (draft && mailbox?.role === "drafts") {
      void this.composers.edit(id);
      return;
    }
    batch(() => {
      this.cursor.value = id;
      this.selection.clear();
      this.selection.from(id);
    });
    const replace = openEmail(route) !== undefined;
    if (route.kind === "search") this.navigator.go({ ...route, email: id }, replace);
    else if (mailbox) {
      const filter = route.kind === "mailbox" ? route.filter : undefined;
      this.navigator.go({ kind: "mailbox", mailbox: mailbox.id, email: id, filter }, replace);
    }
  }

  closeEmail(): void {
    const route = this.route.peek();
    if (route.kind === "search" || route.kind === "mailbox") {
      if (route.email !== undefined) this.navigator.up({ ...route, email: undefined });
    } else {
      this.navigator.go({ kind: "home" });
    }
  }

  /** follow brings the reading pane in line with the URL. */
  follow(id: EmailId | undefined): void {
    const open = this.conversation.peek();
    if (open?.id === id) return;
    open?.end();
    if (id === undefined) {
      this.conversation.value = undefined;
      return;
    }
    const exact = this.route.peek().kind === "search";
    const conversation = new Conversation(this.store, this.tickets, this.actions, id, exact);
    batch(() => {
      this.conversation.value = conversation;
      this.cursor.value = id;
    });
    void conversation.load().then(() => this.expectNext());
  }

  /** The body that is likely to be read next; a frame loads it ahead. */
  readonly likely = signal<string | undefined>(undefined);

  /** expect loads ahead what opening a row would show; nothing counts as read by it. */
  expect(id: EmailId | undefined): void {
    const row = id === undefined ? undefined : this.row(id);
    if (!row || row.email.keywords["$draft"]) return;
    const newest = row.thread.findLast((e) => !e.keywords["$draft"]) ?? row.email;
    this.tickets.url(newest.id).then(
      (url) => (this.likely.value = url),
      () => undefined, // opening will ask again and say why
    );
  }

  /** expectSoon is for a pointer that rests on a row. */
  expectSoon(id: EmailId): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.expect(id), REST_MS);
  }

  /** expectNext loads ahead the row after the open one, or the first. */
  expectNext(): void {
    const list = this.list.peek();
    const [open] = this.openRow();
    const at = open === undefined ? -1 : (list?.find(open) ?? -1);
    this.expect(list?.at(at + 1));
  }

  /** settle gives an email that was opened by its id alone a folder to stand in. */
  settle(conversation: Conversation): void {
    const route = this.route.peek();
    const email = this.store.emails.peek(conversation.id);
    if (route.kind !== "email" || !email) return;
    const inbox = this.store.byRole("inbox")?.id;
    const mailbox = email.mailboxIds.find((m) => m === inbox) ?? email.mailboxIds[0];
    if (mailbox === undefined) return;
    this.navigator.go({ kind: "mailbox", mailbox, email: email.id, filter: undefined }, true);
  }

  // Rows

  /** row is what a row of the list shown stands for; it subscribes the caller. */
  row(id: EmailId): RowMails | undefined {
    const email = this.store.emails.get(id);
    const list = this.list.value;
    if (!email || !list) return undefined;
    const known = list.query.collapseThreads ? this.store.threadEmails(email.threadId) : [email];
    const thread = known.some((e) => e.id === id) ? known : [email];
    const mailbox = list.query.filter.inMailbox ?? email.mailboxIds[0];
    const here = thread.filter((e) => mailbox !== undefined && e.mailboxIds.includes(mailbox));
    return { email, thread, here, mailbox };
  }

  /** chosen are the rows that an action means: the selected ones, else the open one, else the cursor. */
  chosen(): EmailId[] {
    const selected = [...this.selection.ids.peek()];
    if (selected.length > 0) return selected;
    const one = this.conversation.peek()?.id ?? this.cursor.peek();
    return one === undefined ? [] : [this.rowFor(one)];
  }

  /** openRow is the row of the conversation that is open. */
  openRow(): EmailId[] {
    const id = this.conversation.peek()?.id;
    return id === undefined ? [] : [this.rowFor(id)];
  }

  /** rowFor finds the row of a mail: the open one may be another member of its conversation. */
  private rowFor(id: EmailId): EmailId {
    const list = this.list.peek();
    return list?.at(list.find(id)) ?? id;
  }

  step(by: 1 | -1): void {
    const list = this.list.peek();
    const total = list?.total.peek() ?? 0;
    if (!list || total === 0) return;
    const at = this.cursor.peek() === undefined ? -1 : list.find(this.cursor.peek() ?? ("" as EmailId));
    const next = at < 0 ? 0 : Math.min(total - 1, Math.max(0, at + by));
    const id = list.at(next);
    if (id === undefined) return;
    if (this.conversation.peek()) this.open(id);
    else this.cursor.value = id;
  }

  toggleStar(ids: readonly EmailId[]): void {
    const rows = this.rows(ids);
    const starred = rows.every((r) => r.thread.some((e) => e.keywords["$flagged"]));
    const targets = rows.flatMap((r) =>
      starred ? r.thread.filter((e) => e.keywords["$flagged"]) : [r.email],
    );
    this.actions.setStar(
      targets.map((e) => e.id),
      !starred,
    );
  }

  setSeen(ids: readonly EmailId[], seen: boolean): void {
    const targets = this.rows(ids).flatMap((r) => (seen ? r.thread : [r.here.at(-1) ?? r.email]));
    this.actions.setSeen(
      targets.map((e) => e.id),
      seen,
    );
    if (!seen && this.conversation.peek()) this.closeEmail();
    this.selection.clear();
  }

  isUnread(ids: readonly EmailId[]): boolean {
    return this.rows(ids).some((r) => r.thread.some((e) => !e.keywords["$seen"]));
  }

  rows(ids: readonly EmailId[]): RowMails[] {
    return ids.map((id) => this.row(id)).filter((r) => r !== undefined);
  }

  /** move takes the chosen rows to another folder and goes on to the next mail. */
  move(ids: readonly EmailId[], to: MailboxId): void {
    const byFolder = new Map<MailboxId, RowMails[]>();
    for (const row of this.rows(ids)) {
      if (row.mailbox !== undefined) byFolder.set(row.mailbox, [...(byFolder.get(row.mailbox) ?? []), row]);
    }
    this.goOn(ids);
    for (const [from, rows] of byFolder) {
      const mails = rows.flatMap((r) => r.here.map((e) => e.id));
      void this.actions.move(
        mails,
        rows.map((r) => r.email.id),
        from,
        to,
      );
    }
  }

  archive(ids: readonly EmailId[]): void {
    const archive = this.store.byRole("archive");
    if (archive) this.move(ids, archive.id);
    else this.toasts.show(words.noArchive, "trouble");
  }

  /** mustConfirm is true when deleting would be for ever: in Trash, and where there is none. */
  mustConfirm(ids: readonly EmailId[]): boolean {
    const trash = this.store.byRole("trash")?.id;
    return trash === undefined || this.rows(ids).some((r) => r.mailbox === trash);
  }

  remove(ids: readonly EmailId[]): void {
    const trash = this.store.byRole("trash");
    if (trash && !this.mustConfirm(ids)) {
      this.move(ids, trash.id);
      return;
    }
    const rows = this.rows(ids);
    const from = rows[0]?.mailbox;
    if (from === undefined) return;
    this.goOn(ids);
    const mails = rows.flatMap((r) => r.here.map((e) => e.id));
    void this.actions.destroy(
      mails,
      rows.map((r) => r.email.id),
      from,
    );
  }

  /** goOn leaves rows that are about to vanish: the next one is opened if one was open. */
  private goOn(ids: readonly EmailId[]): void {
    const list = this.list.peek();
    const open = this.conversation.peek();
    const leaving = new Set(ids);
    const current = open ? this.rowFor(open.id) : this.cursor.peek();
    batch(() => {
      this.selection.clear();
      if (!list || current === undefined || !leaving.has(current)) return;
      const next = nextRow(list, list.indexOf(current), leaving);
      if (!open) this.cursor.value = next;
      else if (next !== undefined && this.opensNext()) this.open(next);
      else this.closeEmail();
    });
  }

  /** On a phone, the list is where one goes on from. */
  opensNext: () => boolean = () => true;
}

function asQuery(filter: EmailFilter, collapseThreads: boolean): string {
  return JSON.stringify({ filter, collapseThreads } satisfies ListQuery);
}

function nextRow(list: EmailList, from: number, leaving: ReadonlySet<EmailId>): EmailId | undefined {
  const total = list.total.peek() ?? 0;
  const free = (i: number) => {
    const id = list.at(i);
    return id !== undefined && !leaving.has(id) ? id : undefined;
  };
  for (let i = from + 1; i < total && i < from + 200; i++) if (free(i) !== undefined) return free(i);
  for (let i = from - 1; i >= 0 && i > from - 200; i--) if (free(i) !== undefined) return free(i);
  return undefined;
}
