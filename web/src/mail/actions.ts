/** Actions on mails: seen at once, sent to the server, taken back if it refuses, undone on request. */
import { batch } from "@preact/signals";
import { asTrouble, type Trouble } from "../base/trouble";
import { words } from "../base/words";
import { Batch, methodTrouble } from "../jmap/call";
import { type EmailPatch, emailSet } from "../jmap/email";
import type { EmailId, MailboxId } from "../jmap/id";
import { mailboxGet, type Role } from "../jmap/mailbox";
import type { EmailRecord } from "../store/email";
import type { Overlay } from "../store/records";
import type { Store } from "../store/store";
import { countChanges, withCounts } from "./counts";
import { folderName } from "./folders";
import { applyPatch, inversePatch, moveBetween, setKeyword } from "./patch";
import type { Toasts } from "./toasts";
import { explain } from "./trouble";

export type Patches = ReadonlyMap<EmailId, EmailPatch>;

export class Actions {
  constructor(
    private readonly store: Store,
    private readonly toasts: Toasts,
  ) {}

  /**
   * patch changes emails here at once and on the server as soon as may be. What it refuses goes back to
   * how it was, and a toast says so in the words of failed. It resolves to the ids that were changed.
   */
  async patch(patches: Patches, failed: string): Promise<readonly EmailId[]> {
    const known = [...patches.keys()].filter((id) => this.store.emails.peek(id));
    const overlays = this.overlay(patches, known);
    this.store.hold(known);
    const refused = new Map<EmailId, Trouble>();
    for (const piece of pieces(known, this.store.connection.session.limits.maxObjectsInSet)) {
      for (const [id, trouble] of await this.send(piece, patches)) refused.set(id, trouble);
    }
    batch(() => {
      for (const [id, overlay] of overlays) {
        if (refused.has(id)) overlay.rollback();
        else overlay.commit();
      }
    });
    this.store.release(known);
    if (refused.size > 0) this.report(refused, known.length, failed);
    return known.filter((id) => !refused.has(id));
  }

  private overlay(patches: Patches, ids: readonly EmailId[]): Map<EmailId, Overlay> {
    const overlays = new Map<EmailId, Overlay>();
    const threads = new Set(
      ids.map((id) => this.store.emails.peek(id)?.threadId).filter((t) => t !== undefined),
    );
    const all = () => [
      ...new Set([...threads].flatMap((t) => this.store.threadEmails(t)).concat(this.records(ids))),
    ];
    batch(() => {
      const before = all();
      for (const id of ids) {
        const patch = patches.get(id) ?? {};
        overlays.set(
          id,
          this.store.emails.overlay(id, (e) => applyPatch(e, patch)),
        );
      }
      const changes = countChanges(before, all());
      this.store.adjustMailboxes((m) => withCounts(m, changes.get(m.id)));
    });
    return overlays;
  }

  private records(ids: readonly EmailId[]): EmailRecord[] {
    return ids.map((id) => this.store.emails.peek(id)).filter((e) => e !== undefined);
  }

  /** send does one Email/set and fetches the true counts in the same round trip. */
  private async send(ids: readonly EmailId[], patches: Patches): Promise<Map<EmailId, Trouble>> {
    const { connection } = this.store;
    const account = connection.session.account;
    const update: Record<EmailId, EmailPatch> = {};
    for (const id of ids) update[id] = patches.get(id) ?? {};
    const refused = new Map<EmailId, Trouble>();
    const request = new Batch();
    const set = request.add(emailSet(account, { update }));
    const counts = request.add(mailboxGet(account, null));
    try {
      const answers = await connection.send(request);
      const { notUpdated, oldState, newState } = answers.of(set);
      this.store.advance(oldState, newState);
      for (const id of ids) {
        const error = notUpdated[id];
        if (error) refused.set(id, methodTrouble(error.type, error.description));
      }
      this.store.mergeMailboxes(answers.maybe(counts));
    } catch (thrown) {
      const trouble = asTrouble(thrown);
      for (const id of ids) refused.set(id, trouble);
      void this.store.sync().catch(() => undefined); // brings counts and lists back to the truth
    }
    return refused;
  }

  private report(refused: ReadonlyMap<EmailId, Trouble>, tried: number, failed: string): void {
    const first = refused.values().next().value;
    const many = tried > 1 ? ` ${words.partly(refused.size, tried)}` : "";
    this.toasts.show(`${failed}${many} ${first ? explain(first) : ""}`.trim(), "trouble");
    this.store.refreshLists();
  }

  // Keywords

  setSeen(ids: readonly EmailId[], seen: boolean): void {
    const wrong = ids.filter((id) => Boolean(this.store.emails.peek(id)?.keywords["$seen"]) !== seen);
    if (wrong.length === 0) return;
    void this.patch(same(wrong, setKeyword("$seen", seen)), words.failed.mark);
  }

  setStar(ids: readonly EmailId[], star: boolean): void {
    void this.patch(same(ids, setKeyword("$flagged", star)), words.failed.star);
  }

  setKeyword(id: EmailId, keyword: string, on = true): void {
    void this.patch(same([id], setKeyword(keyword, on)), words.failed.mark);
  }

  // Moves

  /** move takes emails from one folder to another; rows are the ones that stand for them in lists. */
  async move(
    ids: readonly EmailId[],
    rows: readonly EmailId[],
    from: MailboxId,
    to: MailboxId,
  ): Promise<void> {
    const target = this.store.mailbox(to);
    if (!target || from === to) return;
    const before = this.records(ids);
    const patch = moveBetween(from, to);
    this.hideRows(rows, from);
    const moved = this.patch(same(ids, patch), words.failed.move);
    const back = new Map(before.map((e) => [e.id, inversePatch(e, patch)]));
    this.toasts.show(movedText(rows.length, folderName(target), target.role), "done", {
      label: words.undo,
      run: () => void moved.then((done) => this.undo(back, done)),
    });
    // Our own change is not followed by a sync, so the folder that took the mails in is asked anew: its
    // list may have been loaded before they were there.
    if ((await moved).length > 0) this.store.refreshLists((list) => list.query.filter.inMailbox === to);
  }

  private async undo(back: Patches, ids: readonly EmailId[]): Promise<void> {
    const patches = new Map([...back].filter(([id]) => ids.includes(id)));
    await this.patch(patches, words.failed.undo);
    this.store.refreshLists();
  }

  private hideRows(rows: readonly EmailId[], from: MailboxId): void {
    const gone = new Set(rows);
    for (const list of this.store.openLists()) {
      if (list.query.filter.inMailbox === from) list.remove(gone);
    }
  }

  /** destroy removes emails for ever; the view has asked the person before. */
  async destroy(ids: readonly EmailId[], rows: readonly EmailId[], from: MailboxId): Promise<void> {
    this.store.hold(ids);
    this.hideRows(rows, from);
    try {
      const { connection } = this.store;
      const request = new Batch();
      const set = request.add(emailSet(connection.session.account, { destroy: ids }));
      const { notDestroyed } = (await connection.send(request)).of(set);
      const [error] = Object.values(notDestroyed);
      if (error) throw methodTrouble(error.type, error.description);
      this.toasts.show(words.destroyed(rows.length));
    } catch (thrown) {
      this.toasts.show(`${words.failed.destroy} ${explain(asTrouble(thrown))}`, "trouble");
      this.store.refreshLists();
    } finally {
      this.store.release(ids);
      void this.store.sync().catch(() => undefined);
    }
  }
}

function same(ids: readonly EmailId[], patch: EmailPatch): Patches {
  return new Map(ids.map((id) => [id, patch]));
}

function movedText(count: number, folder: string, role: Role | null): string {
  if (role === "trash") return words.movedToTrash(count);
  if (role === "archive") return words.archived(count);
  return words.moved(count, folder);
}

function* pieces<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}
