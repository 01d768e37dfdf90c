/** Conversation is what the reading pane shows: a thread, and which of its mails is open. */
import { computed, type Signal, signal } from "@preact/signals";
import { asTrouble, type Trouble } from "../base/trouble";
import { Batch } from "../jmap/call";
import type { EmailId } from "../jmap/id";
import { type MessageView, messageViewGet } from "../jmap/messageview";
import { type EmailRecord, isDetail } from "../store/email";
import type { Store } from "../store/store";
import type { Actions } from "./actions";
import type { BodyTickets } from "./tickets";

export type ConversationStatus =
  | { readonly kind: "loading" }
  | { readonly kind: "ready" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly trouble: Trouble };

export class Conversation {
  readonly status = signal<ConversationStatus>({ kind: "loading" });
  /** The mail whose body fills the pane. */
  readonly open: Signal<EmailId>;
  /** The body's URL; undefined while it is asked for. */
  readonly bodyUrl = signal<string | undefined>(undefined);
  readonly bodyTrouble = signal<Trouble | undefined>(undefined);
  /** What the sanitiser found, by mail. */
  readonly views = signal<ReadonlyMap<EmailId, MessageView>>(new Map());
  /** Mails that were unread when the conversation was opened; they stay marked while it is. */
  readonly fresh = signal<ReadonlySet<EmailId>>(new Set());
  private ended = false;

  constructor(
    private readonly store: Store,
    private readonly tickets: BodyTickets,
    private readonly actions: Actions,
    readonly id: EmailId,
    /** exact shows the given mail; otherwise the newest of its conversation is opened. */
    private readonly exact: boolean,
  ) {
    this.open = signal(id);
    this.choose();
  }

  /** emails are the thread's members, oldest first; drafts among them too. */
  readonly emails = computed((): readonly EmailRecord[] => {
    const self = this.store.emails.get(this.id);
    if (!self) return [];
    const trash = this.store.byRole("trash")?.id;
    const inTrash = (e: EmailRecord) => trash !== undefined && e.mailboxIds.every((m) => m === trash);
    const all = this.store.threadEmails(self.threadId).filter((e) => inTrash(e) === inTrash(self));
    return all.some((e) => e.id === self.id) ? all : [...all, self];
  });

  /** subject is the conversation's: that of the mail it was opened by. */
  readonly subject = computed(() => this.store.emails.get(this.id)?.subject);

  /** choose picks the mail to open first, from what is at hand, and shows its body at once. */
  private choose(): void {
    const newest = this.emails.peek().findLast((e) => !e.keywords["$draft"]);
    this.expand(this.exact ? this.id : (newest?.id ?? this.id));
  }

  async load(): Promise<void> {
    const self = this.store.emails.peek(this.id);
    if (self) this.store.pinned = self.threadId;
    this.status.value = { kind: "loading" };
    try {
      if (!(await this.store.openThread(this.id))) {
        this.status.value = { kind: "gone" };
        return;
      }
      if (this.ended) return;
      this.status.value = { kind: "ready" };
      this.store.pinned = this.store.emails.peek(this.id)?.threadId;
      if (!self) this.choose();
      this.markRead();
      void this.loadViews();
    } catch (thrown) {
      this.status.value = { kind: "failed", trouble: asTrouble(thrown) };
    }
  }

  /** reload follows changes of the thread while it is open. */
  async reload(): Promise<void> {
    const needs = this.emails.peek().some((e) => !isDetail(e));
    if (!needs && this.status.peek().kind === "ready") return;
    try {
      await this.store.openThread(this.id);
      this.markRead();
      void this.loadViews();
    } catch {
      // What is shown stays right; the next change or opening tries again.
    }
  }

  private markRead(): void {
    const unread = this.emails.peek().filter((e) => !e.keywords["$seen"] && !e.keywords["$draft"]);
    if (unread.length === 0) return;
    const ids = unread.map((e) => e.id);
    this.fresh.value = new Set([...this.fresh.peek(), ...ids]);
    this.actions.setSeen(ids, true);
  }

  /** expand opens one mail of the conversation. */
  expand(id: EmailId): void {
    this.open.value = id;
    this.bodyUrl.value = this.tickets.ready(id);
    this.bodyTrouble.value = undefined;
    if (this.bodyUrl.peek() !== undefined) return;
    this.tickets
      .url(id)
      .then((url) => {
        if (this.open.peek() === id && !this.ended) this.bodyUrl.value = url;
      })
      .catch((thrown: unknown) => {
        if (this.open.peek() === id) this.bodyTrouble.value = asTrouble(thrown);
      });
  }

  private async loadViews(): Promise<void> {
    const { connection } = this.store;
    if (!connection.session.hasVendor) return;
    const known = this.views.peek();
    const ids = this.emails
      .peek()
      .map((e) => e.id)
      .filter((id) => !known.has(id));
    if (ids.length === 0) return;
    const request = new Batch();
    const call = request.add(messageViewGet(connection.session.account, ids));
    const answer = await connection.send(request).then(
      (answers) => answers.maybe(call),
      () => undefined, // the banner is a courtesy; the mail is shown without it
    );
    if (answer) this.views.value = new Map([...known, ...answer.list.map((v) => [v.id, v] as const)]);
  }

  end(): void {
    this.ended = true;
  }
}
