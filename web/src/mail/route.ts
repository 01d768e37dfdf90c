/** Every place in the client has a URL; back, forward and reload are the browser's own. */
import type { EmailId, MailboxId } from "../jmap/id";
import { emailId, mailboxId } from "../jmap/id";

export type Filter = "unread" | "starred" | "files";

export type Route =
  /** The root: goes on to the inbox. */
  | { readonly kind: "home" }
  | {
      readonly kind: "mailbox";
      readonly mailbox: MailboxId;
      readonly email: EmailId | undefined;
      readonly filter: Filter | undefined;
    }
  /** An email whose folder is not known yet. */
  | { readonly kind: "email"; readonly email: EmailId }
  | { readonly kind: "search"; readonly text: string; readonly email: EmailId | undefined }
  | { readonly kind: "sessions" }
  | { readonly kind: "missing" };

const filters: readonly Filter[] = ["unread", "starred", "files"];

function idOr<T>(decode: (v: unknown, at: string) => T, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return decode(text, "url");
  } catch {
    return undefined;
  }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseRoute(path: string, query = ""): Route {
  const [area, first, second, ...more] = path
    .split("/")
    .filter((p) => p !== "")
    .map(decodePart);
  if (more.length > 0) return { kind: "missing" };
  if (area === undefined) return { kind: "home" };
  if (area === "sessions" && first === undefined) return { kind: "sessions" };
  if (area === "search") return { kind: "search", text: first ?? "", email: idOr(emailId, second) };
  if (area !== "mail") return { kind: "missing" };
  if (first === undefined) return { kind: "home" };
  if (first === "id") {
    const email = idOr(emailId, second);
    return email === undefined ? { kind: "missing" } : { kind: "email", email };
  }
  const mailbox = idOr(mailboxId, first);
  if (mailbox === undefined) return { kind: "missing" };
  const wanted = new URLSearchParams(query).get("show");
  return {
    kind: "mailbox",
    mailbox,
    email: idOr(emailId, second),
    filter: filters.find((f) => f === wanted),
  };
}

export function formatRoute(route: Route): string {
  const part = (text: string | undefined) => (text === undefined ? "" : `/${encodeURIComponent(text)}`);
  switch (route.kind) {
    case "home":
    case "missing":
      return "/";
    case "mailbox":
      return `/mail${part(route.mailbox)}${part(route.email)}${route.filter ? `?show=${route.filter}` : ""}`;
    case "email":
      return `/mail/id${part(route.email)}`;
    case "search":
      return `/search${part(route.text)}${part(route.email)}`;
    case "sessions":
      return "/sessions";
  }
}

/** openEmail is the email that a route shows. */
export function openEmail(route: Route): EmailId | undefined {
  return "email" in route ? route.email : undefined;
}
