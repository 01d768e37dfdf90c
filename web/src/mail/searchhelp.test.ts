import assert from "node:assert/strict";
import test from "node:test";
import { complete, notes, offers } from "./searchhelp";

const folders = ["inbox", "archive", '"Trip to Delft"'].map((insert) => ({ insert, hint: "" }));

/** at puts the caret where the bar stands. */
function at(text: string): [string, number] {
  return [text.replace("|", ""), text.indexOf("|")];
}

test("what is offered fits the word at the caret", () => {
  const cases: readonly [string, readonly string[]][] = [
    ["fr|", ["from:"]],
    ["FR|", ["from:"]],
    ["-fr|", ["from:"]],
    ["boat i|", ["in:", "is:unread"]],
    ["in:|", ["inbox", "archive", '"Trip to Delft"']],
    ["in:a|", ["archive"]],
    ['in:"trip t|', ['"Trip to Delft"']],
    ["is:un| boat", ["unread"]],
    ["before:y|", ["yesterday"]],
    ["from:a|", []],
    ["boat|", []],
    ['"from|', []],
  ];
  for (const [text, want] of cases) {
    const got = offers(...at(text), folders).map((o) => o.insert);
    assert.deepEqual(got, want, text);
  }
  assert.equal(offers("", 0, folders).length, 8);
  assert.equal(offers("boat ", 5, folders).length, 8);
});

test("an offer takes the place of what was begun", () => {
  const cases: readonly [string, string, string][] = [
    ["fr|", "from:", "from:|"],
    ["boat -fr|", "from:", "boat -from:|"],
    ["in:tr| boat", '"Trip to Delft"', 'in:"Trip to Delft" |boat'],
    ["|", "is:unread", "is:unread |"],
  ];
  for (const [text, insert, want] of cases) {
    const done = complete(...at(text), { insert, hint: "" });
    assert.equal(`${done.text.slice(0, done.caret)}|${done.text.slice(done.caret)}`, want);
  }
});

test("a person is told what was not understood, and what was perhaps meant", () => {
  const got = notes("frm:anna in:nowhere is:", [
    { start: 0, end: 8, kind: "unknown", suggest: "from" },
    { start: 9, end: 19, kind: "unknown", suggest: null },
    { start: 20, end: 23, kind: "incomplete", suggest: null },
  ]);
  assert.deepEqual(
    got.map((n) => n.instead),
    ["from:anna in:nowhere is:", undefined, undefined],
  );
  assert.match(got[1]?.say ?? "", /in:nowhere/);
  assert.match(got[2]?.say ?? "", /is:/);
});
