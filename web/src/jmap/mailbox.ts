/** Mailbox (RFC 8621, section 2). */
import { anything, bool, type Decoder, dict, list, num, object, orElse, orNull, str } from "../base/decode";
import { MAIL, type Method } from "./call";
import { type AccountId, type MailboxId, mailboxId, type State, state } from "./id";

/** Roles of the IANA registry that the client knows (RFC 8621, section 2; RFC 6154). */
export const knownRoles = ["inbox", "drafts", "sent", "archive", "junk", "trash", "flagged", "all"] as const;
export type Role = (typeof knownRoles)[number];

const role: Decoder<Role | null> = (v) => knownRoles.find((r) => r === v) ?? null;

/** RFC 8621, section 2, myRights; those the client asks about. */
export interface Rights {
  readonly mayAddItems: boolean;
  readonly mayRemoveItems: boolean;
  readonly maySetSeen: boolean;
  readonly maySetKeywords: boolean;
  readonly maySubmit: boolean;
}

export interface Mailbox {
  readonly id: MailboxId;
  readonly name: string;
  readonly parentId: MailboxId | null;
  readonly role: Role | null;
  readonly sortOrder: number;
  readonly totalEmails: number;
  readonly unreadEmails: number;
  readonly totalThreads: number;
  readonly unreadThreads: number;
  readonly myRights: Rights;
}

const may = orElse(bool, true);

const mailbox = object<Mailbox>({
  id: mailboxId,
  name: str,
  parentId: orNull(mailboxId),
  role,
  sortOrder: orElse(num, 0),
  totalEmails: orElse(num, 0),
  unreadEmails: orElse(num, 0),
  totalThreads: orElse(num, 0),
  unreadThreads: orElse(num, 0),
  myRights: orElse(
    object<Rights>({
      mayAddItems: may,
      mayRemoveItems: may,
      maySetSeen: may,
      maySetKeywords: may,
      maySubmit: may,
    }),
    { mayAddItems: true, mayRemoveItems: true, maySetSeen: true, maySetKeywords: true, maySubmit: true },
  ),
});

export interface MailboxGetAnswer {
  readonly state: State;
  readonly list: Mailbox[];
}

/** mailboxGet fetches the given mailboxes, or all (RFC 8621, section 2.1). */
export function mailboxGet(accountId: AccountId, ids: readonly MailboxId[] | null): Method<MailboxGetAnswer> {
  return {
    name: "Mailbox/get",
    args: { accountId, ids },
    using: [MAIL],
    decode: object({ state, list: list(mailbox) }),
  };
}

export interface SetError {
  readonly type: string;
  readonly description: string;
}

/** RFC 8620, section 5.3. */
export const setError = object<SetError>({ type: str, description: orElse(str, "") });

/** notDone decodes notCreated, notUpdated and notDestroyed. */
export const notDone = orElse(dict(setError), {});
/** done decodes created, updated and destroyed where only the keys matter. */
export const done = orElse(dict(anything), {});
