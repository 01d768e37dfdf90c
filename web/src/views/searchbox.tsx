/** The search field, what it offers below itself, and what the server did not understand. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../base/words";
import { folderName, folderTree } from "../mail/folders";
import { complete, type Note, type Offer, offers } from "../mail/searchhelp";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";
import { useRoom } from "./room";

interface OffersProps {
  readonly list: readonly Offer[];
  readonly onPick: (offer: Offer) => void;
}

/** Offers never take the focus from the field by a click or a tap: a phone's keyboard stays where it is. */
function Offers({ list, onPick }: OffersProps) {
  return (
    <div
      class="search-offers"
      role="group"
      aria-label={words.searchHelp.title}
      onPointerDown={(event) => event.preventDefault()}
    >
      {list.map((offer) => (
        <button key={offer.insert} type="button" tabIndex={-1} onClick={() => onPick(offer)}>
          <bdi class="search-insert">{offer.insert}</bdi>
          <span>{offer.hint}</span>
        </button>
      ))}
      <p>{words.searchHelp.tip}</p>
    </div>
  );
}

/** walk moves the focus between the field and the offers below it. */
function walk(form: HTMLElement, by: 1 | -1): void {
  const stops = [...form.querySelectorAll<HTMLElement>("input, .search-offers button")];
  const at = stops.findIndex((stop) => stop === document.activeElement);
  stops[(at + by + stops.length) % stops.length]?.focus();
}

export function SearchBox() {
  const room = useRoom();
  const form = useRef<HTMLFormElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const offered = useSignal<readonly Offer[]>([]);
  const route = room.route.value;
  const text = route.kind === "search" ? route.text : "";
  useEffect(() => {
    if (input.current && input.current !== document.activeElement) input.current.value = text;
  }, [text]);

  const offer = () => {
    const field = input.current;
    if (!field) return;
    const folders = folderTree(room.store.mailboxes.peek()).map(({ mailbox }) => ({
      // What the server understands in any language.
      insert: mailbox.role ?? (/[\s"]/.test(mailbox.name) ? `"${mailbox.name}"` : mailbox.name),
      hint: mailbox.role === null ? "" : folderName(mailbox),
    }));
    offered.value = offers(field.value, field.selectionStart ?? field.value.length, folders);
  };
  const hide = () => (offered.value = []);
  const pick = (chosen: Offer) => {
    const field = input.current;
    if (!field) return;
    const done = complete(field.value, field.selectionStart ?? field.value.length, chosen);
    field.value = done.text;
    field.focus();
    field.setSelectionRange(done.caret, done.caret);
    offer();
  };
  const close = () => {
    if (input.current) input.current.value = "";
    hide();
    room.closeSearch();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (offered.peek().length === 0) offer();
      if (form.current) walk(form.current, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key !== "Escape") return;
    else if (offered.peek().length > 0) {
      input.current?.focus();
      hide();
    } else {
      input.current?.blur();
      close();
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <form
      ref={form}
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        hide();
        room.search(input.current?.value ?? "");
      }}
      onKeyDown={onKeyDown}
      onFocusOut={(event) => {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) hide();
      }}
    >
      <Icon name="search" size={16} />
      <input
        ref={input}
        id="search"
        type="search"
        enterKeyHint="search"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        dir="auto"
        placeholder={words.search}
        aria-label={words.search}
        defaultValue={text}
        onFocus={offer}
        onClick={offer}
        onInput={offer}
      />
      {text !== "" && <IconButton icon="close" size={16} label={words.clearSearch} onClick={close} />}
      {offered.value.length > 0 && <Offers list={offered.value} onPick={pick} />}
    </form>
  );
}

/** SearchNotes stand above the results when a part of the text was not taken as it looks. */
export function SearchNotes() {
  const room = useRoom();
  const route = room.route.value;
  const text = route.kind === "search" ? route.text.trim() : "";
  const said = useSignal<readonly Note[]>([]);
  useEffect(() => {
    said.value = [];
    if (!text.includes(":")) return; // words alone have nothing to be taken wrong
    let stays = true;
    void room.searchNotes(text).then((notes) => {
      if (stays) said.value = notes;
    });
    return () => {
      stays = false;
    };
  }, [text]);
  if (said.value.length === 0) return null;
  return (
    <div class="search-notes" role="status">
      {said.value.map(({ say, instead }) => (
        <p key={say}>
          {say}{" "}
          {instead !== undefined && (
            <Button onClick={() => room.search(instead)}>{words.searchHelp.meant(instead)}</Button>
          )}
        </p>
      ))}
    </div>
  );
}
