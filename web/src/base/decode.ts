/** Decoders turn what came over the wire into typed values, or say where it is wrong. */

export type Decoder<T> = (value: unknown, at: string) => T;

export class DecodeError extends Error {
  override name = "DecodeError";
}

function wrong(at: string, want: string): never {
  throw new DecodeError(`${at || "answer"}: expected ${want}`);
}

export const str: Decoder<string> = (v, at) => (typeof v === "string" ? v : wrong(at, "a string"));

export const num: Decoder<number> = (v, at) =>
  typeof v === "number" && Number.isFinite(v) ? v : wrong(at, "a number");

export const bool: Decoder<boolean> = (v, at) => (typeof v === "boolean" ? v : wrong(at, "true or false"));

export const anything: Decoder<unknown> = (v) => v;

export function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

/** orNull accepts null, and absence, which servers use for the same thing. */
export function orNull<T>(inner: Decoder<T>): Decoder<T | null> {
  return (v, at) => (v === null || v === undefined ? null : inner(v, at));
}

/** orElse supplies a default for null and absence. */
export function orElse<T>(inner: Decoder<T>, fallback: T): Decoder<T> {
  return (v, at) => (v === null || v === undefined ? fallback : inner(v, at));
}

export function list<T>(inner: Decoder<T>): Decoder<T[]> {
  return (v, at) => (Array.isArray(v) ? v.map((e, i) => inner(e, `${at}/${i}`)) : wrong(at, "an array"));
}

export function dict<T>(inner: Decoder<T>): Decoder<Record<string, T>> {
  return (v, at) => {
    if (!isRecord(v)) return wrong(at, "an object");
    const out: Record<string, T> = {};
    for (const [key, value] of Object.entries(v)) out[key] = inner(value, `${at}/${key}`);
    return out;
  };
}

export type Fields<T> = { readonly [K in keyof T]: Decoder<T[K]> };

/** object decodes the named fields and drops the others. */
export function object<T>(fields: Fields<T>): Decoder<T> {
  return (v, at) => {
    if (!isRecord(v)) return wrong(at, "an object");
    const out: Partial<T> = {};
    for (const key in fields) out[key] = fields[key](v[key], `${at}/${key}`);
    return out as T; // every key of T was decoded above, else it threw
  };
}
