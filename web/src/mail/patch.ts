/** Patches of emails: how one is applied here ahead of the server, and how it is taken back. */
import type { EmailPatch } from "../jmap/email";
import { mailboxId, type MailboxId } from "../jmap/id";
import type { EmailRecord } from "../store/email";

/** setKeyword makes a patch that sets or removes one keyword (RFC 8621, section 4.1.1). */
export function setKeyword(keyword: string, on: boolean): EmailPatch {
  return { [`keywords/${keyword}`]: on ? true : null };
}

/** moveBetween takes an email out of one mailbox into another and leaves its other mailboxes alone. */
export function moveBetween(from: MailboxId, to: MailboxId): EmailPatch {
  return { [`mailboxIds/${from}`]: null, [`mailboxIds/${to}`]: true };
}

/** applyPatch returns the email as it will be. */
export function applyPatch(email: EmailRecord, patch: EmailPatch): EmailRecord {
  let { keywords, mailboxIds } = email;
  for (const [path, value] of Object.entries(patch)) {
    const [property, name = ""] = path.split("/");
    if (property === "keywords") {
      const others = Object.fromEntries(Object.entries(keywords).filter(([k]) => k !== name));
      keywords = value ? { ...others, [name]: true } : others;
    } else if (property === "mailboxIds") {
      const id = mailboxId(name, path);
      const others = mailboxIds.filter((m) => m !== id);
      mailboxIds = value ? [...others, id] : others;
    }
  }
  return { ...email, keywords, mailboxIds };
}

/** inversePatch undoes a patch on an email as it was before. */
export function inversePatch(before: EmailRecord, patch: EmailPatch): EmailPatch {
  const out: Record<string, true | null> = {};
  for (const path of Object.keys(patch)) {
    const [property, name = ""] = path.split("/");
    const was =
      property === "keywords" ? before.keywords[name] === true : before.mailboxIds.some((id) => id === name);
    out[path] = was ? true : null;
  }
  return out;
}
