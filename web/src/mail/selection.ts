/** Selection of rows: single, by ranges with shift, or all that is loaded. */
import { signal } from "@preact/signals";
import type { EmailId } from "../jmap/id";

export class Selection {
  readonly ids = signal<ReadonlySet<EmailId>>(new Set());
  private anchor: EmailId | undefined;

  has(id: EmailId): boolean {
    return this.ids.value.has(id);
  }

  get count(): number {
    return this.ids.value.size;
  }

  clear(): void {
    if (this.ids.peek().size > 0) this.ids.value = new Set();
    this.anchor = undefined;
  }

  toggle(id: EmailId): void {
    const next = new Set(this.ids.peek());
    if (!next.delete(id)) next.add(id);
    this.anchor = id;
    this.ids.value = next;
  }

  /** extend selects from the row touched last to this one; at() gives the rows of the list. */
  extend(id: EmailId, indexOf: (id: EmailId) => number, at: (index: number) => EmailId | undefined): void {
    const from = this.anchor === undefined ? -1 : indexOf(this.anchor);
    const to = indexOf(id);
    if (from < 0 || to < 0) return this.toggle(id);
    const next = new Set(this.ids.peek());
    for (let i = Math.min(from, to); i <= Math.max(from, to); i++) {
      const row = at(i);
      if (row !== undefined) next.add(row);
    }
    this.ids.value = next;
  }

  /** from sets where a range would start, without selecting. */
  from(id: EmailId): void {
    this.anchor = id;
  }

  setAll(ids: Iterable<EmailId>): void {
    this.ids.value = new Set(ids);
  }
}
