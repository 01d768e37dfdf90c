/** What runs, as stack_test.go tells it. */

export interface Person {
  readonly address: string;
  readonly password: string;
}

export interface Stack {
  readonly url: string;
  /** Pins the web certificate; "" on plain localhost. */
  readonly spki: string;
  readonly control: string;
  readonly people: Readonly<Record<string, Person>>;
  /** Mails in a person's inbox at the start. */
  readonly mails: Readonly<Record<string, number>>;
  readonly shared: string;
}

function read(): Stack {
  const text = process.env["COFFERDAM_STACK"];
  if (!text) throw new Error("COFFERDAM_STACK is not set: run go test, or npm run stack first");
  return JSON.parse(text) as Stack; // written by our own Go test
}

export const stack = read();

export function personNamed(name: string): Person {
  const found = stack.people[name];
  if (!found) throw new Error(`nobody is called ${name} here`);
  return found;
}

/** mailsOf is how many mails a person's inbox began with. */
export function mailsOf(name: string): number {
  return stack.mails[name] ?? 0;
}

/** deliver puts a mail into a person's mailbox, as mail from elsewhere comes. */
export async function deliver(
  to: string,
  mail: string | Buffer,
  from = "somebody@elsewhere.example",
): Promise<void> {
  const query = new URLSearchParams({ from, to: personNamed(to).address });
  const body = typeof mail === "string" ? mail : new Uint8Array(mail);
  const response = await fetch(`${stack.control}/deliver?${query.toString()}`, { method: "POST", body });
  if (!response.ok) throw new Error(`delivering to ${to}: ${await response.text()}`);
}

interface Letter {
  readonly subject: string;
  readonly body: string;
  readonly type?: string;
  readonly from?: string;
  readonly headers?: readonly string[];
}

/** letter is a small mail; body goes as it is, in base64. */
export function letter(to: string, l: Letter): string {
  const lines =
    Buffer.from(l.body)
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  return [
    `From: ${l.from ?? "Mallory Vane <mallory@elsewhere.example>"}`,
    `To: <${personNamed(to).address}>`,
    `Subject: ${l.subject}`,
    `Date: ${new Date().toUTCString()}`,
    `Message-ID: <${crypto.randomUUID()}@elsewhere.example>`,
    "MIME-Version: 1.0",
    `Content-Type: ${l.type ?? "text/plain"}; charset=utf-8`,
    "Content-Transfer-Encoding: base64",
    ...(l.headers ?? []),
    "",
    ...lines,
    "",
  ].join("\r\n");
}
