/** Drafts: what a composer starts with, and the Email that it becomes. Pure; the composer does the work. */
import { localDate } from "../base/time";
import type { Address, NewEmail } from "../jmap/email";
import type { BlobId, EmailId, IdentityId, MailboxId } from "../jmap/id";
import type { Identity } from "../jmap/identity";
import type { DetailEmail } from "../store/email";
import { addressKey } from "./people";
import { forwardBody, forwardSubject, newBody, type Quoted, replyBody, replySubject } from "./quote";

export type DraftKind = "new" | "reply" | "replyAll" | "forward" | "edit";

export interface AttachedFile {
  readonly blobId: BlobId;
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** A Draft is everything that a person can change, and the threading that they cannot. */
export interface Draft {
  readonly identity: IdentityId | undefined;
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly bcc: readonly Address[];
  readonly subject: string;
  readonly body: string;
  readonly files: readonly AttachedFile[];
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  /** Kept over all saves, so that a send whose answer was lost can be looked for. */
  readonly messageId: string | undefined;
  /** The email that is answered or forwarded, and the keyword it gets once this one is sent. */
  readonly original: { readonly id: EmailId; readonly keyword: "$answered" | "$forwarded" } | undefined;
}

/** owns says whether an identity stands for an address; `*@domain` stands for a whole domain. */
export function owns(identity: Identity, email: string): boolean {
  const own = addressKey(identity.email);
  const key = addressKey(email);
  return own.startsWith("*@") ? key.endsWith(own.slice(1)) : own === key;
}

export function isMine(identities: readonly Identity[], email: string): boolean {
  return identities.some((i) => owns(i, email));
}

/** replyIdentity is the one the mail was sent to, so that an answer comes from the same address. */
export function replyIdentity(identities: readonly Identity[], original: DetailEmail): Identity | undefined {
  const addressed = [...original.to, ...original.cc, ...original.bcc, ...original.from];
  for (const { email } of addressed) {
    const exact = identities.find((i) => addressKey(i.email) === addressKey(email));
    const found = exact ?? identities.find((i) => owns(i, email));
    if (found) return found;
  }
  return identities[0];
}

function without(list: readonly Address[], keys: Set<string>): Address[] {
  return list.filter(({ email }) => {
    const key = addressKey(email);
    if (key === "" || keys.has(key)) return false;
    keys.add(key);
    return true;
  });
}

/** replyRecipients follows RFC 5322, section 3.6.3: Reply-To before From; never oneself, nobody twice. */
export function replyRecipients(
  original: Pick<DetailEmail, "from" | "replyTo" | "to" | "cc">,
  identities: readonly Identity[],
  all: boolean,
): { to: Address[]; cc: Address[] } {
  const mine = (a: Address) => isMine(identities, a.email);
  const author = original.replyTo.length > 0 ? original.replyTo : original.from;
  const own = author.length > 0 && author.every(mine);
  // Answering one's own mail goes on to the people it went to.
  const to = without(own ? original.to : author, new Set());
  if (!all) return { to: to.length > 0 ? to : [...author], cc: [] };
  const others = own ? original.cc : [...original.to, ...original.cc];
  const taken = new Set(to.map((a) => addressKey(a.email)));
  return {
    to: to.length > 0 ? to : [...author],
    cc: without(
      others.filter((a) => !mine(a)),
      taken,
    ),
  };
}

function threading(original: DetailEmail): Pick<Draft, "inReplyTo" | "references"> {
  const base = original.references.length > 0 ? original.references : original.inReplyTo;
  // RFC 5322, section 3.6.4: the parent's references, then the parent itself.
  return { inReplyTo: original.messageId, references: [...base, ...original.messageId] };
}

function quoted(original: DetailEmail, text: string): Quoted {
  const { from, to, cc, subject } = original;
  return { from, to, cc, subject, date: original.sentAt ?? original.receivedAt, text };
}

export function newDraft(identity: Identity | undefined, to: readonly Address[] = []): Draft {
  return {
    identity: identity?.id,
    to,
    cc: [],
    bcc: [],
    subject: "",
    body: newBody(identity?.textSignature ?? ""),
    files: [],
    inReplyTo: [],
    references: [],
    messageId: undefined,
    original: undefined,
  };
}

export function replyDraft(
  original: DetailEmail,
  text: string,
  identities: readonly Identity[],
  all: boolean,
): Draft {
  const identity = replyIdentity(identities, original);
  return {
    ...newDraft(identity),
    ...replyRecipients(original, identities, all),
    ...threading(original),
    subject: replySubject(original.subject),
    body: replyBody(quoted(original, text), identity?.textSignature ?? ""),
    original: { id: original.id, keyword: "$answered" },
  };
}

function filesOf(original: DetailEmail): AttachedFile[] {
  return original.attachments.flatMap((part) =>
    part.blobId === null
      ? []
      : [{ blobId: part.blobId, name: part.name ?? "attachment", type: part.type, size: part.size }],
  );
}

export function forwardDraft(original: DetailEmail, text: string, identities: readonly Identity[]): Draft {
  const identity = replyIdentity(identities, original);
  return {
    ...newDraft(identity),
    subject: forwardSubject(original.subject),
    body: forwardBody(quoted(original, text), identity?.textSignature ?? ""),
    files: filesOf(original),
    references: threading(original).references,
    original: { id: original.id, keyword: "$forwarded" },
  };
}

/** savedDraft takes up a draft that lies in Drafts. */
export function savedDraft(saved: DetailEmail, text: string, identities: readonly Identity[]): Draft {
  const from = saved.from[0]?.email ?? "";
  return {
    identity: (identities.find((i) => owns(i, from)) ?? identities[0])?.id,
    to: saved.to,
    cc: saved.cc,
    bcc: saved.bcc,
    subject: saved.subject,
    body: text.replace(/\r\n?/g, "\n"),
    files: filesOf(saved),
    inReplyTo: saved.inReplyTo,
    references: saved.references,
    messageId: saved.messageId[0],
    original: undefined,
  };
}

/** toEmail is the draft as the server stores it (RFC 8621, section 4.6). */
export function toEmail(
  draft: Draft,
  from: Address,
  drafts: MailboxId,
  messageId: string,
  now = new Date(),
): NewEmail {
  return {
    mailboxIds: { [drafts]: true },
    keywords: { $draft: true, $seen: true },
    from: [from],
    to: draft.to,
    cc: draft.cc,
    bcc: draft.bcc,
    subject: draft.subject,
    sentAt: localDate(now),
    messageId: [messageId],
    inReplyTo: draft.inReplyTo.length > 0 ? draft.inReplyTo : null,
    references: draft.references.length > 0 ? draft.references : null,
    bodyValues: { text: { value: draft.body } },
    textBody: [{ partId: "text", type: "text/plain" }],
    attachments: draft.files.map(({ blobId, type, name }) => ({
      blobId,
      type,
      name,
      disposition: "attachment",
    })),
  };
}
