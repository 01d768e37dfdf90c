/** UndoSend is for how long a sent mail can be taken back: the person's choice, which the server keeps. */
import { type Signal, signal } from "@preact/signals";
import type { Connection } from "../jmap/connection";
import { undoSendSet } from "../jmap/undosend";

/** Seconds of which the person chooses. */
const CHOICES = [0, 5, 10, 30, 60] as const;
/** For servers that tell no default: long enough to notice a wrong recipient, short enough not to wait for. */
const DEFAULT_S = 10;

/** Where a choice lies that no server keeps: made before it could, or while it cannot. */
const KEY = "undo-send";

export class UndoSend {
  readonly seconds: Signal<number>;

  constructor(private readonly connection: Connection) {
    const { undoSend } = connection.session;
    const chosen = undoSend && undoSend.seconds >= 0 ? undoSend.seconds : ownChoice();
    this.seconds = signal(Math.min(chosen ?? undoSend?.default ?? DEFAULT_S, this.most));
  }

  private get most(): number {
    const { undoSend, maxDelayedSend } = this.connection.session;
    return Math.min(undoSend?.most ?? maxDelayedSend, maxDelayedSend);
  }

  get choices(): readonly number[] {
    return CHOICES.filter((s) => s <= this.most);
  }

  /** choose holds at once in this page, and elsewhere when the server has it; where it cannot, in this browser. */
  async choose(seconds: number): Promise<void> {
    this.seconds.value = seconds;
    keepOwn(seconds);
    const { undoSend, account } = this.connection.session;
    if (!undoSend) return;
    await this.connection.call(undoSendSet(account, seconds));
    keepOwn(undefined);
  }
}

function ownChoice(): number | undefined {
  try {
    const text = localStorage.getItem(KEY);
    return CHOICES.find((s) => String(s) === text);
  } catch {
    return undefined; // storage may be switched off, or there is no browser
  }
}

function keepOwn(seconds: number | undefined): void {
  try {
    if (seconds === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, String(seconds));
  } catch {
    // kept for this page alone
  }
}
