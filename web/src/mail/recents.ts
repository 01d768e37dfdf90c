/** Recents remembers addresses seen since sign-in, for suggestions; in memory alone. */
import type { Address } from "../jmap/email";
import { addressKey } from "./people";

interface Seen {
  address: Address;
  score: number;
}

/** Addresses remembered; the ones used least go first. */
const MAX_RECENTS = 2_000;
/** Someone you wrote to is a likelier recipient than someone who wrote to you. */
const WROTE_TO = 5;

export class Recents {
  private readonly seen = new Map<string, Seen>();

  /** note remembers people; own says that the person has written to them. */
  note(addresses: readonly Address[], own: boolean): void {
    for (const address of addresses) {
      const key = addressKey(address.email);
      if (!key.includes("@") || /no-?reply|do-?not-?reply|mailer-daemon/.test(key)) continue;
      const known = this.seen.get(key);
      if (known) {
        known.score += own ? WROTE_TO : 0.01;
        if (!known.address.name && address.name) known.address = address;
      } else {
        this.seen.set(key, { address, score: own ? WROTE_TO : 1 });
      }
    }
    if (this.seen.size > MAX_RECENTS) this.shrink();
  }

  private shrink(): void {
    const weakest = [...this.seen.entries()].sort((a, b) => a[1].score - b[1].score);
    for (const [key] of weakest.slice(0, MAX_RECENTS / 10)) this.seen.delete(key);
  }

  /** suggest returns the likeliest people whose name or address has a word starting with the text. */
  suggest(text: string, limit: number, without: ReadonlySet<string>): Address[] {
    const wanted = text.trim().toLowerCase();
    if (wanted === "") return [];
    const fits = ({ address }: Seen): boolean => {
      const name = ` ${(address.name ?? "").toLowerCase()}`;
      const email = address.email.toLowerCase();
      return name.includes(` ${wanted}`) || email.startsWith(wanted) || email.includes(`@${wanted}`);
    };
    return [...this.seen.entries()]
      .filter(([key, seen]) => !without.has(key) && fits(seen))
      .sort((a, b) => b[1].score - a[1].score)
      .slice(0, limit)
      .map(([, seen]) => seen.address);
  }
}
