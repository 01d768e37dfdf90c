/**
 * Frames show bodies: each its own response, an opaque origin, no script of anybody. Their height is not
 * known here, so the one in front takes what the pane leaves and scrolls itself.
 *
 * Browsers run such frames in a process of their own, which takes longer to start than a mail to load.
 * So a few frames stay: those that were read last, and one that is likely to be read next. A frame that
 * changed its place among its siblings would load again, which is why none ever does.
 */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { words } from "../base/words";
import type { Conversation } from "../mail/conversation";
import { displayName } from "../mail/people";
import { explain } from "../mail/trouble";
import { Button } from "./button";
import { useRoom } from "./room";

/** Frames kept, those in front and expected included. */
const MAX_FRAMES = 4;

/** keep returns the frames in the order in which they came, with the wanted ones among them. */
export function keep(frames: readonly string[], wanted: readonly string[]): readonly string[] {
  const all = [...frames, ...wanted.filter((url) => !frames.includes(url))];
  const spare = all.filter((url) => !wanted.includes(url));
  const gone = new Set(spare.slice(0, Math.max(0, all.length - MAX_FRAMES)));
  return all.filter((url) => !gone.has(url));
}

interface FrameProps {
  readonly url: string;
  readonly front: boolean;
  readonly name: string;
}

function Frame({ url, front, name }: FrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const loaded = useSignal(false);
  return (
    <iframe
      ref={frame}
      class={front && loaded.value ? "is-front" : ""}
      src={url}
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerpolicy="no-referrer"
      title={name}
      aria-hidden={!front}
      tabIndex={front ? 0 : -1}
      onLoad={() => (loaded.value = true)}
      // A frame swallows keys while it has the focus; leaving it with the pointer gives them back.
      onMouseLeave={() => {
        if (document.activeElement === frame.current) frame.current?.blur();
      }}
    />
  );
}

export function Frames({ conversation }: { readonly conversation: Conversation | undefined }) {
  const room = useRoom();
  const kept = useRef<readonly string[]>([]);
  const url = conversation?.bodyUrl.value;
  const trouble = conversation?.bodyTrouble.value;
  const from = conversation && room.store.emails.get(conversation.open.value)?.from[0];
  kept.current = keep(
    kept.current,
    [url, room.likely.value].filter((u) => u !== undefined),
  );
  return (
    <div class="body">
      {conversation && trouble && (
        <div class="body-trouble" role="alert">
          <p>
            <b>{words.bodyFailed}</b> {explain(trouble)}
          </p>
          <Button onClick={() => conversation.expand(conversation.open.peek())}>{words.retry}</Button>
        </div>
      )}
      <div key="frames" class="frames">
        {kept.current.map((u) => (
          <Frame
            key={u}
            url={u}
            front={u === url}
            name={u === url ? words.bodyName(from ? displayName(from) : words.unknownSender) : ""}
          />
        ))}
      </div>
    </div>
  );
}
