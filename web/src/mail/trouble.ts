/** Trouble in the words of a person: what happened, what is safe, what to do. */
import type { Trouble } from "../base/trouble";
import { words } from "../base/words";

/** explain says what happened; doing is the thing that was tried ("Your mail was not sent"). */
export function explain(trouble: Trouble): string {
  switch (trouble.kind) {
    case "offline":
      return words.trouble.offline;
    case "signedOut":
      return words.trouble.signedOut;
    case "unavailable":
      return words.trouble.unavailable;
    case "throttled":
      return words.trouble.throttled(trouble.retryAfter);
    case "gone":
      return words.trouble.gone;
    case "refused":
      return refusal(trouble);
    case "aborted":
      return words.trouble.aborted;
    case "broken":
      return words.trouble.broken;
  }
}

function refusal(trouble: Trouble): string {
  const known: Readonly<Record<string, string>> = words.trouble.refusals;
  return known[trouble.type] ?? (trouble.detail || words.trouble.refused);
}
