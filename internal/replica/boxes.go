package replica

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// applyBoxes brings the Mailboxes in step with the server's list. A mailbox
// keeps its id through a rename if the server has ids of its own.
func (r *Replica) applyBoxes(list []upstream.Box) error {
	if len(list) > MaxBoxes {
		return ErrTooManyMails
	}
	return r.removeBoxes(r.Index.renewBoxes(list))
}

// removeBoxes forgets mailboxes and the copies in them.
func (r *Replica) removeBoxes(gone []*box) error {
	if len(gone) == 0 {
		return nil
	}
	t := r.Index.begin()
	for _, b := range gone {
		t.remove(b, b.known(&r.Index.columns))
	}
	_, err := t.commit()
	r.Index.dropBoxes(gone)
	return err
}

// renewBoxes takes over what the server says of its mailboxes and returns those
// that are there no more.
func (ix *Index) renewBoxes(list []upstream.Box) (gone []*box) {
	ix.mu.Lock()
	seq := ix.seq
	stay := make(map[*box]bool, len(list))
	fresh := 0
	inbox := ix.inboxAnew(list)
	for _, up := range giveRoles(list) {
		up.Rights = rightsOf(&up)
		b := ix.boxFor(&up)
		if b == nil && up.Inbox {
			b = inbox
		}
		if known := ix.byName[up.Name]; up.Blind && known != nil {
			stay[known] = true // as it was: what the server cannot say now is not gone
			continue
		}
		if b == nil {
			b = ix.newBox(&up)
			fresh++
		} else {
			ix.renewBox(b, &up)
		}
		stay[b] = true
	}
	ix.nameBoxes(stay)
	for _, b := range ix.boxes {
		if b != nil && !stay[b] {
			gone = append(gone, b)
		}
	}
	ix.setTrash()
	changed := ix.seq != seq
	ix.mu.Unlock()
	if changed {
		ix.notify()
	}
	return gone
}

// boxFor finds the mailbox that the server means: by its id, else by its name.
func (ix *Index) boxFor(up *upstream.Box) *box {
	if up.ID != "" {
		if b := ix.byName[up.Name]; b != nil && b.up.ID == up.ID {
			return b // also an inbox that had another id first
		}
		return ix.byID[jmap.MailboxID(up.ID)]
	}
	if b := ix.byName[up.Name]; b != nil && b.up.ID == "" {
		return b
	}
	return nil
}

// inboxAnew is the inbox that is known, if the server has another id for it by now:
// a Dovecot that has lost a Maildir's list of uids gives it a new one. There is
// always one inbox (RFC 9051, section 5.1), so it is the same to a client. Under
// the old id it may be another mailbox, where RENAME has moved all its mails.
func (ix *Index) inboxAnew(list []upstream.Box) *box {
	for _, b := range ix.boxes {
		if b != nil && b.up.Inbox && b.up.ID != "" && !slices.ContainsFunc(list, func(up upstream.Box) bool { return up.ID == b.up.ID }) {
			return b
		}
	}
	return nil
}

func (ix *Index) newBox(up *upstream.Box) *box {
	id := jmap.MailboxID(up.ID)
	if id == "" {
		id = ix.mintBoxID(up.Name)
	}
	b := &box{id: id, up: *up, created: ix.next()}
	ix.boxSeq = ix.seq
	slot := slices.Index(ix.boxes, nil)
	if slot < 0 {
		slot = len(ix.boxes)
		ix.boxes = append(ix.boxes, nil)
	}
	b.slot = uint16(slot)
	ix.boxes[slot] = b
	ix.byID[id], ix.byName[up.Name] = b, b
	return b
}

// mintBoxID makes an id of a name. A mailbox that had the name before has that id,
// whether it was renamed by us or is gone; then another one is needed.
func (ix *Index) mintBoxID(name string) jmap.MailboxID {
	id := ix.names.boxID(name)
	spent := func(t boxTomb) bool { return t.id == id }
	for n := 1; ix.byID[id] != nil || slices.ContainsFunc(ix.boxTombs, spent); n++ {
		id = ix.names.boxID(name + "\x00" + strconv.Itoa(n)) // no name holds a NUL
	}
	return id
}

func (ix *Index) renewBox(b *box, up *upstream.Box) {
	old := b.up
	b.up = *up
	if !ix.complete && old.Marks != up.Marks {
		b.recount = ix.next() // the counts shown are the server's
		ix.boxSeq = ix.seq
	}
	old.Marks, up.Marks = upstream.Marks{}, upstream.Marks{}
	if old.Name != up.Name && ix.byName[old.Name] == b {
		delete(ix.byName, old.Name)
	}
	ix.byName[up.Name] = b
	if old != *up {
		b.renamed = ix.next()
		ix.boxSeq = ix.seq
	}
}

// nameBoxes works out names and parents from the hierarchy. What lies directly
// behind the prefix of the person's namespace is at the top: where that is
// "INBOX.", every mailbox but the inbox would else be the inbox's child, and none
// could be made beside it.
func (ix *Index) nameBoxes(stay map[*box]bool) {
	for b := range stay {
		leaf, parent := strings.TrimPrefix(b.up.Name, ix.prefix), jmap.MailboxID("")
		begin := len(b.up.Name) - len(leaf)
		if at := strings.LastIndex(leaf, b.up.Delimiter); b.up.Delimiter != "" && at > 0 {
			if p := ix.byName[b.up.Name[:begin+at]]; p != nil && stay[p] {
				leaf, parent = leaf[at+len(b.up.Delimiter):], p.id
			}
		}
		if b.up.Inbox {
			leaf = "Inbox"
		}
		if leaf != b.leaf || parent != b.parent {
			b.leaf, b.parent = leaf, parent
			b.renamed = ix.next()
			ix.boxSeq = ix.seq
		}
	}
}

// dropBoxes forgets mailboxes that are empty by now.
func (ix *Index) dropBoxes(gone []*box) {
	ix.mu.Lock()
	for _, b := range gone {
		ix.boxes[b.slot] = nil
		delete(ix.byID, b.id)
		if ix.byName[b.up.Name] == b {
			delete(ix.byName, b.up.Name)
		}
		ix.boxTombs = append(ix.boxTombs, boxTomb{b.id, b.created, ix.next()})
		ix.boxSeq = ix.seq
	}
	if n := len(ix.boxTombs) - MaxBoxes; n > 0 {
		ix.floor = max(ix.floor, ix.boxTombs[n-1].destroyed)
		ix.boxTombs = slices.Delete(ix.boxTombs, 0, n)
	}
	ix.gen++
	ix.mu.Unlock()
	ix.notify()
}

// setTrash finds the trash; when it is another one than before, all counts are
// worked out anew.
func (ix *Index) setTrash() {
	var trash *box
	for _, b := range ix.boxes {
		if b != nil && b.up.Role == jmap.RoleTrash {
			trash = b
		}
	}
	if trash != ix.trash {
		ix.trash = trash
		if ix.complete {
			ix.countAll()
		}
	}
}

// giveRoles gives each role to one mailbox at most (RFC 8621, section 2), the
// first by name; where the server names none for a role, to a top-level mailbox
// that is called as people and mail programs call it.
func giveRoles(list []upstream.Box) []upstream.Box {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b upstream.Box) int { return strings.Compare(a.Name, b.Name) })
	taken := make(map[jmap.Role]bool)
	for i := range list {
		b := &list[i]
		if b.Inbox {
			b.Role = jmap.RoleInbox
		}
		if b.Role == "" || b.Role == jmap.RoleInbox && !b.Inbox || taken[b.Role] {
			b.Role = ""
			continue
		}
		taken[b.Role] = true
	}
	for _, role := range slices.Sorted(maps.Keys(usualNames)) {
		if taken[role] {
			continue
		}
		if i := usualBox(list, usualNames[role]); i >= 0 {
			list[i].Role = role
		}
	}
	return list
}

// rightsOf is what may be done with a mailbox: what the server says, less what no
// rights can make possible. RENAME INBOX would empty the inbox (RFC 9051, section
// 6.3.6), DELETE of it is refused by every server.
func rightsOf(b *upstream.Box) jmap.Rights {
	r := b.Rights
	if b.Inbox {
		r &^= jmap.MayRename | jmap.MayDelete
	}
	if !b.Selectable {
		r &^= jmap.MayAddItems | jmap.MayRemoveItems | jmap.MaySetSeen | jmap.MaySetKeywords | jmap.MaySubmit
	}
	if b.NoChildren || b.Delimiter == "" {
		r &^= jmap.MayCreateChild
	}
	return r
}

// UsualName reports whether a top-level mailbox of this name gets a role on a
// server that names none.
func UsualName(role jmap.Role, name string) bool {
	return slices.ContainsFunc(usualNames[role], func(n string) bool { return strings.EqualFold(n, name) })
}

// usualBox finds the mailbox with the first of the names that any has, at the
// top or directly in the inbox (Courier keeps everything there).
func usualBox(list []upstream.Box, names []string) int {
	for _, name := range names {
		for i := range list {
			b := &list[i]
			leaf := b.Name
			if b.Delimiter != "" {
				leaf = strings.TrimPrefix(leaf, "INBOX"+b.Delimiter)
			}
			if b.Role == "" && b.Selectable && strings.EqualFold(leaf, name) {
				return i
			}
		}
	}
	return -1
}

// usualNames are what mailboxes are called where SPECIAL-USE (RFC 6154) is
// missing: Dovecot's examples, Courier, Exchange, Apple Mail.
var usualNames = map[jmap.Role][]string{
	jmap.RoleDrafts:  {"Drafts", "Draft"},
	jmap.RoleSent:    {"Sent", "Sent Items", "Sent Messages", "Sent Mail"},
	jmap.RoleTrash:   {"Trash", "Deleted Items", "Deleted Messages", "Deleted"},
	jmap.RoleJunk:    {"Junk", "Spam", "Junk E-mail", "Junk Email"},
	jmap.RoleArchive: {"Archive", "Archives"},
}
