/**
 * Receipts: who sent a mail may ask to be told that it was read. The person is asked each time; nothing is
 * sent otherwise, and a no is remembered with the mail.
 */
import { signal } from "@preact/signals";
import { words } from "../base/words";
import { asTrouble } from "../base/trouble";
import { methodTrouble } from "../jmap/call";
import type { Identity } from "../jmap/identity";
import { MDN_SENT, RECEIPT_KEY, sendReceipt } from "../jmap/mdn";
import { RECEIPT_TO } from "../jmap/email";
import type { EmailId } from "../jmap/id";
import type { EmailRecord } from "../store/email";
import type { Store } from "../store/store";
import type { Actions } from "./actions";
import type { Toasts } from "./toasts";
import { explain } from "./trouble";

/** receiptAsked is to whom a receipt for a mail would go; none: nobody is to be asked. */
export function receiptAsked(email: EmailRecord, mine: (address: string) => boolean): readonly string[] {
  const to = (email[RECEIPT_TO] ?? []).map((a) => a.email).filter((a) => a.includes("@"));
  const own = email.from.some((a) => mine(a.email));
  if (own || email.keywords["$draft"] || email.keywords[MDN_SENT]) return [];
  return [...new Set(to)];
}

/** receiptIdentity is the address that a mail came to, else the first one. */
export function receiptIdentity(email: EmailRecord, identities: readonly Identity[]): Identity | undefined {
  const to = [...(email.to ?? []), ...(email.cc ?? [])].map((a) => a.email.toLowerCase());
  return identities.find((i) => to.includes(i.email.toLowerCase())) ?? identities[0];
}

export class Receipts {
  /** The mail whose receipt is on its way. */
  readonly sending = signal<EmailId | undefined>(undefined);

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly toasts: Toasts,
  ) {}

  /** asked is to whom the person may be asked to send a receipt. */
  asked(email: EmailRecord, mine: (address: string) => boolean): readonly string[] {
    return this.store.connection.session.sendsReceipts ? receiptAsked(email, mine) : [];
  }

  async send(email: EmailRecord): Promise<void> {
    const { connection } = this.store;
    const identity = receiptIdentity(email, this.store.identities.peek());
    if (identity === undefined || this.sending.peek() !== undefined) return;
    this.sending.value = email.id;
    try {
      const answer = await connection.call(sendReceipt(connection.session.account, identity.id, email.id));
      const no = answer.notSent[RECEIPT_KEY];
      if (no && no.type !== "mdnAlreadySent") throw methodTrouble(no.type, no.description);
      const marked = (e: EmailRecord) => ({ ...e, keywords: { ...e.keywords, [MDN_SENT]: true } });
      this.store.emails.overlay(email.id, marked).commit();
      this.toasts.show(words.receipt.sent, "done");
    } catch (thrown) {
      this.toasts.show(`${words.receipt.failed} ${explain(asTrouble(thrown))}`, "trouble");
    } finally {
      this.sending.value = undefined;
      void this.store.sync().catch(() => undefined); // the mark comes with the next change at the latest
    }
  }

  /** decline sends nothing, and does not ask again for this mail. */
  decline(email: EmailRecord): void {
    this.actions.setKeyword(email.id, MDN_SENT);
  }
}
