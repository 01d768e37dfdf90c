/** The folders, the way to a new mail, and the account. */
import { useSignal } from "@preact/signals";
import { asTrouble } from "../base/trouble";
import { mediumDate } from "../base/time";
import { words } from "../base/words";
import { faultAcknowledge } from "../jmap/fault";
import type { MailboxId } from "../jmap/id";
import type { Mailbox } from "../jmap/mailbox";
import { type Folder, folderCount, folderName, folderTree } from "../mail/folders";
import { formatRoute } from "../mail/route";
import type { Session } from "../mail/session";
import { explain } from "../mail/trouble";
import { Avatar } from "./avatar";
import { Button, IconButton } from "./button";
import { Icon, type IconName } from "./icon";
import { drawerOpen } from "./layout";
import { MenuItem, Popup } from "./popup";
import { useRoom } from "./room";
import { Mark } from "./signin";
import { theme } from "./theme";

/** FaultLine says once that sealed records did not fit, until the person has seen it. */
function FaultLine() {
  const room = useRoom();
  const seen = useSignal(false);
  const { session } = room.store.connection;
  const [first] = session.faults;
  if (!first || seen.value) return null;
  const acknowledge = () => {
    seen.value = true;
    // If it fails, the line is there again at the next sign-in.
    room.store.connection.call(faultAcknowledge(session.account)).catch(asTrouble);
  };
  return (
    <div class="line-lost" role="note">
      <p>{words.fault(mediumDate(first.found))}</p>
      <IconButton icon="close" label={words.seen} size={16} onClick={acknowledge} />
    </div>
  );
}

export function folderIcon(mailbox: Mailbox): IconName {
  switch (mailbox.role) {
    case "inbox":
      return "inbox";
    case "drafts":
      return "drafts";
    case "sent":
      return "send";
    case "archive":
    case "all":
      return "archive";
    case "junk":
      return "spam";
    case "trash":
      return "trash";
    case "flagged":
      return "star";
    case null:
      return "folder";
  }
}

/** followLink lets the browser have its own clicks: new tab, new window, download. */
export function followLink(event: MouseEvent, go: () => void): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go();
}

interface FolderRowProps {
  readonly folder: Folder;
  readonly current: boolean;
  readonly closed: boolean;
  readonly onToggle: () => void;
}

function FolderRow({ folder, current, closed, onToggle }: FolderRowProps) {
  const room = useRoom();
  const { mailbox, depth, hasChildren } = folder;
  const count = folderCount(mailbox);
  const href = formatRoute({ kind: "mailbox", mailbox: mailbox.id, email: undefined, filter: undefined });
  return (
    <li class={`folder ${current ? "is-current" : ""}`} style={{ "--depth": String(depth) }}>
      <a
        href={href}
        aria-current={current ? "page" : undefined}
        onClick={(event) =>
          followLink(event, () => {
            drawerOpen.value = false;
            room.goTo(mailbox.id);
          })
        }
      >
        <Icon name={folderIcon(mailbox)} />
        <span class="folder-name">{folderName(mailbox)}</span>
        {count > 0 && (
          <span
            class={`folder-count ${mailbox.role === "drafts" || mailbox.role === "junk" ? "is-quiet" : ""}`}
          >
            {count.toLocaleString()}
          </span>
        )}
      </a>
      {hasChildren && (
        <button
          type="button"
          class={`folder-toggle ${closed ? "" : "is-open"}`}
          aria-expanded={!closed}
          aria-label={folderName(mailbox)}
          onClick={onToggle}
        >
          <Icon name="right" size={16} />
        </button>
      )}
    </li>
  );
}

function Folders() {
  const room = useRoom();
  const closed = useSignal<ReadonlySet<MailboxId>>(new Set());
  const toggle = (id: MailboxId) => {
    const next = new Set(closed.value);
    if (!next.delete(id)) next.add(id);
    closed.value = next;
  };
  const tree = folderTree(room.store.mailboxes.value, closed.value);
  const current = room.mailbox.value?.id;
  const firstOwn = tree.find((f) => f.mailbox.role === null)?.mailbox.id;
  return (
    <ul>
      {tree.map((folder) => (
        <>
          {folder.mailbox.id === firstOwn && <li class="folder-rule" aria-hidden="true" />}
          <FolderRow
            key={folder.mailbox.id}
            folder={folder}
            current={folder.mailbox.id === current}
            closed={closed.value.has(folder.mailbox.id)}
            onToggle={() => toggle(folder.mailbox.id)}
          />
        </>
      ))}
    </ul>
  );
}

interface AccountProps {
  readonly session: Session;
  readonly onHelp: () => void;
}

function AccountMenu({ session, onHelp, onClose }: AccountProps & { readonly onClose: () => void }) {
  const room = useRoom();
  const w = words.theme;
  const run = (action: () => void) => () => {
    onClose();
    action();
  };
  const { undoSend } = room.outgoing;
  const choose = (seconds: number) => {
    undoSend
      .choose(seconds)
      .catch((thrown: unknown) =>
        room.toasts.show(`${words.failed.choice} ${explain(asTrouble(thrown))}`, "trouble"),
      );
  };
  const signOut = () => {
    // A mail that waits to go out needs the session; the person pressed Send.
    if (room.outgoing.underWay()) {
      room.toasts.show(words.signOutLater, "trouble");
      return;
    }
    session
      .signOut()
      .catch((thrown: unknown) =>
        room.toasts.show(`${words.failed.signOut} ${explain(asTrouble(thrown))}`, "trouble"),
      );
  };
  return (
    <Popup label={words.account} up onClose={onClose}>
      <p class="menu-label">{w.label}</p>
      <MenuItem icon="system" checked={theme.value === "auto"} onClick={() => (theme.value = "auto")}>
        {w.auto}
      </MenuItem>
      <MenuItem icon="light" checked={theme.value === "light"} onClick={() => (theme.value = "light")}>
        {w.light}
      </MenuItem>
      <MenuItem icon="dark" checked={theme.value === "dark"} onClick={() => (theme.value = "dark")}>
        {w.dark}
      </MenuItem>
      <hr />
      {undoSend.choices.length > 1 && (
        <>
          <p class="menu-label">{words.undoSend}</p>
          {undoSend.choices.map((s) => (
            <MenuItem key={s} icon="send" checked={undoSend.seconds.value === s} onClick={() => choose(s)}>
              {words.undoChoice(s)}
            </MenuItem>
          ))}
          <hr />
        </>
      )}
      <MenuItem icon="keyboard" hint="?" onClick={run(onHelp)}>
        {words.shortcuts}
      </MenuItem>
      <MenuItem icon="sessions" onClick={run(() => room.navigator.go({ kind: "sessions" }))}>
        {words.sessions}
      </MenuItem>
      <MenuItem icon="signOut" onClick={run(signOut)}>
        {words.signOut}
      </MenuItem>
    </Popup>
  );
}

function Account(props: AccountProps) {
  const room = useRoom();
  const open = useSignal(false);
  const login = room.connection.session.username;
  const name = room.store.identities.value[0]?.name ?? "";
  return (
    <div class="account">
      <button
        type="button"
        class="account-button"
        aria-haspopup="menu"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        <Avatar of={{ name: name || null, email: login }} size="s" />
        <span class="account-text">
          <span>{name || login}</span>
          {name && <small>{login}</small>}
        </span>
        <Icon name="up" size={16} />
      </button>
      {open.value && <AccountMenu {...props} onClose={() => (open.value = false)} />}
    </div>
  );
}

interface SidebarProps extends AccountProps {
  readonly provider: string;
}

export function Sidebar({ session, onHelp, provider }: SidebarProps) {
  const room = useRoom();
  const state = session.state.value;
  return (
    <nav class={`sidebar ${drawerOpen.value ? "is-open" : ""}`} aria-label={words.folders}>
      <div class="brand">
        <Mark />
        <span>{provider || words.product}</span>
      </div>
      <div class="sidebar-compose">
        <Button
          kind="primary"
          icon="compose"
          title={`${words.compose} (C)`}
          onClick={() => room.composers.write()}
        >
          {words.compose}
        </Button>
      </div>
      <div class="sidebar-folders">
        <Folders />
      </div>
      {room.line.value === "lost" && (
        <p class="line-lost" role="status">
          <Icon name="offline" size={16} /> {words.line.lost}
        </p>
      )}
      {state.kind === "in" && state.who.locked && <p class="line-lost">{words.locked}</p>}
      <FaultLine />
      <Account session={session} onHelp={onHelp} />
    </nav>
  );
}
