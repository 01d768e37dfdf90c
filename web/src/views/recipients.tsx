/** A field of addresses: chips, suggestions, paste of whole lists. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { words } from "../base/words";
import type { Address } from "../jmap/email";
import { addressKey, displayName, formatAddress, isAddress, parseAddresses } from "../mail/people";
import { Avatar } from "./avatar";
import { Icon } from "./icon";
import { useRoom } from "./room";

const MAX_SUGGESTIONS = 6;

interface FieldProps {
  readonly label: string;
  readonly value: Signal<readonly Address[]>;
  readonly autofocus: boolean;
}

function Chip({ address, onRemove }: { readonly address: Address; readonly onRemove: () => void }) {
  const ok = isAddress(address.email);
  return (
    <span class={`chip ${ok ? "" : "is-wrong"}`} title={ok ? formatAddress(address) : words.wrongAddress}>
      <bdi>{displayName(address)}</bdi>
      <button type="button" aria-label={words.removeRecipient(displayName(address))} onClick={onRemove}>
        <Icon name="close" size={16} />
      </button>
    </span>
  );
}

export function RecipientField({ label, value, autofocus }: FieldProps) {
  const room = useRoom();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const text = useSignal("");
  const picked = useSignal(0);
  useEffect(() => {
    if (autofocus) input.current?.focus();
  }, []);

  const taken = new Set(value.value.map((a) => addressKey(a.email)));
  const offered = room.recents.suggest(text.value, MAX_SUGGESTIONS, taken);

  const write = (t: string) => {
    text.value = t;
    picked.value = 0;
    if (input.current) input.current.value = t;
  };
  const add = (more: readonly Address[]) => {
    value.value = [...value.value, ...more.filter((a) => !taken.has(addressKey(a.email)))];
    write("");
  };
  const commit = () => {
    if (text.value.trim() !== "") add(parseAddresses(text.value));
  };
  const remove = (address: Address) => {
    value.value = value.value.filter((a) => a !== address);
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    const offer = offered[picked.value];
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (offered.length === 0) return;
      picked.value = (picked.value + (key === "ArrowDown" ? 1 : -1) + offered.length) % offered.length;
    } else if ((key === "Enter" || key === "Tab") && offer) add([offer]);
    else if ((key === "Enter" && !event.ctrlKey && !event.metaKey) || key === "," || key === ";") commit();
    else if (key === "Backspace" && text.value === "" && value.value.length > 0)
      value.value = value.value.slice(0, -1);
    else if (key === "Escape" && offered.length > 0) write("");
    else return;
    if (key === "Backspace") return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="compose-line" onClick={() => input.current?.focus()}>
      <label for={id}>{label}</label>
      <div class="chips">
        {value.value.map((a) => (
          <Chip key={a.email} address={a} onRemove={() => remove(a)} />
        ))}
        <input
          ref={input}
          id={id}
          type="text"
          inputMode="email"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          role="combobox"
          aria-expanded={offered.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={offered.length > 0 ? `${id}-${picked.value}` : undefined}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            if (/[,;\n]/.test(typed) || (typed.includes("@") && / $/.test(typed))) {
              text.value = typed;
              commit();
            } else {
              text.value = typed;
              picked.value = 0;
            }
          }}
          onKeyDown={onKeyDown}
          onBlur={commit}
        />
      </div>
      {offered.length > 0 && (
        <ul id={`${id}-list`} class="suggestions" role="listbox" aria-label={words.suggestions}>
          {offered.map((a, i) => (
            <li
              key={a.email}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === picked.value}
              onPointerDown={(event) => {
                event.preventDefault(); // keeps the focus, so that blur does not commit half a word
                add([a]);
              }}
            >
              <Avatar of={a} size="s" />
              <bdi>{displayName(a)}</bdi>
              {a.name && <small dir="auto">{a.email}</small>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
