/** Geometry of a list of equal rows that is longer than what is drawn. */

/** Engines clip elements at 17 to 33 million px; a list beyond this scrolls on a compressed scale. */
export const MAX_SCROLL_PX = 12_000_000;

export interface RowSpace {
  /** Height of the scrolled content. */
  readonly height: number;
  /** Rows in view, both included; last is -1 for an empty list. */
  readonly first: number;
  readonly last: number;
  /** Where a row is drawn within the content. */
  readonly top: (index: number) => number;
}

function scale(total: number, row: number, viewport: number): number {
  const full = total * row;
  return full <= MAX_SCROLL_PX ? 1 : (full - viewport) / (MAX_SCROLL_PX - viewport);
}

export function rowSpace(total: number, row: number, viewport: number, scrollTop: number): RowSpace {
  const ratio = scale(total, row, viewport);
  const top = Math.max(0, Math.min(scrollTop * ratio, total * row - viewport));
  return {
    height: Math.min(total * row, MAX_SCROLL_PX),
    first: Math.max(0, Math.floor(top / row)),
    last: Math.min(total - 1, Math.floor((top + viewport) / row)),
    top: (index) => (ratio === 1 ? index * row : index * row - top + scrollTop),
  };
}

/** scrollFor returns where to scroll so that a row is seen whole, or the place now if it is already. */
export function scrollFor(
  index: number,
  total: number,
  row: number,
  viewport: number,
  scrollTop: number,
): number {
  const ratio = scale(total, row, viewport);
  const top = scrollTop * ratio;
  if (index * row < top) return (index * row) / ratio;
  if ((index + 1) * row > top + viewport) return ((index + 1) * row - viewport) / ratio;
  return scrollTop;
}
