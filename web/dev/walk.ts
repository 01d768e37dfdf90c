/** Walks the built client in a browser over the fake server and asserts what a person would notice. */
import assert from "node:assert/strict";
import { chromium, type Page } from "playwright-core";
import { FakeGate } from "./gate";

const gate = new FakeGate(6_000);
const url = await gate.listen(0);
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const only = process.argv.slice(2);
let failed = 0;

async function walk(name: string, steps: (page: Page) => Promise<void>): Promise<void> {
  if (only.length > 0 && !only.some((o) => name.includes(o))) return;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(5_000);
  const complaints: string[] = [];
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type()) && !/status of (401|503)|ERR_/.test(m.text()))
      complaints.push(m.text());
  });
  page.on("pageerror", (e) => complaints.push(e.message));
  gate.signedIn = true;
  try {
    await steps(page);
    assert.deepEqual(complaints, []);
    console.log(`ok    ${name}`);
  } catch (thrown) {
    failed++;
    console.log(
      `FAIL  ${name}\n      ${String(thrown).split("\n").slice(0, 6).join("\n      ")}\n      ${complaints.join(" | ")}`,
    );
    await page.screenshot({ path: `shots/walk-${name.replace(/\W+/g, "-")}.png` });
  }
  gate.delay = 0;
  gate.failWith = 0;
  gate.jmap.refuse = undefined;
  await context.close();
}

const rows = (page: Page) => page.locator(".row:not(.row-skeleton)");

async function open(page: Page, path = "/"): Promise<void> {
  await page.goto(url + path);
  await rows(page).first().waitFor();
}

async function until(what: () => Promise<boolean> | boolean, why: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not happen: ${why}`);
}

const subjectAt = (page: Page, n: number) => page.locator(".row-subject").nth(n).innerText();

await walk("sign in, sign out", async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.fill("input[name=username]", "ada");
  await page.fill("input[name=password]", "cofferdam");
  await page.keyboard.press("Enter");
  await rows(page).first().waitFor();
  assert.match(await page.title(), /Inbox – Northshore/);
  await page.click(".account-button");
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForSelector("input[name=password]");
});

await walk("every place has a URL: open, back, forward, reload", async (page) => {
  await open(page);
  const subject = await subjectAt(page, 2);
  await page.locator(".row-main").nth(2).click();
  await page.waitForSelector(".frames .is-front");
  const there = page.url();
  assert.match(there, /\/mail\/mb-inbox\/M\w+$/);
  await page.goBack();
  await page.waitForSelector(".reader.is-empty");
  await page.goForward();
  await page.waitForSelector(".frames .is-front");
  await page.reload();
  await page.waitForSelector(".frames .is-front");
  assert.equal(await page.locator("h1.subject").innerText(), subject);
  const id = there.split("/").pop() ?? "";
  await page.goto(`${url}/mail/id/${id}`);
  await page.waitForSelector(".frames .is-front");
  assert.equal(page.url(), there);
});

await walk("a deep place in a long list loads alone", async (page) => {
  await open(page, "/mail/mb-inbox");
  await page.locator(".scroller").evaluate((el) => (el.scrollTop = 1_500 * 76));
  const at = () => rows(page).evaluateAll((all) => all.map((r) => Number(r.getAttribute("aria-posinset"))));
  await until(async () => (await at()).length > 8 && Math.min(...(await at())) > 1_400, "rows at 1,500");
});

await walk("write, autosave, send, find it in Sent", async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("priya,");
  await page.locator(".chips input").first().fill("priya.raman@example.net");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove priya", exact: true }).click();
  await page.locator("[id^=subject]").fill("A walk along the quay");
  await page.locator(".compose-text").fill("Tomorrow at ten?");
  await page.getByText(/^Saved in Drafts/).waitFor();
  const drafts = gate.jmap.mails.filter((m) => m.mailboxIds.has("mb-drafts"));
  assert.equal(drafts.filter((d) => d.subject === "A walk along the quay").length, 1);
  await page.locator(".compose-text").focus();
  await page.keyboard.press("Control+Enter");
  await page.locator(".toast", { hasText: "Sent" }).waitFor();
  await until(
    () => !gate.jmap.mails.some((m) => m.mailboxIds.has("mb-drafts") && m.subject.startsWith("A walk")),
    "draft gone",
  );
  await page.getByRole("link", { name: "Sent" }).click();
  await until(async () => (await subjectAt(page, 0)) === "A walk along the quay", "in Sent");
  assert.match(await page.locator(".row-people").first().innerText(), /^To: /);
});

await walk("reply to all: recipients, quote, answered", async (page) => {
  await open(page);
  await page.locator(".row-main", { hasText: "Lunch on Thursday" }).first().click();
  await page.waitForSelector(".frames .is-front");
  await page.keyboard.press("a");
  await page.waitForSelector(".composer");
  const text = await page.locator(".compose-text").inputValue();
  assert.match(text, /wrote:\n> /);
  await page.keyboard.type("Half past twelve it is.");
  await page.locator(".compose-bottom .button-primary").click();
  await page.locator(".toast", { hasText: "Sent" }).waitFor();
  const sent = gate.jmap.mails.find((m) => m.text.startsWith("Half past twelve it is."));
  assert.ok(sent?.mailboxIds.has("mb-sent") && !sent.keywords.has("$draft"));
  await until(() => gate.jmap.mails.some((m) => m.keywords.has("$answered")), "original marked as answered");
  await until(
    async () => (await page.locator(".closed-mail", { hasText: "Half past twelve it is" }).count()) === 1,
    "in the conversation",
  );
});

await walk("archive, undo, delete, next one opens", async (page) => {
  await open(page);
  const [first, second, third] = [
    await subjectAt(page, 0),
    await subjectAt(page, 1),
    await subjectAt(page, 2),
  ];
  await page.locator(".row-main").nth(1).click();
  await page.waitForSelector(".frames .is-front");
  await page.keyboard.press("e");
  await until(async () => (await page.locator("h1.subject").innerText()) === third, "next is open");
  await page.keyboard.press("z");
  await until(async () => (await subjectAt(page, 1)) === second, "it is back");
  await page.keyboard.press("k");
  await page.keyboard.press("k");
  await until(async () => (await page.locator("h1.subject").innerText()) === first, "first is open");
  await page.keyboard.press("#");
  await page.locator(".toast", { hasText: "Moved to Trash" }).waitFor();
  assert.equal(await subjectAt(page, 0), second);
});

await walk("delete in Trash asks and destroys", async (page) => {
  await open(page, "/mail/mb-trash");
  const before = gate.jmap.mails.length;
  await page.locator(".row-check").nth(0).click();
  await page.keyboard.press("#");
  await page.getByRole("button", { name: "Delete for ever" }).click();
  await page.locator(".toast", { hasText: "Deleted for ever" }).waitFor();
  assert.ok(gate.jmap.mails.length < before);
});

await walk("select with shift, move all, counts follow", async (page) => {
  await open(page, "/mail/mb-lists");
  const total = gate.jmap.mails.filter((m) => m.mailboxIds.has("mb-empty")).length;
  await page.locator(".row-check").nth(0).click();
  await page
    .locator(".row-check")
    .nth(3)
    .click({ modifiers: ["Shift"] });
  assert.equal(await page.locator(".selection-bar h1").innerText(), "4 selected");
  await page.keyboard.press("v");
  await page.keyboard.type("quiet");
  await page.keyboard.press("Enter");
  await page.locator(".toast", { hasText: "4 moved to Quiet place" }).waitFor();
  await until(() => gate.jmap.mails.filter((m) => m.mailboxIds.has("mb-empty")).length >= total + 4, "moved");
});

await walk("search names folders and opens the very mail", async (page) => {
  await open(page);
  await page.keyboard.press("/");
  await page.keyboard.type("handrail");
  await page.keyboard.press("Enter");
  await page.locator(".row-where").first().waitFor();
  assert.match(page.url(), /\/search\/handrail$/);
  await page.locator(".row-main").nth(1).click();
  await page.waitForSelector(".frames .is-front");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".reader.is-empty");
});

await walk("new mail arrives by itself, title counts", async (page) => {
  await open(page);
  await page.waitForTimeout(300);
  const before = Number(/\((\d+)\)/.exec(await page.title())?.[1]);
  const started = Date.now();
  gate.jmap.deliver("Live wire");
  await until(async () => (await subjectAt(page, 0)) === "Live wire", "first row");
  console.log(`      visible after ${Date.now() - started} ms`);
  await until(async () => Number(/\((\d+)\)/.exec(await page.title())?.[1]) === before + 1, "title");
});

await walk("the session ends while writing: sign in again, nothing lost, sending goes on", async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("sofia.rossi@example.it,");
  await page.locator("[id^=subject]").fill("Windows at last");
  gate.signedIn = false;
  await page.locator(".compose-text").fill("Five weeks are fine.");
  await page.waitForSelector("dialog input[name=password]");
  await page.waitForTimeout(100);
  await page.keyboard.type("cofferdam");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal(await page.locator(".compose-text").inputValue(), "Five weeks are fine.");
  await page.getByText(/^Saved in Drafts/).waitFor();
  await page.locator(".compose-bottom .button-primary").click();
  await page.locator(".toast", { hasText: "Sent" }).waitFor();
  assert.ok(gate.jmap.mails.some((m) => m.subject === "Windows at last" && m.mailboxIds.has("mb-sent")));
});

await walk("the line breaks while sending: nothing is sent twice", async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("sofia.rossi@example.it,");
  await page.locator("[id^=subject]").fill("Broken line");
  await page.locator(".compose-text").fill("Did this arrive?");
  await page.getByText(/^Saved in Drafts/).waitFor();
  await page.context().setOffline(true);
  await page.locator(".compose-bottom .button-primary").click();
  await page.locator(".compose-trouble", { hasText: "line broke" }).waitFor();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Go on writing" }).click();
  assert.equal(await page.locator(".compose-text").inputValue(), "Did this arrive?");
});

await walk("drafts: close keeps, open again, discard with undo", async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.locator("[id^=subject]").fill("Half a thought");
  await page.keyboard.press("Escape");
  await page.locator(".toast", { hasText: "Kept in Drafts" }).waitFor();
  await page.getByRole("link", { name: /Drafts/ }).click();
  await page.locator(".row-main", { hasText: "Half a thought" }).first().click();
  await page.waitForSelector(".composer");
  assert.equal(await page.locator("[id^=subject]").inputValue(), "Half a thought");
  await page.locator(".compose-discard").click();
  await page.locator(".toast", { hasText: "Draft discarded" }).waitFor();
  await page.locator(".toast-action").last().click();
  await page.waitForSelector(".composer");
  assert.equal(await page.locator("[id^=subject]").inputValue(), "Half a thought");
  await page.locator(".compose-discard").click();
  await until(
    async () => (await page.locator(".row-main", { hasText: "Half a thought" }).count()) === 0,
    "gone",
  );
});

await walk("files: upload, remove, arrive", async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("sofia.rossi@example.it,");
  await page.locator("[id^=subject]").fill("With files");
  await page.setInputFiles("input[type=file]", [
    { name: "one.txt", mimeType: "text/plain", buffer: Buffer.from("one") },
    { name: "two.txt", mimeType: "text/plain", buffer: Buffer.from("two") },
  ]);
  await until(async () => (await page.locator(".compose-files .file small").count()) === 2, "uploaded");
  await page.getByRole("button", { name: "Remove one.txt" }).click();
  await page.locator(".compose-bottom .button-primary").click();
  await page.locator(".toast", { hasText: "Sent" }).waitFor();
  const sent = gate.jmap.mails.find((m) => m.subject === "With files" && m.mailboxIds.has("mb-sent"));
  assert.deepEqual(
    sent?.files.map((f) => f.name),
    ["two.txt"],
  );
});

await walk("unread: u toggles, filter shows it", async (page) => {
  await open(page);
  const row = page.locator(".row", { hasText: "Your tickets" }).first();
  await row.hover();
  const was = (await row.getAttribute("class"))?.includes("is-unread");
  await row.locator(".row-actions .icon-button").last().click();
  await until(async () => (await row.getAttribute("class"))?.includes("is-unread") !== was, "toggled");
  await page.getByRole("button", { name: "Unread", exact: true }).click();
  await rows(page).first().waitFor();
  assert.match(page.url(), /show=unread$/);
});

await walk("the service is away at the start and comes back", async (page) => {
  gate.failWith = 503;
  await page.goto(url);
  await page.waitForSelector(".state-trouble");
  gate.failWith = 0;
  await page.getByRole("button", { name: "Try again" }).click();
  await rows(page).first().waitFor();
});

await walk("sessions: list, end one, end others", async (page) => {
  await page.goto(`${url}/sessions`);
  await page.waitForSelector(".session");
  assert.equal(await page.locator(".session").count(), 3);
  await page.locator(".session .button").first().click();
  await until(async () => (await page.locator(".session").count()) === 2, "one ended");
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await until(async () => (await page.locator(".session").count()) === 1, "others ended");
});

await walk("how fast", async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.fill("input[name=username]", "ada@example.org");
  await page.fill("input[name=password]", "cofferdam");
  const started = Date.now();
  await page.keyboard.press("Enter");
  await rows(page).first().waitFor();
  const list = Date.now() - started;
  await page.waitForTimeout(800);
  const opening = (start: string) =>
    page.evaluate(async (how) => {
      const before = document.querySelector(".frames .is-front");
      const started = performance.now();
      if (how === "j") window.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
      else document.querySelectorAll<HTMLElement>(".row-main")[Number(how)]?.click();
      for (;;) {
        const now = document.querySelector(".frames .is-front");
        if (now && now !== before) return Math.round(performance.now() - started);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }, start);
  const cold = await opening("5");
  await page.waitForTimeout(800);
  const next: number[] = [];
  for (let i = 0; i < 4; i++) {
    next.push(await opening("j"));
    await page.waitForTimeout(800);
  }
  const elsewhere = await opening("2");
  console.log(
    `      sign-in to list ${list} ms; click to body ${cold} and ${elsewhere} ms, next by key ${next.join(" ")} ms`,
  );
});

await walk("fast scrolling has no long frame", async (page) => {
  await open(page);
  const frames = await page.evaluate(async () => {
    const box = document.querySelector(".scroller");
    if (!box) return [];
    const deltas: number[] = [];
    let last = performance.now();
    for (let i = 0; i < 180; i++) {
      box.scrollTop += 900;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      deltas.push(now - last);
      last = now;
    }
    return deltas.sort((a, b) => a - b);
  });
  const worst = frames.at(-1) ?? 0;
  console.log(
    `      p50 ${frames[90]?.toFixed(1)} ms, p95 ${frames[170]?.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`,
  );
});

await browser.close();
gate.close();
process.exit(failed === 0 ? 0 : 1);
