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

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return (await response.json()) as unknown;
  } catch {
    return undefined;
  }
}

/** http sends a request and returns the parsed JSON of its answer (undefined for 204). */
export async function http(url: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, {
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      ...init,
    });
  } catch (thrown) {
    const trouble = asTrouble(thrown);
    throw trouble.kind === "broken" ? new Trouble("offline", trouble.detail) : trouble;
  }
  if (!response.ok) throw troubleOf(response.status, await bodyOf(response));
  return response.status === 204 ? undefined : bodyOf(response);
}

export function postJson(url: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
  return http(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}
