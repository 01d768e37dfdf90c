/** The list pane: search, what is shown, and a scroller in which only the rows in view exist. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { MAX_SCROLL_PX, rowSpace, scrollFor } from "../base/geometry";
import { words } from "../base/words";
import type { EmailId } from "../jmap/id";
import { folderName } from "../mail/folders";
import type { Filter } from "../mail/route";
import { explain } from "../mail/trouble";
import type { EmailList } from "../store/emaillist";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";
import { drawerOpen, hasDrawer } from "./layout";
import { MoveMenu } from "./movemenu";
import { useRoom } from "./room";
import { SearchBox, SearchNotes } from "./searchbox";
import { askRemove, Row } from "./row";
import { State } from "./state";

/** Height of a row in px; the same number stands in list.css. */
const ROW_PX = 76;
/** Rows drawn beyond the edges, so that a fast wheel meets text. */
const OVERSCAN = 8;

function Filters() {
  const room = useRoom();
  const route = room.route.value;
  const mailbox = room.mailbox.value;
  if (!mailbox || route.kind === "search") return null;
  const current = route.kind === "mailbox" ? route.filter : undefined;
  const choices: readonly (Filter | undefined)[] = [undefined, "unread", "starred"];
  return (
    <div class="filters" role="group">
      {choices.map((filter) => (
        <button
          key={filter ?? "all"}
          type="button"
          aria-pressed={filter === current}
          onClick={() => room.goTo(mailbox.id, filter)}
        >
          {words.filter[filter ?? "all"]}
        </button>
      ))}
    </div>
  );
}

function ListTitle({ list }: { readonly list: EmailList | undefined }) {
  const room = useRoom();
  const route = room.route.value;
  const mailbox = room.mailbox.value;
  const total = list?.total.value ?? null;
  const count =
    mailbox?.role === "drafts" ? words.drafts : route.kind === "search" ? words.results : words.conversations;
  return (
    <header class="list-title">
      <div>
        <h1>{route.kind === "search" ? words.searchFor(route.text) : mailbox ? folderName(mailbox) : ""}</h1>
        <p aria-live="polite">
          {total === null ? "\u00a0" : count(total)}
          {list?.searching.value && ` · ${words.searching}`}
        </p>
      </div>
      <Filters />
    </header>
  );
}

function SelectionBar({ ids }: { readonly ids: readonly EmailId[] }) {
  const room = useRoom();
  const moving = useSignal(false);
  const unread = room.isUnread(ids);
  return (
    <header class="list-title selection-bar">
      <IconButton
        icon="close"
        label={words.act.clear}
        shortcut="Esc"
        onClick={() => room.selection.clear()}
      />
      <h1 aria-live="polite">{words.selected(ids.length)}</h1>
      <span class="bar-actions">
        {room.store.byRole("archive") && (
          <IconButton
            icon="archive"
            label={words.act.archive}
            shortcut="E"
            onClick={() => room.archive(ids)}
          />
        )}
        <IconButton icon="trash" label={words.act.remove} shortcut="#" onClick={() => askRemove(room, ids)} />
        <span class="popup-anchor">
          <IconButton
            icon="move"
            label={words.act.move}
            shortcut="V"
            expanded={moving.value}
            onClick={() => (moving.value = !moving.value)}
          />
          {moving.value && <MoveMenu ids={ids} align="end" onClose={() => (moving.value = false)} />}
        </span>
        <IconButton
          icon={unread ? "read" : "unread"}
          label={unread ? words.act.read : words.act.unread}
          shortcut="U"
          onClick={() => room.setSeen(ids, unread)}
        />
        <IconButton icon="star" label={words.act.star} shortcut="S" onClick={() => room.toggleStar(ids)} />
      </span>
    </header>
  );
}

function Empty() {
  const room = useRoom();
  const route = room.route.value;
  const role = room.mailbox.value?.role;
  if (route.kind === "search")
    return <State icon="search" title={words.noResults} hint={words.noResultsHint} />;
  const filter = route.kind === "mailbox" ? route.filter : undefined;
  const known =
    role === "inbox" || role === "drafts" || role === "sent" || role === "trash" || role === "junk";
  const [title, hint] = words.empty[filter ?? (known ? role : "folder")];
  return <State icon={role === "inbox" ? "check" : "folder"} title={title} hint={hint} />;
}

/** Scroller draws the rows in view and tells the list and the tickets which they are. */
function Scroller({ list }: { readonly list: EmailList }) {
  const room = useRoom();
  const box = useRef<HTMLDivElement>(null);
  const scrollTop = useSignal(list.scrollTop);
  const viewport = useSignal(window.innerHeight);
  const total = list.total.value ?? 0;
  void list.version.value;

  useEffect(() => list.view(), [list]);
  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const measure = new ResizeObserver(() => (viewport.value = el.clientHeight));
    measure.observe(el);
    viewport.value = el.clientHeight;
    el.scrollTop = list.scrollTop;
    return () => measure.disconnect();
  }, [list]);

  // Mail that came in above must not move what the person is looking at.
  const shifted = useRef(list.shifted.peek());
  useLayoutEffect(() => {
    const by = list.shifted.value - shifted.current;
    shifted.current = list.shifted.value;
    if (by !== 0 && box.current) box.current.scrollTop += by * ROW_PX;
  }, [list.shifted.value]);

  useSignalEffect(() => {
    const id = room.cursor.value;
    const el = box.current;
    const at = id === undefined ? -1 : list.find(id);
    if (at >= 0 && el) {
      el.scrollTop = scrollFor(at, list.total.peek() ?? 0, ROW_PX, el.clientHeight, el.scrollTop);
    }
  });

  const space = rowSpace(total, ROW_PX, viewport.value + ROW_PX, scrollTop.value);
  useEffect(() => {
    list.show(space.first, Math.max(space.first, space.last));
    const ids: EmailId[] = [];
    for (let i = space.first; i <= space.last; i++) {
      const id = list.at(i);
      if (id !== undefined) ids.push(room.row(id)?.thread.findLast((e) => !e.keywords["$draft"])?.id ?? id);
    }
    room.tickets.prefetch(ids, () => {
      if (!room.conversation.peek() && room.likely.peek() === undefined) room.expectNext();
    });
  }, [list, space.first, space.last, list.version.value]);

  const rows = [];
  for (let i = Math.max(0, space.first - OVERSCAN); i <= Math.min(total - 1, space.last + OVERSCAN); i++) {
    const id = list.at(i);
    rows.push(<Row key={id ?? i} id={id} index={i} total={total} top={space.top(i)} />);
  }
  return (
    <div
      ref={box}
      class="scroller"
      tabIndex={-1}
      onScroll={(event) => {
        const top = event.currentTarget.scrollTop;
        list.scrollTop = top;
        // Between two rows nothing changes but the offset, which the browser scrolls by itself.
        scrollTop.value = total * ROW_PX > MAX_SCROLL_PX ? top : Math.floor(top / ROW_PX) * ROW_PX;
      }}
    >
      <ul class="rows" aria-label={words.listName} style={{ height: `${space.height}px` }}>
        {rows}
      </ul>
    </div>
  );
}

function Skeletons() {
  return (
    <div class="scroller" aria-busy="true">
      <ul class="rows">
        {Array.from({ length: 12 }, (_, i) => (
          <Row key={i} id={undefined} index={i} total={0} top={i * ROW_PX} />
        ))}
      </ul>
    </div>
  );
}

function ListBody({ list }: { readonly list: EmailList | undefined }) {
  const room = useRoom();
  if (!list) {
    if (room.route.value.kind === "search") {
      return <State icon="search" title={words.searchEmpty} hint={words.searchEmptyHint} />;
    }
    return (
      <State icon="folder" title={words.missingFolder} hint={words.missingFolderHint}>
        <Button onClick={() => room.navigator.go({ kind: "home" })}>{words.toInbox}</Button>
      </State>
    );
  }
  const status = list.status.value;
  const total = list.total.value;
  if (total === null && status.kind === "failed") {
    return (
      <State icon="alert" tone="trouble" title={words.listFailed} hint={explain(status.trouble)}>
        <Button onClick={() => list.retry()}>{words.retry}</Button>
      </State>
    );
  }
  return (
    <>
      {(total === null || (total === 0 && list.searching.value)) && <Skeletons />}
      {total === 0 && !list.searching.value && <Empty />}
      <Scroller key={room.listKey.value} list={list} />
      {total !== null && status.kind === "failed" && (
        <div class="list-trouble" role="status">
          <Icon name="alert" size={16} />
          <p>{words.rowsFailed}</p>
          <Button onClick={() => list.retry()}>{words.retry}</Button>
        </div>
      )}
    </>
  );
}

export function ListPane() {
  const room = useRoom();
  const list = room.list.value;
  const selected = [...room.selection.ids.value];
  return (
    <section class="list-pane" aria-label={words.listName}>
      <div class="list-top">
        {hasDrawer.value && (
          <IconButton icon="menu" label={words.folders} onClick={() => (drawerOpen.value = true)} />
        )}
        <SearchBox />
      </div>
      {selected.length > 0 ? <SelectionBar ids={selected} /> : <ListTitle list={list} />}
      <SearchNotes />
      <ListBody list={list} />
    </section>
  );
}
