/** Receipts (RFC 9007). They are sent when a person says so, never by themselves. */
import { dict, isRecord, object, orElse } from "../base/decode";
import { MAIL, MDN, type Method } from "./call";
import type { AccountId, EmailId, IdentityId } from "./id";
import { notDone, type SetError } from "./mailbox";

/** Marks a mail for which a receipt was sent, or will not be (RFC 9007, section 1.2). */
export const MDN_SENT = "$mdnsent";

/** The creation id of the one receipt in a call. */
export const RECEIPT_KEY = "receipt";

export interface ReceiptAnswer {
  readonly sent: Record<string, Record<string, unknown>>;
  readonly notSent: Record<string, SetError>;
}

/** sendReceipt says that a mail was displayed, as its sender asked (RFC 9007, section 2.1). */
export function sendReceipt(
  accountId: AccountId,
  identityId: IdentityId,
  forEmailId: EmailId,
): Method<ReceiptAnswer> {
  const disposition = { actionMode: "manual-action", sendingMode: "mdn-sent-manually", type: "displayed" };
  return {
    name: "MDN/send",
    args: {
      accountId,
      identityId,
      send: { [RECEIPT_KEY]: { forEmailId, disposition } },
      onSuccessUpdateEmail: { [`#${RECEIPT_KEY}`]: { [`keywords/${MDN_SENT}`]: true } },
    },
    using: [MAIL, MDN],
    decode: object<ReceiptAnswer>({
      sent: orElse(
        dict((v) => (isRecord(v) ? v : {})),
        {},
      ),
      notSent: notDone,
    }),
  };
}
