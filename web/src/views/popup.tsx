/** A popup below its button: closes on Escape, on a click elsewhere, and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { listen } from "../base/listen";
import { Icon, type IconName } from "./icon";

interface PopupProps {
  readonly label: string;
  readonly align?: "start" | "end";
  readonly up?: boolean;
  /** A popup with a field is a dialog with a menu in it. */
  readonly role?: "menu" | "dialog";
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Moves the focus along the items with the arrow keys, as menus do. */
function walk(root: HTMLElement, by: 1 | -1): void {
  const items = [...root.querySelectorAll<HTMLElement>("[role^=menuitem]:not([disabled])")];
  const at = items.findIndex((i) => i === document.activeElement);
  items[(at + by + items.length) % items.length]?.focus();
}

export function Popup({ label, align = "start", up = false, role = "menu", onClose, children }: PopupProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const root = ref.current;
    const first = root?.querySelector<HTMLElement>("input, [role^=menuitem]");
    first?.focus();
    const stop = listen(document, "pointerdown", (event) => {
      if (event.target instanceof Node && !root?.parentElement?.contains(event.target)) onClose();
    });
    return () => {
      stop();
      if (
        before instanceof HTMLElement &&
        (document.activeElement === document.body || root?.contains(document.activeElement))
      ) {
        before.focus();
      }
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const root = ref.current;
    if (!root) return;
    if (event.key === "Escape") onClose();
    else if (event.key === "ArrowDown") walk(root, 1);
    else if (event.key === "ArrowUp") walk(root, -1);
    else {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={ref}
      class={`popup popup-${align} ${up ? "popup-up" : ""}`}
      role={role}
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

interface ItemProps {
  readonly icon?: IconName;
  readonly onClick: () => void;
  readonly checked?: boolean;
  readonly hint?: string | undefined;
  readonly indent?: number;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
}

export function MenuItem({ icon, onClick, checked, hint, indent = 0, disabled, children }: ItemProps) {
  return (
    <button
      type="button"
      class="menu-item"
      role={checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={checked}
      disabled={disabled}
      onClick={onClick}
      style={indent > 0 ? { paddingInlineStart: `${12 + indent * 16}px` } : {}}
    >
      {icon && <Icon name={icon} size={16} />}
      <span class="menu-text">{children}</span>
      {checked && <Icon name="check" size={16} />}
      {hint && <kbd>{hint}</kbd>}
    </button>
  );
}
