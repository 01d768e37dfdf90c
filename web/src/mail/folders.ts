/** Folders as a sidebar shows them: roles first, in an order people know, then by name, nested. */
import { words } from "../base/words";
import type { MailboxId } from "../jmap/id";
import type { Mailbox, Role } from "../jmap/mailbox";

const roleOrder: readonly (Role | null)[] = [
  "inbox",
  "flagged",
  "drafts",
  "sent",
  "archive",
  "all",
  "junk",
  "trash",
];

export interface Folder {
  readonly mailbox: Mailbox;
  readonly depth: number;
  readonly hasChildren: boolean;
}

function rank(mailbox: Mailbox): number {
  const at = roleOrder.indexOf(mailbox.role);
  return at < 0 ? roleOrder.length : at;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a: Mailbox, b: Mailbox): number {
  return rank(a) - rank(b) || a.sortOrder - b.sortOrder || collator.compare(a.name, b.name);
}

/** folderTree lists folders in order; children of a closed folder are left out. */
export function folderTree(
  mailboxes: ReadonlyMap<MailboxId, Mailbox>,
  closed: ReadonlySet<MailboxId> = new Set(),
): Folder[] {
  const children = new Map<MailboxId | null, Mailbox[]>();
  for (const mailbox of mailboxes.values()) {
    // A folder with a role stands on the top floor wherever the server keeps it, and so does an orphan.
    const lifted = mailbox.role !== null || mailbox.parentId === null || !mailboxes.has(mailbox.parentId);
    const parent = lifted ? null : mailbox.parentId;
    children.set(parent, [...(children.get(parent) ?? []), mailbox]);
  }
  const out: Folder[] = [];
  const walk = (parent: MailboxId | null, depth: number, above: ReadonlySet<MailboxId>): void => {
    for (const mailbox of (children.get(parent) ?? []).sort(compare)) {
      if (above.has(mailbox.id)) continue; // a circle on the server must not be one here
      out.push({ mailbox, depth, hasChildren: children.has(mailbox.id) });
      if (!closed.has(mailbox.id)) walk(mailbox.id, depth + 1, new Set(above).add(mailbox.id));
    }
  };
  walk(null, 0, new Set());
  return out;
}

/** folderName is the person's word for a role, else the folder's own name. */
export function folderName(mailbox: Mailbox): string {
  return mailbox.role === null ? mailbox.name : words.role[mailbox.role];
}

/** folderCount is the number beside a folder: what is unread, in Drafts what is there. */
export function folderCount(mailbox: Mailbox): number {
  if (mailbox.role === "drafts") return mailbox.totalEmails;
  if (mailbox.role === "trash" || mailbox.role === "sent") return 0;
  return mailbox.unreadThreads;
}
