/** Mail is the client in one browser, in the words of a person who uses it. */
import { readFile } from "node:fs/promises";
import { expect, type FrameLocator, type Locator, type Page } from "@playwright/test";
import { hasText, isIndexed, type MessagePlace, placeOf } from "./inside";
import { personNamed } from "./stack";

/** Height of a row; the client's list.css has the same. */
const ROW_PX = 76;

export class Mail {
  constructor(readonly page: Page) {}

  // Sign-in

  get address(): Locator {
    return this.page.getByLabel("Email address");
  }
  get password(): Locator {
    return this.page.getByLabel("Password", { exact: true });
  }

  async enter(login: string, password: string): Promise<void> {
    await this.address.fill(login);
    await this.password.fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  async signIn(name: string): Promise<void> {
    const { address, password } = personNamed(name);
    await this.enter(address, password);
    await expect(this.page.locator(".shell")).toBeVisible();
  }

  async signOut(): Promise<void> {
    await this.page.getByRole("navigation", { name: "Folders" }).locator("[aria-haspopup=menu]").click();
    await this.page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(this.address).toBeVisible();
  }

  // Folders

  folder(name: string): Locator {
    return this.page
      .getByRole("navigation", { name: "Folders" })
      .getByRole("link", { name: new RegExp(`^${name}`) });
  }

  async goTo(name: string): Promise<void> {
    await this.folder(name).click();
    await expect(this.page.getByRole("heading", { level: 1, name, exact: true })).toBeVisible();
    await this.listReady();
  }

  /** unreadIn is the number beside a folder. */
  async unreadIn(name: string): Promise<number> {
    const count = this.folder(name).locator(".folder-count");
    if ((await count.count()) === 0) return 0;
    return Number(((await count.textContent()) ?? "").replace(/\D/g, ""));
  }

  // List

  get list(): Locator {
    return this.page.getByRole("list", { name: "Mails" });
  }

  /** rows are those that show a mail; rows still loading are hidden from everybody. */
  get rows(): Locator {
    return this.list.getByRole("listitem");
  }

  row(subject: string | RegExp): Locator {
    return this.rows.filter({ has: this.page.locator(".row-subject", { hasText: subject }) });
  }

  /** rowAt is the row at a position, counted from 1. */
  rowAt(position: number): Locator {
    return this.list.locator(`li[aria-posinset="${position}"]`);
  }

  /** listReady waits until the list shows rows, or says that it has none. */
  async listReady(): Promise<void> {
    await expect(this.page.locator(".list-pane").locator("li[aria-posinset], .state").first()).toBeVisible();
  }

  /** total is the number that the list's title gives. */
  async total(): Promise<number> {
    const text = this.page.locator(".list-title p");
    await expect(text).toHaveText(/\d/);
    return Number(((await text.textContent()) ?? "").replace(/\D/g, ""));
  }

  /**
   * settledTotal is the number once the account is indexed: until then, a folder is painted straight from
   * the mail server and counts mails.
   */
  async settledTotal(): Promise<number> {
    await expect
      .poll(() => this.page.evaluate(isIndexed), { timeout: 60_000, message: "the account is indexed" })
      .toBe(true);
    await this.page.reload();
    await this.listReady();
    return this.total();
  }

  /** rowOfMessage finds the row of the n-th newest mail of a folder, mails counted singly. */
  async rowOfMessage(n: number, folder: string): Promise<MessagePlace> {
    const mailbox = (await this.folder(folder).getAttribute("href"))?.split("/").pop() ?? "";
    return this.page.evaluate(placeOf, { n, mailbox });
  }

  /** scrollTo brings a position into view, as somebody who drags the bar does. */
  async scrollTo(position: number): Promise<void> {
    await this.page.locator(".scroller").evaluate(
      (box, [at, px]) => {
        // Beyond what a browser lets an element measure, the client maps the whole range.
        const list = box.firstElementChild as HTMLElement;
        const total = Number(list.querySelector("li[aria-setsize]")?.getAttribute("aria-setsize") ?? 0);
        const whole = total * px <= list.offsetHeight + px;
        const top = whole ? (at - 3) * px : ((at - 3) / total) * list.offsetHeight;
        box.scrollTop = Math.max(0, top);
      },
      [position, ROW_PX] as const,
    );
    await expect(this.rowAt(position)).toBeVisible();
  }

  // Reading

  get reader(): Locator {
    return this.page.getByRole("region", { name: "Conversation" });
  }
  get frame(): Locator {
    return this.page.locator("iframe.is-front");
  }
  get body(): FrameLocator {
    return this.page.frameLocator("iframe.is-front");
  }

  /** open opens a row's mail and waits until its text is there. */
  async open(row: Locator): Promise<void> {
    await row.getByRole("link").click();
    await this.opened();
  }

  async opened(): Promise<void> {
    await expect(this.page.locator("iframe.is-front")).toBeVisible();
    // The page sees a frame's load before the test's driver has changed over to the process that shows it.
    await expect(this.body.locator("#mail")).toBeAttached();
  }

  async bodyText(): Promise<string> {
    return this.body.locator("body").innerText();
  }

  /**
   * showsSomething is true for an open mail that shows text, a picture or attachments, and for one that
   * has no text at all.
   */
  async showsSomething(): Promise<boolean> {
    const inFrame = await this.body
      .locator("body")
      .evaluate((b: HTMLElement) => b.innerText.trim() !== "" || b.querySelector("img") !== null);
    if (inFrame || (await this.reader.locator(".attachments li").count()) > 0) return true;
    return !(await this.page.evaluate(hasText, new URL(this.page.url()).pathname.split("/").pop() ?? ""));
  }

  /** download is an attachment of the open mail, as the browser saves it. */
  async download(name: string): Promise<Buffer> {
    const started = this.page.waitForEvent("download");
    await this.page.getByRole("link", { name: new RegExp(`^${escaped(name)}`) }).click();
    const download = await started;
    expect(download.suggestedFilename()).toBe(name);
    return readFile(await download.path());
  }

  tool(name: string): Locator {
    return this.reader.getByRole("toolbar").getByRole("button", { name, exact: true });
  }

  // Writing

  composer(title: string): Locator {
    return this.page.getByRole("dialog", { name: title });
  }

  /** front is the composer that was opened last. */
  get front(): Locator {
    return this.page.locator(".composer").last();
  }

  async write(to: string, subject: string, text: string): Promise<void> {
    await this.page.getByRole("button", { name: "New mail" }).first().click();
    await this.front.getByRole("combobox", { name: "To" }).fill(to);
    await this.front.getByRole("textbox", { name: "Subject" }).fill(subject);
    await this.front.getByRole("textbox", { name: "Text" }).fill(text);
  }

  async send(): Promise<void> {
    await this.front.getByRole("button", { name: "Send" }).click();
    await expect(this.page.locator(".composer")).toHaveCount(0);
  }

  /** chooseUndo sets for how long a sent mail can be taken back. */
  async chooseUndo(choice: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Folders" }).locator("[aria-haspopup=menu]").click();
    await this.page.getByRole("menuitemradio", { name: choice }).click();
    await this.page.keyboard.press("Escape");
  }

  toast(text: string | RegExp): Locator {
    return this.page.locator(".toast", { hasText: text });
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
