/**
 * The text of an HTML body, for quoting. The result only ever becomes a text node or the value of a
 * textarea; nothing here builds a document (DOMParser would need a Trusted Types policy).
 */

const entities: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", copy: "©", reg: "®", trade: "™",
  hellip: "…", mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", sbquo: "‚", ldquo: "“", rdquo: "”",
  bdquo: "„", laquo: "«", raquo: "»", bull: "•", middot: "·", euro: "€", pound: "£", yen: "¥",
  cent: "¢", sect: "§", para: "¶", deg: "°", plusmn: "±", times: "×", divide: "÷", frac12: "½",
  auml: "ä", ouml: "ö", uuml: "ü", Auml: "Ä", Ouml: "Ö", Uuml: "Ü", szlig: "ß", eacute: "é",
  egrave: "è", ecirc: "ê", agrave: "à", aacute: "á", acirc: "â", ccedil: "ç", ntilde: "ñ",
  iacute: "í", oacute: "ó", uacute: "ú", ocirc: "ô", ugrave: "ù", zwnj: "", zwj: "", shy: "",
}; // prettier-ignore

function codePoint(code: number): string {
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
    ? String.fromCodePoint(code)
    : "\ufffd";
}

function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+\d*);?/gi, (whole, name: string) => {
    if (/^#x/i.test(name)) return codePoint(parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return codePoint(parseInt(name.slice(1), 10));
    return entities[name] ?? entities[name.toLowerCase()] ?? whole;
  });
}

/** Elements whose content is not text for people. */
const silent = new Set(["script", "style", "head", "title", "template", "noscript", "svg", "math"]);
const blocks = new Set(
  "address article aside blockquote dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul".split(
    " ",
  ),
);
/** Blocks that people set apart by an empty line. */
const spaced = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table", "pre"]);

/** The lines that are done, and the pieces of the one being written; joining late keeps it linear. */
interface Writer {
  readonly lines: string[];
  pieces: string[];
  /** The line ends with a space, or is empty: another one would be too many. */
  spaced: boolean;
}

function breakLine(w: Writer): void {
  w.lines.push(w.pieces.join("").trimEnd());
  w.pieces = [];
  w.spaced = true;
}

function openBlock(w: Writer, gap: boolean): void {
  if (w.pieces.length > 0) breakLine(w);
  if (gap && w.lines.length > 0 && w.lines.at(-1) !== "") w.lines.push("");
}

function write(w: Writer, text: string): void {
  const one = text.replace(/\s+/g, " ");
  const piece = decodeEntities(w.spaced ? one.trimStart() : one);
  if (piece === "") return;
  w.pieces.push(piece);
  w.spaced = one.endsWith(" ");
}

interface Token {
  /** A tag's name in lower case with "/" before it when it closes; "" for text. */
  readonly tag: string;
  readonly text: string;
}

/** Where the tag that starts at `from` ends: quotes hide ">", and an open tag hides the rest. */
function tagEnd(html: string, from: number): number {
  let quoted = "";
  for (let i = from; i < html.length; i++) {
    const c = html[i] ?? "";
    if (quoted !== "") quoted = c === quoted ? "" : quoted;
    else if (c === ">") return i;
    else if ((c === '"' || c === "'") && html[i - 1] === "=") quoted = c;
  }
  return html.length;
}

/** tokens reads from left to right, each letter once: the input is as hostile as mail is. */
function* tokens(html: string): Generator<Token> {
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    if (open !== at) {
      const end = open < 0 ? html.length : open;
      yield { tag: "", text: html.slice(at, end) };
      at = end;
    } else if (html.startsWith("<!--", at)) {
      const end = html.indexOf("-->", at + 4);
      at = end < 0 ? html.length : end + 3;
    } else if (/[a-z/!?]/i.test(html[at + 1] ?? "")) {
      const end = tagEnd(html, at + 1);
      const name = /^\/?[a-z][a-z0-9-]*/i.exec(html.slice(at + 1, Math.min(end, at + 40)))?.[0] ?? "!";
      yield { tag: name.toLowerCase(), text: "" };
      at = end + 1;
    } else {
      yield { tag: "", text: "<" };
      at++;
    }
  }
}

function element(w: Writer, tag: string): void {
  const closes = tag.startsWith("/");
  const name = closes ? tag.slice(1) : tag;
  if (name === "br") breakLine(w);
  else if (blocks.has(name)) openBlock(w, spaced.has(name));
  else if (closes && (name === "td" || name === "th")) write(w, " ");
  if (name === "li" && !closes) write(w, "• ");
}

/** htmlToText keeps paragraphs, line breaks and list bullets; everything else becomes plain words. */
export function htmlToText(html: string): string {
  const w: Writer = { lines: [], pieces: [], spaced: true };
  let skip = "";
  for (const { tag, text } of tokens(html)) {
    if (skip !== "") {
      if (tag === `/${skip}`) skip = "";
    } else if (tag === "") write(w, text);
    else if (silent.has(tag)) skip = tag;
    else element(w, tag);
  }
  breakLine(w);
  return w.lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
