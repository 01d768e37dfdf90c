/** Tickets are the URLs of mail bodies: fetched ahead for what is in view, forgotten before they expire. */
import { asTrouble } from "../base/trouble";
import type { Connection } from "../jmap/connection";
import type { EmailId } from "../jmap/id";

/** Seconds before its end at which a ticket is no longer handed out. */
const SPARE_S = 60;
/** Tickets asked for in one request. */
const MAX_BATCH = 50;
/** Tickets kept in memory. */
const MAX_KEPT = 2_000;

interface Ticket {
  readonly url: string;
  readonly expires: number;
}

export class BodyTickets {
  private readonly known = new Map<EmailId, Ticket>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly connection: Connection) {}

  /** ready returns a URL that is at hand. */
  ready(id: EmailId): string | undefined {
    const ticket = this.known.get(id);
    return ticket && ticket.expires - SPARE_S > Date.now() / 1000 ? ticket.url : undefined;
  }

  /** url returns a URL, asking for one if need be. */
  async url(id: EmailId): Promise<string | undefined> {
    const ready = this.ready(id);
    if (ready !== undefined) return ready;
    await this.fetch([id]);
    return this.ready(id);
  }

  /** prefetch asks for the rows in view, once the view has rested for a moment. */
  prefetch(ids: readonly EmailId[], then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const missing = ids.filter((id) => this.ready(id) === undefined).slice(0, MAX_BATCH);
      if (missing.length > 0) this.fetch(missing).then(then, asTrouble); // opening will ask again and say why
    }, 120);
  }

  private async fetch(ids: readonly EmailId[]): Promise<void> {
    const { tickets, expires } = await this.connection.tickets(ids);
    for (const id of ids) {
      const url = tickets[id];
      this.known.delete(id);
      if (url !== undefined) this.known.set(id, { url, expires });
    }
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KEPT) break;
      this.known.delete(oldest);
    }
  }

  /** forget drops all, when the session that they belong to is over. */
  forget(): void {
    this.known.clear();
  }
}
