/**
 * Outgoing is mail that was handed in and is not out yet: it can be taken back for a while, and what does
 * not go out in the end, or may have gone out, is shown until the person has dealt with it.
 */
import { signal } from "@preact/signals";
import { asTrouble } from "../base/trouble";
import { methodTrouble } from "../jmap/call";
import type { EmailId, SubmissionId } from "../jmap/id";
import {
  type DeliveryStatus,
  dropSubmission,
  submissionGet,
  type Submission,
  undoSubmission,
} from "../jmap/submission";
import { emailGet, type EmailPatch } from "../jmap/email";
import type { Store } from "../store/store";
import { UndoSend } from "./undosend";

/** A mail that was not sent, or of which nobody knows. */
export interface Unsent {
  readonly id: SubmissionId;
  readonly emailId: EmailId;
  readonly kind: "refused" | "uncertain";
  readonly subject: string;
  /** Recipients that it did not reach, or may not have reached. */
  readonly to: readonly string[];
  /** The mail server's words. */
  readonly reply: string;
}

/** Looks again after a mail's time, in milliseconds; the last one is repeated. */
const LOOKS_MS = [700, 2_000, 5_000];
/** Looks after which a mail that is still queued is left to the next change of state. */
const MAX_LOOKS = 20;
/** More lines than these would hide the mail. */
const MAX_SHOWN = 5;

/** unsentKind says what is wrong with a submission, if anything is. */
export function unsentKind(s: Submission): Unsent["kind"] | undefined {
  const all = Object.values(s.deliveryStatus);
  // A mail that was sent to some only is not unsent: the mail server writes to its sender.
  if (all.length === 0 || s.undoStatus !== "final") return undefined;
  // A positive reply is the server's word that it took the mail; without one nobody knows.
  if (all.every((d) => d.delivered === "unknown" && d.smtpReply.startsWith("4"))) return "uncertain";
  // What was refused at once was told in the composer, what came back is in the inbox.
  if (s.held && s.dsnBlobIds.length === 0 && all.every((d) => d.delivered === "no")) return "refused";
  return undefined;
}

/** What is known of one recipient of a mail that was sent. */
export type Delivery = "yes" | "no" | "queued" | "unknown" | "displayed" | "uncertain";

/** deliveryOf puts a delivery status into one word: the strongest that is known (RFC 8621, section 7). */
export function deliveryOf(d: DeliveryStatus): Delivery {
  if (d.displayed === "yes") return "displayed";
  if (d.delivered === "yes" || d.delivered === "no" || d.delivered === "queued") return d.delivered;
  return d.smtpReply.startsWith("4") ? "uncertain" : "unknown";
}

export class Outgoing {
  readonly unsent = signal<readonly Unsent[]>([]);
  /** By mail, what is known of each recipient, of those mails that the server remembers sending. */
  readonly deliveries = signal<ReadonlyMap<EmailId, ReadonlyMap<string, Delivery>>>(new Map());
  private readonly waiting = new Set<SubmissionId>();
  readonly undoSend: UndoSend;
  private known: string | undefined;

  constructor(private readonly store: Store) {
    this.undoSend = new UndoSend(store.connection);
  }

  private get account() {
    return this.store.connection.session.account;
  }

  /** follow watches a submission that goes out in so many seconds. */
  follow(id: SubmissionId, seconds: number): void {
    this.waiting.add(id);
    const look = (n: number) => {
      this.refresh()
        .catch(() => undefined) // asked again below
        .finally(() => {
          if (this.waiting.has(id) && n < MAX_LOOKS)
            setTimeout(() => look(n + 1), LOOKS_MS[Math.min(n, LOOKS_MS.length - 1)]);
          else this.waiting.delete(id);
        });
    };
    setTimeout(() => look(1), seconds * 1000 + (LOOKS_MS[0] ?? 0));
  }

  /** underWay is true while a mail waits to go out. */
  underWay(): boolean {
    return this.waiting.size > 0;
  }

  /** undo takes a mail back into Drafts. It resolves to false when it is out already. */
  async undo(id: SubmissionId): Promise<boolean> {
    const { connection } = this.store;
    const drafts = this.store.byRole("drafts");
    const sent = this.store.byRole("sent");
    const back: EmailPatch = {
      ...(drafts && sent ? { [`mailboxIds/${sent.id}`]: null, [`mailboxIds/${drafts.id}`]: true } : {}),
      "keywords/$draft": true,
    };
    const answer = await connection.call(undoSubmission(this.account, id, back));
    if (answer.notUpdated[id]) return false;
    this.waiting.delete(id);
    return true;
  }

  /** changed follows a push message's state of EmailSubmission. */
  changed(state: string | undefined): void {
    if (state === undefined || state === this.known) return;
    this.refresh().catch(() => undefined); // the next change or the next page asks again
  }

  /** refresh asks for all submissions that the server remembers, and for the subjects of those in trouble. */
  async refresh(): Promise<void> {
    const { connection } = this.store;
    const { state, list } = await connection.call(submissionGet(this.account));
    this.known = state;
    for (const s of list) {
      const queued = Object.values(s.deliveryStatus).some((d) => d.delivered === "queued");
      if (s.undoStatus !== "pending" && !queued) this.waiting.delete(s.id);
    }
    const deliveries = new Map<EmailId, ReadonlyMap<string, Delivery>>();
    for (const s of list) {
      if (s.undoStatus === "canceled" || deliveries.has(s.emailId)) continue; // the newest comes first
      deliveries.set(
        s.emailId,
        new Map(Object.entries(s.deliveryStatus).map(([to, d]) => [to, deliveryOf(d)] as const)),
      );
    }
    this.deliveries.value = deliveries;
    const wrong = list.filter((s) => unsentKind(s)).slice(0, MAX_SHOWN);
    const subjects = new Map<EmailId, string>();
    if (wrong.length > 0) {
      const ids = [...new Set(wrong.map((s) => s.emailId))];
      const mails = await connection.call(emailGet(this.account, ids, ["id", "subject"]));
      for (const e of mails.list) subjects.set(e.id, e.subject ?? "");
    }
    this.unsent.value = wrong.map((s) => ({
      id: s.id,
      emailId: s.emailId,
      kind: unsentKind(s) ?? "uncertain",
      subject: subjects.get(s.emailId) ?? "",
      to: Object.keys(s.deliveryStatus),
      reply: Object.values(s.deliveryStatus)[0]?.smtpReply ?? "",
    }));
  }

  /** dismiss forgets a submission: the person has dealt with it. */
  async dismiss(unsent: Unsent): Promise<void> {
    const before = this.unsent.peek();
    this.unsent.value = before.filter((u) => u.id !== unsent.id);
    try {
      const answer = await this.store.connection.call(dropSubmission(this.account, unsent.id));
      const no = answer.notDestroyed[unsent.id];
      if (no) throw methodTrouble(no.type, no.description);
    } catch (thrown) {
      this.unsent.value = before;
      throw asTrouble(thrown);
    }
  }
}
