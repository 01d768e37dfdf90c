/**
 * Composer is one draft being written. What is typed lives here and, a moment later, in Drafts; it is
 * dropped only after the server has taken the mail or the person has discarded it.
 */
import { batch, computed, effect, signal } from "@preact/signals";
import { asTrouble, Trouble } from "../base/trouble";
import { words } from "../base/words";
import { type Answers, Batch, methodTrouble } from "../jmap/call";
import {
  type Address,
  emailGet,
  type EmailPatch,
  emailQuery,
  emailSet,
  type EmailSetAnswer,
} from "../jmap/email";
import type { EmailId, IdentityId, MailboxId, SubmissionId } from "../jmap/id";
import type { Identity } from "../jmap/identity";
import { type Envelope, submitEmail, SUBMISSION_KEY } from "../jmap/submission";
import type { Store } from "../store/store";
import { type AttachedFile, type Draft, type DraftKind, toEmail } from "./draft";
import { isAddress } from "./people";

/** Rest after the last key before a draft is saved. */
const SAVE_AFTER_MS = 2_500;
/** Someone who never rests is saved anyway. */
const SAVE_LATEST_MS = 15_000;

/** A saved copy of this age may be sent as it is; an older one would carry a date of the past. */
const FRESH_MS = 60_000;

export type SaveState =
  | { readonly kind: "clean" }
  | { readonly kind: "dirty" }
  | { readonly kind: "saving" }
  | { readonly kind: "saved"; readonly at: Date }
  | { readonly kind: "failed"; readonly trouble: Trouble };

export type SendState =
  | { readonly kind: "writing" }
  | { readonly kind: "sending" }
  | { readonly kind: "failed"; readonly trouble: Trouble }
  /** The line broke while the server was sending: it may or may not have gone out. */
  | { readonly kind: "uncertain" }
  | { readonly kind: "sent" };

/** An upload under way or failed; a finished one is one of the draft's files. */
export interface Upload {
  readonly key: number;
  readonly file: File;
  /** From 0 to 1. */
  readonly progress: number;
  readonly trouble: Trouble | undefined;
  readonly abort: AbortController;
}

let lastKey = 0;

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export class Composer {
  readonly key = ++lastKey;
  readonly to = signal<readonly Address[]>([]);
  readonly cc = signal<readonly Address[]>([]);
  readonly bcc = signal<readonly Address[]>([]);
  readonly subject = signal("");
  readonly body = signal("");
  readonly identity = signal<IdentityId | undefined>(undefined);
  readonly files = signal<readonly AttachedFile[]>([]);
  readonly uploads = signal<readonly Upload[]>([]);
  readonly saving = signal<SaveState>({ kind: "clean" });
  readonly sending = signal<SendState>({ kind: "writing" });
  readonly minimised = signal(false);

  /** What was sent, so that it can be taken back; undefined when its answer was lost. */
  submission: { readonly id: SubmissionId; readonly seconds: number } | undefined;

  private savedId: EmailId | undefined;
  /** All copies there have been: lists show an older one until they hear that it was replaced. */
  private readonly copies = new Set<EmailId>();
  /** When the saved copy was written, as Date.now() gives it; 0 for one of another day. */
  private savedAt = 0;
  private work: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dirtySince = 0;
  private messageId: string;
  private closed = false;
  private readonly stopWatching: () => void;

  constructor(
    private readonly store: Store,
    readonly kind: DraftKind,
    private readonly start: Draft,
    savedId?: EmailId,
  ) {
    this.savedId = savedId;
    if (savedId !== undefined) this.copies.add(savedId);
    this.messageId = start.messageId ?? "";
    batch(() => {
      this.to.value = start.to;
      this.cc.value = start.cc;
      this.bcc.value = start.bcc;
      this.subject.value = start.subject;
      this.body.value = start.body;
      this.identity.value = start.identity;
      this.files.value = start.files;
    });
    this.stopWatching = this.watch();
  }

  /** again takes up a draft whose saved copy is gone; it counts as changed. */
  static again(store: Store, kind: DraftKind, draft: Draft): Composer {
    const composer = new Composer(store, kind, draft);
    composer.touched();
    return composer;
  }

  /** wasSavedAs tells whether a mail is this draft, or was before it was saved again. */
  wasSavedAs(id: EmailId): boolean {
    return this.copies.has(id);
  }

  get olderCopies(): readonly EmailId[] {
    return [...this.copies].filter((id) => id !== this.savedId);
  }

  get savedAs(): EmailId | undefined {
    return this.savedId;
  }

  readonly title = computed(() => this.subject.value.trim() || words.composeTitle[this.kind]);

  /** Recipients that cannot be addresses. */
  readonly wrong = computed(() =>
    [...this.to.value, ...this.cc.value, ...this.bcc.value].filter((a) => !isAddress(a.email)),
  );

  /** Uploads or a send are under way; all else that keeps from sending is the person's to mend. */
  readonly busy = computed(
    () =>
      this.uploads.value.length > 0 ||
      this.sending.value.kind === "sending" ||
      this.sending.value.kind === "sent",
  );

  readonly canSend = computed(
    () =>
      this.to.value.length + this.cc.value.length + this.bcc.value.length > 0 &&
      this.wrong.value.length === 0 &&
      !this.busy.value,
  );

  /** draft is what stands in the composer now. */
  draft(): Draft {
    return {
      ...this.start,
      identity: this.identity.peek(),
      to: this.to.peek(),
      cc: this.cc.peek(),
      bcc: this.bcc.peek(),
      subject: this.subject.peek(),
      body: this.body.peek(),
      files: this.files.peek(),
    };
  }

  /** isUntouched is true for a composer that can be closed without a trace. */
  isUntouched(): boolean {
    return (
      this.savedId === undefined && this.saving.peek().kind === "clean" && this.uploads.peek().length === 0
    );
  }

  private watch(): () => void {
    let first = true;
    return effect(() => {
      const parts = [this.to, this.cc, this.bcc, this.subject, this.body, this.identity, this.files];
      for (const part of parts) void part.value;
      if (!first) this.touched();
      first = false;
    });
  }

  private touched(): void {
    if (this.saving.peek().kind !== "saving") this.saving.value = { kind: "dirty" };
    this.dirtySince ||= Date.now();
    clearTimeout(this.timer);
    const latest = this.dirtySince + SAVE_LATEST_MS - Date.now();
    this.timer = setTimeout(() => void this.save(), Math.max(0, Math.min(SAVE_AFTER_MS, latest)));
  }

  // Saving

  /** save writes the draft to Drafts; saves follow one another and never overlap a send. */
  save(): Promise<void> {
    clearTimeout(this.timer);
    this.work = this.work.then(() => this.saveNow());
    return this.work;
  }

  private async saveNow(): Promise<void> {
    const sending = this.sending.peek().kind;
    if (this.dirtySince === 0 || this.closed || sending === "sending" || sending === "sent") return;
    this.saving.value = { kind: "saving" };
    try {
      await this.storeDraft();
      this.saving.value = this.dirtySince === 0 ? { kind: "saved", at: new Date() } : { kind: "dirty" };
    } catch (thrown) {
      this.saving.value = { kind: "failed", trouble: asTrouble(thrown) };
      clearTimeout(this.timer);
      if (!this.closed) this.timer = setTimeout(() => void this.save(), SAVE_LATEST_MS);
    }
  }

  private from(): { identity: Identity; address: Address } {
    const all = this.store.identities.peek();
    const identity = all.find((i) => i.id === this.identity.peek()) ?? all[0];
    if (!identity) throw new Trouble("refused", words.noIdentity, "noIdentity");
    const email = identity.email.startsWith("*@") ? this.store.connection.session.username : identity.email;
    return { identity, address: { name: identity.name || null, email } };
  }

  /**
   * storeDraft creates the draft anew and destroys the copy before: an Email's content never changes
   * (RFC 8621, section 4.1). With holdFor it is submitted in the same request, to go out in so many seconds.
   */
  private async storeDraft(holdFor?: number): Promise<void> {
    const send = holdFor !== undefined;
    const { connection } = this.store;
    const account = connection.session.account;
    const drafts = this.store.byRole("drafts") ?? this.store.byRole("inbox");
    if (!drafts) throw new Trouble("refused", words.noDrafts, "noDrafts");
    const { identity, address } = this.from();
    this.messageId ||= `${randomId()}@${address.email.split("@")[1] ?? "localhost"}`;
    const request = new Batch();
    const before = this.savedId;
    // Unchanged since a moment ago, the saved copy is what is sent: the same bytes stored twice could
    // be one Email to the server, and destroying the older copy would then destroy what was sent.
    const asSaved =
      send && before !== undefined && this.dirtySince === 0 && Date.now() - this.savedAt < FRESH_MS;
    const email = toEmail(this.draft(), address, drafts.id, this.messageId);
    const create = asSaved ? undefined : request.add(emailSet(account, { create: { draft: email } }));
    const submit = send
      ? request.add(
          submitEmail(
            account,
            identity.id,
            asSaved ? before : "#draft",
            this.onceSent(drafts.id),
            holdFor > 0 ? this.envelope(address.email, holdFor) : undefined,
          ),
        )
      : undefined;
    const since = this.dirtySince;
    this.dirtySince = 0;
    let answers: Answers;
    try {
      answers = await connection.send(request);
      if (create) this.takeCreated(answers.of(create));
    } catch (thrown) {
      this.dirtySince ||= since || Date.now();
      // It may have gone out as it was saved: then it is no draft any more, and not ours to destroy.
      if (asSaved) this.savedId = undefined;
      throw thrown;
    }
    if (create && before !== undefined && before !== this.savedId) this.removeCopy(before);
    if (submit) {
      const { created, notCreated } = answers.of(submit);
      const error = notCreated[SUBMISSION_KEY];
      if (error) throw methodTrouble(error.type, error.description);
      const id = created[SUBMISSION_KEY]?.id;
      if (id !== undefined) this.submission = { id, seconds: holdFor ?? 0 };
    }
  }

  private envelope(mailFrom: string, holdFor: number): Envelope {
    const all = [...this.to.peek(), ...this.cc.peek(), ...this.bcc.peek()];
    const rcptTo = new Map(all.map((a) => [a.email.toLowerCase(), a.email]));
    return { mailFrom, rcptTo: [...rcptTo.values()], holdFor };
  }

  private takeCreated({ created, notCreated }: EmailSetAnswer): void {
    const { draft } = created;
    if (!draft) {
      const error = notCreated["draft"];
      throw methodTrouble(error?.type ?? "serverFail", error?.description ?? "");
    }
    this.savedId = draft.id;
    this.copies.add(draft.id);
    this.savedAt = Date.now();
  }

  /** onceSent moves the mail from Drafts to Sent, if there is one. */
  private onceSent(drafts: MailboxId): EmailPatch {
    const sent = this.store.byRole("sent");
    return {
      ...(sent ? { [`mailboxIds/${drafts}`]: null, [`mailboxIds/${sent.id}`]: true } : {}),
      "keywords/$draft": null,
    };
  }

  /** The older copy goes only after the newer one is known to be there: a crash leaves two, never none. */
  private removeCopy(id: EmailId): void {
    const { connection } = this.store;
    connection.call(emailSet(connection.session.account, { destroy: [id] })).catch(() => undefined);
  }

  // Sending

  /** send resolves to true when the server has taken the mail, or holds it for so many seconds. */
  async send(holdFor = 0): Promise<boolean> {
    if (!this.canSend.peek()) return false;
    clearTimeout(this.timer);
    this.sending.value = { kind: "sending" };
    await this.work;
    try {
      await this.storeDraft(Math.min(holdFor, this.store.connection.session.maxDelayedSend));
    } catch (thrown) {
      const trouble = asTrouble(thrown);
      // Without an answer nobody knows whether the mail went out, so nothing may repeat it by itself.
      const uncertain = trouble.kind === "offline" || trouble.kind === "broken";
      if (uncertain && (await this.wasSent())) return this.finish();
      this.sending.value = uncertain ? { kind: "uncertain" } : { kind: "failed", trouble };
      return false;
    }
    return this.finish();
  }

  private finish(): boolean {
    this.sending.value = { kind: "sent" };
    this.close();
    return true;
  }

  /** wasSent looks for our Message-ID among the newest mails in Sent. */
  async wasSent(): Promise<boolean> {
    const sent = this.store.byRole("sent");
    if (!sent || this.messageId === "") return false;
    try {
      const account = this.store.connection.session.account;
      const request = new Batch();
      const newest = request.add(
        emailQuery(account, {
          filter: { inMailbox: sent.id },
          collapseThreads: false,
          position: 0,
          limit: 20,
          calculateTotal: false,
        }),
      );
      const found = request.add(emailGet(account, newest.ref("/ids"), ["messageId"]));
      const answers = await this.store.connection.send(request);
      return answers.of(found).list.some((e) => e.messageId.includes(this.messageId));
    } catch {
      return false;
    }
  }

  /** backToWriting is for the buttons beside a failed or uncertain send. */
  backToWriting(): void {
    this.sending.value = { kind: "writing" };
    this.touched();
  }

  get original(): Draft["original"] {
    return this.start.original;
  }

  // Files

  attach(list: Iterable<File>): void {
    const limit = this.store.connection.session.limits.maxSizeUpload;
    for (const file of list) {
      const upload: Upload = {
        key: ++lastKey,
        file,
        progress: 0,
        trouble: file.size > limit ? new Trouble("refused", words.fileTooBig(limit), "tooLarge") : undefined,
        abort: new AbortController(),
      };
      this.uploads.value = [...this.uploads.value, upload];
      if (!upload.trouble) void this.upload(upload);
    }
  }

  private async upload(upload: Upload): Promise<void> {
    const { file, key } = upload;
    try {
      const { blobId, size } = await this.store.connection.upload(
        file,
        (progress) => this.updateUpload(key, { progress }),
        upload.abort.signal,
      );
      const done = {
        blobId,
        name: file.name,
        type: file.type || "application/octet-stream",
        size: size || file.size,
      };
      batch(() => {
        this.dropUpload(key);
        this.files.value = [...this.files.value, done];
      });
    } catch (thrown) {
      const trouble = asTrouble(thrown);
      if (trouble.kind === "aborted") this.dropUpload(key);
      else this.updateUpload(key, { trouble });
    }
  }

  retryUpload(upload: Upload): void {
    this.updateUpload(upload.key, { trouble: undefined, progress: 0 });
    void this.upload(upload);
  }

  private updateUpload(key: number, change: Partial<Pick<Upload, "progress" | "trouble">>): void {
    this.uploads.value = this.uploads.value.map((u) => (u.key === key ? { ...u, ...change } : u));
  }

  dropUpload(key: number): void {
    const upload = this.uploads.peek().find((u) => u.key === key);
    upload?.abort.abort();
    this.uploads.value = this.uploads.value.filter((u) => u.key !== key);
  }

  dropFile(file: AttachedFile): void {
    this.files.value = this.files.value.filter((f) => f !== file);
  }

  // End

  /** discard removes the draft here and on the server. */
  async discard(): Promise<void> {
    this.close();
    await this.work;
    if (this.savedId !== undefined) this.removeCopy(this.savedId);
  }

  close(): void {
    this.closed = true;
    this.stopWatching();
    clearTimeout(this.timer);
    for (const upload of this.uploads.peek()) upload.abort.abort();
  }
}
