/** Where it starts: find out who is there, then show the sign-in page or the mail. */
import "../views/style/tokens.css";
import "../views/style/base.css";
import "../views/style/signin.css";
import "../views/style/shell.css";
import "../views/style/list.css";
import "../views/style/reader.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { asTrouble, type Trouble } from "../base/trouble";
import { words } from "../base/words";
import { Mailroom } from "../mail/mailroom";
import { Navigator } from "../mail/navigator";
import { Session } from "../mail/session";
import { explain } from "../mail/trouble";
import { Button } from "../views/button";
import { Shell } from "../views/shell";
import { SignInAgain, SignInPage } from "../views/signin";
import { State } from "../views/state";
import { applyTheme } from "../views/theme";

const session = new Session();
const navigator = new Navigator();
const room = signal<Mailroom | undefined>(undefined);
const startTrouble = signal<Trouble | undefined>(undefined);

/** Milliseconds between attempts while the service cannot be reached. */
const RETRY_MS = 5_000;

function enter(): void {
  startTrouble.value = undefined;
  Mailroom.enter(navigator, session.renew).then(
    (entered) => (room.value = entered),
    (thrown: unknown) => (startTrouble.value = asTrouble(thrown)),
  );
}

function Unreachable() {
  useEffect(() => {
    const timer = setInterval(() => void session.resume(), RETRY_MS);
    return () => clearInterval(timer);
  }, []);
  const w = words.signIn;
  return (
    <main class="signin">
      <State icon="offline" tone="trouble" title={w.unreachable} hint={w.unreachableHint}>
        <Button onClick={() => void session.resume()}>{words.retry}</Button>
      </State>
    </main>
  );
}

/** The first moments: nothing is drawn that would have to move. */
function Waiting() {
  if (!startTrouble.value) return <div class="waiting" aria-busy="true" />;
  return (
    <main class="signin">
      <State icon="alert" tone="trouble" title={words.failedStart} hint={explain(startTrouble.value)}>
        <Button onClick={enter}>{words.retry}</Button>
      </State>
    </main>
  );
}

function App() {
  const state = session.state.value;
  useEffect(() => {
    if (state.kind !== "in") return;
    if (room.peek()) room.peek()?.renewed();
    else enter();
  }, [state.kind]);
  if (state.kind === "unknown") return <div class="waiting" />;
  if (state.kind === "unreachable") return <Unreachable />;
  if (state.kind === "out") return <SignInPage session={session} />;
  return (
    <>
      {room.value ? (
        <Shell room={room.value} session={session} provider={session.provider.value} />
      ) : (
        <Waiting />
      )}
      {state.kind === "expired" && <SignInAgain session={session} login={state.who.login} />}
    </>
  );
}

applyTheme();
navigator.start();
const root = document.getElementById("app");
if (root) render(<App />, root);
void session.resume();
