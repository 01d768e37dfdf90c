/** The reading pane: one conversation, one of its mails open and filling the pane. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../base/words";
import { listDate } from "../base/time";
import type { Conversation } from "../mail/conversation";
import { displayName } from "../mail/people";
import { threadSubject } from "../mail/quote";
import { openEmail } from "../mail/route";
import { explain } from "../mail/trouble";
import type { EmailRecord } from "../store/email";
import { Avatar } from "./avatar";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";
import { Frames } from "./frames";
import { MailHead, ReceiptBanner, RemoteBanner } from "./mailhead";
import { MoveMenu } from "./movemenu";
import { useRoom } from "./room";
import { askRemove } from "./row";
import { State } from "./state";

/** Closed mails shown before the open one is reached; more are folded into one line. */
const MAX_CLOSED = 4;

function Toolbar({ conversation }: { readonly conversation: Conversation }) {
  const room = useRoom();
  const moving = useSignal(false);
  const ids = () => room.openRow();
  const starred = conversation.emails.value.some((e) => e.keywords["$flagged"]);
  const list = room.list.value;
  const at = list?.find(conversation.id) ?? -1;
  const total = list?.total.value ?? 0;
  return (
    <div class="toolbar" role="toolbar" aria-label={words.more}>
      <IconButton
        icon="back"
        label={words.act.toList}
        shortcut="Esc"
        class="toolbar-back"
        onClick={() => room.closeEmail()}
      />
      {room.store.byRole("archive") && (
        <IconButton
          icon="archive"
          label={words.act.archive}
          shortcut="E"
          onClick={() => room.archive(ids())}
        />
      )}
      <IconButton icon="trash" label={words.act.remove} shortcut="#" onClick={() => askRemove(room, ids())} />
      <span class="popup-anchor">
        <IconButton
          icon="move"
          label={words.act.move}
          shortcut="V"
          expanded={moving.value}
          onClick={() => (moving.value = !moving.value)}
        />
        {moving.value && <MoveMenu ids={ids()} onClose={() => (moving.value = false)} />}
      </span>
      <IconButton
        icon="unread"
        label={words.act.unread}
        shortcut="Shift+U"
        onClick={() => room.setSeen(ids(), false)}
      />
      <IconButton
        icon="star"
        class={`row-star ${starred ? "is-on" : ""}`}
        label={starred ? words.act.unstar : words.act.star}
        shortcut="S"
        pressed={starred}
        onClick={() => room.toggleStar(ids())}
      />
      <span class="toolbar-end">
        <IconButton
          icon="up"
          label={words.act.newer}
          shortcut="K"
          disabled={at === 0}
          onClick={() => room.step(-1)}
        />
        <IconButton
          icon="down"
          label={words.act.older}
          shortcut="J"
          disabled={at >= 0 && at >= total - 1}
          onClick={() => room.step(1)}
        />
      </span>
    </div>
  );
}

interface ClosedProps {
  readonly email: EmailRecord;
  readonly conversation: Conversation;
}

function ClosedMail({ email, conversation }: ClosedProps) {
  const room = useRoom();
  const draft = email.keywords["$draft"];
  const from = email.from[0];
  const fresh = conversation.fresh.value.has(email.id);
  return (
    <button
      type="button"
      class={`closed-mail ${fresh ? "is-fresh" : ""}`}
      aria-expanded={false}
      onClick={() => (draft ? void room.composers.edit(email.id) : conversation.expand(email.id))}
    >
      <Avatar of={from} size="s" />
      <span class="closed-name">
        {draft ? <b class="row-draft">{words.draft}</b> : from ? displayName(from) : words.unknownSender}
      </span>
      <span class="closed-preview" dir="auto">
        {email.preview ?? ""}
      </span>
      {fresh && <span class="new-mark">{words.newMark}</span>}
      {email.hasAttachment && <Icon name="attach" size={16} />}
      <time dateTime={email.receivedAt}>{listDate(email.receivedAt)}</time>
    </button>
  );
}

/** Older mails than the open one; the middle is folded while there are many. */
function Closed({
  emails,
  conversation,
}: {
  readonly emails: readonly EmailRecord[];
  readonly conversation: Conversation;
}) {
  const unfolded = useSignal(false);
  if (unfolded.value || emails.length <= MAX_CLOSED) {
    return (
      <div class="closed-mails">
        {emails.map((e) => (
          <ClosedMail key={e.id} email={e} conversation={conversation} />
        ))}
      </div>
    );
  }
  const [first] = emails;
  const last = emails.at(-1);
  return (
    <div class="closed-mails">
      {first && <ClosedMail email={first} conversation={conversation} />}
      <button type="button" class="fold" onClick={() => (unfolded.value = true)}>
        <span>{words.earlier(emails.length - 2)}</span>
      </button>
      {last && <ClosedMail email={last} conversation={conversation} />}
    </div>
  );
}

function ReplyBar({ conversation }: { readonly conversation: Conversation }) {
  const room = useRoom();
  const id = conversation.open.value;
  const email = room.store.emails.get(id);
  const several = (email?.to?.length ?? 0) + (email?.cc?.length ?? 0) > 1;
  const answer = (kind: "reply" | "replyAll" | "forward") => () => void room.composers.answer(kind, id);
  return (
    <footer class="reply-bar">
      <Button icon="reply" title="R" onClick={answer("reply")}>
        {words.act.reply}
      </Button>
      {several && (
        <Button icon="replyAll" title="A" onClick={answer("replyAll")}>
          {words.act.replyAll}
        </Button>
      )}
      <Button icon="forward" title="F" onClick={answer("forward")}>
        {words.act.forward}
      </Button>
    </footer>
  );
}

/** Above is what stands over the open mail's body: older mails, then its own head. */
function Above({ conversation }: { readonly conversation: Conversation }) {
  const emails = conversation.emails.value;
  const at = emails.findIndex((e) => e.id === conversation.open.value);
  const open = emails[at];
  if (!open) return null;
  return (
    <>
      {at > 0 && <Closed key={open.id} emails={emails.slice(0, at)} conversation={conversation} />}
      <MailHead key={`head ${open.id}`} email={open} />
    </>
  );
}

function Below({ conversation }: { readonly conversation: Conversation }) {
  const emails = conversation.emails.value;
  const at = emails.findIndex((e) => e.id === conversation.open.value);
  const open = emails[at];
  if (!open) return null;
  return (
    <>
      <RemoteBanner conversation={conversation} email={open} />
      <ReceiptBanner email={open} />
      {at < emails.length - 1 && (
        <Closed key={open.id} emails={emails.slice(at + 1)} conversation={conversation} />
      )}
    </>
  );
}

function Top({ conversation }: { readonly conversation: Conversation }) {
  const room = useRoom();
  const status = conversation.status.value;
  const subject = conversation.subject.value;
  useEffect(() => {
    if (status.kind === "ready") room.settle(conversation);
  }, [status.kind]);
  return (
    <>
      <Toolbar conversation={conversation} />
      <h1 class="subject" dir="auto">
        {subject === "" ? words.noSubject : threadSubject(subject ?? "\u00a0")}
      </h1>
    </>
  );
}

/** What stands in the pane when no mail can. */
function Instead({ conversation }: { readonly conversation: Conversation | undefined }) {
  const room = useRoom();
  const status = conversation?.status.value;
  if (conversation && status?.kind === "gone") {
    return (
      <State icon="trash" title={words.goneTitle} hint={words.goneHint}>
        <Button onClick={() => room.closeEmail()}>{words.act.toList}</Button>
      </State>
    );
  }
  if (conversation && status?.kind === "failed") {
    return (
      <State icon="alert" tone="trouble" title={words.openFailed} hint={explain(status.trouble)}>
        <Button onClick={() => void conversation.load()}>{words.retry}</Button>
      </State>
    );
  }
  if ((room.list.value?.total.value ?? 0) === 0) return null;
  return <State icon="read" title={words.nothingOpen} hint={words.nothingOpenHint} />;
}

/** The conversation if there is something of it to show. */
function shown(conversation: Conversation | undefined): Conversation | undefined {
  const status = conversation?.status.value.kind;
  if (status === "gone" || (status === "failed" && conversation?.subject.value === undefined))
    return undefined;
  return conversation;
}

export function Reader() {
  const room = useRoom();
  useSignalEffect(() => room.follow(openEmail(room.route.value)));
  const wanted = openEmail(room.route.value) === undefined ? undefined : room.conversation.value;
  const conversation = shown(wanted);
  return (
    <section class={conversation ? "reader" : "reader is-empty"} aria-label={words.reader}>
      {conversation ? (
        <Top key={conversation.id} conversation={conversation} />
      ) : (
        <Instead key="instead" conversation={wanted} />
      )}
      <div key="mails" class="mails">
        {conversation && <Above key="above" conversation={conversation} />}
        <Frames key="frames" conversation={conversation} />
        {conversation && <Below key="below" conversation={conversation} />}
      </div>
      {conversation && <ReplyBar key="reply" conversation={conversation} />}
    </section>
  );
}
