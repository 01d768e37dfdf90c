/** The designed states of a pane: nothing there, something wrong. */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

interface StateProps {
  readonly icon: IconName;
  readonly title: string;
  readonly hint: string;
  readonly children?: ComponentChildren;
  readonly tone?: "quiet" | "trouble";
}

export function State({ icon, title, hint, children, tone = "quiet" }: StateProps) {
  return (
    <div class={`state state-${tone}`} role={tone === "trouble" ? "alert" : undefined}>
      <span class="state-icon">
        <Icon name={icon} size={24} />
      </span>
      <h2>{title}</h2>
      <p>{hint}</p>
      {children && <div class="state-actions">{children}</div>}
    </div>
  );
}
