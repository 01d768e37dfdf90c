/** Ids (RFC 8620, section 1.2), one type a kind, so that a mix-up does not compile. */
import { type Decoder, DecodeError, str } from "../base/decode";

declare const brand: unique symbol;
type Branded<B extends string> = string & { readonly [brand]: B };

export type AccountId = Branded<"Account">;
export type BlobId = Branded<"Blob">;
export type EmailId = Branded<"Email">;
export type IdentityId = Branded<"Identity">;
export type MailboxId = Branded<"Mailbox">;
export type SubmissionId = Branded<"Submission">;
export type ThreadId = Branded<"Thread">;
/** A state string (RFC 8620, section 5.1): compared for equality, nothing else. */
export type State = Branded<"State">;

/** An Id is 1 to 255 letters that are safe in a URL and a file name (RFC 8620, section 1.2). */
function idOf<B extends string>(): Decoder<Branded<B>> {
  return (v, at) => {
    const text = str(v, at);
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(text)) throw new DecodeError(`${at}: not an id`);
    return text as Branded<B>; // checked against the grammar of ids
  };
}

export const accountId = idOf<"Account">();
export const blobId = idOf<"Blob">();
export const emailId = idOf<"Email">();
export const identityId = idOf<"Identity">();
export const mailboxId = idOf<"Mailbox">();
export const submissionId = idOf<"Submission">();
export const threadId = idOf<"Thread">();
export const state: Decoder<State> = (v, at) => str(v, at) as State; // any string is a state
