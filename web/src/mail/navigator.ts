/** Navigator keeps the route and the browser's history in step. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { formatRoute, parseRoute, type Route } from "./route";

/** Steps taken inside of the page, kept in the history entry so that "up" can be "back". */
interface Mark {
  readonly depth: number;
}

export class Navigator {
  private readonly current = signal<Route>(parseRoute(location.pathname, location.search));

  get route(): ReadonlySignal<Route> {
    return this.current;
  }

  /** start listens to the browser's back and forward. */
  start(): void {
    window.addEventListener("popstate", () => this.read());
  }

  private read(): void {
    this.current.value = parseRoute(location.pathname, location.search);
  }

  private depth(): number {
    const mark = history.state as Partial<Mark> | null;
    return typeof mark?.depth === "number" ? mark.depth : 0;
  }

  go(route: Route, replace = false): void {
    const url = formatRoute(route);
    if (url === location.pathname + location.search) return;
    if (replace) history.replaceState({ depth: this.depth() }, "", url);
    else history.pushState({ depth: this.depth() + 1 }, "", url);
    this.current.value = route;
  }

  /** up goes to the place above: back where the page came from it, else by replacing. */
  up(route: Route): void {
    if (this.depth() > 0) history.back();
    else this.go(route, true);
  }
}
