/** Pictures of the main screens on the demo's mail: npm run shots, then look at each. */
import { type BrowserContextOptions } from "@playwright/test";
import { expect, test } from "../lib/fixtures";
import { Mail } from "../lib/mail";

const desktop: BrowserContextOptions = { viewport: { width: 1440, height: 900 } };
const dark: BrowserContextOptions = { ...desktop, colorScheme: "dark" };
const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};
const phoneDark: BrowserContextOptions = { ...phone, colorScheme: "dark" };
const tablet: BrowserContextOptions = { viewport: { width: 820, height: 1180 }, hasTouch: true };
const contrast: BrowserContextOptions = { ...desktop, forcedColors: "active" };

type Scene = (mail: Mail) => Promise<void>;

/** rtl turns the page round, as an Arabic or Hebrew interface will. */
async function rtl(mail: Mail): Promise<void> {
  await mail.page.evaluate(() => (document.documentElement.dir = "rtl"));
}

const openRow =
  (subject: string | RegExp): Scene =>
  async (mail) =>
    mail.open(mail.row(subject).first());

const reply: Scene = async (mail) => {
  await openRow("Thursday")(mail);
  await mail.page.getByRole("button", { name: "Reply", exact: true }).click();
  await mail.front.getByRole("textbox", { name: "Text" }).pressSequentially("Soup it is, and bread.");
};

const compose: Scene = async (mail) => {
  await mail.page.getByRole("button", { name: "New mail" }).last().click();
  await mail.front.getByRole("combobox", { name: "To" }).pressSequentially("gr");
};

const withFiles: Scene = async (mail) => {
  await mail.write("grace@cofferdam.test", "Drawings", "Both sheets, as promised.");
  await mail.front.locator("input[type=file]").setInputFiles([
    { name: "sheet-12.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(20_000) },
    { name: "photograph of the coot.png", mimeType: "image/png", buffer: Buffer.alloc(400_000) },
  ]);
  await expect(mail.front.getByRole("progressbar")).toHaveCount(0);
};

const search: Scene = async (mail) => {
  const box = mail.page.getByRole("searchbox", { name: "Search all mail" });
  await box.fill("soup");
  await box.press("Enter");
  await mail.listReady();
};

const selection: Scene = async (mail) => {
  for (const n of [1, 2, 4])
    await mail.rows
      .nth(n)
      .getByRole("button", { name: /^Select/ })
      .click();
  await mail.page.locator(".selection-bar").getByRole("button", { name: "Move to…" }).click();
};

const account: Scene = (mail) =>
  mail.page.getByRole("navigation", { name: "Folders" }).locator("[aria-haspopup=menu]").click();

const drawer: Scene = (mail) => mail.page.getByRole("button", { name: "Folders" }).click();

const both =
  (...scenes: Scene[]): Scene =>
  async (mail) => {
    for (const scene of scenes) await scene(mail);
  };

const nothing: Scene = async () => undefined;

const scenes: readonly (readonly [string, BrowserContextOptions, Scene, string?])[] = [
  ["02-inbox", desktop, nothing],
  ["03-conversation", desktop, openRow("Thursday")],
  ["04-newsletter", desktop, async (m) => m.open(m.rows.first()), "Newsletters"],
  ["05-attachments", desktop, openRow("photographs")],
  ["06-invitation", desktop, openRow("Invitation")],
  ["07-phishing", desktop, openRow("almost full")],
  ["08-reply", desktop, reply],
  ["09-compose", desktop, compose],
  ["10-files", desktop, withFiles],
  ["11-search", desktop, search],
  ["12-selection", desktop, selection],
  ["13-account", desktop, account],
  ["14-help", desktop, (m) => m.page.keyboard.press("?")],
  ["15-empty", desktop, nothing, "Trash"],
  ["20-dark-inbox", dark, nothing],
  ["21-dark-conversation", dark, openRow("Thursday")],
  ["22-dark-newsletter", dark, async (m) => m.open(m.rows.first()), "Newsletters"],
  ["23-dark-reply", dark, reply],
  ["30-phone-inbox", phone, nothing],
  ["31-phone-mail", phone, openRow("Thursday")],
  ["32-phone-folders", phone, drawer],
  ["33-phone-compose", phone, compose],
  ["34-phone-dark-mail", phoneDark, openRow("photographs")],
  ["35-phone-selection", phone, selection],
  ["40-rtl-inbox", desktop, both(rtl, openRow("Thursday"))],
  ["41-rtl-compose-dark", dark, both(rtl, reply)],
  ["42-rtl-phone", phone, rtl],
  ["50-tablet", tablet, openRow("Thursday")],
  ["51-contrast", contrast, openRow("Thursday")],
];

test("01-signin", async ({ visit }) => {
  for (const [name, options] of [
    ["01-signin", desktop],
    ["01-signin-dark", dark],
    ["01-signin-phone", phone],
  ] as const) {
    const mail = new Mail(await visit(options));
    await mail.page.goto("/");
    await expect(mail.address).toBeVisible();
    await mail.page.screenshot({ path: `shots/${name}.png` });
  }
});

for (const [name, options, scene, folder] of scenes) {
  test(name, async ({ signedIn }) => {
    const mail = await signedIn("ada", "/", options);
    await mail.listReady();
    if (folder) await mail.goTo(folder);
    await scene(mail);
    await mail.page.waitForTimeout(500); // what moves comes to rest
    await mail.page.screenshot({ path: `shots/${name}.png` });
  });
}
