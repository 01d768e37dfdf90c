/** The gate's API in front of the fake JMAP server: static files with the real CSP, sign-in, tickets. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { FakeJmap } from "./jmap";
import { FakePorter } from "./porter";
import { me } from "./mails";

const types: Record<string, string> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain" }; // prettier-ignore

const CSP = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "frame-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
  "require-trusted-types-for 'script'", "trusted-types 'none'",
].join("; "); // prettier-ignore

const BODY_CSP =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => (c === "&" ? "&amp;" : c === "<" ? "&lt;" : "&gt;"));
}

export class FakeGate {
  readonly jmap: FakeJmap;
  private readonly porter = new FakePorter();
  private readonly server: Server;
  /** Milliseconds that every API answer takes longer. */
  delay = 0;
  /** Set to end the session, as an operator would. */
  signedIn = false;
  /** Set to make every API call fail with this status. */
  failWith = 0;

  constructor(threads: number) {
    this.jmap = new FakeJmap(threads);
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((thrown: unknown) => {
        console.error(thrown);
        this.json(response, 500, { type: "unavailable", detail: "The development server stumbled." });
      });
    });
  }

  async listen(port: number): Promise<string> {
    await this.porter.start();
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    const address = this.server.address();
    return `http://localhost:${typeof address === "object" && address ? address.port : port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private json(response: ServerResponse, status: number, body?: unknown): void {
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const key = `${request.method} ${url.pathname}`;
    if (url.pathname === "/operator.json") return this.json(response, 200, await this.porter.operatorKey());
    if (!/^\/(api|jmap|b)\//.test(url.pathname)) return this.file(url.pathname, response);
    if (url.pathname.startsWith("/b/")) return this.body(url.pathname.slice(3), response);
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    if (this.failWith > 0) return this.json(response, this.failWith, { type: "unavailable", detail: "" });
    if (key === "GET /api/signin") return this.json(response, 200, await this.porter.info());
    if (key === "POST /api/signin") return this.signin(await read(request), response);
    if (!this.signedIn)
      return this.json(response, 401, { type: "expired", detail: "Your session has ended." });
    return this.private(key, url, request, response);
  }

  private async private(
    key: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (key === "POST /jmap/api") {
      return this.json(
        response,
        200,
        this.jmap.handle(JSON.parse((await read(request)).toString()) as unknown),
      );
    }
    if (key === "GET /jmap/session")
      return this.json(response, 200, this.jmap.session(`http://${request.headers.host ?? ""}`));
    if (key === "GET /jmap/eventsource") return this.events(response);
    if (key.startsWith("POST /jmap/upload/")) return this.upload(await read(request), request, response);
    if (key.startsWith("GET /jmap/download/")) return this.download(response);
    if (key === "POST /api/tickets") return this.tickets(await read(request), response);
    if (key === "GET /api/session") return this.json(response, 200, this.who());
    if (key === "POST /api/signout") {
      this.signedIn = false;
      return this.json(response, 204);
    }
    if (key === "GET /api/sessions") return this.json(response, 200, { sessions: this.sessions });
    if (request.method === "DELETE" && url.pathname.startsWith("/api/sessions")) {
      const id = url.pathname.split("/")[3];
      this.sessions = this.sessions.filter((s) => (id === undefined ? s.current : s.id !== id));
      return this.json(response, 204);
    }
    return this.json(response, 404, { type: "invalid", detail: "There is nothing here." });
  }

  private sessions = [
    ["s1", true, 600, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "192.0.2.0/24"],
    ["s2", false, 7_200, "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari/537.36", "198.51.100.0/24"],
    ["s3", false, 260_000, "ltt.rs/0.4", "2001:db8:7::/48"],
  ].map(([id, current, age, agent, network]) => ({ id, current, created: Date.now() / 1000 - Number(age) * 9, lastSeen: Date.now() / 1000 - Number(age) + 590, agent, network })); // prettier-ignore

  private who(): unknown {
    return { login: me.email, name: me.name, expires: Date.now() / 1000 + 86_400, locked: false };
  }

  private async signin(body: Buffer, response: ServerResponse): Promise<void> {
    const { login, password } = await this.porter.open(JSON.parse(body.toString()) as unknown);
    if (login === me.email && password === "cofferdam") {
      this.signedIn = true;
      return this.json(response, 200, this.who());
    }
    const detail = "The mail server did not accept this address and password.";
    return this.json(response, 401, { type: "refused", detail });
  }

  private tickets(body: Buffer, response: ServerResponse): void {
    const { ids } = JSON.parse(body.toString()) as { ids: string[] };
    const tickets = Object.fromEntries(ids.map((id) => [id, `/b/${id}`]));
    this.json(response, 200, { tickets, expires: Date.now() / 1000 + 600 });
  }

  private body(id: string, response: ServerResponse): void {
    const mail = this.jmap.mail(id);
    response.writeHead(mail ? 200 : 404, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": BODY_CSP }); // prettier-ignore
    const style = mail?.html
      ? "body{margin:16px}"
      : ":root{color-scheme:light dark}body{margin:16px;font:15px/1.6 system-ui,sans-serif;white-space:pre-wrap;overflow-wrap:anywhere}";
    const text = mail?.html ?? escape(mail?.text ?? "");
    response.end(`<!doctype html><meta charset="utf-8"><style>${style}</style><body dir="auto">${text}`);
  }

  private events(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(":\n\n");
    const send = (data: string) => response.write(`event: state\ndata: ${data}\n\n`);
    this.jmap.listeners.add(send);
    response.on("close", () => this.jmap.listeners.delete(send));
  }

  private upload(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const blobId = `U${this.jmap.blobs.size + 1}`;
    const type = request.headers["content-type"] ?? "application/octet-stream";
    this.jmap.blobs.set(blobId, { type, bytes });
    this.json(response, 201, { accountId: "A1", blobId, type, size: bytes.length });
  }

  private download(response: ServerResponse): void {
    response.writeHead(200, {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": "attachment",
    });
    response.end("file");
  }

  private file(pathname: string, response: ServerResponse): void {
    const dist = path.resolve(import.meta.dirname, "../dist");
    const wanted = path.join(dist, path.normalize(pathname));
    const file = path.extname(wanted) !== "" && existsSync(wanted) ? wanted : path.join(dist, "index.html");
    response.writeHead(200, {
      "Content-Type": types[path.extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": CSP,
      "X-Content-Type-Options": "nosniff",
    });
    response.end(readFileSync(file));
  }
}
