/** An inbox of 100,000 mails. */
import { expect, test } from "../lib/fixtures";
import { sample } from "../lib/random";
import { mailsOf } from "../lib/stack";

test("100,000 mails: the first page at once, then message 50,000 and the last one", async ({ signedIn }) => {
  test.setTimeout(150_000);
  const began = Date.now();
  const mail = await signedIn("cora");
  await mail.listReady();
  console.log(`  sign-in to the first rows, index not built yet: ${Date.now() - began} ms`);
  const total = await mail.settledTotal();
  console.log(
    `  index complete after ${Date.now() - began} ms: ${mailsOf("cora")} mails are ${total} conversations`,
  );

  // The list counts conversations; message 50,000, counted singly by date, lies in one of them.
  const at = await mail.rowOfMessage(50_000, "Inbox");
  expect(at.mails, "mails in the inbox").toBe(mailsOf("cora"));
  expect(at.conversations, "conversations that the server counts").toBe(total);
  const scrolled = Date.now();
  await mail.scrollTo(at.position);
  console.log(`  message 50,000 is in row ${at.position}: in view after ${Date.now() - scrolled} ms`);
  const row = mail.rowAt(at.position);
  await mail.open(row);
  expect(new URL(mail.page.url()).pathname.split("/").pop()).toBe(at.email);
  expect(await mail.rows.count(), "rows in view").toBeGreaterThan(5);
  expect((await mail.bodyText()).trim()).not.toBe("");

  await mail.scrollTo(total);
  await expect(mail.rowAt(total + 1)).toHaveCount(0);
  await mail.scrollTo(1);
});

test("the rows keep up with somebody who drags the bar through it", async ({ signedIn }) => {
  const mail = await signedIn("cora");
  const total = await mail.settledTotal();
  const took: number[] = [];
  for (const position of sample(30, total)) {
    const began = Date.now();
    await mail.scrollTo(position);
    took.push(Date.now() - began);
  }
  console.log(
    `  30 leaps through ${total} rows, until the row is there: ${took.sort((a, b) => a - b).join(" ")} ms`,
  );
  expect(Math.max(...took), "slowest leap, ms").toBeLessThan(3_000);
});
