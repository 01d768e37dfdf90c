/** The shell: folders, list, mail, and what lies above them. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { listen } from "../base/listen";
import { words } from "../base/words";
import { folderName } from "../mail/folders";
import type { Mailroom } from "../mail/mailroom";
import { openEmail } from "../mail/route";
import type { Session } from "../mail/session";
import { Button, IconButton } from "./button";
import { Confirm } from "./dialog";
import { Icon } from "./icon";
import { bindKeys } from "./keys";
import { drawerOpen, hasDrawer, onePane } from "./layout";
import { later } from "./later";
import { ListPane } from "./listpane";
import { Reader } from "./reader";
import { RoomProvider } from "./room";
import { Sidebar } from "./sidebar";
import { State } from "./state";
import { ToastStack } from "./toasts";
import { UnsentBar } from "./unsent";

const composer = later(() => import("./composer").then((m) => m.ComposerDock));
const help = later(() => import("./help").then((m) => m.HelpSheet));
const sessions = later(() => import("./sessions").then((m) => m.SessionsPage));

/** Milliseconds after the first screen at which the other parts are fetched. */
const LATER_MS = 1_500;

interface ShellProps {
  readonly room: Mailroom;
  readonly session: Session;
  readonly provider: string;
}

/** The title names the place and counts what is unread, as a tab is all that one may see. */
function useTitle(room: Mailroom, provider: string): void {
  const route = room.route.value;
  const mailbox = room.mailbox.value;
  const unread = room.store.unread.value;
  const subject = room.conversation.value?.subject.value;
  const place =
    route.kind === "sessions"
      ? words.sessions
      : subject ||
        (route.kind === "search" ? words.searchFor(route.text) : mailbox ? folderName(mailbox) : "");
  const title = [unread > 0 ? `(${unread})` : "", place, provider && `– ${provider}`]
    .filter(Boolean)
    .join(" ");
  useEffect(() => void (document.title = title), [title]);
}

function RemovalQuestion({ room }: { readonly room: Mailroom }) {
  const ids = room.confirmRemoval.value;
  if (ids.length === 0) return null;
  return (
    <Confirm
      danger
      title={words.confirmDestroy(ids.length)}
      hint={words.confirmDestroyHint}
      action={words.act.removeForever}
      onConfirm={() => room.remove(ids)}
      onClose={() => (room.confirmRemoval.value = [])}
    />
  );
}

function Main({ room }: { readonly room: Mailroom }) {
  const route = room.route.value;
  if (route.kind === "sessions") return <sessions.View />;
  if (route.kind === "missing") {
    return (
      <section class="page">
        <State icon="search" title={words.missingFolder} hint={words.missingFolderHint}>
          <Button onClick={() => room.navigator.go({ kind: "home" })}>{words.toInbox}</Button>
        </State>
      </section>
    );
  }
  return (
    <>
      <ListPane />
      <Reader />
    </>
  );
}

function useGuards(room: Mailroom): void {
  useEffect(() => {
    const stops = [
      listen(window, "beforeunload", (event) => {
        if (room.composers.hasUnsaved()) event.preventDefault();
      }),
      listen(document, "visibilitychange", () => {
        if (document.visibilityState === "visible" && room.line.peek() !== "live") room.sync();
      }),
    ];
    const timer = setTimeout(() => {
      composer.fetch();
      help.fetch();
    }, LATER_MS);
    room.opensNext = () => !onePane.peek();
    return () => {
      clearTimeout(timer);
      stops.forEach((stop) => stop());
    };
  }, [room]);
}

export function Shell({ room, session, provider }: ShellProps) {
  const helping = useSignal(false);
  const route = room.route.value;
  useTitle(room, provider);
  useGuards(room);
  useEffect(() => bindKeys(room, () => (helping.value = true)), [room]);
  const open = openEmail(route) !== undefined;
  const page = route.kind === "sessions" || route.kind === "missing";
  return (
    <RoomProvider value={room}>
      <div class={`shell ${open ? "has-mail" : ""} ${page ? "has-page" : ""}`}>
        <Sidebar session={session} provider={provider} onHelp={() => (helping.value = true)} />
        {hasDrawer.value && drawerOpen.value && (
          <div class="scrim" onClick={() => (drawerOpen.value = false)}>
            <IconButton icon="close" label={words.close} onClick={() => (drawerOpen.value = false)} />
          </div>
        )}
        <Main room={room} />
        {onePane.value && !open && !page && (
          <button
            type="button"
            class="float-compose"
            aria-label={words.compose}
            onClick={() => room.composers.write()}
          >
            <Icon name="compose" size={24} />
          </button>
        )}
        {room.composers.open.value.length > 0 && <composer.View />}
        <RemovalQuestion room={room} />
        {helping.value && <help.View onClose={() => (helping.value = false)} />}
        <p class="sr" role="status">
          {room.arrived.value > 0 && words.newMail(room.arrived.value)}
        </p>
        <UnsentBar />
        <ToastStack toasts={room.toasts} />
      </div>
    </RoomProvider>
  );
}
