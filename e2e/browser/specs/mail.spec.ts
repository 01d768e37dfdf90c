/** What a person does with mail, in an inbox with thousands of real mails. */
import { expect, test } from "../lib/fixtures";
import { type Mail } from "../lib/mail";
import { bytes, percentile, sample, seed } from "../lib/random";
import { deliver, letter, mailsOf, personNamed } from "../lib/stack";

/** fresh delivers a mail to a person who looks at the inbox, and returns its subject. */
async function fresh(
  mail: Mail,
  to: string,
  about: string,
  body = "Nothing more than this.",
): Promise<string> {
  const subject = `${about} ${crypto.randomUUID().slice(0, 8)}`;
  await deliver(to, letter(to, { subject, body }));
  // How fast it comes is the matter of one test below; without a push it comes with the next look.
  await expect(mail.row(subject)).toBeVisible({ timeout: 40_000 });
  return subject;
}

/** shut goes from an open mail back to the list alone. */
async function shut(mail: Mail): Promise<void> {
  await mail.page.keyboard.press("Escape");
  await expect(mail.reader.getByRole("toolbar")).toHaveCount(0);
}

test("the list has all conversations of the inbox, to the last one", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  const total = await mail.settledTotal();
  console.log(`  ${mailsOf("ada")} mails are ${total} conversations`);
  expect(total).toBeGreaterThan(mailsOf("ada") / 4);
  expect(total).toBeLessThanOrEqual(mailsOf("ada"));
  await mail.scrollTo(Math.floor(total / 2));
  expect(await mail.rows.count()).toBeGreaterThan(5);
  await mail.scrollTo(total);
  await expect(mail.rowAt(total + 1)).toHaveCount(0);
});

test("200 mails picked at random open, with text and without complaint", async ({ signedIn, watcher }) => {
  test.setTimeout(150_000);
  const mail = await signedIn("ada");
  const total = await mail.settledTotal();
  const took: number[] = [];
  const empty: string[] = [];
  console.log(`  seed ${seed} (COFFERDAM_SEED)`);
  for (const position of sample(200, total)) {
    await mail.scrollTo(position);
    const row = mail.rowAt(position);
    const began = Date.now();
    await mail.open(row);
    took.push(Date.now() - began);
    if (!(await mail.showsSomething())) empty.push(`${position}: ${mail.page.url()}`);
    watcher.check(`conversation ${position}, ${mail.page.url()}`);
  }
  console.log(
    `  click to text: p50 ${percentile(took, 50)} ms, p95 ${percentile(took, 95)} ms, worst ${percentile(took, 100)} ms`,
  );
  expect(empty, "mails that have text and show none").toEqual([]);
});

for (const name of ["ben", "ada"]) {
  test(`new mail appears by itself in under 3 seconds, time after time, at ${name}`, async ({ signedIn }) => {
    const mail = await signedIn(name);
    await mail.settledTotal();
    const took: number[] = [];
    for (let i = 0; i < 4; i++) {
      const began = Date.now();
      await fresh(mail, name, `Live ${i}`);
      took.push(Date.now() - began);
    }
    console.log(`  delivery to row at ${name}: ${took.join(" ")} ms`);
    expect(Math.max(...took), "ms until a mail was seen").toBeLessThan(3_000);
  });
}

test("a reply is in Sent, arrives live, and its answer comes back into the conversation", async ({
  signedIn,
}) => {
  const [ada, ben] = [await signedIn("ada"), await signedIn("ben")];
  const subject = await fresh(ada, "ada", "Tide tables", "Low water is at six.\nBring boots.");
  await ada.open(ada.row(subject));
  await ada.reader.getByRole("button", { name: "Reply", exact: true }).click();
  await expect(ada.front.getByText("Mallory Vane")).toBeVisible();
  await expect(ada.front.getByRole("textbox", { name: "Subject" })).toHaveValue(`Re: ${subject}`);
  const text = ada.front.getByRole("textbox", { name: "Text" });
  await expect(text).toHaveValue(/> Low water is at six\.\n> Bring boots\./);
  await ada.front.getByRole("button", { name: "Remove Mallory Vane" }).click();
  await ada.front.getByRole("combobox", { name: "To" }).fill(personNamed("ben").address);
  await text.press("Control+Home");
  await text.pressSequentially("Ben, can you go?\n");
  await ada.send();
  await expect(ben.row(`Re: ${subject}`)).toBeVisible();
  await ada.goTo("Sent");
  await ada.open(ada.row(subject));
  expect(await ada.bodyText()).toContain("Ben, can you go?");

  await ada.goTo("Inbox");
  await ada.open(ada.row(subject));
  await ben.open(ben.row(subject));
  expect(await ben.bodyText()).toContain("Low water is at six.");
  await ben.reader.getByRole("button", { name: "Reply", exact: true }).click();
  await ben.front.getByRole("textbox", { name: "Text" }).press("Control+Home");
  await ben.front.getByRole("textbox", { name: "Text" }).pressSequentially("I can.\n");
  await ben.send();
  await expect(ada.row(subject).locator(".row-count")).toHaveText("3", { timeout: 40_000 });
  await expect(ada.reader.getByRole("button", { name: /ben@.* I can\./ })).toBeVisible();
});

test("star, read and unread are kept", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.listReady();
  const subject = await fresh(mail, "ada", "Star me");
  const row = mail.row(subject);
  await expect(row).toHaveClass(/is-unread/);
  const unread = await mail.unreadIn("Inbox");

  await mail.open(row);
  await expect(row).not.toHaveClass(/is-unread/);
  await expect.poll(() => mail.unreadIn("Inbox")).toBe(unread - 1);
  await mail.tool("Star").click();
  await expect(row.getByRole("button", { name: "Remove star" })).toBeVisible();
  await mail.page.reload();
  await expect(row.getByRole("button", { name: "Remove star" })).toBeVisible();
  await mail.page.getByRole("button", { name: "Starred" }).click();
  await expect(mail.row(subject)).toBeVisible();
  await mail.page.getByRole("button", { name: "All", exact: true }).click();

  await mail.open(mail.row(subject));
  await mail.tool("Mark as unread").click();
  await expect(row).toHaveClass(/is-unread/);
  await mail.page.reload();
  await expect(row).toHaveClass(/is-unread/);
  await mail.page.getByRole("button", { name: "Unread", exact: true }).click();
  await expect(mail.row(subject)).toBeVisible();
});

test("moving, and taking it back", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.listReady();
  const subject = await fresh(mail, "ada", "Move me");
  await mail.open(mail.row(subject));
  await mail.tool("Move to…").click();
  await mail.page.getByRole("menuitem", { name: "Archive" }).click();
  await expect(mail.row(subject)).toHaveCount(0);
  await mail.toast("Archive").getByRole("button", { name: "Undo" }).click();
  await expect(mail.row(subject)).toBeVisible();
  await mail.open(mail.row(subject));
  await mail.tool("Archive").click();
  await expect(mail.row(subject)).toHaveCount(0);
  await mail.page.reload();
  await mail.listReady();
  await expect(mail.row(subject)).toHaveCount(0);
  await mail.goTo("Archive");
  await expect(mail.row(subject)).toBeVisible();
});

test("deleting goes to Trash, and can be undone", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.listReady();
  const [first, second] = [await fresh(mail, "ada", "Delete me"), await fresh(mail, "ada", "Delete me")];
  await mail
    .row(first)
    .getByRole("button", { name: /^Select/ })
    .click();
  await mail
    .row(second)
    .getByRole("button", { name: /^Select/ })
    .click();
  await expect(mail.page.getByRole("heading", { name: "2 selected" })).toBeVisible();
  await mail.page.locator(".selection-bar").getByRole("button", { name: "Delete" }).click();
  await expect(mail.row(first)).toHaveCount(0);
  await mail.toast("Trash").getByRole("button", { name: "Undo" }).click();
  await expect(mail.row(first)).toBeVisible();
  await expect(mail.row(second)).toBeVisible();

  await mail.open(mail.row(first));
  await mail.tool("Delete").click();
  await expect(mail.row(first)).toHaveCount(0);
  await mail.goTo("Trash");
  await mail.open(mail.row(first));
  await mail.tool("Delete").click();
  const question = mail.page.getByRole("dialog").or(mail.page.getByRole("alertdialog"));
  await expect(question).toContainText("cannot be undone");
  await question.getByRole("button", { name: "Delete for ever" }).click();
  await expect(mail.row(first)).toHaveCount(0);
  await mail.page.reload();
  await mail.listReady();
  await expect(mail.row(first)).toHaveCount(0);
});

test("search goes through all folders and names the one a mail lies in", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.listReady();
  const subject = await fresh(mail, "ada", "Ebb and flood", "The third buoy is green.");
  await mail.row(subject).hover();
  await mail.row(subject).getByRole("button", { name: "Archive" }).click();
  await expect(mail.row(subject)).toHaveCount(0);
  const box = mail.page.getByRole("searchbox", { name: "Search all mail" });
  await box.fill(subject);
  await box.press("Enter");
  await expect(mail.page.getByRole("heading", { level: 1, name: /Results for/ })).toBeVisible();
  const found = mail.row(subject).filter({ has: mail.page.locator(".row-where", { hasText: "Archive" }) });
  await expect(found).toBeVisible();
  await mail.open(found);
  await expect(mail.page).toHaveURL(/\/search\/.+\/.+/);
  await mail.page.reload();
  await expect(found).toBeVisible();
  await mail.opened();
  expect(await mail.bodyText()).toContain("The third buoy is green.");

  await box.fill(`in:archive is:unread subject:"${subject}"`);
  await box.press("Enter");
  await expect(mail.page.getByText("Nothing found")).toBeVisible(); // it has just been read
  await box.fill(`in:archive is:read subject:"${subject}" -body:boat`);
  await box.press("Enter");
  await expect(found).toBeVisible();

  await box.fill(`"third buoy" in:archive`);
  await box.press("Enter");
  await expect(found.locator(".row-preview mark")).toHaveText("third buoy");

  await box.fill("xyzzy-never-written");
  await box.press("Enter");
  await expect(mail.page.getByText("Nothing found")).toBeVisible();
});

test("the search field offers operators, and says what it did not understand", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.settledTotal();
  await mail.page.keyboard.press("/");
  const box = mail.page.getByRole("searchbox", { name: "Search all mail" });
  await expect(box).toBeFocused();
  const offers = mail.page.getByRole("group", { name: "Narrow it down" });
  await expect(offers.getByRole("button")).toHaveCount(8);
  await mail.page.keyboard.type("fr");
  await expect(offers.getByRole("button")).toHaveCount(1);
  await mail.page.keyboard.press("ArrowDown");
  await mail.page.keyboard.press("Enter");
  await expect(box).toHaveValue("from:");
  await mail.page.keyboard.type("linux in:inb");
  await offers.getByRole("button").click();
  await expect(box).toHaveValue("from:linux in:inbox ");
  await mail.page.keyboard.press("Escape");
  await expect(offers).toHaveCount(0);
  await mail.page.keyboard.press("Enter");
  await mail.listReady();

  await box.fill("frm:linux");
  await box.press("Enter");
  await expect(mail.page.getByText("“frm:linux” was not understood")).toBeVisible();
  await mail.page.getByRole("button", { name: "Did you mean" }).click();
  await expect(box).toHaveValue("from:linux");
  await expect(mail.page.getByText("was not understood")).toHaveCount(0);
  await box.press("Escape");
  await mail.page.keyboard.press("Escape");
  await expect(mail.page.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
});

test("attachments arrive byte for byte, forwarded too", async ({ signedIn }) => {
  const [ada, ben] = [await signedIn("ada"), await signedIn("ben")];
  const files = [
    { name: "noise ünïcode (1).bin", mimeType: "application/octet-stream", buffer: bytes(700_001) },
    {
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("line\nline\r\nFrom here\n.\n\n\ttab  \nlast, without an end"),
    },
  ];
  const subject = `Two files ${crypto.randomUUID().slice(0, 8)}`;
  await ada.write(personNamed("ben").address, subject, "See the files.");
  await ada.front.locator("input[type=file]").setInputFiles(files);
  for (const f of files)
    await expect(ada.front.getByRole("button", { name: `Remove ${f.name}` })).toBeVisible();
  await expect(ada.front.getByRole("progressbar")).toHaveCount(0);
  await ada.send();
  await ben.open(ben.row(subject));
  for (const f of files) expect((await ben.download(f.name)).equals(f.buffer), f.name).toBe(true);

  await ben.reader.getByRole("button", { name: "Forward" }).click();
  await expect(ben.front.getByRole("textbox", { name: "Subject" })).toHaveValue(`Fwd: ${subject}`);
  await ben.front.getByRole("combobox", { name: "To" }).fill(personNamed("ada").address);
  await ben.front.getByRole("combobox", { name: "To" }).press("Enter");
  await ben.send();
  const forwarded = ada.row(`Fwd: ${subject}`);
  await expect(forwarded).toBeVisible({ timeout: 40_000 });
  await ada.open(forwarded);
  expect(await ada.bodyText()).toContain("See the files.");
  for (const f of files)
    expect((await ada.download(f.name)).equals(f.buffer), `${f.name}, forwarded`).toBe(true);
});

test("what is written is in Drafts, also after the browser is gone", async ({ signedIn }) => {
  const mail = await signedIn("ben");
  const subject = `Half a thought ${crypto.randomUUID().slice(0, 8)}`;
  await mail.write("somebody@elsewhere.example", subject, "It was a dark and");
  await expect(mail.front.getByText("Saved in Drafts")).toBeVisible();
  await mail.page.context().close();

  const again = await signedIn("ben");
  await again.goTo("Drafts");
  await again.row(subject).getByRole("link").click();
  const text = again.front.getByRole("textbox", { name: "Text" });
  await expect(text).toHaveValue(/^It was a dark and/);
  await expect(again.front.getByRole("textbox", { name: "Subject" })).toHaveValue(subject);
  await expect(again.front.getByText("somebody@elsewhere.example")).toBeVisible();
  await text.press("Control+End");
  await text.pressSequentially(" stormy night.");
  await again.front.getByRole("button", { name: "Close" }).click();
  await expect(again.toast("Kept in Drafts")).toBeVisible();
  await expect(again.row(subject)).toHaveCount(1);
  await again.row(subject).getByRole("link").click();
  await expect(text).toHaveValue(/stormy night\./);
  await again.front.getByRole("button", { name: "Discard draft" }).click();
  await expect(again.row(subject)).toHaveCount(0);
});

test("a draft opens again while the list still has its copy of before", async ({ signedIn }) => {
  const mail = await signedIn("ben");
  const subject = `Second thought ${crypto.randomUUID().slice(0, 8)}`;
  await mail.write("somebody@elsewhere.example", subject, "One");
  await expect(mail.front.getByText("Saved in Drafts")).toBeVisible();
  await mail.front.getByRole("button", { name: "Close" }).click();
  await mail.goTo("Drafts");
  await mail.row(subject).getByRole("link").click();
  const text = mail.front.getByRole("textbox", { name: "Text" });
  await expect(text).toHaveValue(/^One/);

  let held = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await mail.page.route("**/api**", async (route) => {
    if (/\/(changes|queryChanges|query)"/.test(route.request().postData() ?? "")) {
      held++;
      await released;
    }
    await route.continue();
  });
  await text.fill("Two");
  await mail.front.getByRole("button", { name: "Close" }).click();
  await expect(mail.toast("Kept in Drafts")).toBeVisible();
  await mail.row(subject).getByRole("link").click();
  await expect(text).toHaveValue(/^Two/);
  expect(held, "the list was kept from hearing").toBeGreaterThan(0);
  release();
  await mail.front.getByRole("button", { name: "Discard draft" }).click();
  await expect(mail.row(subject)).toHaveCount(0);
});

test("mail to an address that does not exist comes back", async ({ signedIn }) => {
  const mail = await signedIn("ben");
  const subject = `To nobody ${crypto.randomUUID().slice(0, 8)}`;
  await mail.write("nobody@elsewhere.example", subject, "Is anybody there?");
  await mail.send();
  const bounce = mail.row(/Undelivered|Delivery|returned/i).first();
  await expect(bounce).toBeVisible({ timeout: 20_000 });
  await mail.open(bounce);
  expect(await mail.bodyText()).toContain("nobody@elsewhere.example");
});

test("two windows of one person stay in step", async ({ signedIn }) => {
  const [one, two] = [await signedIn("ben"), await signedIn("ben")];
  await two.listReady();
  const subject = await fresh(one, "ben", "In step");
  await expect(two.row(subject)).toHaveClass(/is-unread/);
  await one.open(one.row(subject));
  await expect(two.row(subject)).not.toHaveClass(/is-unread/);
  await one.tool("Star").click();
  await expect(two.row(subject).getByRole("button", { name: "Remove star" })).toBeVisible();
  await one.tool("Delete").click();
  await expect(two.row(subject)).toHaveCount(0);
});

test("keys alone read, star and leave a mail", async ({ signedIn }) => {
  const mail = await signedIn("ben");
  await mail.listReady();
  const subject = await fresh(mail, "ben", "By key");
  await mail.page.keyboard.press("j");
  await mail.page.keyboard.press("Enter");
  await mail.opened();
  await expect(mail.reader.getByRole("heading", { level: 1 })).toHaveText(subject);
  await mail.page.keyboard.press("s");
  await expect(mail.row(subject).getByRole("button", { name: "Remove star" })).toBeVisible();
  await shut(mail);
  await mail.page.keyboard.press("?");
  await expect(mail.page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await mail.page.keyboard.press("Escape");
  await mail.page.keyboard.press("c");
  await expect(mail.front).toBeVisible();
});

test("an address that is typed whole needs no more than a click on Send", async ({ signedIn }) => {
  const mail = await signedIn("ben");
  const subject = `One click ${crypto.randomUUID().slice(0, 8)}`;
  await mail.write("", subject, "Quick.");
  await mail.front.getByRole("combobox", { name: "To" }).pressSequentially(personNamed("ben").address);
  const button = mail.front.getByRole("button", { name: "Send" });
  await expect(button).toBeEnabled({ timeout: 1_000 });
  await button.click();
  await expect(mail.row(subject)).toBeVisible();
});

test("a sent mail can be taken back, by button and by key, and goes out otherwise", async ({ signedIn }) => {
  const [ada, ben] = [await signedIn("emma"), await signedIn("ben")]; // what she chooses holds for her other browsers
  const subject = `Too early ${crypto.randomUUID().slice(0, 8)}`;
  await ada.chooseUndo("For 5 seconds");
  await ada.write(personNamed("ben").address, subject, "Wait.");
  await ada.send();
  const undo = ada.toast("Sent in 5 seconds").getByRole("button", { name: "Undo" });
  await undo.focus();
  await undo.press("Enter");
  await expect(ada.toast("Taken back")).toBeVisible();
  await expect(ada.front.getByRole("textbox", { name: "Subject" })).toHaveValue(subject);
  await ada.send();
  await expect(ada.toast("Sent in 5 seconds")).toBeVisible();
  await ada.page.keyboard.press("z");
  await expect(ada.front.getByRole("textbox", { name: "Text" })).toHaveValue(/Wait\./);
  await ada.page.waitForTimeout(6_000); // longer than either would have waited
  expect(await ben.row(subject).count()).toBe(0);
  await ada.send();
  await expect(ben.row(subject)).toBeVisible({ timeout: 20_000 });
  const elsewhere = await signedIn("emma");
  await elsewhere.page.getByRole("navigation", { name: "Folders" }).locator("[aria-haspopup=menu]").click();
  await expect(elsewhere.page.getByRole("menuitemradio", { name: "For 5 seconds" })).toBeChecked();
});

test("the list stays where a person has scrolled it when mail comes in", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.settledTotal();
  await mail.open(mail.rowAt(2));
  await mail.scrollTo(3_000);
  const subject = (await mail.rowAt(3_000).locator(".row-subject").textContent()) ?? "";
  const top = async () =>
    (await mail.rowAt(3_000).or(mail.rowAt(3_001)).filter({ hasText: subject }).boundingBox())?.y;
  const before = await top();
  const total = await mail.total();
  await deliver("ada", letter("ada", { subject: "Above all", body: "Nothing jumps." }));
  await expect.poll(() => mail.total(), { timeout: 40_000 }).toBe(total + 1);
  expect(await top(), "where the row stands, px").toBe(before);
});
