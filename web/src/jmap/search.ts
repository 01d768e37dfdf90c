/** EmailSearch, of the vendor capability, and SearchSnippet (RFC 8621, section 5). */
import { bool, list, num, object, orNull, str, type Decoder } from "../base/decode";
import { COFFERDAM, MAIL, type Method } from "./call";
import { type EmailFilter, type EmailQueryAnswer, type EmailQueryArgs, NEWEST_FIRST } from "./email";
import { type AccountId, type EmailId, emailId, state } from "./id";

export interface EmailSearchAnswer extends EmailQueryAnswer {
  readonly searchState: string;
  /** False while folders are still searched. */
  readonly isComplete: boolean;
}

/**
 * emailSearchQuery is emailQuery that answers before all folders have been searched. With the state of
 * an earlier answer it waits until there is more.
 */
export function emailSearchQuery(
  accountId: AccountId,
  query: EmailQueryArgs & { readonly sinceSearchState?: string | undefined },
): Method<EmailSearchAnswer> {
  return {
    name: "EmailSearch/query",
    args: { accountId, sort: NEWEST_FIRST, ...query },
    using: [MAIL, COFFERDAM],
    decode: object({
      queryState: state,
      searchState: str,
      isComplete: bool,
      position: num,
      ids: list(emailId),
      total: orNull(num),
    }),
  };
}

/** A piece of a text; marked where words of the search stand. */
export interface Piece {
  readonly text: string;
  readonly marked: boolean;
}

export interface Snippet {
  readonly emailId: EmailId;
  readonly subject: readonly Piece[] | null;
  readonly preview: readonly Piece[] | null;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** pieces reads the one kind of HTML that a snippet is; nothing of it is ever given to a parser of HTML. */
export const pieces: Decoder<readonly Piece[]> = (v, at) =>
  str(v, at)
    .split(/(<mark>.*?<\/mark>)/s)
    .filter((part) => part !== "")
    .map((part) => {
      const marked = part.startsWith("<mark>") && part.endsWith("</mark>");
      const text = marked ? part.slice(6, -7) : part;
      return { text: text.replace(/&(#?\w+);/g, (all, name: string) => entities[name] ?? all), marked };
    });

/** searchSnippetGet (RFC 8621, section 5.1). */
export function searchSnippetGet(
  accountId: AccountId,
  filter: EmailFilter,
  emailIds: readonly EmailId[],
): Method<{ list: Snippet[] }> {
  return {
    name: "SearchSnippet/get",
    args: { accountId, filter, emailIds },
    using: filter.search ? [MAIL, COFFERDAM] : [MAIL],
    decode: object({
      list: list(object<Snippet>({ emailId, subject: orNull(pieces), preview: orNull(pieces) })),
    }),
  };
}

/** What a part of a search text was taken for; places are in UTF-16 code units, as JavaScript counts. */
export interface SearchSpan {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
  readonly suggest: string | null;
}

/** emailSearchExplain is EmailSearch/explain of the vendor capability. */
export function emailSearchExplain(
  accountId: AccountId,
  search: NonNullable<EmailFilter["search"]>,
): Method<{ spans: SearchSpan[] }> {
  return {
    name: "EmailSearch/explain",
    args: { accountId, search },
    using: [MAIL, COFFERDAM],
    decode: object({
      spans: list(object<SearchSpan>({ start: num, end: num, kind: str, suggest: orNull(str) })),
    }),
  };
}
