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

interface Writer {
  lines: string[];
}

function breakLine(w: Writer): void {
  w.lines.push("");
}

function openBlock(w: Writer, gap: boolean): void {
  if (w.lines.at(-1) !== "") breakLine(w);
  if (gap && w.lines.length > 1 && w.lines.at(-2) !== "") breakLine(w);
}

function write(w: Writer, text: string): void {
  const last = w.lines.at(-1) ?? "";
  const piece = decodeEntities(text.replace(/[\s]+/g, " "));
  w.lines[w.lines.length - 1] =
    last === "" ? piece.trimStart() : last.endsWith(" ") ? last + piece.trimStart() : last + piece;
}

/** htmlToText keeps paragraphs, line breaks and list bullets; everything else becomes plain words. */
export function htmlToText(html: string): string {
  const w: Writer = { lines: [""] };
  const token = /<!--[\s\S]*?(?:-->|$)|<(\/?)([a-z][a-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|([^<]+)|</gi;
  let skip = "";
  for (const match of html.matchAll(token)) {
    const [, slash, rawName, , text] = match;
    const name = rawName?.toLowerCase();
    if (name !== undefined) {
      if (skip !== "") {
        if (slash && name === skip) skip = "";
      } else if (silent.has(name)) {
        if (!slash) skip = name;
      } else if (name === "br") {
        breakLine(w);
      } else if (blocks.has(name)) {
        openBlock(w, spaced.has(name));
        if (name === "li" && !slash) write(w, "• ");
      } else if ((name === "td" || name === "th") && slash) {
        write(w, " ");
      }
    } else if (text !== undefined && skip === "") {
      write(w, text);
    }
  }
  return w.lines
    .map((l) => l.trimEnd())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
