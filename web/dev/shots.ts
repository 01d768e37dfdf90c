/** Walks the built client over made-up mail and writes pictures to shots/. */
import { mkdirSync } from "node:fs";
import { chromium, type BrowserContextOptions, type Page } from "playwright-core";
import { FakeGate } from "./gate";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const only = process.argv.slice(2);
mkdirSync("shots", { recursive: true });

const desktop = { viewport: { width: 1440, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const tablet = { viewport: { width: 900, height: 1100 } };
const dark = { colorScheme: "dark" as const };

const gate = new FakeGate(6_000);
const url = await gate.listen(0);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let problems = 0;

async function scene(name: string, options: BrowserContextOptions, walk: (page: Page) => Promise<void>) {
  if (only.length > 0 && !only.some((o) => name.startsWith(o))) return;
  const context = await browser.newContext({ ...options, locale: "en-GB", timezoneId: "Europe/Berlin" });
  const page = await context.newPage();
  page.setDefaultTimeout(6_000);
  page.on("console", (m) => {
    if (m.type() === "error" && /status of (401|503)/.test(m.text())) return; // asked for by the scene
    if (m.type() === "error" || m.type() === "warning") problem(`${name}: ${m.text()}`);
  });
  page.on("pageerror", (e) => problem(`${name}: ${e.message}`));
  page.on("request", (r) => {
    if (!r.url().startsWith(url)) problem(`${name}: left the origin for ${r.url()}`);
  });
  try {
    await walk(page);
  } catch (thrown) {
    problem(`${name}: ${String(thrown)}`);
  }
  await page.screenshot({ path: `shots/${name}.png` });
  await context.close();
}

function problem(text: string): void {
  problems++;
  console.error(text);
}

async function open(page: Page, path = "/"): Promise<void> {
  gate.signedIn = true;
  await page.goto(url + path);
  await page.waitForSelector(".row:not(.row-skeleton), .state, .session");
}

async function openNth(page: Page, n: number): Promise<void> {
  await page.locator(".row-main").nth(n).click();
  await page.waitForSelector(".frames .is-front");
  await page.waitForTimeout(150);
}

await scene("01-signin", desktop, async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.waitForSelector("input[name=password]");
  await page.waitForTimeout(200);
});
await scene("02-signin-refused", { ...desktop, ...dark }, async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.fill("input[name=username]", "ada");
  await page.fill("input[name=password]", "wrong");
  await page.click("button[type=submit]");
  await page.waitForSelector(".form-trouble .icon");
});
await scene("03-inbox", desktop, async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.fill("input[name=username]", "ada");
  await page.fill("input[name=password]", "cofferdam");
  await page.click("button[type=submit]");
  await page.waitForSelector(".row:not(.row-skeleton)");
  await page.waitForTimeout(200);
});
await scene("04-conversation", desktop, async (page) => {
  await open(page);
  await openNth(page, 1);
});
await scene("05-newsletter", desktop, async (page) => {
  await open(page);
  await page.locator('.row-main:has(.row-people:text("Harbour Weekly"))').first().click();
  await page.waitForSelector(".banner");
  await page.waitForTimeout(200);
});
await scene("06-attachments-dark", { ...desktop, ...dark }, async (page) => {
  await open(page);
  await openNth(page, 3);
});
await scene("07-newsletter-dark", { ...desktop, ...dark }, async (page) => {
  await open(page);
  await page.locator('.row-main:has(.row-people:text("Harbour Weekly"))').first().click();
  await page.waitForSelector(".banner");
  await page.waitForTimeout(200);
});
await scene("08-reply", desktop, async (page) => {
  await open(page);
  await openNth(page, 1);
  await page.keyboard.press("a");
  await page.waitForSelector(".composer");
  await page.keyboard.type("Thank you, the third span is clear to me now.");
  await page.waitForTimeout(3_200);
});
await scene("09-compose", desktop, async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("in");
  await page.waitForTimeout(300);
});
await scene("10-compose-files-dark", { ...desktop, ...dark }, async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("ingrid@solberg.example, not an address,");
  await page.locator("[id^=subject]").fill("Drawings for pier 4");
  await page.setInputFiles("input[type=file]", [
    { name: "sheet-12.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(20_000) },
    { name: "photo.png", mimeType: "image/png", buffer: Buffer.alloc(400_000) },
  ]);
  await page.waitForTimeout(600);
});
await scene("11-selection", desktop, async (page) => {
  await open(page);
  await page.locator(".row-check").nth(1).click();
  await page
    .locator(".row-check")
    .nth(5)
    .click({ modifiers: ["Shift"] });
  await page.keyboard.press("v");
  await page.waitForTimeout(200);
});
await scene("12-search", desktop, async (page) => {
  await open(page, "/search/railings");
  await openNth(page, 2);
});
await scene("13-nothing-found", desktop, (page) => open(page, "/search/xyzzy"));
await scene("14-empty-folder", desktop, (page) => open(page, "/mail/mb-empty"));
await scene("15-sessions", desktop, (page) => open(page, "/sessions"));
await scene("16-help", desktop, async (page) => {
  await open(page);
  await page.keyboard.press("?");
  await page.waitForTimeout(200);
});
await scene("17-undo", desktop, async (page) => {
  await open(page);
  await openNth(page, 4);
  await page.keyboard.press("e");
  await page.waitForSelector(".toast");
  await page.waitForTimeout(300);
  await page.keyboard.press("z");
  await page.waitForTimeout(300);
  await page.locator(".row").nth(2).hover();
  await page.keyboard.press("#");
  await page.waitForTimeout(300);
});
await scene("18-account", desktop, async (page) => {
  await open(page);
  await page.click(".account-button");
  await page.waitForTimeout(200);
});
await scene("19-list-failed", desktop, async (page) => {
  await open(page);
  gate.failWith = 503;
  await page.locator(".folder a").nth(3).click();
  await page.waitForSelector(".state-trouble");
  gate.failWith = 0;
});
await scene("20-session-ended", desktop, async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("sofia.rossi@example.it,");
  gate.signedIn = false;
  await page.locator(".compose-text").fill("This text must survive the end of the session.");
  await page.waitForSelector("dialog input[name=password]");
  await page.waitForTimeout(300);
});
await scene("21-deep-scroll", desktop, async (page) => {
  await open(page);
  await page.locator(".scroller").evaluate((el) => (el.scrollTop = el.scrollHeight * 0.6));
  await page.waitForTimeout(600);
});
await scene("22-loading", desktop, async (page) => {
  await open(page);
  gate.delay = 1_500;
  await page.locator(".folder a").nth(3).click();
  await page.waitForTimeout(200);
});
gate.delay = 0;
await scene("23-send-failed", desktop, async (page) => {
  await open(page);
  await page.keyboard.press("c");
  await page.waitForSelector(".composer");
  await page.keyboard.type("sofia.rossi@example.it,");
  await page.locator("[id^=subject]").fill("Windows");
  await page.locator(".compose-text").fill("Five weeks are fine for us.");
  gate.jmap.refuse = "overQuota";
  await page.locator(".compose-bottom .button-primary").click();
  await page.waitForSelector(".compose-trouble");
  gate.jmap.refuse = undefined;
});
await scene("24-live", desktop, async (page) => {
  await open(page);
  await page.waitForTimeout(400);
  gate.jmap.deliver("Arrived while you watched");
  await page.locator(".row-main", { hasText: "Arrived while you watched" }).first().waitFor();
});
await scene("25-destroy", desktop, async (page) => {
  await open(page, "/mail/mb-trash");
  await page.keyboard.press("j");
  await page.keyboard.press("#");
  await page.waitForSelector("dialog");
  await page.waitForTimeout(200);
});
await scene("30-phone-inbox", phone, (page) => open(page));
await scene("31-phone-mail", phone, async (page) => {
  await open(page);
  await openNth(page, 1);
});
await scene("32-phone-folders", phone, async (page) => {
  await open(page);
  await page.click(".list-top > .icon-button");
  await page.waitForTimeout(300);
});
await scene("33-phone-compose-dark", { ...phone, ...dark }, async (page) => {
  await open(page);
  await openNth(page, 1);
  await page.locator(".reply-bar .button").first().click();
  await page.waitForSelector(".composer");
  await page.waitForTimeout(200);
});
await scene("34-phone-signin", phone, async (page) => {
  gate.signedIn = false;
  await page.goto(url);
  await page.waitForSelector("input[name=password]");
  await page.waitForTimeout(200);
});
await scene("35-phone-inbox-dark", { ...phone, ...dark }, (page) => open(page));
await scene("40-rtl", desktop, async (page) => {
  await open(page);
  await openNth(page, 1);
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  await page.waitForTimeout(200);
});
await scene("41-rtl-compose-dark", { ...desktop, ...dark }, async (page) => {
  await open(page);
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  await openNth(page, 6);
  await page.keyboard.press("r");
  await page.waitForTimeout(300);
});
await scene("50-tablet", tablet, async (page) => {
  await open(page);
  await openNth(page, 1);
});

await browser.close();
gate.close();
console.log(problems === 0 ? "no problems" : `${problems} problems`);
process.exit(problems === 0 ? 0 : 1);
