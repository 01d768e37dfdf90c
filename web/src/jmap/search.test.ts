import assert from "node:assert/strict";
import test from "node:test";
import { pieces } from "./search";

test("a snippet is text with marks, and never more", () => {
  const cases: readonly [string, readonly [string, boolean][]][] = [
    ["a <mark>boat</mark> &amp; a ship", [["a ", false], ["boat", true], [" & a ship", false]]],
    ["<mark>a</mark><mark>b</mark>", [["a", true], ["b", true]]],
    ["&lt;mark&gt;x&lt;/mark&gt; &amp;lt;", [["<mark>x</mark> &lt;", false]]],
    ["<img src=x onerror=alert(1)>", [["<img src=x onerror=alert(1)>", false]]],
    ["<mark>open", [["<mark>open", false]]],
    ["&unknown; &#39;", [["&unknown; '", false]]],
    ["", []],
  ]; // prettier-ignore
  for (const [text, want] of cases) {
    assert.deepEqual(pieces(text, "").map((p) => [p.text, p.marked]), want, text); // prettier-ignore
  }
});
