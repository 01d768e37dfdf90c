/**
 * Store keeps what the client knows of one account: mailboxes, emails, threads and the lists over them,
 * and brings them up to date when the server says that something changed. Nothing of it outlives the page.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { asTrouble } from "../base/trouble";
import { Batch } from "../jmap/call";
import type { Connection } from "../jmap/connection";
import { type Email, emailChanges, emailGet } from "../jmap/email";
import type { EmailId, MailboxId, State, ThreadId } from "../jmap/id";
import { type Identity, identityGet } from "../jmap/identity";
import { type Mailbox, type MailboxGetAnswer, mailboxGet, type Role } from "../jmap/mailbox";
import { type Thread, threadGet } from "../jmap/thread";
import { detailProperties, type EmailRecord, type LightEmail, lightProperties } from "./email";
import { EmailList, type ListHome, type ListQuery } from "./emaillist";
import { Records } from "./records";

/** Cheap properties: servers answer them from an index. */
const flagProperties = ["id", "keywords", "mailboxIds"] as const satisfies readonly (keyof Email)[];
const newProperties = ["id", "threadId", "mailboxIds"] as const satisfies readonly (keyof Email)[];
type FlagsEmail = Pick<Email, (typeof flagProperties)[number]>;
type NewEmail = Pick<Email, (typeof newProperties)[number]>;

/** Changes asked for in one request; a longer way back is walked in steps. */
const MAX_CHANGES = 500;
/** Steps after which starting anew is cheaper than walking on. */
const MAX_STEPS = 20;
/** Records above which those that nothing shows are dropped: about 10 MB. */
const MAX_RECORDS = 12_000;
/** Lists kept with their windows, so that going back is instant. */
const MAX_LISTS = 8;

export class Store implements ListHome {
  readonly mailboxes = signal<ReadonlyMap<MailboxId, Mailbox>>(new Map());
  readonly identities = signal<readonly Identity[]>([]);
  readonly emails = new Records<EmailId, EmailRecord>();
  private readonly threads = new Map<ThreadId, Signal<readonly EmailId[]>>();
  /** Counts new threads, for those who wait for one that is not there yet. */
  private readonly threadsGrown = signal(0);
  private readonly lists = new Map<string, EmailList>();
  private readonly pending = new Map<EmailId, number>();
  private emailState: State | undefined;
  private markLoaded: () => void = () => undefined;
  private mailboxState: State | undefined;
  private syncing: Promise<void> | undefined;
  private syncAgain = false;

  /** Resolves with the first emails: from then on there is something to keep up to date. */
  readonly loaded = new Promise<void>((resolve) => (this.markLoaded = resolve));

  /** The conversation that is open; its records are kept. */
  pinned: ThreadId | undefined;

  /** Called with each email that is seen for the first time. */
  onSeen: (email: EmailRecord) => void = () => undefined;

  /** Emails that a running sync found to be new to the account. */
  onNewMail: (ids: readonly EmailId[]) => void = () => undefined;

  constructor(readonly connection: Connection) {}

  private get account() {
    return this.connection.session.account;
  }

  /** start loads the mailboxes and identities. */
  async start(): Promise<void> {
    const request = new Batch();
    const mailboxes = request.add(mailboxGet(this.account, null));
    const identities = request.add(identityGet(this.account));
    const answers = await this.connection.send(request);
    this.takeMailboxes(answers.of(mailboxes));
    this.identities.value = answers.maybe(identities)?.list ?? [];
  }

  mailbox(id: MailboxId): Mailbox | undefined {
    return this.mailboxes.value.get(id);
  }

  byRole(role: Role): Mailbox | undefined {
    for (const mailbox of this.mailboxes.value.values()) if (mailbox.role === role) return mailbox;
    return undefined;
  }

  // Lists

  list(query: ListQuery): EmailList {
    const key = JSON.stringify(query);
    const known = this.lists.get(key);
    const list = known ?? new EmailList(this, query);
    this.lists.delete(key);
    this.lists.set(key, list);
    for (const oldest of this.lists.keys()) {
      if (this.lists.size <= MAX_LISTS) break;
      this.lists.delete(oldest);
    }
    return list;
  }

  openLists(): Iterable<EmailList> {
    return this.lists.values();
  }

  // Records

  takeEmails(answer: { readonly state: State; readonly list: readonly EmailRecord[] }): void {
    this.emailState ??= answer.state;
    this.markLoaded();
    for (const email of answer.list) {
      const known = this.emails.peek(email.id);
      if (!known || (known.to === undefined && email.to !== undefined)) this.onSeen(email);
      this.emails.put(email.id, (old) => ({ ...old, ...email }));
    }
  }

  takeThreads(threads: readonly Thread[]): void {
    for (const { id, emailIds } of threads) {
      const known = this.threads.get(id);
      if (!known) {
        this.threads.set(id, signal(emailIds));
        this.threadsGrown.value = this.threadsGrown.peek() + 1;
      } else if (known.peek().join() !== emailIds.join()) known.value = emailIds;
    }
  }

  private takeMailboxes(answer: MailboxGetAnswer): void {
    this.mailboxState = answer.state;
    this.mailboxes.value = new Map(answer.list.map((m) => [m.id, m]));
  }

  /** mergeMailboxes takes the true counts that an action asked for. */
  mergeMailboxes(answer: MailboxGetAnswer | undefined): void {
    if (answer) this.takeMailboxes(answer);
  }

  /** adjustMailboxes changes counts ahead of the server. */
  adjustMailboxes(change: (mailbox: Mailbox) => Mailbox): void {
    const next = new Map<MailboxId, Mailbox>();
    for (const [id, mailbox] of this.mailboxes.peek()) next.set(id, change(mailbox));
    this.mailboxes.value = next;
  }

  /** threadEmails returns the known members of a thread, oldest first, and subscribes to them. */
  threadEmails(id: ThreadId): EmailRecord[] {
    const thread = this.threads.get(id);
    if (!thread) void this.threadsGrown.value;
    const members = thread?.value ?? [];
    return members.map((e) => this.emails.get(e)).filter((e) => e !== undefined);
  }

  threadIds(id: ThreadId): ReadonlySignal<readonly EmailId[]> | undefined {
    return this.threads.get(id);
  }

  /** loadThreadMembers fetches members that threads name and nobody has loaded yet. */
  async loadThreadMembers(): Promise<void> {
    const missing: EmailId[] = [];
    for (const members of this.threads.values()) {
      for (const id of members.peek()) if (!this.emails.peek(id)) missing.push(id);
    }
    await this.inPieces(missing, async (ids) => {
      this.takeEmails(await this.connection.call(emailGet(this.account, ids, lightProperties)));
      for (const members of this.threads.values()) members.value = [...members.peek()];
    });
  }

  /** openThread loads a conversation for reading. It returns false when the email does not exist. */
  async openThread(id: EmailId): Promise<boolean> {
    const request = new Batch();
    const self = request.add(emailGet(this.account, [id], detailProperties));
    const thread = request.add(threadGet(this.account, self.ref<readonly ThreadId[]>("/list/*/threadId")));
    const members = request.add(
      emailGet(this.account, thread.ref<readonly EmailId[]>("/list/*/emailIds"), detailProperties),
    );
    const answers = await this.connection.send(request);
    const own = answers.of(self);
    if (own.list.length === 0) {
      this.emails.delete(id);
      return false;
    }
    batch(() => {
      this.takeEmails(own);
      const all = answers.maybe(members);
      if (all) this.takeEmails(all);
      this.takeThreads(answers.of(thread).list);
    });
    return true;
  }

  // Changes under way

  hold(ids: Iterable<EmailId>): void {
    for (const id of ids) this.pending.set(id, (this.pending.get(id) ?? 0) + 1);
  }

  release(ids: Iterable<EmailId>): void {
    for (const id of ids) {
      const left = (this.pending.get(id) ?? 1) - 1;
      if (left > 0) this.pending.set(id, left);
      else this.pending.delete(id);
    }
  }

  isPending(id: EmailId): boolean {
    return this.pending.has(id);
  }

  // Sync

  /** sync brings everything up to date; calls while one runs make it run once more. */
  sync(): Promise<void> {
    if (this.syncing) {
      this.syncAgain = true;
      return this.syncing;
    }
    this.syncing = this.runSync().finally(() => (this.syncing = undefined));
    return this.syncing;
  }

  private async runSync(): Promise<void> {
    do {
      this.syncAgain = false;
      await this.syncOnce();
    } while (this.syncAgain);
  }

  /** isCurrent says whether a state of a push message is already ours. */
  isCurrent(states: Readonly<Record<string, string>>): boolean {
    const email = states["Email"];
    const mailbox = states["Mailbox"];
    return (
      (email === undefined || email === this.emailState) &&
      (mailbox === undefined || mailbox === this.mailboxState)
    );
  }

  /** advance notes that our own change brought the server from one state to the next, and nothing else did. */
  advance(oldState: State | null, newState: State): void {
    if (oldState !== null && oldState === this.emailState) this.emailState = newState;
  }

  private async syncOnce(): Promise<void> {
    const arrived: NewEmail[] = [];
    const gone: EmailId[] = [];
    let moved = false;
    for (let step = 0; ; step++) {
      const since = this.emailState;
      if (since === undefined) {
        this.takeMailboxes(await this.connection.call(mailboxGet(this.account, null)));
        this.refreshLists();
        return;
      }
      const found = step < MAX_STEPS ? await this.changesSince(since) : undefined;
      if (!found) {
        await this.startAnew();
        return;
      }
      moved ||= this.takeFlags(found.updated);
      arrived.push(...found.created);
      gone.push(...found.changes.destroyed);
      this.emailState = found.changes.newState;
      if (!found.changes.hasMoreChanges) break;
    }
    this.drop(new Set(gone));
    await this.welcome(arrived);
    this.refreshLists((list) => moved || arrived.some((e) => list.mayHold(e.mailboxIds)));
  }

  /** changesSince asks in one round trip; undefined when the server cannot tell (RFC 8620, section 5.2). */
  private async changesSince(since: State) {
    const request = new Batch();
    // Mailboxes are few and their counts are cheap: fetching all is simpler than their changes.
    const mailboxes = request.add(mailboxGet(this.account, null));
    const changes = request.add(emailChanges(this.account, since, this.maxChanges()));
    const updated = request.add(
      emailGet(this.account, changes.ref<readonly EmailId[]>("/updated"), flagProperties),
    );
    const created = request.add(
      emailGet(this.account, changes.ref<readonly EmailId[]>("/created"), newProperties),
    );
    const answers = await this.connection.send(request);
    this.takeMailboxes(answers.of(mailboxes));
    try {
      return {
        changes: answers.of(changes),
        updated: answers.of(updated).list,
        created: answers.of(created).list,
      };
    } catch (thrown) {
      if (asTrouble(thrown).kind === "refused") return undefined;
      throw thrown;
    }
  }

  private maxChanges(): number {
    return Math.min(MAX_CHANGES, this.connection.session.limits.maxObjectsInGet);
  }

  /** takeFlags updates what is loaded, and returns whether a mail changed its folder. */
  private takeFlags(updated: readonly FlagsEmail[]): boolean {
    let moved = false;
    batch(() => {
      for (const email of updated) {
        const known = this.emails.peek(email.id);
        // A mail we have not loaded may have come into a folder that is shown.
        moved ||= !known || known.mailboxIds.slice().sort().join() !== email.mailboxIds.slice().sort().join();
        if (known) this.emails.put(email.id, (old) => ({ ...(old ?? known), ...email }));
      }
    });
    return moved;
  }

  /** welcome brings threads up to date that new mails belong to. */
  private async welcome(arrived: readonly NewEmail[]): Promise<void> {
    const known = [...new Set(arrived.map((e) => e.threadId).filter((id) => this.threads.has(id)))];
    if (known.length > 0) {
      const request = new Batch();
      const threads = request.add(threadGet(this.account, known.slice(0, this.maxChanges())));
      const fresh = arrived.filter((e) => this.threads.has(e.threadId)).map((e) => e.id);
      const mails = request.add(emailGet(this.account, fresh.slice(0, this.maxChanges()), lightProperties));
      const answers = await this.connection.send(request);
      batch(() => {
        answers.of(mails).list.forEach((e) => this.putLight(e));
        this.takeThreads(answers.of(threads).list);
      });
    }
    if (arrived.length > 0) this.onNewMail(arrived.map((e) => e.id));
  }

  private drop(gone: ReadonlySet<EmailId>): void {
    if (gone.size === 0) return;
    for (const id of gone) this.emails.delete(id);
    for (const members of this.threads.values()) {
      const ids = members.peek();
      if (ids.some((id) => gone.has(id))) members.value = ids.filter((id) => !gone.has(id));
    }
    for (const list of this.lists.values()) list.remove(gone);
  }

  private putLight(email: LightEmail): void {
    this.emails.put(email.id, (old) => ({ ...old, ...email }));
  }

  /** startAnew asks for the flags of everything that is loaded, when the changes cannot be told. */
  private async startAnew(): Promise<void> {
    this.emailState = undefined;
    const ids = [...this.emails.ids()];
    await this.inPieces(ids, async (piece) => {
      const answer = await this.connection.call(emailGet(this.account, piece, lightProperties));
      this.emailState ??= answer.state;
      batch(() => answer.list.forEach((e) => this.putLight(e)));
      answer.notFound.forEach((id) => this.emails.delete(id));
    });
    this.refreshLists();
  }

  refreshLists(which: (list: EmailList) => boolean = () => true): void {
    for (const list of this.lists.values()) if (which(list)) list.refresh();
  }

  private async inPieces(
    ids: readonly EmailId[],
    load: (ids: readonly EmailId[]) => Promise<void>,
  ): Promise<void> {
    const size = Math.max(1, this.connection.session.limits.maxObjectsInGet);
    for (let i = 0; i < ids.length; i += size) await load(ids.slice(i, i + size));
  }

  /** prune drops records that no list shows, once there are many. */
  prune(): void {
    if (this.emails.size <= MAX_RECORDS) return;
    const used = new Set<ThreadId>(this.pinned === undefined ? [] : [this.pinned]);
    const keep = new Set<EmailId>(this.pending.keys());
    for (const list of this.lists.values()) {
      for (const id of list.knownIds()) {
        keep.add(id);
        const thread = this.emails.peek(id)?.threadId;
        if (thread !== undefined) used.add(thread);
      }
    }
    for (const id of [...this.emails.ids()]) {
      const record = this.emails.peek(id);
      if (record && !keep.has(id) && !used.has(record.threadId)) {
        this.emails.delete(id);
        this.threads.delete(record.threadId);
      }
    }
  }

  /** unread of the inbox, for the title. */
  readonly unread = computed(() => this.byRole("inbox")?.unreadThreads ?? 0);
}
