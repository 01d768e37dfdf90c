/** test is Playwright's, with browsers that watch for what no page of ours may do. */
import {
  type BrowserContext,
  type BrowserContextOptions,
  expect,
  type Page,
  test as base,
} from "@playwright/test";
import { Mail } from "./mail";
import { stack } from "./stack";

/** Watcher collects what must not happen, in every page and frame of a context. */
class Watcher {
  private readonly faults: string[] = [];
  private readonly expected: RegExp[] = [];

  /** expects lets console messages pass that the test provokes. */
  expects(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  watch(context: BrowserContext): void {
    context.on("console", (m) => {
      if (m.type() === "error" || m.type() === "warning")
        this.fault(`console: ${m.text()} (${m.location().url})`);
    });
    context.on("weberror", (e) => this.fault(`uncaught: ${e.error().stack ?? e.error().message}`));
    context.on("dialog", (d) => {
      this.fault(`dialog: ${d.message()}`);
      d.dismiss().catch(() => undefined);
    });
    context.on("request", (r) => {
      const url = new URL(r.url());
      if (!["data:", "blob:"].includes(url.protocol) && url.origin !== new URL(stack.url).origin)
        this.fault(`request to another origin: ${r.url()}`);
    });
    context.on("page", (page) => page.on("crash", () => this.fault("the page crashed")));
  }

  fault(text: string): void {
    if (!this.expected.some((e) => e.test(text))) this.faults.push(text);
  }

  check(where = ""): void {
    expect(this.faults, `what the browser had to say ${where}`).toEqual([]);
  }
}

interface Fixtures {
  readonly watcher: Watcher;
  /** visit opens the product in a browser of its own, signed out. */
  readonly visit: (options?: BrowserContextOptions) => Promise<Page>;
  /** signedIn is a person's browser, on the inbox or on the path given. */
  readonly signedIn: (name: string, path?: string, options?: BrowserContextOptions) => Promise<Mail>;
}

/** sendAtOnce is the choice of a person who never takes a mail back; a test that does chooses anew. */
function sendAtOnce(): void {
  try {
    if (localStorage.getItem("undo-send") === null) localStorage.setItem("undo-send", "0");
  } catch {
    // a mail's own frame has no storage
  }
}

export const test = base.extend<Fixtures>({
  watcher: async ({}, use) => {
    const watcher = new Watcher();
    await use(watcher);
    watcher.check();
  },
  visit: async ({ browser, watcher, contextOptions }, use) => {
    const open: BrowserContext[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({ ...contextOptions, ...options });
      open.push(context);
      watcher.watch(context);
      await context.addInitScript(sendAtOnce);
      return context.newPage();
    });
    await Promise.all(open.map((c) => c.close()));
  },
  signedIn: async ({ visit }, use) => {
    await use(async (name, path = "/", options) => {
      const mail = new Mail(await visit(options));
      await mail.page.goto(path);
      await mail.signIn(name);
      return mail;
    });
  },
});

export { expect };
