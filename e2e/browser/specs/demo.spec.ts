import { expect, test } from "../lib/fixtures";
import { Mail } from "../lib/mail";
import { personNamed, stack } from "../lib/stack";

test("mail of one person appears at the other by itself, in under 2 seconds", async ({ signedIn }) => {
  const [ada, grace] = [await signedIn("ada"), await signedIn("grace")];
  await grace.listReady();
  for (const [from, to, at] of [
    [ada, grace, personNamed("grace").address],
    [grace, ada, personNamed("ada").address],
  ] as const) {
    const subject = `High water at ${crypto.randomUUID().slice(0, 8)}`;
    await from.write(at, subject, "Bring the long rope.\n\nGrüße");
    const began = Date.now();
    await from.front.getByRole("button", { name: "Send" }).click();
    await expect(to.row(subject)).toBeVisible();
    const took = Date.now() - began;
    console.log(`  from Send to the other's list: ${took} ms`);
    expect(took, "ms from Send to the row").toBeLessThan(2_000);
    await expect(to.page).toHaveTitle(/^\(\d+\)/);
    await to.open(to.row(subject));
    expect(await to.bodyText()).toContain("Bring the long rope.");
    expect(await to.bodyText()).toContain("Grüße");
  }
});

test("a wrong password is said clearly, and the right one then works", async ({ visit, watcher }) => {
  watcher.expects(/console: Failed to load resource.*40[13]/);
  const mail = new Mail(await visit());
  await mail.page.goto("/");
  await mail.enter("ada", "not my password");
  const alert = mail.page.getByRole("alert");
  await expect(alert).toContainText(/password/i);
  await expect(mail.address).toHaveValue("ada");
  await mail.enter("", "");
  await expect(alert).toContainText("Enter your address and your password.");
  await mail.signIn("ada");
  await mail.listReady();
  expect(await mail.rows.count()).toBeGreaterThan(3);
});

test("signing out ends the session, for back and reload too", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.open(mail.rows.first());
  const url = mail.page.url();
  await mail.signOut();
  await expect(mail.list).toHaveCount(0);
  await mail.page.reload();
  await expect(mail.address).toBeVisible();
  await mail.page.goto(url);
  await expect(mail.address).toBeVisible();
  await expect(mail.list).toHaveCount(0);
  const answer = await mail.page.request.get("/jmap/session");
  expect(answer.status(), "of /jmap/session after signing out").toBe(401);
});

test("every folder and mail has a URL; back, forward and reload work", async ({ signedIn }) => {
  const mail = await signedIn("ada");
  await mail.listReady();
  const subject = mail.reader.getByRole("heading", { level: 1 });

  await mail.open(mail.rows.nth(1));
  const first = (await subject.textContent()) ?? "";
  const firstURL = new URL(mail.page.url()).pathname;
  expect(firstURL).toMatch(/^\/mail\/[^/]+\/[^/]+$/);
  await mail.page.reload();
  await expect(subject).toHaveText(first);
  await mail.opened();

  await mail.goTo("Archive");
  expect(new URL(mail.page.url()).pathname).toMatch(/^\/mail\/[^/]+$/);
  await mail.page.goBack();
  await expect(subject).toHaveText(first);
  await mail.page.goForward();
  await expect(mail.page.getByRole("heading", { level: 1, name: "Archive" })).toBeVisible();

  const [, , mailbox, email] = firstURL.split("/");
  await mail.page.goto(`/mail/${mailbox}`);
  await mail.listReady();
  await expect(mail.page.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
  await mail.page.goto(`/mail/${mailbox}/${email}`);
  await expect(subject).toHaveText(first);
  await mail.page.goto(`/mail/id/${email}`);
  await expect(subject).toHaveText(first);
  await mail.opened();
  await expect(mail.page).toHaveURL(`${stack.url}/mail/${mailbox}/${email}`);
  await expect(mail.row(first.slice(0, 30)).first()).toBeVisible();
});

test("a link to a mail, followed signed out, opens it after signing in", async ({ signedIn, visit }) => {
  const ada = await signedIn("ada");
  await ada.open(ada.rows.first());
  const subject = await ada.reader.getByRole("heading", { level: 1 }).textContent();
  const other = new Mail(await visit());
  await other.page.goto(ada.page.url());
  await other.signIn("ada");
  await expect(other.reader.getByRole("heading", { level: 1 })).toHaveText(subject ?? "");
  await other.opened();
});

test("somebody else's mail does not open", async ({ signedIn, watcher }) => {
  watcher.expects(/console: Failed to load resource.*40[34]/);
  const [ada, grace] = [await signedIn("ada"), await signedIn("grace")];
  await ada.open(ada.rows.first());
  await grace.page.goto(new URL(ada.page.url()).pathname);
  await expect(grace.page.getByRole("heading", { name: "This mail is not here any more" })).toBeVisible();
  await expect(grace.frame).toHaveCount(0);
});
