import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import type { Trouble } from "../base/trouble";
import { postJson } from "./http";

/** serve answers every request with what answer does, until the test ends. */
async function serve(t: TestContext, answer: (res: ServerResponse) => void): Promise<string> {
  const server = createServer((_, res) => answer(res)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function begin(res: ServerResponse): void {
  res.writeHead(200, { "Content-Type": "application/json" });
  res.write('{"half":');
}

const kind = (wanted: string) => (thrown: Trouble) => thrown.kind === wanted;

test("a request that is called off while its answer comes in is called off, not broken", async (t) => {
  const url = await serve(t, begin);
  const abort = new AbortController();
  const answer = postJson(url, {}, { signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(answer, kind("aborted"));
});

test("an answer that breaks off is a lost line", async (t) => {
  const url = await serve(t, (res) => {
    begin(res);
    setTimeout(() => res.destroy(), 20);
  });
  await assert.rejects(postJson(url, {}), kind("offline"));
});

test("an error page of a proxy is sorted by its status", async (t) => {
  const url = await serve(t, (res) => {
    res.writeHead(502, { "Content-Type": "text/html" });
    res.end("<h1>Bad gateway</h1>");
  });
  await assert.rejects(postJson(url, {}), kind("unavailable"));
});
