/** Toasts: what just happened, with the way back; and what went wrong, with the way on. */
import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "done" | "trouble";
  readonly action: { readonly label: string; readonly run: () => void } | undefined;
}

const DONE_MS = 8_000;
const TROUBLE_MS = 20_000;
/** More than this would hide the mail. */
const MAX_SHOWN = 3;

export class Toasts {
  readonly shown = signal<readonly Toast[]>([]);
  private next = 1;

  /** show shows a toast for a while: ms, or for as long as its kind is shown. */
  show(text: string, tone: Toast["tone"] = "done", action?: Toast["action"], ms?: number): void {
    const toast: Toast = { id: this.next++, text, tone, action };
    this.shown.value = [...this.shown.value, toast].slice(-MAX_SHOWN);
    setTimeout(() => this.drop(toast.id), ms ?? (tone === "done" ? DONE_MS : TROUBLE_MS));
  }

  drop(id: number): void {
    this.shown.value = this.shown.value.filter((t) => t.id !== id);
  }

  /** undo runs the newest action that can be taken back, for the key. */
  undo(): void {
    const last = this.shown.value.findLast((t) => t.tone === "done" && t.action);
    if (!last) return;
    this.drop(last.id);
    last.action?.run();
  }
}
