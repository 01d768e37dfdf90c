/** Numbers that look random and are the same for the same seed, so that a failure can be had again. */

export const seed = Number(process.env["COFFERDAM_SEED"] ?? 20_261);

/** random is mulberry32; values from 0 to 1. */
export function random(from = seed): () => number {
  let a = from >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** sample picks n different numbers from 1 to limit. */
export function sample(n: number, limit: number, from = seed): number[] {
  const next = random(from);
  const picked = new Set<number>();
  while (picked.size < Math.min(n, limit)) picked.add(1 + Math.floor(next() * limit));
  return [...picked];
}

/** bytes are n bytes of noise. */
export function bytes(n: number, from = seed): Buffer {
  const next = random(from);
  return Buffer.from(Array.from({ length: n }, () => Math.floor(next() * 256)));
}

/** percentile of a list of figures, which it sorts. */
export function percentile(figures: number[], p: number): number {
  figures.sort((a, b) => a - b);
  return figures[Math.min(figures.length - 1, Math.floor((figures.length * p) / 100))] ?? 0;
}
