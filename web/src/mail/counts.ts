/** Folder counts ahead of the server's own, so that a number moves with the row it counts. */
import type { MailboxId } from "../jmap/id";
import type { Mailbox } from "../jmap/mailbox";
import type { EmailRecord } from "../store/email";

export interface CountChange {
  totalEmails: number;
  unreadEmails: number;
  totalThreads: number;
  unreadThreads: number;
}

function unread(e: EmailRecord): boolean {
  return !e.keywords["$seen"];
}

function tally(emails: readonly EmailRecord[], sign: 1 | -1, into: Map<MailboxId, CountChange>): void {
  const threads = new Map<MailboxId, { all: Set<string>; unread: Set<string> }>();
  for (const email of emails) {
    for (const id of email.mailboxIds) {
      const change = into.get(id) ?? { totalEmails: 0, unreadEmails: 0, totalThreads: 0, unreadThreads: 0 };
      into.set(id, change);
      change.totalEmails += sign;
      if (unread(email)) change.unreadEmails += sign;
      const seen = threads.get(id) ?? { all: new Set(), unread: new Set() };
      threads.set(id, seen);
      seen.all.add(email.threadId);
      if (unread(email)) seen.unread.add(email.threadId);
    }
  }
  for (const [id, seen] of threads) {
    const change = into.get(id);
    if (!change) continue;
    change.totalThreads += sign * seen.all.size;
    change.unreadThreads += sign * seen.unread.size;
  }
}

/** countChanges compares whole threads before and after a change, by mailbox. */
export function countChanges(
  before: readonly EmailRecord[],
  after: readonly EmailRecord[],
): ReadonlyMap<MailboxId, CountChange> {
  const out = new Map<MailboxId, CountChange>();
  tally(before, -1, out);
  tally(after, 1, out);
  return out;
}

/** withCounts adds a change to a mailbox; sign -1 takes it back. */
export function withCounts(mailbox: Mailbox, change: CountChange | undefined): Mailbox {
  if (!change) return mailbox;
  const sum = (n: number, d: number) => Math.max(0, n + d);
  return {
    ...mailbox,
    totalEmails: sum(mailbox.totalEmails, change.totalEmails),
    unreadEmails: sum(mailbox.unreadEmails, change.unreadEmails),
    totalThreads: sum(mailbox.totalThreads, change.totalThreads),
    unreadThreads: sum(mailbox.unreadThreads, change.unreadThreads),
  };
}
