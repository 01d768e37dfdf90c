/** The bar below the list: mails that did not go out, or may have gone out, until the person has dealt with them. */
import "./style/unsent.css";
import { asTrouble } from "../base/trouble";
import { words } from "../base/words";
import type { Unsent } from "../mail/outgoing";
import { explain } from "../mail/trouble";
import { Button } from "./button";
import { Icon } from "./icon";
import { useRoom } from "./room";

function Line({ unsent }: { readonly unsent: Unsent }) {
  const room = useRoom();
  const w = words.unsent[unsent.kind];
  const sent = room.store.byRole("sent");
  const dismiss = () => {
    room.outgoing
      .dismiss(unsent)
      .catch((thrown: unknown) => room.toasts.show(explain(asTrouble(thrown)), "trouble"));
  };
  return (
    <li>
      <Icon name="alert" size={16} />
      <p>
        <b>{w.title(unsent.subject || words.noSubject)}</b> {w.hint(unsent.to.join(", "))}
        {unsent.kind === "refused" && <small>{unsent.reply}</small>}
      </p>
      <Button onClick={() => void room.composers.edit(unsent.emailId)}>{words.unsent.openDraft}</Button>
      {unsent.kind === "uncertain" && sent && (
        <Button onClick={() => room.goTo(sent.id)}>{words.lookInSent}</Button>
      )}
      <Button onClick={dismiss}>{words.unsent.dismiss}</Button>
    </li>
  );
}

export function UnsentBar() {
  const room = useRoom();
  const list = room.outgoing.unsent.value;
  // The region stands there from the start, so that what comes into it is read out.
  return (
    <div class="unsent" role="alert" hidden={list.length === 0}>
      {list.length > 0 && (
        <ul aria-label={words.unsent.label}>
          {list.map((unsent) => (
            <Line key={unsent.id} unsent={unsent} />
          ))}
        </ul>
      )}
    </div>
  );
}
