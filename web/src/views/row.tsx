/** One row of a list: a conversation, or a mail in Drafts and search results. */
import { listDate, fullDate } from "../base/time";
import { words } from "../base/words";
import type { EmailId } from "../jmap/id";
import type { Piece } from "../jmap/search";
import { folderName } from "../mail/folders";
import type { Mailroom, RowMails } from "../mail/mailroom";
import { displayName, type Participant, participants } from "../mail/people";
import { threadSubject } from "../mail/quote";
import { openEmail, formatRoute } from "../mail/route";
import { Avatar } from "./avatar";
import { IconButton } from "./button";
import { Icon } from "./icon";
import { useRoom } from "./room";
import { followLink } from "./sidebar";

/** The people a row names: recipients of what I sent, else who wrote. */
function rowPeople(room: Mailroom, row: RowMails): { people: Participant[]; toOthers: boolean } {
  const role = row.mailbox === undefined ? null : room.store.mailbox(row.mailbox)?.role;
  const outgoing = role === "sent" || role === "drafts";
  const written = row.thread.filter((e) => !e.keywords["$draft"]);
  if (!outgoing)
    return {
      people: participants(written.length > 0 ? written : row.thread, (e) => room.mine(e)),
      toOthers: false,
    };
  const to = (row.email.to ?? []).map((a) => ({ label: displayName(a), unread: false }));
  return { people: to, toOthers: true };
}

function People({ row }: { readonly row: RowMails }) {
  const room = useRoom();
  const { people, toOthers } = rowPeople(room, row);
  if (people.length === 0)
    return <span class="row-people">{toOthers ? words.draft : words.unknownSender}</span>;
  return (
    <span class="row-people" dir="auto">
      {toOthers && `${words.to}: `}
      {people.map((p, i) => (
        <>
          {i > 0 && ", "}
          <bdi>{p.unread ? <b>{p.label}</b> : p.label}</bdi>
        </>
      ))}
    </span>
  );
}

/** In search results, the folder that a mail lies in. */
function Where({ row }: { readonly row: RowMails }) {
  const room = useRoom();
  if (room.list.value?.query.filter.inMailbox !== undefined) return null;
  const mailbox = row.email.mailboxIds.map((id) => room.store.mailbox(id)).find((m) => m !== undefined);
  return mailbox ? <span class="row-where">{folderName(mailbox)}</span> : null;
}

/** Characters before the first marked word: it shall be seen in a narrow row too. */
const LEAD_CHARS = 24;

function Pieces({ of, lead }: { readonly of: readonly Piece[]; readonly lead: number }) {
  const text = (piece: Piece, i: number) =>
    i === 0 && !piece.marked && piece.text.length > lead ? shortLead(piece.text, lead) : piece.text;
  return <>{of.map((piece, i) => (piece.marked ? <mark>{piece.text}</mark> : text(piece, i)))}</>;
}

/** shortLead keeps the last words of a text. */
function shortLead(text: string, most: number): string {
  const end = text.slice(-most);
  return `…${end.slice(end.indexOf(" ") + 1)}`;
}

function RowText({ row }: { readonly row: RowMails }) {
  const room = useRoom();
  const { email, thread } = row;
  const snippet = room.list.value?.snippets.value.get(email.id);
  const count = thread.filter((e) => !e.keywords["$draft"]).length;
  const draft = thread.some((e) => e.keywords["$draft"]);
  return (
    <>
      <span class="row-line">
        {thread.some((e) => !e.keywords["$seen"]) && <span class="sr">{words.unreadMark}</span>}
        <People row={row} />
        {count > 1 && (
          <span class="row-count" title={words.conversationCount(count)}>
            {count}
          </span>
        )}
        {draft && <span class="row-draft">{words.draft}</span>}
        <span class="row-end">
          {thread.some((e) => e.hasAttachment) && <Icon name="attach" size={16} />}
          <time dateTime={email.receivedAt} title={fullDate(email.receivedAt)}>
            {listDate(email.receivedAt)}
          </time>
        </span>
      </span>
      <span class="row-line">
        <span class="row-subject" dir="auto">
          {snippet?.subject ? (
            <Pieces of={snippet.subject} lead={Infinity} />
          ) : email.subject ? (
            count > 1 ? (
              threadSubject(email.subject)
            ) : (
              email.subject
            )
          ) : (
            words.noSubject
          )}
        </span>
        <Where row={row} />
      </span>
      <span class="row-last">
        <span class="row-preview" dir="auto">
          {snippet?.preview ? <Pieces of={snippet.preview} lead={LEAD_CHARS} /> : email.preview}
        </span>
      </span>
    </>
  );
}

function RowActions({ id, row }: { readonly id: EmailId; readonly row: RowMails }) {
  const room = useRoom();
  const unread = row.thread.some((e) => !e.keywords["$seen"]);
  const hasArchive = room.store.byRole("archive") !== undefined;
  return (
    <span class="row-actions">
      {hasArchive && (
        <IconButton icon="archive" size={16} label={words.act.archive} onClick={() => room.archive([id])} />
      )}
      <IconButton icon="trash" size={16} label={words.act.remove} onClick={() => askRemove(room, [id])} />
      <IconButton
        icon={unread ? "read" : "unread"}
        size={16}
        label={unread ? words.act.read : words.act.unread}
        onClick={() => room.setSeen([id], unread)}
      />
    </span>
  );
}

/** askRemove deletes, after asking where it would be for ever. */
export function askRemove(room: Mailroom, ids: readonly EmailId[]): void {
  if (ids.length === 0) return;
  if (room.mustConfirm(ids)) room.confirmRemoval.value = ids;
  else room.remove(ids);
}

interface RowProps {
  readonly id: EmailId | undefined;
  readonly index: number;
  readonly total: number;
  readonly top: number;
}

function Skeleton({ top }: { readonly top: number }) {
  return (
    <li class="row row-skeleton" style={{ transform: `translateY(${top}px)` }} aria-hidden="true">
      <span class="avatar avatar-m" />
      <span class="row-main">
        <i />
        <i />
        <i />
      </span>
    </li>
  );
}

function classes(room: Mailroom, id: EmailId, row: RowMails): string {
  const unread = row.thread.some((e) => !e.keywords["$seen"]);
  const openId = openEmail(room.route.value);
  const openThread = openId === undefined ? undefined : room.store.emails.get(openId)?.threadId;
  const isOpen = room.list.value?.query.collapseThreads ? openThread === row.email.threadId : openId === id;
  return [
    "row",
    unread ? "is-unread" : "",
    isOpen ? "is-open" : "",
    room.cursor.value === id && !isOpen ? "is-cursor" : "",
    room.selection.has(id) ? "is-selected" : "",
  ].join(" ");
}

function hrefOf(room: Mailroom, id: EmailId): string {
  const route = room.route.value;
  if (route.kind === "search") return formatRoute({ ...route, email: id });
  const mailbox = room.mailbox.value?.id;
  return mailbox === undefined
    ? formatRoute({ kind: "email", email: id })
    : formatRoute({ kind: "mailbox", mailbox, email: id, filter: undefined });
}

export function Row({ id, index, total, top }: RowProps) {
  const room = useRoom();
  const row = id === undefined ? undefined : room.row(id);
  if (id === undefined || !row || row.email.subject === undefined) return <Skeleton top={top} />;
  const selected = room.selection.has(id);
  const starred = row.thread.some((e) => e.keywords["$flagged"]);
  const list = room.list.value;
  const select = (event: MouseEvent) => {
    if (event.shiftKey && list)
      room.selection.extend(
        id,
        (i) => list.indexOf(i),
        (i) => list.at(i),
      );
    else room.selection.toggle(id);
  };
  const onClick = (event: MouseEvent) => {
    if (event.shiftKey || event.metaKey || event.ctrlKey) {
      event.preventDefault();
      if (!event.shiftKey) room.selection.toggle(id);
      else select(event);
      return;
    }
    followLink(event, () => room.open(id));
  };
  return (
    <li
      class={classes(room, id, row)}
      style={{ transform: `translateY(${top}px)` }}
      onMouseEnter={() => room.expectSoon(id)}
      aria-setsize={total}
      aria-posinset={index + 1}
    >
      <button
        type="button"
        class="row-check"
        aria-label={words.selectRow(row.email.subject || words.noSubject)}
        aria-pressed={selected}
        onClick={select}
      >
        <Avatar of={avatarOf(room, row)} size="m" />
        <span class="row-tick">
          <Icon name="check" size={16} />
        </span>
      </button>
      <a class="row-main" href={hrefOf(room, id)} onClick={onClick} draggable={false}>
        <RowText row={row} />
      </a>
      <RowActions id={id} row={row} />
      <IconButton
        icon="star"
        size={16}
        class={`row-star ${starred ? "is-on" : ""}`}
        label={starred ? words.act.unstar : words.act.star}
        pressed={starred}
        onClick={() => room.toggleStar([id])}
      />
    </li>
  );
}

function avatarOf(room: Mailroom, row: RowMails) {
  const other = row.thread.findLast((e) => e.from[0] && !room.mine(e.from[0].email));
  return other?.from[0] ?? row.email.to?.[0] ?? row.email.from[0];
}
