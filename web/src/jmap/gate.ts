/** The gate's own API: sign-in, sessions and tickets; the wire shapes alone. */
import { Trouble } from "../base/trouble";
import { bool, dict, list, num, object, orElse, str } from "../base/decode";
import { type EmailId, emailId } from "./id";
import { http, postJson } from "./http";

/** The key that porter opens sign-ins with, signed by the operator. */
export interface SigninKey {
  readonly v: number;
  /** base64url, 8 bytes. */
  readonly kid: string;
  readonly kem: string;
  /** base64url, 65 bytes. */
  readonly pk: string;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** base64url, 64 bytes: r, s. */
  readonly sig: string;
}

export interface SigninInfo {
  readonly key: SigninKey;
  /** base64url, 24 bytes. */
  readonly challenge: string;
  /** Mail domains, the default first. */
  readonly domains: string[];
  /** The provider, as people know it. */
  readonly name: string;
}

export const signinKey = object<SigninKey>({
  v: num,
  kid: str,
  kem: str,
  pk: str,
  notBefore: num,
  notAfter: num,
  sig: str,
});

const signinInfo = object<SigninInfo>({
  key: signinKey,
  challenge: str,
  domains: orElse(list(str), []),
  name: orElse(str, ""),
});

export async function fetchSigninInfo(): Promise<SigninInfo> {
  return signinInfo(await http("/api/signin"), "signin");
}

/** The operator's key that is served beside the bundle and watched with it. */
export interface OperatorKey {
  readonly v: number;
  readonly alg: string;
  readonly pk: string;
}

const operatorKey = object<OperatorKey>({ v: num, alg: str, pk: str });

export async function fetchOperatorKey(): Promise<OperatorKey> {
  return operatorKey(await http("/operator.json", { cache: "default" }), "operator.json");
}

export interface SealedSignin {
  readonly v: 1;
  readonly kid: string;
  readonly enc: string;
  readonly ct: string;
  readonly challenge: string;
  readonly shared: boolean;
}

/** Who is signed in. */
export interface Who {
  readonly login: string;
  readonly name: string;
  /** Unix seconds. */
  readonly expires: number;
  /** True while the sealed classes wait for an older password (DESIGN section 5). */
  readonly locked: boolean;
}

const who = object<Who>({
  login: str,
  name: orElse(str, ""),
  expires: orElse(num, 0),
  locked: orElse(bool, false),
});

export async function postSignin(sealed: SealedSignin): Promise<Who> {
  return who(await postJson("/api/signin", sealed), "signin");
}

const anybody = object<{ readonly login: string }>({ login: orElse(str, "") });

/** fetchWho throws "signedOut" when nobody is: gate says so with a null login, as no error is to be printed. */
export async function fetchWho(): Promise<Who> {
  const answer = await http("/api/session");
  if (anybody(answer, "session").login === "") throw new Trouble("signedOut", "nobody is signed in");
  return who(answer, "session");
}

export async function postSignout(): Promise<void> {
  await http("/api/signout", { method: "POST" });
}

/** One signed-in browser or device. */
export interface LiveSession {
  readonly id: string;
  readonly current: boolean;
  /** Unix seconds. */
  readonly created: number;
  readonly lastSeen: number;
  readonly agent: string;
  readonly network: string;
  /** What the person called it, for programs with a token of their own. */
  readonly name: string;
}

const liveSessions = object({
  sessions: list(
    object<LiveSession>({
      id: str,
      current: orElse(bool, false),
      created: orElse(num, 0),
      lastSeen: orElse(num, 0),
      agent: orElse(str, ""),
      network: orElse(str, ""),
      name: orElse(str, ""),
    }),
  ),
});

export async function fetchSessions(): Promise<LiveSession[]> {
  return liveSessions(await http("/api/sessions"), "sessions").sessions;
}

export async function endSession(id: string): Promise<void> {
  await http(`/api/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function endOtherSessions(): Promise<void> {
  await http("/api/sessions", { method: "DELETE" });
}

export interface Tickets {
  readonly tickets: Record<EmailId, string>;
  /** Unix seconds. */
  readonly expires: number;
}

/** tickets decodes URLs of bodies; a frame may only ever load a path below /b/ on our origin. */
export const tickets = (v: unknown, at: string): Tickets => {
  const wire = object({ tickets: dict(str), expires: num })(v, at);
  const out: Record<EmailId, string> = {};
  for (const [id, url] of Object.entries(wire.tickets)) {
    if (/^\/b\/[^/]/.test(url)) out[emailId(id, at)] = url;
  }
  return { tickets: out, expires: wire.expires };
};
