/** One way to speak HTTP to our own origin: same-origin cookies, JSON, failures sorted into Trouble. */
import { isRecord, num, object, orElse, str } from "../base/decode";
import { asTrouble, Trouble, type TroubleKind } from "../base/trouble";

/** The gate's error body; `detail` is a sentence for a person. */
const gateError = object({ type: orElse(str, ""), detail: orElse(str, ""), retryAfter: orElse(num, 0) });

const kindByStatus: Readonly<Record<number, TroubleKind>> = {
  401: "signedOut",
  403: "refused",
  404: "gone",
  410: "gone",
  413: "refused",
  429: "throttled",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** troubleOf sorts a failed answer. */
export function troubleOf(status: number, body: unknown): Trouble {
  const error = gateError(isRecord(body) ? body : {}, "error");
  const kind = kindByStatus[status] ?? (status >= 500 ? "unavailable" : "refused");
  return new Trouble(kind, error.detail || `the server answered ${status}`, error.type, error.retryAfter);
}

/** bodyOf is undefined for what is no JSON. A body that broke off or was called off is no body. */
async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** http sends a request and returns the parsed JSON of its answer (undefined for 204). */
export async function http(url: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      ...init,
    });
    body = response.status === 204 ? undefined : await bodyOf(response);
  } catch (thrown) {
    const trouble = asTrouble(thrown);
    throw trouble.kind === "broken" ? new Trouble("offline", trouble.detail) : trouble;
  }
  if (!response.ok) throw troubleOf(response.status, body);
  return body;
}

/** Characters up to which a request may outlive its page; browsers give all of them 64 KiB together. */
const MAX_OUTLIVING = 8_192;

interface PostOptions {
  readonly signal?: AbortSignal | undefined;
  /** The request goes on when the page is left or reloaded right after it. */
  readonly outlives?: boolean;
}

export function postJson(url: string, body: unknown, options: PostOptions = {}): Promise<unknown> {
  const text = JSON.stringify(body);
  return http(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: text,
    keepalive: options.outlives === true && text.length <= MAX_OUTLIVING,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}
