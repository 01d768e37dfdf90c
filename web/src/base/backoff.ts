/** Delays between attempts: doubling, bounded, with jitter so that a crowd does not return in step. */

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** backoff returns milliseconds to wait after the given number of failures in a row (1 or more). */
export function backoff(failures: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return full / 2 + (random() * full) / 2;
}
