/** Mail that attacks: nothing of it runs, leaves the origin, or reaches the page around it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "../lib/fixtures";
import { random } from "../lib/random";
import { deliver, letter, stack } from "../lib/stack";

const lists = [
  "dompurify-expect",
  "dompurify-suite",
  "h5sc",
  "bluemonday",
  "antisamy",
  "owasp-java-html-sanitizer",
  "payloadbox",
  "roundcube-washtml",
  "roundcube-files",
  "wpt-sanitizer",
];
/** Mails of each list, and payloads of each mail. */
const MAILS = 3;
const PAYLOADS = 12;

interface Payload {
  readonly id: string;
  readonly payload: string;
}

function payloads(list: string): Payload[] {
  const text = readFileSync(join(stack.shared, "corpus", "hostile-html", `${list}.json`), "utf8");
  return JSON.parse(text) as Payload[]; // the corpus' README says so
}

/** hostile is a mail body with payloads of a list between two lines that must be seen. */
function hostile(list: string, from: number): string {
  const all = payloads(list);
  const next = random(from);
  const chosen = Array.from({ length: PAYLOADS }, () => all[Math.floor(next() * all.length)]);
  return [
    "<!doctype html><html><head><title>hostile</title></head><body>",
    `<p id="first">first line</p><img src="https://tracker.elsewhere.example/${list}-${from}.gif" width="10" height="10">`,
    ...chosen.map((c) => `<div>${c?.payload ?? ""}</div>`),
    "</body></html>",
  ].join("\n");
}

test("no payload runs, loads from elsewhere or leaves its frame", async ({ signedIn, watcher }) => {
  test.setTimeout(120_000);
  const subjects: string[] = [];
  const run = crypto.randomUUID().slice(0, 4);
  for (const list of lists) {
    for (let i = 1; i <= MAILS; i++) {
      const subject = `Hostile ${run} ${list} ${i}.`;
      subjects.push(subject);
      await deliver("dora", letter("dora", { subject, type: "text/html", body: hostile(list, i) }));
    }
  }
  const mail = await signedIn("dora");
  // Many of one second have no order that says which rows are in view: show them all.
  await mail.page.setViewportSize({ width: 1280, height: 3_000 });
  for (const subject of subjects) await expect(mail.row(subject)).toBeVisible({ timeout: 40_000 });
  // Numbers are the frames themselves.
  const globals = () =>
    mail.page.evaluate(() =>
      Object.keys(window)
        .filter((k) => !/^\d+$/.test(k))
        .sort()
        .join(" "),
    );
  const before = await globals();

  for (const subject of subjects) {
    await mail.open(mail.row(subject));
    expect(await mail.bodyText(), subject).toContain("first line");
    await expect(mail.reader.getByRole("note"), subject).toContainText(/remote images? (is|are) blocked/);

    // The page cannot see into the frame, nor the frame out of itself.
    const seen = await mail.page.evaluate(() => {
      const frame = document.querySelector<HTMLIFrameElement>("iframe.is-front");
      try {
        return [frame?.contentDocument === null, String(frame?.contentWindow?.document.title)];
      } catch (thrown) {
        return [frame?.contentDocument === null, (thrown as Error).name];
      }
    });
    expect(seen, subject).toEqual([true, "SecurityError"]);

    const inside = await mail.body.locator("body").evaluate((body) => {
      const all = [...body.ownerDocument.querySelectorAll("*")];
      const banned =
        "script,iframe,frame,object,embed,applet,form,input,button,textarea,select,base,svg,math,template,noscript,portal,audio,video,source,link:not([rel=none])";
      return {
        origin: self.origin,
        banned: all.filter((e) => e.matches(banned)).map((e) => e.outerHTML.slice(0, 200)),
        handlers: all.flatMap((e) => e.getAttributeNames().filter((n) => n.startsWith("on"))),
        links: all
          .map((e) => e.getAttribute("href") ?? "")
          .filter((h) => h && !/^(https?:|mailto:|tel:|#)/i.test(h)),
        sources: all
          .map((e) => e.getAttribute("src") ?? "")
          .filter((s) => s && !/^(data:image\/|\/b\/|https:\/\/localhost:\d+\/b\/)/.test(s)),
        loaded: performance
          .getEntriesByType("resource")
          .map((r) => r.name)
          .filter((n) => !n.startsWith("data:")),
      };
    });
    expect(inside, subject).toEqual({
      origin: "null",
      banned: [],
      handlers: [],
      links: [],
      sources: [],
      loaded: [],
    });
    watcher.check(subject);
  }
  expect(await globals(), "globals of the page").toBe(before);
  await expect(mail.page).toHaveTitle(/Example Mail/);
  await expect(mail.page.getByRole("button", { name: "Reply", exact: true })).toBeVisible();
});

test("a link opens a new window that does not know where it came from", async ({ signedIn }) => {
  const subject = `Links ${crypto.randomUUID().slice(0, 8)}`;
  // To our own origin, for nothing may leave it: the sign-in page or the mail opens beside.
  const body = `<p><a href="${stack.url}/healthz" target="_top">up</a> <a href="javascript:alert(1)">run</a></p>`;
  await deliver("dora", letter("dora", { subject, type: "text/html", body }));
  const mail = await signedIn("dora");
  await mail.open(mail.row(subject));
  const opened = mail.page.waitForEvent("popup");
  await mail.body.getByText("up").click();
  const other = await opened;
  await other.waitForLoadState();
  expect(await other.evaluate(() => [window.opener === null, document.referrer])).toEqual([true, ""]);
  await expect(mail.reader.getByRole("heading", { level: 1 })).toHaveText(subject);
  await mail.body.getByText("run").click();
  await expect(mail.reader.getByRole("heading", { level: 1 })).toHaveText(subject);
});

test("names, subjects and file names are text", async ({ signedIn }) => {
  const evil = `"><img src=x onerror=alert(1)>`;
  const strings = payloads("naughty-strings").slice(0, 217);
  const next = random();
  const picked = Array.from(
    { length: 12 },
    () => strings[Math.floor(next() * strings.length)]?.payload ?? "",
  );
  const word = (text: string) => `=?utf-8?B?${Buffer.from(text.slice(0, 120)).toString("base64")}?=`;
  for (const [i, text] of [evil, ...picked].entries()) {
    await deliver(
      "dora",
      letter("dora", {
        subject: word(`N${i} ${text}`),
        from: `${word(text)} <n${i}@elsewhere.example>`,
        body: text,
      }),
    );
  }
  const mail = await signedIn("dora");
  for (const i of [0, ...picked.keys()].map((_, n) => n)) {
    const row = mail.row(new RegExp(`^N${i} `));
    await expect(row).toBeVisible({ timeout: 40_000 });
    await mail.open(row);
    await expect(mail.reader.getByRole("heading", { level: 1 })).toContainText(`N${i} `);
  }
});
