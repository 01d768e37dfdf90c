/** Trouble is any failure that a person may have to hear about, already sorted by what can be done. */

export type TroubleKind =
  /** The request did not reach the server, or its answer did not reach us. */
  | "offline"
  /** The session is over; signing in again helps. */
  | "signedOut"
  /** The server is there but cannot do it now; trying later helps. */
  | "unavailable"
  /** Asked too often; retryAfter says when to come back. */
  | "throttled"
  /** The server will not do this, however often it is asked. */
  | "refused"
  /** What we asked for is gone. */
  | "gone"
  /** The person or a newer wish called it off. */
  | "aborted"
  /** We or the server broke a rule of the protocol. */
  | "broken";

export class Trouble extends Error {
  override name = "Trouble";
  constructor(
    readonly kind: TroubleKind,
    /** A sentence; shown to people where the server wrote it for people, else for the console. */
    readonly detail: string,
    /** The machine-readable type where the protocol gave one (RFC 8620, section 3.6). */
    readonly type = "",
    /** Seconds. */
    readonly retryAfter = 0,
  ) {
    super(detail);
  }
}

/** asTrouble sorts whatever was thrown. */
export function asTrouble(thrown: unknown): Trouble {
  if (thrown instanceof Trouble) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError")
    return new Trouble("aborted", "called off");
  // fetch rejects with TypeError when the network failed.
  if (thrown instanceof TypeError && /fetch|network|load/i.test(thrown.message)) {
    return new Trouble("offline", "the server could not be reached");
  }
  return new Trouble("broken", thrown instanceof Error ? thrown.message : String(thrown));
}
