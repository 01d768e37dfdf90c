/** Who is signed in: the state that decides between the sign-in page and the mail. */
import { signal } from "@preact/signals";
import { asTrouble, type Trouble } from "../base/trouble";
import {
  fetchOperatorKey,
  fetchSigninInfo,
  fetchWho,
  type OperatorKey,
  postSignin,
  postSignout,
  type SigninInfo,
  type Who,
} from "../jmap/gate";
import { sealSignin } from "../jmap/signin";

export type SessionState =
  | { readonly kind: "unknown" }
  | { readonly kind: "unreachable"; readonly trouble: Trouble }
  | { readonly kind: "out" }
  | { readonly kind: "in"; readonly who: Who }
  /** The session ended while the page was in use; everything on it is kept until it is renewed. */
  | { readonly kind: "expired"; readonly who: Who };

/** A challenge is good for five minutes (docs/formats/signin-box.md); a fresh one is fetched before that. */
const CHALLENGE_MS = 4 * 60_000;

const PROVIDER = "provider";

function remembered(): string {
  try {
    return localStorage.getItem(PROVIDER) ?? "";
  } catch {
    return ""; // storage may be switched off
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(PROVIDER, name);
  } catch {
    // known for this page alone
  }
}

export class Session {
  readonly state = signal<SessionState>({ kind: "unknown" });
  readonly info = signal<SigninInfo | undefined>(undefined);
  /** The provider's name, kept in this browser so that a reload knows it at once. */
  readonly provider = signal(remembered());
  private operator: OperatorKey | undefined;
  private preparedAt = 0;
  private waiting: (() => void)[] = [];

  /** resume finds out whether a session is alive. */
  async resume(): Promise<void> {
    try {
      this.state.value = { kind: "in", who: await fetchWho() };
    } catch (thrown) {
      const trouble = asTrouble(thrown);
      this.state.value = trouble.kind === "signedOut" ? { kind: "out" } : { kind: "unreachable", trouble };
    }
  }

  /** prepare fetches what a sign-in needs; the challenge in it is for one attempt. */
  async prepare(): Promise<SigninInfo> {
    const [info, operator] = await Promise.all([
      fetchSigninInfo(),
      this.operator ? Promise.resolve(this.operator) : fetchOperatorKey(),
    ]);
    this.operator = operator;
    this.preparedAt = Date.now();
    this.info.value = info;
    this.provider.value = info.name;
    remember(info.name);
    return info;
  }

  /**
   * signIn seals the password and sends it. The caller clears its field; nothing here keeps it. A
   * different person signing in over an expired session gets a clean page.
   */
  async signIn(login: string, password: string, shared: boolean): Promise<void> {
    let who: Who;
    try {
      who = await this.attempt(login, password, shared);
    } catch (thrown) {
      // The page may have been open for longer than a challenge lives, or porter was restarted.
      if (asTrouble(thrown).type !== "expired") throw thrown;
      this.info.value = undefined;
      who = await this.attempt(login, password, shared);
    }
    const before = this.state.peek();
    if (before.kind === "expired" && before.who.login !== who.login) {
      location.replace("/");
      return;
    }
    this.state.value = { kind: "in", who };
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async attempt(login: string, password: string, shared: boolean): Promise<Who> {
    const young = Date.now() - this.preparedAt < CHALLENGE_MS;
    const info = (young ? this.info.peek() : undefined) ?? (await this.prepare());
    if (!this.operator) throw new Error("no operator key");
    return postSignin(await sealSignin(info, this.operator, login, password, shared));
  }

  /** renew is called on a 401: it shows the sign-in over the page and resolves when it has succeeded. */
  readonly renew = (): Promise<void> => {
    const state = this.state.peek();
    if (state.kind === "in") this.state.value = { kind: "expired", who: state.who };
    return new Promise((resolve) => this.waiting.push(resolve));
  };

  async signOut(): Promise<void> {
    try {
      await postSignout();
    } catch (thrown) {
      if (asTrouble(thrown).kind !== "signedOut") throw thrown;
    }
    // A fresh page holds nothing of the old session.
    location.replace("/");
  }
}
