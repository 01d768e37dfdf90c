/** What the store keeps of an Email: light for every member of a thread, more for rows, most when open. */
import { type Email, RECEIPT_TO } from "../jmap/email";

export const lightProperties = [
  "id",
  "threadId",
  "mailboxIds",
  "keywords",
  "from",
  "receivedAt",
  "hasAttachment",
] as const satisfies readonly (keyof Email)[];

export const rowProperties = [
  ...lightProperties,
  "to",
  "subject",
  "preview",
] as const satisfies readonly (keyof Email)[];

const detailOnly = [
  "blobId",
  "size",
  "messageId",
  "inReplyTo",
  "references",
  "cc",
  "bcc",
  "replyTo",
  "sentAt",
  RECEIPT_TO,
  "attachments",
] as const satisfies readonly (keyof Email)[];

export const detailProperties = [...rowProperties, ...detailOnly] as const satisfies readonly (keyof Email)[];

export type LightEmail = Pick<Email, (typeof lightProperties)[number]>;
export type RowEmail = Pick<Email, (typeof rowProperties)[number]>;
export type DetailEmail = Pick<Email, (typeof detailProperties)[number]>;

/** A record grows from light to detail and never shrinks. */
export type EmailRecord = LightEmail & Partial<Omit<DetailEmail, keyof LightEmail>>;

export function isRow(e: EmailRecord): e is EmailRecord & RowEmail {
  return e.subject !== undefined;
}

export function isDetail(e: EmailRecord): e is EmailRecord & DetailEmail {
  return e.attachments !== undefined;
}
