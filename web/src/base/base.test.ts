import assert from "node:assert/strict";
import test from "node:test";
import { backoff } from "./backoff";
import { fromBase64url, i2osp, toBase64url } from "./bytes";
import { list, num, object, orElse, str } from "./decode";
import { MAX_SCROLL_PX, rowSpace, scrollFor } from "./geometry";
import { htmlToText } from "./htmltext";
import { fileSize } from "./size";
import { listDate, localDate } from "./time";

test("base64url is strict", () => {
  assert.equal(toBase64url(fromBase64url("AP_-")), "AP_-");
  for (const bad of ["AP/+", "AA==", "A", "AB", "A A"]) assert.throws(() => fromBase64url(bad), bad);
});

test("i2osp writes big-endian and refuses what does not fit", () => {
  assert.deepEqual([...i2osp(0x0102, 4)], [0, 0, 1, 2]);
  assert.deepEqual([...i2osp(1_700_000_000, 8)], [0, 0, 0, 0, 0x65, 0x53, 0xf1, 0]);
  assert.throws(() => i2osp(65536, 2));
});

test("decoders say where an answer is wrong", () => {
  const decode = object({ list: list(object({ id: str, n: orElse(num, 7) })) });
  assert.deepEqual(decode({ list: [{ id: "a", extra: 1 }] }, "get"), { list: [{ id: "a", n: 7 }] });
  assert.throws(() => decode({ list: [{ id: 3 }] }, "get"), /get\/list\/0\/id: expected a string/);
});

test("rows have real positions in a list of 100,000", () => {
  const space = rowSpace(100_000, 76, 760, 50_000 * 76);
  assert.equal(space.height, 7_600_000);
  assert.equal(space.first, 50_000);
  assert.equal(space.last, 50_010);
  assert.equal(space.top(50_000), 3_800_000);
});

test("a list that is too tall for the engine is compressed and still reaches its last row", () => {
  const total = 1_000_000;
  const end = rowSpace(total, 76, 760, MAX_SCROLL_PX - 760);
  assert.equal(end.height, MAX_SCROLL_PX);
  assert.equal(end.last, total - 1);
  assert.equal(Math.round(end.top(total - 1) + 76), MAX_SCROLL_PX);
});

test("a row out of view is scrolled to, one in view is left alone", () => {
  assert.equal(scrollFor(3, 100, 76, 760, 0), 0);
  assert.equal(scrollFor(20, 100, 76, 760, 0), 21 * 76 - 760);
  assert.equal(scrollFor(2, 100, 76, 760, 1_000), 152);
});

test("an empty list has no rows", () => {
  assert.equal(rowSpace(0, 76, 760, 0).last, -1);
});

for (const [html, text] of [
  ["<p>One</p><p>Two&nbsp;three</p>", "One\n\nTwo three"],
  ["a<br>b<br/>c", "a\nb\nc"],
  ["<ul><li>first<li>second</ul>", "• first\n• second"],
  ["<style>p{color:red}</style><script>alert('<p>')</script>seen", "seen"],
  ["x &lt;b&gt; &amp;amp; &#8364; &#x1F600; &nosuch;", "x <b> &amp; € 😀 &nosuch;"],
  ["<!-- hidden <p> -->shown<!-- open", "shown"],
  ['<a title="a > b">link</a> 1 < 2', "link 1 < 2"],
  ["<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"],
  ["&#xd800;&#0;", "\ufffd\ufffd"],
] as const) {
  test(`the text of ${html}`, () => assert.equal(htmlToText(html), text));
}

test("html of a megabyte of open brackets is read in linear time", () => {
  const started = Date.now();
  htmlToText("<a ".repeat(300_000));
  htmlToText("<".repeat(1_000_000));
  htmlToText('<a title="'.repeat(100_000));
  assert.ok(Date.now() - started < 3_000, `took ${Date.now() - started} ms`);
});

test("file sizes are short", () => {
  assert.deepEqual([0, 999, 1_000, 15_400, 12_400_000].map(fileSize), [
    "0 B",
    "999 B",
    "1.0 kB",
    "15 kB",
    "12 MB",
  ]);
});

test("dates in a list are as short as they stay clear", () => {
  const now = new Date(2026, 10, 23, 12, 0);
  const at = (y: number, m: number, d: number) => listDate(new Date(y, m, d, 9, 5).toISOString(), now);
  assert.match(at(2026, 10, 23), /9:05/);
  assert.match(at(2026, 10, 22), /^Sun/);
  assert.match(at(2026, 2, 1), /Mar/);
  assert.match(at(2024, 2, 1), /2024/);
  assert.equal(listDate("nonsense", now), "");
});

test("a date for the server keeps the zone it was written in", () => {
  const date = new Date("2026-11-23T10:00:00.123Z");
  assert.equal(new Date(localDate(date)).getTime(), Math.floor(date.getTime() / 1000) * 1000);
  assert.match(localDate(date), /^2026-11-2\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/);
});

test("attempts come ever later, up to a minute", () => {
  assert.equal(
    backoff(1, () => 1),
    1_000,
  );
  assert.equal(
    backoff(4, () => 1),
    8_000,
  );
  assert.equal(
    backoff(50, () => 1),
    60_000,
  );
  assert.equal(
    backoff(50, () => 0),
    30_000,
  );
});
