/** EmailList is one query (a folder, a filter of it, or a search) with the windows of it that are known. */
import { batch, signal } from "@preact/signals";
import { asTrouble, type Trouble, type TroubleKind } from "../base/trouble";
import { Batch } from "../jmap/call";
import type { Connection } from "../jmap/connection";
import { type EmailFilter, emailGet, emailQuery } from "../jmap/email";
import type { EmailId, MailboxId, State, ThreadId } from "../jmap/id";
import { emailSearchQuery, type EmailSearchAnswer, searchSnippetGet, type Snippet } from "../jmap/search";
import { type Thread, threadGet } from "../jmap/thread";
import { type EmailRecord, lightProperties, rowProperties } from "./email";
import { PAGE, Pages } from "./pages";
import type { Records } from "./records";

export interface ListQuery {
  readonly filter: EmailFilter;
  readonly collapseThreads: boolean;
}

export type ListStatus =
  | { readonly kind: "loading" }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly trouble: Trouble };

interface EmailsAnswer {
  readonly state: State;
  readonly list: readonly EmailRecord[];
}

/** ListHome is where the records of a list live; the Store is one. */
export interface ListHome {
  readonly connection: Connection;
  readonly emails: Records<EmailId, EmailRecord>;
  takeEmails(answer: EmailsAnswer): void;
  takeThreads(threads: readonly Thread[]): void;
  threadEmails(id: ThreadId): EmailRecord[];
  loadThreadMembers(): Promise<void>;
  isPending(id: EmailId): boolean;
  prune(): void;
}

/** Rows loaded beyond what is seen, on both sides. */
const MARGIN = 20;

/** Milliseconds after which a load that failed is tried again by itself: at first, and at most. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** Failures that pass by themselves. */
const passing: ReadonlySet<TroubleKind> = new Set(["offline", "unavailable", "throttled"]);

interface Span {
  readonly first: number;
  readonly last: number;
}

export class EmailList {
  private readonly pages = new Pages<EmailId>();
  private wanted: Span = { first: 0, last: PAGE - MARGIN };
  private running:
    { readonly span: Span; readonly abort: AbortController; readonly waits: boolean } | undefined;
  /** What the server calls the answer of a search that goes on. */
  private searchState: string | undefined;
  private stale = true;
  private viewers = 0;
  private failures = 0;
  private again: ReturnType<typeof setTimeout> | undefined;

  readonly status = signal<ListStatus>({ kind: "loading" });
  /** Rows in all; null until the server has said so. */
  readonly total = signal<number | null>(null);
  /** Counts up with every change of the ids, so that a view can subscribe to them. */
  readonly version = signal(0);
  /** Rows by which the list has moved under the view: positive when mail came in above. */
  readonly shifted = signal(0);
  /** True while the server still searches folders; the rows so far are results. */
  readonly searching = signal(false);
  /** In a search, where its words stand in mails. */
  readonly snippets = signal<ReadonlyMap<EmailId, Snippet>>(new Map());
  /** Where the view was scrolled to, for coming back. */
  scrollTop = 0;

  constructor(
    private readonly store: ListHome,
    readonly query: ListQuery,
  ) {}

  at(index: number): EmailId | undefined {
    return this.pages.at(index);
  }

  indexOf(id: EmailId): number {
    return this.pages.indexOf(id);
  }

  /** find returns the row that shows an email or, in conversations, its thread; -1 if not loaded. */
  find(id: EmailId): number {
    const direct = this.pages.indexOf(id);
    if (direct >= 0 || !this.query.collapseThreads) return direct;
    const thread = this.store.emails.peek(id)?.threadId;
    if (thread === undefined) return -1;
    for (const known of this.pages.known()) {
      if (this.store.emails.peek(known)?.threadId === thread) return this.pages.indexOf(known);
    }
    return -1;
  }

  knownIds(): Iterable<EmailId> {
    return this.pages.known();
  }

  /** show names the rows in view; what is missing of them is loaded. The newest wish wins. */
  show(first: number, last: number): void {
    this.wanted = { first: Math.max(0, first - MARGIN), last: last + MARGIN };
    if (this.pages.forget(first)) this.store.prune();
    const running = this.running;
    if (running && !overlaps(running.span, this.wanted)) running.abort.abort();
    else if (running?.waits && this.isMissing()) running.abort.abort();
    void this.pump();
  }

  private isMissing(): boolean {
    return this.pages.missing(this.wanted.first, this.wanted.last) !== undefined;
  }

  /**
   * refresh asks again for what is in view; the old rows stay until the answer is here. A list that
   * nobody looks at only remembers to do so.
   */
  refresh(): void {
    this.pages.age();
    this.stale = true;
    if (this.viewers > 0) void this.pump();
  }

  /** view marks the list as looked at until the returned function is called. */
  view(): () => void {
    this.viewers++;
    void this.pump();
    return () => {
      // The server searches on as long as somebody waits.
      if (--this.viewers === 0 && this.query.filter.search) this.running?.abort.abort();
    };
  }

  /** mayHold is true when a mail in these mailboxes could be a row of this list. */
  mayHold(mailboxes: readonly MailboxId[]): boolean {
    const own = this.query.filter.inMailbox;
    return own === undefined || mailboxes.includes(own);
  }

  /** remove takes rows out at once, before the server has agreed. */
  remove(ids: ReadonlySet<EmailId>): void {
    const removed = this.pages.remove(ids);
    if (removed === 0) return;
    batch(() => {
      if (this.total.value !== null) this.total.value = Math.max(0, this.total.value - removed);
      this.version.value++;
    });
  }

  private async pump(): Promise<void> {
    while (!this.running) {
      const span = this.nextSpan();
      if (!span) return;
      const anchored = this.stale;
      const since = anchored && !this.isMissing() ? this.searchState : undefined;
      this.stale = false;
      const abort = new AbortController();
      this.running = { span, abort, waits: since !== undefined };
      try {
        await this.load(span, anchored, since, abort.signal);
        this.failures = 0;
        this.status.value = { kind: "ready" };
      } catch (thrown) {
        this.stale ||= anchored;
        const trouble = asTrouble(thrown);
        if (trouble.kind !== "aborted") {
          this.status.value = { kind: "failed", trouble };
          this.tryAgainLater(trouble);
          return;
        }
      } finally {
        this.running = undefined;
      }
    }
  }

  /** Rows that somebody looks at are not left empty because of a failure that passes. */
  private tryAgainLater(trouble: Trouble): void {
    clearTimeout(this.again);
    if (!passing.has(trouble.kind)) return;
    const pause = Math.max(RETRY_MS * 2 ** this.failures++, trouble.retryAfter * 1000);
    this.again = setTimeout(
      () => {
        if (this.viewers > 0) void this.pump();
      },
      Math.min(pause, MAX_RETRY_MS),
    );
  }

  /** retry is for the button beside an error. */
  retry(): void {
    this.status.value = { kind: "loading" };
    this.refresh();
  }

  private nextSpan(): Span | undefined {
    if (this.query.filter.search && this.viewers === 0) return undefined;
    if (this.stale) {
      const page = (row: number) => Math.floor(row / PAGE);
      return { first: page(this.wanted.first) * PAGE, last: (page(this.wanted.last) + 1) * PAGE - 1 };
    }
    const missing = this.pages.missing(this.wanted.first, this.wanted.last);
    return missing && { first: missing.from, last: missing.from + missing.count - 1 };
  }

  private async load(
    span: Span,
    anchored: boolean,
    since: string | undefined,
    abort: AbortSignal,
  ): Promise<void> {
    // An anchor keeps the row at the top of the view in place when mail arrived above it.
    const anchor = anchored && span.first > 0 ? this.pages.at(span.first) : undefined;
    try {
      await this.fetch(span, anchor, since, abort);
    } catch (thrown) {
      if (anchor === undefined || asTrouble(thrown).type !== "anchorNotFound") throw thrown;
      await this.fetch(span, undefined, undefined, abort);
    }
  }

  private async fetch(
    span: Span,
    anchor: EmailId | undefined,
    since: string | undefined,
    abort: AbortSignal,
  ): Promise<void> {
    const { connection } = this.store;
    const account = connection.session.account;
    const request = new Batch();
    const limit = span.last - span.first + 1;
    const where = anchor === undefined ? { position: span.first } : { anchor, anchorOffset: 0 };
    const asked = { ...this.query, ...where, limit, calculateTotal: true };
    const search = this.query.filter.search
      ? request.add(emailSearchQuery(account, { ...asked, sinceSearchState: since }))
      : undefined;
    const query = search ?? request.add(emailQuery(account, asked));
    const rows = request.add(emailGet(account, query.ref("/ids"), rowProperties));
    const threads = this.query.collapseThreads
      ? request.add(threadGet(account, rows.ref<readonly ThreadId[]>("/list/*/threadId")))
      : undefined;
    const members = threads
      ? request.add(emailGet(account, threads.ref<readonly EmailId[]>("/list/*/emailIds"), lightProperties))
      : undefined;
    const answers = await connection.send(request, abort);
    const found = answers.of(query);
    batch(() => {
      this.store.takeEmails(answers.of(rows));
      if (threads) this.store.takeThreads(answers.of(threads).list);
      if (members) this.takeMembers(answers.maybe(members));
      this.take(
        found.position,
        found.ids,
        found.total,
        anchor === undefined ? 0 : found.position - span.first,
      );
      if (search) this.takeSearch(answers.of(search));
    });
    if (search) void this.loadSnippets(found.ids);
  }

  /** A search that is not complete is asked for again at once, and waits on the server. */
  private takeSearch(answer: EmailSearchAnswer): void {
    this.searching.value = !answer.isComplete;
    this.searchState = answer.isComplete ? undefined : answer.searchState;
    if (!answer.isComplete) this.stale = true;
  }

  /** Rows are shown before their snippets, and stay as they are where there is none. */
  private async loadSnippets(ids: readonly EmailId[]): Promise<void> {
    const known = this.snippets.peek();
    const { connection } = this.store;
    const wanted = ids.filter((id) => !known.has(id)).slice(0, connection.session.limits.maxObjectsInGet);
    if (wanted.length === 0) return;
    try {
      const answer = await connection.call(
        searchSnippetGet(connection.session.account, this.query.filter, wanted),
      );
      const more = answer.list.map((s) => [s.emailId, s] as const);
      this.snippets.value = new Map([...this.snippets.peek(), ...more]);
    } catch {
      // The rows have their subjects and previews.
    }
  }

  /** A page of very long threads can exceed the server's limit; then they are fetched in pieces. */
  private takeMembers(answer: EmailsAnswer | undefined): void {
    if (answer) this.store.takeEmails(answer);
    else void this.store.loadThreadMembers();
  }

  private take(position: number, ids: readonly EmailId[], total: number | null, shift: number): void {
    const kept = ids.filter((id) => this.belongs(id));
    const dropped = ids.length - kept.length;
    const claimed = total ?? Math.max(this.pages.length, position + ids.length);
    // No rows at a place that should have some: the list ends there, whatever the total says.
    const length = Math.max(0, ids.length === 0 ? Math.min(claimed, position) : claimed - dropped);
    if (shift !== 0) {
      this.pages.clear();
      this.shifted.value += shift;
    }
    this.pages.setLength(length);
    this.pages.put(position, kept, ids.length);
    this.total.value = length;
    this.version.value++;
  }

  /** belongs is false for a mail that the person has just moved away, whatever the server still thinks. */
  private belongs(id: EmailId): boolean {
    const mailbox = this.query.filter.inMailbox;
    if (mailbox === undefined || !this.store.isPending(id)) return true;
    const record = this.store.emails.peek(id);
    if (!record || record.mailboxIds.includes(mailbox)) return true;
    if (!this.query.collapseThreads) return false;
    return this.store.threadEmails(record.threadId).some((e) => e.mailboxIds.includes(mailbox));
  }
}

function overlaps(a: Span, b: Span): boolean {
  return a.first <= b.last && b.first <= a.last;
}
