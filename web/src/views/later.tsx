/** Parts that the first screen does not need: fetched when the page has nothing better to do. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

export interface Later<P> {
  readonly View: (props: P) => preact.JSX.Element | null;
  /** fetch loads the part; it is asked for again when it did not arrive. */
  readonly fetch: () => void;
}

export function later<P extends object>(load: () => Promise<ComponentType<P>>): Later<P> {
  const loaded = signal<ComponentType<P> | undefined>(undefined);
  let loading = false;
  const fetch = () => {
    if (loading || loaded.peek()) return;
    loading = true;
    load()
      .then(
        (component) => (loaded.value = component),
        () => undefined, // without a line; the next wish for it tries again
      )
      .finally(() => (loading = false));
  };
  const View = (props: P) => {
    const Part = loaded.value;
    if (!Part) fetch();
    return Part ? <Part {...props} /> : null;
  };
  return { View, fetch };
}
