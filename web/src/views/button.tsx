import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

interface IconButtonProps {
  readonly icon: IconName;
  /** The accessible name, shown as a tooltip with the key. */
  readonly label: string;
  readonly shortcut?: string;
  readonly onClick: (event: MouseEvent) => void;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  readonly class?: string;
  readonly size?: 16 | 20;
}

export function IconButton(p: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${p.class ?? ""}`}
      aria-label={p.label}
      title={p.shortcut ? `${p.label} (${p.shortcut})` : p.label}
      aria-pressed={p.pressed}
      aria-expanded={p.expanded}
      disabled={p.disabled}
      onClick={p.onClick}
    >
      <Icon name={p.icon} size={p.size ?? 20} />
    </button>
  );
}

interface ButtonProps {
  readonly kind?: "primary" | "plain" | "danger";
  readonly icon?: IconName;
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly title?: string;
  readonly onClick?: (event: MouseEvent) => void;
  readonly children: ComponentChildren;
}

export function Button({
  kind = "plain",
  icon,
  type = "button",
  disabled,
  title,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button type={type} class={`button button-${kind}`} disabled={disabled} title={title} onClick={onClick}>
      {icon && <Icon name={icon} size={16} />}
      <span>{children}</span>
    </button>
  );
}
