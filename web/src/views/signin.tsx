/** The sign-in page, and the same form over a page whose session has ended. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { asTrouble } from "../base/trouble";
import { words } from "../base/words";
import type { Session } from "../mail/session";
import { explain } from "../mail/trouble";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";

const w = words.signIn;

/** completed adds the provider's domain to a bare name. */
export function completed(login: string, domains: readonly string[]): string {
  const name = login.trim();
  const [domain] = domains;
  return name === "" || name.includes("@") || domain === undefined ? name : `${name}@${domain}`;
}

interface FormProps {
  readonly session: Session;
  /** The person whose session has ended, if one has. */
  readonly again?: string;
}

function useSignIn(session: Session) {
  const busy = useSignal(false);
  const trouble = useSignal("");
  const submit = async (login: string, password: HTMLInputElement, shared: boolean): Promise<void> => {
    if (login === "" || password.value === "") {
      trouble.value = w.missing;
      return;
    }
    busy.value = true;
    trouble.value = "";
    try {
      const signedIn = session.signIn(login, password.value, shared);
      password.value = "";
      await signedIn;
    } catch (thrown) {
      const t = asTrouble(thrown);
      trouble.value =
        t.type === "refused" || t.type === "key" || t.type === "throttled" ? t.detail : explain(t);
      session.prepare().catch(() => undefined); // a new challenge for the next attempt
      password.focus();
    } finally {
      busy.value = false;
    }
  };
  return { busy, trouble, submit };
}

interface PasswordProps {
  readonly field: { current: HTMLInputElement | null };
  /** In a dialog, the browser focuses the field that asks for it. */
  readonly first: boolean;
}

function PasswordField({ field, first }: PasswordProps) {
  const shown = useSignal(false);
  return (
    <label class="field">
      <span>{w.password}</span>
      <span class="field-box">
        <input
          ref={field}
          type="password"
          name="password"
          autocomplete="current-password"
          autofocus={first}
          required
        />
        <IconButton
          icon={shown.value ? "eyeOff" : "eye"}
          label={shown.value ? w.hidePassword : w.showPassword}
          onClick={() => {
            shown.value = !shown.value;
            if (field.current) field.current.type = shown.value ? "text" : "password";
          }}
        />
      </span>
    </label>
  );
}

export function SignInForm({ session, again }: FormProps) {
  const login = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const shared = useRef<HTMLInputElement>(null);
  const { busy, trouble, submit } = useSignIn(session);
  const domains = session.info.value?.domains ?? [];
  useEffect(() => {
    (again ? password : login).current?.focus();
    session.prepare().catch((thrown: unknown) => (trouble.value = explain(asTrouble(thrown))));
  }, []);
  const onSubmit = (event: Event) => {
    event.preventDefault();
    const [l, p] = [login.current, password.current];
    if (l && p && !busy.value) void submit(completed(l.value, domains), p, shared.current?.checked ?? false);
  };
  return (
    <form class="signin-form" onSubmit={onSubmit} noValidate>
      <label class="field">
        <span>{w.address}</span>
        <span class="field-box">
          <input
            ref={login}
            type="text"
            inputMode="email"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            defaultValue={again ?? ""}
            readOnly={again !== undefined}
            placeholder={domains[0] ? `name@${domains[0]}` : ""}
            required
          />
        </span>
      </label>
      <PasswordField field={password} first={again !== undefined} />
      {again === undefined && (
        <label class="check">
          <input ref={shared} type="checkbox" name="shared" />
          <span>
            {w.shared}
            <small>{w.sharedHint}</small>
          </span>
        </label>
      )}
      <Button kind="primary" type="submit" disabled={busy.value}>
        {busy.value ? w.working : w.submit}
      </Button>
      <p class="form-trouble" role="alert">
        {trouble.value && <Icon name="alert" size={16} />}
        {trouble.value}
      </p>
    </form>
  );
}

/** Mark is the product's sign: closed cells. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <path d="M16 3.5l10.8 6.2v12.6L16 28.5 5.2 22.3V9.7z" />
      <path d="M5.2 9.7L16 16l10.8-6.3M16 16v12.5" />
    </svg>
  );
}

export function SignInPage({ session }: { readonly session: Session }) {
  return (
    <main class="signin">
      <div class="signin-card">
        <header>
          <Mark />
          <h1>{session.provider.value || (session.info.value ? w.title : "\u00a0")}</h1>
        </header>
        <SignInForm session={session} />
        <p class="signin-note">{w.sealed}</p>
      </div>
    </main>
  );
}

/** SignInAgain covers a page whose session has ended; the page below keeps all that was typed. */
export function SignInAgain({ session, login }: { readonly session: Session; readonly login: string }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-label={w.again}
      onCancel={(e) => e.preventDefault()}
      onKeyDown={(e) => e.stopPropagation()}
    >
      <div class="dialog-body">
        <h2>{w.again}</h2>
        <p>{w.againHint}</p>
        <SignInForm session={session} again={login} />
      </div>
    </dialog>
  );
}
