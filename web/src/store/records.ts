/**
 * Records keeps one signal a record. What the server said and what the person has just done are kept
 * apart: an overlay changes what is seen at once and can be withdrawn without a trace, and an answer
 * that was under way meanwhile cannot undo it.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

interface Entry<T> {
  base: T;
  overlays: ((value: T) => T)[];
  readonly seen: Signal<T>;
}

/** An Overlay is an optimistic change of one record. Exactly one of the two is called, once. */
export interface Overlay {
  /** The server agreed: the change becomes part of the record. */
  commit(): void;
  /** It did not: the record is as the server last said. */
  rollback(): void;
}

export class Records<I extends string, T> {
  private readonly entries = new Map<I, Entry<T>>();
  /** Counts new records, for those who wait for one that is not there yet. */
  private readonly grown = signal(0);

  get size(): number {
    return this.entries.size;
  }

  /** peek returns what is seen without subscribing. */
  peek(id: I): T | undefined {
    return this.entries.get(id)?.seen.peek();
  }

  /** get returns what is seen and subscribes the caller, to its coming where it is absent. */
  get(id: I): T | undefined {
    const entry = this.entries.get(id);
    if (!entry) void this.grown.value;
    return entry?.seen.value;
  }

  signal(id: I): ReadonlySignal<T> | undefined {
    return this.entries.get(id)?.seen;
  }

  ids(): IterableIterator<I> {
    return this.entries.keys();
  }

  /** put stores what the server says; overlays stay on top of it. */
  put(id: I, update: (old: T | undefined) => T): void {
    const entry = this.entries.get(id);
    if (!entry) {
      const base = update(undefined);
      this.entries.set(id, { base, overlays: [], seen: signal(base) });
      this.grown.value = this.grown.peek() + 1;
      return;
    }
    entry.base = update(entry.base);
    this.show(entry);
  }

  delete(id: I): void {
    this.entries.delete(id);
  }

  /** overlay lays a change over a record until it is committed or rolled back. */
  overlay(id: I, change: (value: T) => T): Overlay {
    const entry = this.entries.get(id);
    if (!entry) return { commit: () => undefined, rollback: () => undefined };
    entry.overlays.push(change);
    this.show(entry);
    const remove = () => {
      entry.overlays = entry.overlays.filter((o) => o !== change);
    };
    return {
      commit: () => {
        remove();
        entry.base = change(entry.base);
        this.show(entry);
      },
      rollback: () => {
        remove();
        this.show(entry);
      },
    };
  }

  private show(entry: Entry<T>): void {
    entry.seen.value = entry.overlays.reduce((value, change) => change(value), entry.base);
  }
}
