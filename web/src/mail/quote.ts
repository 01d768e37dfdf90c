/** Subjects, attributions and quotations of replies and forwards, in plain text. */
import { mediumDate } from "../base/time";
import { words } from "../base/words";
import type { Address } from "../jmap/email";
import { displayName, formatAddress } from "./people";

/** Prefixes that mail programs of several languages put before a subject. */
const replyPrefix = /^\s*(re|aw|sv|vs|odp|antw|ynt|ref|rif|回复|答复|返信)\s*(\[\d+\])?\s*[:：]\s*/i;
const forwardPrefix = /^\s*(fwd?|wg|tr|vl|doorst|rv|enc|i|转发|轉寄|転送)\s*[:：]\s*/i;

/** threadSubject is what a conversation is about, without the prefixes of answers. */
export function threadSubject(subject: string): string {
  let rest = subject;
  while (replyPrefix.test(rest)) rest = rest.replace(replyPrefix, "");
  return rest.trim() || subject;
}

export function replySubject(subject: string): string {
  return replyPrefix.test(subject) && subject.replace(replyPrefix, "").trim() === ""
    ? "Re: "
    : `Re: ${threadSubject(subject)}`;
}

export function forwardSubject(subject: string): string {
  let rest = subject;
  while (forwardPrefix.test(rest)) rest = rest.replace(forwardPrefix, "");
  return `Fwd: ${rest.trim()}`;
}

/** withoutSignature drops what follows the last "-- " line (RFC 3676, section 4.3). */
export function withoutSignature(text: string): string {
  const at = text.search(/(^|\n)-- \r?\n(?![\s\S]*\n-- \r?\n)/);
  return at < 0 ? text : text.slice(0, at);
}

/** quote puts "> " before each line; a line that is quoted already gets ">" alone (RFC 3676, 4.5). */
export function quote(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/\s+$/, "")
    .split("\n")
    .map((line) => (line === "" || line.startsWith(">") ? `>${line}` : `> ${line}`))
    .join("\n");
}

export interface Quoted {
  readonly from: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly subject: string;
  readonly date: string;
  readonly text: string;
}

function signed(signature: string): string {
  return signature.trim() === "" ? "" : `\n\n-- \n${signature.trim()}`;
}

/** replyBody leaves the first lines empty for the answer: the cursor stands there. */
export function replyBody(original: Quoted, signature: string): string {
  const who = original.from[0] ? displayName(original.from[0]) : words.unknownSender;
  const attribution = words.wrote(mediumDate(original.date), who);
  return `${signed(signature)}\n\n${attribution}\n${quote(withoutSignature(original.text))}\n`.replace(
    /^\n*/,
    "\n\n",
  );
}

/** forwardBody repeats the original whole, below a header that names where it came from. */
export function forwardBody(original: Quoted, signature: string): string {
  const people = (list: readonly Address[]) => list.map(formatAddress).join(", ");
  const header = [
    words.forwarded,
    `${words.from}: ${people(original.from)}`,
    `${words.date}: ${mediumDate(original.date)}`,
    `${words.subject}: ${original.subject}`,
    `${words.to}: ${people(original.to)}`,
    ...(original.cc.length > 0 ? [`${words.cc}: ${people(original.cc)}`] : []),
  ];
  const text = original.text.replace(/\r\n?/g, "\n").trim();
  return `${signed(signature)}\n\n${header.join("\n")}\n\n${text}\n`.replace(/^\n*/, "\n\n");
}

export function newBody(signature: string): string {
  return signature.trim() === "" ? "" : `\n${signed(signature)}\n`;
}
