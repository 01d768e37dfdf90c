import { words } from "../base/words";
import { Dialog } from "./dialog";

const w = words.help;

const groups: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    w.walk,
    [
      ["J", w.next],
      ["K", w.previous],
      ["O", w.open],
      ["Esc", w.up],
      ["/", w.search],
      ["G I", w.goInbox],
      ["G D", w.goDrafts],
      ["G T", w.goSent],
    ],
  ],
  [
    w.act,
    [
      ["E", words.act.archive],
      ["#", words.act.remove],
      ["V", words.act.move],
      ["S", words.act.star],
      ["U", w.mark],
      ["X", w.select],
      ["Z", words.undo],
    ],
  ],
  [
    w.write,
    [
      ["C", words.compose],
      ["R", words.act.reply],
      ["A", words.act.replyAll],
      ["F", words.act.forward],
      ["Ctrl Enter", w.send],
      ["?", w.help],
    ],
  ],
];

/** The sheet of keys; they are close to those that people know from elsewhere. */
export function HelpSheet({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title={words.shortcuts} wide onClose={onClose}>
      <div class="help">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>{what}</dt>
                  <dd>
                    {key.split(" ").map((k) => (
                      <kbd key={k}>{k}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
