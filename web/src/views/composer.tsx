/** The composer: a window of its own above the mail, so that one can read while writing. */
import "./style/composer.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fileSize } from "../base/size";
import { words } from "../base/words";
import type { Composer } from "../mail/composer";
import { explain } from "../mail/trouble";
import { Button, IconButton } from "./button";
import { Confirm } from "./dialog";
import { fileIcon, Icon } from "./icon";
import { RecipientField } from "./recipients";
import { useRoom } from "./room";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });

function SaveNote({ composer }: { readonly composer: Composer }) {
  const s = composer.saving.value;
  const sending = composer.sending.value.kind === "sending";
  const text = sending
    ? words.sending
    : s.kind === "saving"
      ? words.saving
      : s.kind === "saved"
        ? words.saved(clock.format(s.at))
        : s.kind === "failed"
          ? words.notSaved
          : "";
  return (
    <span class={`save-note ${s.kind === "failed" ? "is-trouble" : ""}`} role="status">
      {text}
    </span>
  );
}

function SendTrouble({ composer }: { readonly composer: Composer }) {
  const room = useRoom();
  const s = composer.sending.value;
  if (s.kind === "failed") {
    return (
      <div class="compose-trouble" role="alert">
        <Icon name="alert" size={16} />
        <p>
          <b>{words.sendFailed}</b> {explain(s.trouble)} {words.sendFailedHint}
        </p>
        <Button onClick={() => void room.composers.send(composer)}>{words.retry}</Button>
      </div>
    );
  }
  if (s.kind !== "uncertain") return null;
  const sent = room.store.byRole("sent");
  return (
    <div class="compose-trouble" role="alert">
      <Icon name="alert" size={16} />
      <p>
        <b>{words.uncertain}</b> {words.uncertainHint}
      </p>
      {sent && (
        <Button
          onClick={() => {
            composer.minimised.value = true;
            room.goTo(sent.id);
          }}
        >
          {words.lookInSent}
        </Button>
      )}
      <Button onClick={() => composer.backToWriting()}>{words.sendAgain}</Button>
    </div>
  );
}

function Files({ composer }: { readonly composer: Composer }) {
  const files = composer.files.value;
  const uploads = composer.uploads.value;
  if (files.length + uploads.length === 0) return null;
  return (
    <ul class="attachments compose-files">
      {files.map((file) => (
        <li key={file.blobId}>
          <span class="file">
            <Icon name={fileIcon(file.type)} size={16} />
            <span class="file-name">{file.name}</span>
            <small>{fileSize(file.size)}</small>
            <IconButton
              icon="close"
              size={16}
              label={words.removeFile(file.name)}
              onClick={() => composer.dropFile(file)}
            />
          </span>
        </li>
      ))}
      {uploads.map((u) => (
        <li key={u.key}>
          <span class={`file ${u.trouble ? "is-wrong" : ""}`}>
            <Icon name={fileIcon(u.file.type)} size={16} />
            <span class="file-name">{u.file.name}</span>
            {u.trouble ? (
              <small title={explain(u.trouble)}>
                {words.uploadFailed}{" "}
                {u.trouble.type !== "tooLarge" && (
                  <button type="button" class="link" onClick={() => composer.retryUpload(u)}>
                    {words.retry}
                  </button>
                )}
              </small>
            ) : (
              <progress value={u.progress} max={1} aria-label={u.file.name} />
            )}
            <IconButton
              icon="close"
              size={16}
              label={words.removeFile(u.file.name)}
              onClick={() => composer.dropUpload(u.key)}
            />
          </span>
        </li>
      ))}
    </ul>
  );
}

function FromLine({ composer }: { readonly composer: Composer }) {
  const room = useRoom();
  const identities = room.store.identities.value;
  if (identities.length < 2) return null;
  return (
    <div class="compose-line">
      <label for={`from-${composer.key}`}>{words.from}</label>
      <select
        id={`from-${composer.key}`}
        value={composer.identity.value ?? ""}
        onChange={(event) => {
          const chosen = identities.find((i) => i.id === event.currentTarget.value);
          if (chosen) composer.identity.value = chosen.id;
        }}
      >
        {identities.map((i) => (
          <option key={i.id} value={i.id}>
            {i.name ? `${i.name} <${i.email}>` : i.email}
          </option>
        ))}
      </select>
    </div>
  );
}

function Fields({ composer }: { readonly composer: Composer }) {
  const more = useSignal(composer.cc.peek().length + composer.bcc.peek().length > 0);
  const empty = composer.to.peek().length === 0;
  return (
    <div class="compose-fields">
      <FromLine composer={composer} />
      <div class="compose-to">
        <RecipientField label={words.to} value={composer.to} autofocus={empty} />
        {!more.value && (
          <button type="button" class="link" onClick={() => (more.value = true)}>
            {words.cc} {words.bcc}
          </button>
        )}
      </div>
      {more.value && (
        <>
          <RecipientField label={words.cc} value={composer.cc} autofocus={false} />
          <RecipientField label={words.bcc} value={composer.bcc} autofocus={false} />
        </>
      )}
      <div class="compose-line">
        <label for={`subject-${composer.key}`}>{words.subject}</label>
        <input
          id={`subject-${composer.key}`}
          type="text"
          dir="auto"
          autocomplete="off"
          value={composer.subject.value}
          onInput={(event) => (composer.subject.value = event.currentTarget.value)}
        />
      </div>
    </div>
  );
}

function TextArea({ composer }: { readonly composer: Composer }) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = ref.current;
    if (!area) return;
    // The text is set once: an area with a large quote must not be rewritten at each key.
    area.value = composer.body.peek();
    area.setSelectionRange(0, 0);
    if (composer.to.peek().length > 0) area.focus();
    area.scrollTop = 0;
  }, [composer]);
  return (
    <textarea
      ref={ref}
      class="compose-text"
      dir="auto"
      aria-label={words.body}
      onInput={(event) => (composer.body.value = event.currentTarget.value)}
    />
  );
}

function Bottom({ composer, onSend }: { readonly composer: Composer; readonly onSend: () => void }) {
  const room = useRoom();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <footer class="compose-bottom">
      <Button kind="primary" icon="send" title="Ctrl+Enter" disabled={composer.busy.value} onClick={onSend}>
        {words.act.send}
      </Button>
      <IconButton icon="attach" label={words.act.attach} onClick={() => picker.current?.click()} />
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          composer.attach(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      <SaveNote composer={composer} />
      <IconButton
        icon="trash"
        class="compose-discard"
        label={words.act.discard}
        onClick={() => void room.composers.discard(composer)}
      />
    </footer>
  );
}

function Window({ composer }: { readonly composer: Composer }) {
  const room = useRoom();
  const large = useSignal(false);
  const dropping = useSignal(false);
  const asking = useSignal(false);
  const send = () => {
    // An address that is being typed becomes a recipient when its field loses the focus.
    if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
    if (composer.busy.peek()) return;
    if (!composer.canSend.peek()) {
      const wrong = composer.wrong.peek()[0];
      room.toasts.show(
        wrong ? `${words.wrongAddress}: ${wrong.email}` : words.trouble.refusals.noRecipients,
        "trouble",
      );
      return;
    }
    if (composer.subject.peek().trim() === "") asking.value = true;
    else void room.composers.send(composer);
  };
  const files = (event: DragEvent | ClipboardEvent) => {
    const data = event instanceof DragEvent ? event.dataTransfer : event.clipboardData;
    if (!data || data.files.length === 0) return;
    event.preventDefault();
    composer.attach(data.files);
  };
  return (
    <section
      class={`composer ${large.value ? "is-large" : ""} ${dropping.value ? "is-dropping" : ""}`}
      role="dialog"
      aria-label={composer.title.value}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
        else if (event.key === "Escape" && !event.defaultPrevented) void room.composers.close(composer);
        else return;
        event.preventDefault();
      }}
      onDragOver={(event) => {
        event.preventDefault();
        dropping.value = true;
      }}
      onDragLeave={(event) => {
        if (event.target === event.currentTarget) dropping.value = false;
      }}
      onDrop={(event) => {
        dropping.value = false;
        files(event);
      }}
      onPaste={files}
    >
      <header class="compose-title">
        <h2>{composer.title.value}</h2>
        <IconButton
          icon="minimise"
          label={words.act.minimise}
          size={16}
          onClick={() => (composer.minimised.value = true)}
        />
        <IconButton
          icon={large.value ? "shrink" : "enlarge"}
          class="compose-enlarge"
          label={large.value ? words.act.shrink : words.act.enlarge}
          size={16}
          onClick={() => (large.value = !large.value)}
        />
        <IconButton
          icon="close"
          label={words.close}
          shortcut="Esc"
          size={16}
          onClick={() => void room.composers.close(composer)}
        />
      </header>
      <Fields composer={composer} />
      <TextArea composer={composer} />
      <Files composer={composer} />
      <SendTrouble composer={composer} />
      <Bottom composer={composer} onSend={send} />
      {dropping.value && <div class="drop-hint">{words.dropHere}</div>}
      {asking.value && (
        <Confirm
          title={words.emptySubject}
          hint={words.emptySubjectHint}
          action={words.sendAnyway}
          onConfirm={() => void room.composers.send(composer)}
          onClose={() => (asking.value = false)}
        />
      )}
    </section>
  );
}

function Tab({ composer }: { readonly composer: Composer }) {
  const room = useRoom();
  return (
    <div class="compose-tab">
      <button type="button" onClick={() => room.composers.front(composer)}>
        <Icon name="drafts" size={16} />
        <span>{composer.title.value}</span>
      </button>
      <IconButton
        icon="close"
        size={16}
        label={words.close}
        onClick={() => void room.composers.close(composer)}
      />
    </div>
  );
}

export function ComposerDock() {
  const room = useRoom();
  const open = room.composers.open.value;
  if (open.length === 0) return null;
  return (
    <div class="dock">
      {open.map((c) =>
        c.minimised.value ? <Tab key={c.key} composer={c} /> : <Window key={c.key} composer={c} />,
      )}
    </div>
  );
}
