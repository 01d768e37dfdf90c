/** A menu of folders with a field to find one by typing. */
import { useSignal } from "@preact/signals";
import { words } from "../base/words";
import type { EmailId } from "../jmap/id";
import { folderName, folderTree } from "../mail/folders";
import { MenuItem, Popup } from "./popup";
import { useRoom } from "./room";
import { folderIcon } from "./sidebar";

interface MoveMenuProps {
  readonly ids: readonly EmailId[];
  readonly align?: "start" | "end";
  readonly onClose: () => void;
}

export function MoveMenu({ ids, align = "start", onClose }: MoveMenuProps) {
  const room = useRoom();
  const wanted = useSignal("");
  const here = room.mailbox.value?.id;
  const text = wanted.value.trim().toLowerCase();
  const folders = folderTree(room.store.mailboxes.value).filter(
    ({ mailbox }) =>
      mailbox.id !== here &&
      mailbox.role !== "drafts" &&
      mailbox.role !== "flagged" &&
      mailbox.role !== "all" &&
      mailbox.myRights.mayAddItems &&
      folderName(mailbox).toLowerCase().includes(text),
  );
  const move = (index: number) => {
    const target = folders[index];
    onClose();
    if (target) room.move(ids, target.mailbox.id);
  };
  return (
    <Popup role="dialog" label={words.moveTo} align={align} onClose={onClose}>
      <input
        class="menu-filter"
        type="text"
        placeholder={words.filterFolders}
        aria-label={words.filterFolders}
        onInput={(event) => (wanted.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") move(0);
        }}
      />
      <div class="menu-scroll" role="menu" aria-label={words.folders}>
        {folders.map(({ mailbox, depth }, i) => (
          <MenuItem
            key={mailbox.id}
            icon={folderIcon(mailbox)}
            indent={text ? 0 : depth}
            onClick={() => move(i)}
          >
            {folderName(mailbox)}
          </MenuItem>
        ))}
        {folders.length === 0 && <p class="menu-label">{words.noFolder}</p>}
      </div>
    </Popup>
  );
}
