/** What the search field offers while a person types. The server reads the text; this only saves typing. */
import { words } from "../base/words";

export interface Offer {
  /** What stands in the field for it. */
  readonly insert: string;
  readonly hint: string;
}

export interface Completed {
  readonly text: string;
  readonly caret: number;
}

const w = words.searchHelp;

const operators: readonly Offer[] = [
  { insert: "from:", hint: w.from },
  { insert: "to:", hint: w.to },
  { insert: "subject:", hint: w.subject },
  { insert: "in:", hint: w.in },
  { insert: "is:unread", hint: w.unread },
  { insert: "has:attachment", hint: w.attachment },
  { insert: "after:", hint: w.after },
  { insert: "before:", hint: w.before },
];

const states: readonly Offer[] = [
  { insert: "unread", hint: w.unread },
  { insert: "starred", hint: w.starred },
  { insert: "answered", hint: w.answered },
];

const days: readonly Offer[] = [
  { insert: "today", hint: w.today },
  { insert: "yesterday", hint: w.yesterday },
];

/** As many folders as a short list has; more letters name the others. */
const MAX_FOLDERS = 8;

/** The word that ends at the caret; a quoted part is one word. */
function wordAt(text: string, caret: number): { readonly start: number; readonly word: string } {
  const before = text.slice(0, caret);
  const match = /(?:[^\s"]|"[^"]*"?)*$/.exec(before);
  const start = match ? match.index : caret;
  return { start, word: before.slice(start) };
}

function values(operator: string, folders: readonly Offer[]): readonly Offer[] {
  switch (operator) {
    case "in":
      return folders;
    case "is":
      return states;
    case "has":
      return [{ insert: "attachment", hint: w.attachment }];
    case "before":
    case "after":
      return [...days, { insert: w.dateForm, hint: w.date }];
    default:
      return [];
  }
}

/** offers are what may stand at the caret: operators, or values of the one before it. */
export function offers(text: string, caret: number, folders: readonly Offer[]): readonly Offer[] {
  const word = wordAt(text, caret).word.replace(/^-/, "");
  const colon = word.indexOf(":");
  if (colon < 0 && word.startsWith('"')) return []; // a phrase
  const starts = (begun: string) => (o: Offer) => {
    const plain = o.insert.replace(/^"/, "").toLowerCase();
    return plain.startsWith(begun.replace(/^"/, "").toLowerCase()) && o.insert.toLowerCase() !== begun;
  };
  if (colon < 0) return operators.filter(starts(word));
  const value = word.slice(colon + 1);
  return values(word.slice(0, colon).toLowerCase(), folders).filter(starts(value)).slice(0, MAX_FOLDERS);
}

/** complete puts an offer where the caret is. What is whole gets a space after it. */
export function complete(text: string, caret: number, offer: Offer): Completed {
  const { start, word } = wordAt(text, caret);
  const minus = word.startsWith("-") ? "-" : "";
  const colon = word.indexOf(":");
  const kept = colon < 0 ? minus : word.slice(0, colon + 1);
  const done = offer.insert.endsWith(":") ? offer.insert : `${offer.insert} `;
  const head = text.slice(0, start) + kept + done;
  return { text: head + text.slice(caret).trimStart(), caret: head.length };
}

/** A part of a text as the server took it, as far as a person must hear of it. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
  readonly suggest: string | null;
}

export interface Note {
  readonly say: string;
  /** The text that was perhaps meant. */
  readonly instead: string | undefined;
}

/** notes say what a search does not ask although it looks so. */
export function notes(text: string, parts: readonly Part[]): readonly Note[] {
  const out: Note[] = [];
  for (const p of parts) {
    const part = text.slice(p.start, p.end);
    if (p.kind === "incomplete") out.push({ say: w.incomplete(part), instead: undefined });
    if (p.kind !== "unknown") continue;
    const name = /^[^:]*:/.exec(part)?.[0];
    const instead =
      p.suggest === null || name === undefined
        ? undefined
        : `${text.slice(0, p.start)}${p.suggest}:${text.slice(p.start + name.length)}`;
    out.push({ say: w.asWords(part), instead });
  }
  return out;
}
