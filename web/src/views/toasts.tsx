import { words } from "../base/words";
import type { Toasts } from "../mail/toasts";
import { IconButton } from "./button";

export function ToastStack({ toasts }: { readonly toasts: Toasts }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.shown.value.map((toast) => (
        <div key={toast.id} class={`toast toast-${toast.tone}`}>
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              class="toast-action"
              onClick={() => {
                toasts.drop(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <IconButton icon="close" size={16} label={words.close} onClick={() => toasts.drop(toast.id)} />
        </div>
      ))}
    </div>
  );
}
