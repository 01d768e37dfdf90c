/** Push by EventSource (RFC 8620, section 7.3). */
import { backoff } from "../base/backoff";
import { expandUrl, type JmapSession, stateChange } from "./session";
import type { AccountId } from "./id";

/** Seconds between pings; silence for twice as long means that the line is dead. */
const PING_S = 60;

export interface PushHandlers {
  /** The account changed; the new state of each changed type. */
  readonly onChange: (states: Readonly<Record<string, string>>) => void;
  /** The stream opened; whatever happened before may have been missed. */
  readonly onOpen: () => void;
  readonly onClosed: () => void;
}

export interface Push {
  /** Connects at once, without waiting for the next attempt. */
  readonly again: () => void;
  readonly stop: () => void;
}

/**
 * openPush keeps one stream open until it is stopped. EventSource gives up on an
 * HTTP error and never notices a dead line, so reconnection and the watch are ours.
 */
export function openPush(session: JmapSession, handlers: PushHandlers): Push {
  const url = expandUrl(session.eventSourceUrl, { types: "*", closeafter: "no", ping: String(PING_S) });
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let ended = false;

  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(lost, PING_S * 2_000);
  };
  const lost = () => {
    source?.close();
    clearTimeout(timer);
    if (ended) return;
    handlers.onClosed();
    timer = setTimeout(connect, backoff(++failures));
  };
  const connect = () => {
    if (ended) return;
    clearTimeout(timer);
    source?.close();
    source = new EventSource(url);
    source.onopen = () => {
      failures = 0;
      heard();
      handlers.onOpen();
    };
    source.onerror = lost;
    source.addEventListener("ping", heard);
    source.addEventListener("state", (event: MessageEvent<unknown>) => {
      heard();
      const states = changesFor(session.account, event.data);
      if (states) handlers.onChange(states);
    });
  };
  const again = () => {
    failures = 0;
    connect();
  };
  window.addEventListener("online", again);
  connect();
  const stop = () => {
    ended = true;
    window.removeEventListener("online", again);
    source?.close();
    clearTimeout(timer);
  };
  return { again, stop };
}

/** changesFor reads a StateChange; undefined if it is not about this account. */
export function changesFor(account: AccountId, data: unknown): Record<string, string> | undefined {
  try {
    return stateChange(JSON.parse(String(data)) as unknown, "state").changed[account];
  } catch {
    return undefined; // a line we cannot read is followed by the next one, or by a re-sync
  }
}
