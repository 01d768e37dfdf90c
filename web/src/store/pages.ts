/**
 * Pages is a long list of which only some stretches are known: positions are real, so that a scrollbar
 * over 100,000 rows is honest and any place in it can be loaded alone.
 */
export const PAGE = 50;

/** Pages kept; the ones farthest from the view are forgotten first (3,000 rows stay). */
const KEEP_PAGES = 60;

type PageState = "fresh" | "stale";

export class Pages<I> {
  private ids: (I | undefined)[] = [];
  private states = new Map<number, PageState>();

  get length(): number {
    return this.ids.length;
  }

  at(index: number): I | undefined {
    return this.ids[index];
  }

  /** indexOf finds a known id; -1 for one that is not loaded. */
  indexOf(id: I): number {
    return this.ids.indexOf(id);
  }

  /** known lists the loaded ids. */
  *known(): Generator<I> {
    for (const page of this.states.keys()) {
      for (let i = page * PAGE; i < (page + 1) * PAGE; i++) {
        const id = this.ids[i];
        if (id !== undefined) yield id;
      }
    }
  }

  setLength(total: number): void {
    this.ids.length = total;
    for (const page of this.states.keys()) if (page * PAGE >= total) this.states.delete(page);
  }

  /**
   * put stores the ids that stand from position on; whole pages among them become fresh. answered is how
   * many rows the server gave, where some of them are left out: a hole must not be asked for again and
   * again while the server has yet to hear of the change that made it.
   */
  put(position: number, ids: readonly I[], answered = ids.length): void {
    const end = Math.min(position + answered, Math.max(this.ids.length, position + ids.length));
    if (this.ids.length < end) this.ids.length = end;
    ids.forEach((id, i) => (this.ids[position + i] = id));
    for (let page = Math.ceil(position / PAGE); page * PAGE < end; page++) {
      const whole = (page + 1) * PAGE <= end || end >= this.ids.length;
      if (whole) this.states.set(page, "fresh");
    }
  }

  /** missing returns the stretch of pages within [first, last] that must be loaded, page-aligned. */
  missing(first: number, last: number): { from: number; count: number } | undefined {
    const end = Math.min(last, this.ids.length - 1);
    let low = -1;
    let high = -1;
    for (let page = Math.floor(Math.max(0, first) / PAGE); page * PAGE <= end; page++) {
      if (this.states.get(page) === "fresh") continue;
      if (low < 0) low = page;
      high = page;
    }
    return low < 0 ? undefined : { from: low * PAGE, count: (high - low + 1) * PAGE };
  }

  /** age marks everything for reloading; the old rows stay visible until then. */
  age(): void {
    for (const page of this.states.keys()) this.states.set(page, "stale");
  }

  clear(): void {
    this.ids = new Array<I | undefined>(this.ids.length);
    this.states.clear();
  }

  /** remove takes ids out; what stands behind them moves up, so later pages need reloading some time. */
  remove(gone: ReadonlySet<I>): number {
    const at = [...gone].map((id) => this.ids.indexOf(id)).filter((i) => i >= 0);
    if (at.length === 0) return 0;
    for (const i of at.sort((a, b) => b - a)) this.ids.splice(i, 1);
    const firstPage = Math.floor(Math.min(...at) / PAGE);
    for (const page of this.states.keys()) if (page >= firstPage) this.states.set(page, "stale");
    return at.length;
  }

  /** forget drops the pages farthest from an index, and returns whether any was dropped. */
  forget(index: number): boolean {
    if (this.states.size <= KEEP_PAGES) return false;
    const here = index / PAGE;
    const far = [...this.states.keys()].sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const page of far.slice(0, this.states.size - KEEP_PAGES)) {
      this.states.delete(page);
      this.ids.fill(undefined, page * PAGE, (page + 1) * PAGE);
    }
    return true;
  }
}
