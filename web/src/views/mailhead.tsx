/** What stands around the body of the open mail: who and when, what came with it, what was blocked. */
import { useSignal } from "@preact/signals";
import { fileSize } from "../base/size";
import { fullDate, mediumDate } from "../base/time";
import { words } from "../base/words";
import type { Address, BodyPart } from "../jmap/email";
import type { Conversation } from "../mail/conversation";
import { displayName, formatAddress, isolated } from "../mail/people";
import type { EmailRecord } from "../store/email";
import { Avatar } from "./avatar";
import { Button, IconButton } from "./button";
import { fileIcon, Icon } from "./icon";
import { useRoom } from "./room";

/** Names in the short line; the details show everybody. */
const MAX_NAMES = 3;

function Recipients({
  email,
  onDetails,
  open,
}: {
  readonly email: EmailRecord;
  readonly onDetails: () => void;
  readonly open: boolean;
}) {
  const room = useRoom();
  const all = [...(email.to ?? []), ...(email.cc ?? [])];
  const names = all.slice(0, MAX_NAMES).map((a) => (room.mine(a.email) ? words.me : displayName(a)));
  const text = names.join(", ");
  return (
    <button type="button" class="recipients" aria-expanded={open} onClick={onDetails}>
      <span>
        {email.to
          ? words.toWhom(all.length > MAX_NAMES ? words.andMore(text, all.length - MAX_NAMES) : text)
          : "\u00a0"}
      </span>
      <Icon name="down" size={16} />
    </button>
  );
}

function Line({
  label,
  people,
}: {
  readonly label: string;
  readonly people: readonly Address[] | undefined;
}) {
  if (!people || people.length === 0) return null;
  return (
    <>
      <dt>{label}</dt>
      <dd>
        {people.map((a, i) => (
          <>
            {i > 0 && ", "}
            <bdi>{formatAddress(a)}</bdi>
          </>
        ))}
      </dd>
    </>
  );
}

function Details({ email }: { readonly email: EmailRecord }) {
  const delivery = useRoom().outgoing.deliveries.value.get(email.id);
  return (
    <dl class="details">
      <Line label={words.from} people={email.from} />
      <Line label={words.to} people={email.to} />
      <Line label={words.cc} people={email.cc} />
      <Line label={words.bcc} people={email.bcc} />
      <dt>{words.date}</dt>
      <dd>{fullDate(email.sentAt ?? email.receivedAt)}</dd>
      {delivery && delivery.size > 0 && (
        <>
          <dt>{words.delivery.label}</dt>
          <dd>{[...delivery].map(([to, state]) => `${to}: ${words.delivery[state]}`).join(", ")}</dd>
        </>
      )}
    </dl>
  );
}

function Head({ email }: { readonly email: EmailRecord }) {
  const room = useRoom();
  const details = useSignal(false);
  const from = email.from[0];
  const starred = Boolean(email.keywords["$flagged"]);
  return (
    <header class="mail-head">
      <Avatar of={from} size="l" />
      <div class="mail-who">
        <span class="mail-from">
          <b dir="auto">{from ? displayName(from) : words.unknownSender}</b>
          {from?.name && <bdi class="mail-address">{from.email}</bdi>}
        </span>
        <Recipients email={email} open={details.value} onDetails={() => (details.value = !details.value)} />
      </div>
      <time dateTime={email.receivedAt} title={fullDate(email.receivedAt)}>
        {mediumDate(email.receivedAt)}
      </time>
      <IconButton
        icon="star"
        class={`row-star ${starred ? "is-on" : ""}`}
        label={starred ? words.act.unstar : words.act.star}
        pressed={starred}
        onClick={() => room.actions.setStar([email.id], !starred)}
      />
      {details.value && <Details email={email} />}
    </header>
  );
}

function Attachments({ parts }: { readonly parts: readonly BodyPart[] }) {
  const room = useRoom();
  const files = parts.filter((p) => p.blobId !== null && !(p.disposition === "inline" && p.cid !== null));
  if (files.length === 0) return null;
  return (
    <ul class="attachments" aria-label={words.attachments(files.length)}>
      {files.map((part) => {
        const name = part.name || words.untitled;
        if (part.blobId === null) return null;
        return (
          <li key={part.blobId}>
            <a
              href={room.connection.downloadUrl(part.blobId, name, part.type)}
              download={name}
              title={words.download(name)}
            >
              <Icon name={fileIcon(part.type)} size={16} />
              <bdi class="file-name">{name}</bdi>
              <small>{fileSize(part.size)}</small>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

export function RemoteBanner({
  conversation,
  email,
}: {
  readonly conversation: Conversation;
  readonly email: EmailRecord;
}) {
  const remote = conversation.views.value.get(email.id)?.remote;
  if (!remote || remote.count === 0) return null;
  const [first, ...others] = remote.hosts;
  const hosts = first === undefined ? "" : others.length > 0 ? words.andMore(first, others.length) : first;
  return (
    <p class="banner" role="note">
      <Icon name="imageOff" size={16} />
      <span>
        <b>{words.remote(remote.count)}</b> {hosts && words.remoteHosts(hosts)}
      </span>
    </p>
  );
}

/** Asks whether a receipt is to be sent; it never is by itself. */
export function ReceiptBanner({ email }: { readonly email: EmailRecord }) {
  const room = useRoom();
  const to = room.receipts.asked(email, (address) => room.mine(address));
  const [first, ...others] = to;
  if (first === undefined) return null;
  const busy = room.receipts.sending.value === email.id;
  const who = others.length > 0 ? words.andMore(first, others.length) : first;
  return (
    <p class="banner receipt" role="note">
      <Icon name="send" size={16} />
      <span>
        <b>{words.receipt.asked(isolated(who))}</b> {words.receipt.hint}
      </span>
      <span class="banner-actions">
        <Button disabled={busy} onClick={() => void room.receipts.send(email)}>
          {words.receipt.send}
        </Button>
        <Button disabled={busy} onClick={() => room.receipts.decline(email)}>
          {words.receipt.decline}
        </Button>
      </span>
    </p>
  );
}

export function MailHead({ email }: { readonly email: EmailRecord }) {
  return (
    <>
      <Head email={email} />
      {email.attachments ? (
        <Attachments parts={email.attachments} />
      ) : (
        email.hasAttachment && <div class="attachments-place" />
      )}
    </>
  );
}
