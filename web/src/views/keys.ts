/** Keys: one table, close to the ones that people have in their fingers. */
import { listen } from "../base/listen";
import type { Mailroom } from "../mail/mailroom";
import { askRemove } from "./row";
import { toggleTheme } from "./theme";

/** Milliseconds within which the second key of a pair must follow. */
const PAIR_MS = 1_200;

/** typing is true where a key is a letter and not a wish. */
function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

type Wishes = Readonly<Record<string, () => void>>;

function openMoveMenu(): void {
  document
    .querySelector<HTMLElement>(".selection-bar .popup-anchor > button, .toolbar .popup-anchor > button")
    ?.click();
}

function wishes(room: Mailroom, showHelp: () => void): Wishes {
  const chosen = () => room.chosen();
  const answer = (kind: "reply" | "replyAll" | "forward") => () => {
    const id = room.conversation.peek()?.open.peek() ?? room.cursor.peek();
    if (id !== undefined) void room.composers.answer(kind, id);
  };
  const goTo = (role: "inbox" | "drafts" | "sent" | "trash") => () => {
    const mailbox = room.store.byRole(role);
    if (mailbox) room.goTo(mailbox.id);
  };
  const open = () => {
    const id = room.cursor.peek();
    if (id !== undefined) room.open(id);
  };
  const up = () => {
    if (room.selection.count > 0) room.selection.clear();
    else room.closeEmail();
  };
  return {
    j: () => room.step(1),
    k: () => room.step(-1),
    ArrowDown: () => room.step(1),
    ArrowUp: () => room.step(-1),
    o: open,
    Enter: open,
    Escape: up,
    u: () => room.setSeen(chosen(), room.isUnread(chosen())),
    U: () => room.setSeen(chosen(), false),
    I: () => room.setSeen(chosen(), true),
    r: answer("reply"),
    a: answer("replyAll"),
    f: answer("forward"),
    c: () => room.composers.write(),
    e: () => room.archive(chosen()),
    y: () => room.archive(chosen()),
    "#": () => askRemove(room, chosen()),
    Delete: () => askRemove(room, chosen()),
    s: () => room.toggleStar(chosen()),
    v: openMoveMenu,
    x: () => {
      const id = room.cursor.peek();
      if (id !== undefined) room.selection.toggle(id);
    },
    z: () => room.toasts.undo(),
    "/": () => document.getElementById("search")?.focus(),
    "?": showHelp,
    D: toggleTheme,
    "g i": goTo("inbox"),
    "g d": goTo("drafts"),
    "g t": goTo("sent"),
    "g s": goTo("sent"),
    " ": () => document.querySelector<HTMLElement>(".frames .is-front")?.focus(),
  };
}

/** bindKeys listens until the returned function is called. */
export function bindKeys(room: Mailroom, showHelp: () => void): () => void {
  const table = wishes(room, showHelp);
  let pair = "";
  let pairAt = 0;
  return listen(window, "keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target))
      return;
    // A focused button or link keeps Enter and Space for itself.
    const own = event.target instanceof Element && event.target.closest("button, a, summary");
    if (own && (event.key === "Enter" || event.key === " ")) return;
    const now = Date.now();
    const wish = table[pair && now - pairAt < PAIR_MS ? `${pair} ${event.key}` : event.key];
    pair = event.key === "g" && !wish ? "g" : "";
    pairAt = now;
    if (!wish) return;
    event.preventDefault();
    wish();
  });
}
