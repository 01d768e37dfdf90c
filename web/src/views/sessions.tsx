/** Where the person is signed in, and the way to end it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { asTrouble, type Trouble } from "../base/trouble";
import { mediumDate } from "../base/time";
import { words } from "../base/words";
import { endOtherSessions, endSession, fetchSessions, type LiveSession } from "../jmap/gate";
import { explain } from "../mail/trouble";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";
import { drawerOpen, hasDrawer } from "./layout";
import { useRoom } from "./room";
import { State } from "./state";

function when(seconds: number): string {
  return mediumDate(new Date(seconds * 1000).toISOString());
}

/** agentName reads the few words that people know out of a browser's long name for itself. */
export function agentName(agent: string): string {
  const find = (names: readonly (readonly [RegExp, string])[]) =>
    names.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = find([
    [/Android/, "Android"],
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "Mac"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ]);
  if (browser !== undefined && system !== undefined) return words.browserOn(browser, system);
  return agent.split(/[ (]/)[0] || words.unknownProgram;
}

function SessionLine({ session, onEnd }: { readonly session: LiveSession; readonly onEnd: () => void }) {
  return (
    <li class="session">
      <Icon name={session.current ? "check" : "sessions"} />
      <div>
        <b title={session.agent}>{session.name || agentName(session.agent)}</b>
        {session.current && <span class="tag">{words.thisSession}</span>}
        <small>
          {words.lastSeen(when(session.lastSeen))}, {words.since(when(session.created))}
          {session.network && ` · ${session.network}`}
        </small>
      </div>
      {!session.current && <Button onClick={onEnd}>{words.endSession}</Button>}
    </li>
  );
}

export function SessionsPage() {
  const room = useRoom();
  const list = useSignal<readonly LiveSession[] | undefined>(undefined);
  const trouble = useSignal<Trouble | undefined>(undefined);
  const load = () => {
    trouble.value = undefined;
    fetchSessions().then(
      (sessions) => (list.value = sessions),
      (thrown: unknown) => (trouble.value = asTrouble(thrown)),
    );
  };
  useEffect(load, []);
  const end = (action: Promise<void>, done: string) => {
    action
      .then(() => room.toasts.show(done))
      .catch((thrown: unknown) =>
        room.toasts.show(`${words.endFailed} ${explain(asTrouble(thrown))}`, "trouble"),
      )
      .finally(load);
  };
  const others = (list.value ?? []).filter((s) => !s.current).length;
  return (
    <section class="page" aria-label={words.sessions}>
      <header>
        {hasDrawer.value && (
          <IconButton icon="menu" label={words.folders} onClick={() => (drawerOpen.value = true)} />
        )}
        <div>
          <h1>{words.sessions}</h1>
          <p>{words.sessionsHint}</p>
        </div>
      </header>
      {trouble.value && (
        <State icon="alert" tone="trouble" title={words.sessionsFailed} hint={explain(trouble.value)}>
          <Button onClick={load}>{words.retry}</Button>
        </State>
      )}
      {list.value && (
        <ul class="sessions">
          {list.value.map((s) => (
            <SessionLine key={s.id} session={s} onEnd={() => end(endSession(s.id), words.endedOne)} />
          ))}
        </ul>
      )}
      {others > 0 && (
        <Button kind="danger" icon="signOut" onClick={() => end(endOtherSessions(), words.endedOthers)}>
          {words.endOthers}
        </Button>
      )}
    </section>
  );
}
