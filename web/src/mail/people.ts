/** People as they are shown: names, initials, the participants of a conversation. */
import type { Address } from "../jmap/email";
import { words } from "../base/words";

/** addressKey is what two spellings of one address share. */
export function addressKey(email: string): string {
  return email.trim().toLowerCase();
}

/** displayName is the name, else the address; quotes that some programs leave in are dropped. */
export function displayName(a: Address): string {
  const name = (a.name ?? "").replace(/^["'\s]+|["'\s]+$/g, "");
  return name || a.email || words.unknownSender;
}

/** isolated keeps a name or an address in its own direction inside of a sentence (UAX 9, 2.1). */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}

/** shortName is the first word of a name, for lists of several people. */
export function shortName(a: Address): string {
  const name = displayName(a);
  if (name.includes("@")) return name.split("@")[0] ?? name;
  if (name.includes(",")) return name.split(",")[1]?.trim().split(/\s+/)[0] || name;
  return name.split(/\s+/)[0] ?? name;
}

/** initials are one or two letters for an avatar. */
export function initials(a: Address): string {
  const parts = displayName(a)
    .replace(/@.*/, "")
    .split(/[\s._-]+/)
    .filter((w) => /^[\p{L}\p{N}]/u.test(w));
  const letter = (w: string | undefined) => (w ? (Array.from(w)[0] ?? "") : "");
  const first = letter(parts[0]);
  // Scripts without capitals read better with one character.
  if (!/\p{Lu}|\p{Ll}/u.test(first)) return first || "?";
  return (first + (parts.length > 1 ? letter(parts.at(-1)) : "")).toUpperCase();
}

/** tint picks one of a few quiet colours, always the same for an address. */
export function tint(email: string, tints: number): number {
  let hash = 2166136261;
  for (const c of addressKey(email)) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % tints;
}

export interface Participant {
  readonly label: string;
  readonly unread: boolean;
}

interface Sent {
  readonly from: readonly Address[];
  readonly keywords: Readonly<Record<string, boolean>>;
}

/**
 * participants lists who wrote in a conversation, oldest first, each once; me is called by a word.
 * One person alone keeps the full name.
 */
export function participants(emails: readonly Sent[], mine: (email: string) => boolean): Participant[] {
  const seen = new Map<string, { address: Address; unread: boolean; me: boolean }>();
  for (const email of emails) {
    const address = email.from[0];
    if (!address) continue;
    const me = mine(address.email);
    const key = me ? "me" : addressKey(address.email);
    const unread = !email.keywords["$seen"];
    const known = seen.get(key);
    if (known) known.unread ||= unread;
    else seen.set(key, { address, unread, me });
  }
  const all = [...seen.values()];
  return all.map(({ address, unread, me }) => ({
    label: me ? words.me : all.length > 1 ? shortName(address) : displayName(address),
    unread,
  }));
}

/** formatAddress writes an address as a composer's text field takes it. */
export function formatAddress(a: Address): string {
  if (!a.name) return a.email;
  const name = /[",;<>@]/.test(a.name) ? `"${a.name.replace(/["\\]/g, "")}"` : a.name;
  return `${name} <${a.email}>`;
}

/** isAddress accepts what a mail server could take; the server has the last word. */
export function isAddress(email: string): boolean {
  return /^[^\s@<>,;"]+@[^\s@<>,;"]+\.?[^\s@<>,;".]$/u.test(email);
}

/** parseAddresses reads what people type or paste: names with <addresses>, separated by , ; or lines. */
export function parseAddresses(text: string): Address[] {
  const found: Address[] = [];
  const piece = /\s*(?:"([^"]*)"|([^<>,;"\n]*?))\s*<([^<>]+)>|[^,;\n]+/g;
  for (const match of text.matchAll(piece)) {
    const email = (match[3] ?? match[0]).trim();
    const name = (match[1] ?? match[2] ?? "").trim();
    if (email !== "") found.push({ name: match[3] !== undefined && name !== "" ? name : null, email });
  }
  return found;
}
