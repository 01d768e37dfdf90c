/** Email (RFC 8621, section 4). The properties asked for shape the type of the result. */
import {
  bool,
  type Decoder,
  dict,
  type Fields,
  isRecord,
  list,
  num,
  object,
  orElse,
  orNull,
  str,
} from "../base/decode";
import { COFFERDAM, MAIL, type Method, type Ref } from "./call";
import {
  type AccountId,
  type BlobId,
  blobId,
  type EmailId,
  emailId,
  type MailboxId,
  mailboxId,
  type State,
  state,
  type ThreadId,
  threadId,
} from "./id";
import { notDone, type SetError } from "./mailbox";

/** RFC 8621, section 4.1.2.3. */
export interface Address {
  readonly name: string | null;
  readonly email: string;
}

/** RFC 8621, section 4.1.4. */
export interface BodyPart {
  readonly partId: string | null;
  readonly blobId: BlobId | null;
  readonly size: number;
  readonly name: string | null;
  readonly type: string;
  readonly disposition: string | null;
  readonly cid: string | null;
}

/** RFC 8621, section 4.1.4, bodyValues. */
export interface BodyValue {
  readonly value: string;
  readonly isEncodingProblem: boolean;
  readonly isTruncated: boolean;
}

/** Keywords that are set (RFC 8621, section 4.1.1). */
export type Keywords = Readonly<Record<string, boolean>>;

/** To whom a receipt is to go (RFC 9007, section 3.2). */
export const RECEIPT_TO = "header:Disposition-Notification-To:asAddresses";

export interface Email {
  readonly id: EmailId;
  readonly blobId: BlobId;
  readonly threadId: ThreadId;
  readonly mailboxIds: readonly MailboxId[];
  readonly keywords: Keywords;
  readonly size: number;
  readonly receivedAt: string;
  readonly messageId: readonly string[];
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  readonly from: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly bcc: readonly Address[];
  readonly replyTo: readonly Address[];
  readonly subject: string;
  readonly sentAt: string | null;
  readonly [RECEIPT_TO]: readonly Address[];
  readonly hasAttachment: boolean;
  readonly preview: string;
  readonly bodyValues: Readonly<Record<string, BodyValue>>;
  readonly textBody: readonly BodyPart[];
  readonly htmlBody: readonly BodyPart[];
  readonly attachments: readonly BodyPart[];
}

const address = object<Address>({ name: orNull(str), email: orElse(str, "") });
const addresses = orElse(list(address), []);
const words = orElse(list(str), []);

const bodyPart = object<BodyPart>({
  partId: orNull(str),
  blobId: orNull(blobId),
  size: orElse(num, 0),
  name: orNull(str),
  type: orElse(str, "application/octet-stream"),
  disposition: orNull(str),
  cid: orNull(str),
});
const bodyParts = orElse(list(bodyPart), []);

/** A set of ids or keywords is an object whose values are true. */
const keysOf: Decoder<string[]> = (v, at) => Object.keys(dict(bool)(v, at));

const fields: Fields<Email> = {
  id: emailId,
  blobId,
  threadId,
  mailboxIds: (v, at) => keysOf(v, at).map((k) => mailboxId(k, at)),
  keywords: orElse(dict(bool), {}),
  size: orElse(num, 0),
  receivedAt: str,
  messageId: words,
  inReplyTo: words,
  references: words,
  from: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  replyTo: addresses,
  subject: orElse(str, ""),
  sentAt: orNull(str),
  [RECEIPT_TO]: addresses,
  hasAttachment: orElse(bool, false),
  preview: orElse(str, ""),
  bodyValues: orElse(
    dict(
      object<BodyValue>({
        value: str,
        isEncodingProblem: orElse(bool, false),
        isTruncated: orElse(bool, false),
      }),
    ),
    {},
  ),
  textBody: bodyParts,
  htmlBody: bodyParts,
  attachments: bodyParts,
};

function pick<P extends keyof Email>(properties: readonly P[]): Decoder<Pick<Email, P>> {
  return (v, at) => {
    const source = isRecord(v) ? v : {};
    const out: Partial<Pick<Email, P>> = {};
    for (const p of properties) out[p] = fields[p](source[p], `${at}/${p}`);
    return out as Pick<Email, P>; // each property was decoded above, else it threw
  };
}

export interface EmailGetAnswer<P extends keyof Email> {
  readonly state: State;
  readonly list: Pick<Email, P>[];
  readonly notFound: EmailId[];
}

export interface BodyOptions {
  readonly fetchTextBodyValues?: boolean;
  /** Bytes; longer texts come truncated. */
  readonly maxBodyValueBytes?: number;
}

/** emailGet (RFC 8621, section 4.2). */
export function emailGet<P extends keyof Email>(
  accountId: AccountId,
  ids: readonly EmailId[] | Ref<readonly EmailId[]>,
  properties: readonly P[],
  body: BodyOptions = {},
): Method<EmailGetAnswer<P>> {
  return {
    name: "Email/get",
    args: { accountId, ids, properties, ...body },
    using: [MAIL],
    decode: object({ state, list: list(pick(properties)), notFound: orElse(list(emailId), []) }),
  };
}

export interface SearchText {
  readonly text: string;
  /** Where days begin; a name of the IANA time zone database. */
  readonly timeZone?: string;
}

/** RFC 8621, section 4.4.1; the conditions that the client uses. */
export interface EmailFilter {
  readonly inMailbox?: MailboxId;
  readonly text?: string;
  /** Of the vendor capability: what the person typed, with operators such as from: and before:. */
  readonly search?: SearchText;
  readonly hasKeyword?: string;
  readonly notKeyword?: string;
  readonly hasAttachment?: boolean;
}

export interface EmailQueryArgs {
  readonly filter: EmailFilter;
  readonly collapseThreads: boolean;
  readonly position?: number;
  readonly anchor?: EmailId;
  readonly anchorOffset?: number;
  readonly limit: number;
  readonly calculateTotal: boolean;
}

export interface EmailQueryAnswer {
  readonly queryState: State;
  readonly position: number;
  readonly ids: EmailId[];
  readonly total: number | null;
}

export const NEWEST_FIRST = [{ property: "receivedAt", isAscending: false }] as const;

/** emailQuery, newest first (RFC 8621, section 4.4). */
export function emailQuery(accountId: AccountId, query: EmailQueryArgs): Method<EmailQueryAnswer> {
  return {
    name: "Email/query",
    args: { accountId, sort: NEWEST_FIRST, ...query },
    using: query.filter.search ? [MAIL, COFFERDAM] : [MAIL],
    decode: object({ queryState: state, position: num, ids: list(emailId), total: orNull(num) }),
  };
}

export interface Changes {
  readonly newState: State;
  readonly hasMoreChanges: boolean;
  readonly created: EmailId[];
  readonly updated: EmailId[];
  readonly destroyed: EmailId[];
}

/** emailChanges (RFC 8621, section 4.3). */
export function emailChanges(accountId: AccountId, sinceState: State, maxChanges: number): Method<Changes> {
  return {
    name: "Email/changes",
    args: { accountId, sinceState, maxChanges },
    using: [MAIL],
    decode: object({
      newState: state,
      hasMoreChanges: orElse(bool, false),
      created: list(emailId),
      updated: list(emailId),
      destroyed: list(emailId),
    }),
  };
}

/** A patch of an Email (RFC 8620, section 5.3); only keywords and mailboxIds may change. */
export type EmailPatch = Readonly<Record<string, true | null>>;

/** What a client may create (RFC 8621, section 4.6). */
export interface NewEmail {
  readonly mailboxIds: Readonly<Record<MailboxId, true>>;
  readonly keywords: Keywords;
  readonly from: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly bcc: readonly Address[];
  readonly subject: string;
  readonly sentAt: string;
  readonly messageId: readonly string[];
  readonly inReplyTo: readonly string[] | null;
  readonly references: readonly string[] | null;
  readonly bodyValues: Readonly<Record<string, { readonly value: string }>>;
  readonly textBody: readonly { readonly partId: string; readonly type: "text/plain" }[];
  readonly attachments: readonly {
    readonly blobId: BlobId;
    readonly type: string;
    readonly name: string;
    readonly disposition: "attachment";
  }[];
}

export interface EmailSetArgs {
  readonly create?: Readonly<Record<string, NewEmail>>;
  readonly update?: Readonly<Record<EmailId, EmailPatch>>;
  readonly destroy?: readonly EmailId[];
}

export interface Created {
  readonly id: EmailId;
  readonly blobId: BlobId | null;
  readonly threadId: ThreadId | null;
}

export interface EmailSetAnswer {
  readonly oldState: State | null;
  readonly newState: State;
  readonly created: Record<string, Created>;
  readonly notCreated: Record<string, SetError>;
  readonly notUpdated: Record<string, SetError>;
  readonly notDestroyed: Record<string, SetError>;
}

/** emailSet (RFC 8621, section 4.6). */
export function emailSet(accountId: AccountId, set: EmailSetArgs): Method<EmailSetAnswer> {
  return {
    name: "Email/set",
    args: { accountId, ...set },
    using: [MAIL],
    decode: object({
      oldState: orNull(state),
      newState: state,
      created: orElse(
        dict(object<Created>({ id: emailId, blobId: orNull(blobId), threadId: orNull(threadId) })),
        {},
      ),
      notCreated: notDone,
      notUpdated: notDone,
      notDestroyed: notDone,
    }),
  };
}
