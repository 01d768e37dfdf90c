/** Composers are the drafts that are open; one is in front, the others wait as tabs. */
import { signal } from "@preact/signals";
import { asTrouble } from "../base/trouble";
import { htmlToText } from "../base/htmltext";
import { words } from "../base/words";
import { type Address, type Email, emailGet } from "../jmap/email";
import type { EmailId, SubmissionId } from "../jmap/id";
import type { DetailEmail } from "../store/email";
import { detailProperties } from "../store/email";
import type { Store } from "../store/store";
import type { Actions } from "./actions";
import { Composer } from "./composer";
import { type DraftKind, forwardDraft, newDraft, replyDraft, savedDraft } from "./draft";
import type { Outgoing } from "./outgoing";
import type { Recents } from "./recents";
import type { Toasts } from "./toasts";
import { explain } from "./trouble";

/** Bytes of an original that are quoted; nobody reads on in a quotation of this length. */
const MAX_QUOTED_BYTES = 256 * 1024;

type WithText = DetailEmail & Pick<Email, "bodyValues" | "textBody">;

/** textOf is the readable text of a mail, made from its HTML where there is no other. */
export function textOf(email: Pick<Email, "bodyValues" | "textBody">): string {
  return email.textBody
    .map(({ partId, type }) => {
      const value = partId === null ? undefined : email.bodyValues[partId]?.value;
      if (value === undefined) return "";
      return type === "text/html" ? htmlToText(value) : value;
    })
    .filter((t) => t !== "")
    .join("\n\n");
}

export class Composers {
  readonly open = signal<readonly Composer[]>([]);
  /** From a copy of a draft to the one that replaced it, for rows that have not heard of it yet. */
  private readonly replaced = new Map<EmailId, EmailId>();

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly recents: Recents,
    private readonly toasts: Toasts,
    private readonly outgoing: Outgoing,
  ) {}

  write(to: readonly Address[] = []): void {
    this.add(new Composer(this.store, "new", newDraft(this.store.identities.peek()[0], to)));
  }

  async answer(kind: Exclude<DraftKind, "new" | "edit">, id: EmailId): Promise<void> {
    const original = await this.load(id);
    if (!original) return;
    const text = textOf(original);
    const identities = this.store.identities.peek();
    const draft =
      kind === "forward"
        ? forwardDraft(original, text, identities)
        : replyDraft(original, text, identities, kind === "replyAll");
    this.add(new Composer(this.store, kind, draft));
  }

  /** isDraft tells whether a mail is a draft that was written here, also when its copy is gone already. */
  isDraft(id: EmailId): boolean {
    return this.replaced.has(id) || this.open.peek().some((c) => c.wasSavedAs(id));
  }

  /** edit takes up a saved draft; one that is open already comes to the front. */
  async edit(copy: EmailId): Promise<void> {
    let id = copy;
    for (let newer = this.replaced.get(id); newer !== undefined; newer = this.replaced.get(id)) id = newer;
    const open = this.open.peek().find((c) => c.wasSavedAs(id));
    if (open) return this.front(open);
    const saved = await this.load(id);
    if (!saved) return;
    const draft = savedDraft(saved, textOf(saved), this.store.identities.peek());
    this.add(new Composer(this.store, "edit", draft, id));
  }

  private async load(id: EmailId): Promise<WithText | undefined> {
    const { connection } = this.store;
    try {
      const answer = await connection.call(
        emailGet(connection.session.account, [id], [...detailProperties, "bodyValues", "textBody"], {
          fetchTextBodyValues: true,
          maxBodyValueBytes: MAX_QUOTED_BYTES,
        }),
      );
      const [email] = answer.list;
      if (!email) this.toasts.show(words.trouble.gone, "trouble");
      return email;
    } catch (thrown) {
      this.toasts.show(`${words.failed.answer} ${explain(asTrouble(thrown))}`, "trouble");
      return undefined;
    }
  }

  private add(composer: Composer): void {
    for (const other of this.open.peek()) {
      if (other.isUntouched()) this.remove(other);
      else other.minimised.value = true;
    }
    this.open.value = [...this.open.peek(), composer];
  }

  front(composer: Composer): void {
    for (const other of this.open.peek()) other.minimised.value = other !== composer;
  }

  private remove(composer: Composer): void {
    composer.close();
    const { savedAs } = composer;
    if (savedAs !== undefined) {
      this.replaced.delete(savedAs); // the newest has none after it, so that no chain is a ring
      for (const id of composer.olderCopies) this.replaced.set(id, savedAs);
    }
    this.open.value = this.open.value.filter((c) => c !== composer);
  }

  async send(composer: Composer): Promise<void> {
    this.recents.note([...composer.to.peek(), ...composer.cc.peek(), ...composer.bcc.peek()], true);
    if (!(await composer.send(this.outgoing.undoSend.seconds.peek()))) {
      composer.minimised.value = false;
      return;
    }
    this.remove(composer);
    this.announce(composer);
    if (composer.original) this.actions.setKeyword(composer.original.id, composer.original.keyword);
    void this.store.sync().catch(() => undefined);
  }

  /** announce says that a mail was sent, and offers to take it back while that is possible. */
  private announce(composer: Composer): void {
    const { submission } = composer;
    if (!submission || submission.seconds === 0) {
      this.toasts.show(words.sent);
      return;
    }
    const { id, seconds } = submission;
    this.outgoing.follow(id, seconds);
    const run = () => void this.takeBack(composer, id);
    this.toasts.show(words.sendingIn(seconds), "done", { label: words.undo, run }, seconds * 1000);
  }

  /** takeBack undoes a send: the mail is a draft again, and open. */
  private async takeBack(composer: Composer, id: SubmissionId): Promise<void> {
    try {
      if (!(await this.outgoing.undo(id))) {
        this.toasts.show(words.undoTooLate, "trouble");
        return;
      }
    } catch (thrown) {
      this.toasts.show(`${words.failed.undo} ${explain(asTrouble(thrown))}`, "trouble");
      return;
    }
    if (composer.original) this.actions.setKeyword(composer.original.id, composer.original.keyword, false);
    this.add(new Composer(this.store, composer.kind, composer.draft(), composer.savedAs));
    this.toasts.show(words.takenBack);
    void this.store.sync().catch(() => undefined);
  }

  /** close keeps what was written in Drafts; it stays open if that does not work. */
  async close(composer: Composer): Promise<void> {
    if (composer.isUntouched()) return this.remove(composer);
    await composer.save();
    if (composer.saving.peek().kind === "failed") return;
    this.remove(composer);
    this.toasts.show(words.draftKept);
    void this.store.sync().catch(() => undefined);
  }

  async discard(composer: Composer): Promise<void> {
    const draft = composer.draft();
    const untouched = composer.isUntouched();
    this.remove(composer);
    await composer.discard();
    if (!untouched) {
      this.toasts.show(words.draftDiscarded, "done", {
        label: words.undo,
        run: () => this.add(Composer.again(this.store, composer.kind, draft)),
      });
    }
    void this.store.sync().catch(() => undefined);
  }

  /** hasUnsaved is true while something typed has not reached the server. */
  hasUnsaved(): boolean {
    return this.open.peek().some((c) => !c.isUntouched() && c.saving.peek().kind !== "saved");
  }
}
