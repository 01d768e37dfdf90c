package replica

import (
	"slices"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Meta is what the index knows of an Email.
type Meta struct {
	ID         jmap.EmailID
	ThreadID   jmap.ThreadID
	MailboxIDs []jmap.MailboxID
	Keywords   []jmap.Keyword
	ReceivedAt time.Time
	Size       int64
	// HasAttachment counts only if AttachmentKnown.
	HasAttachment, AttachmentKnown bool
	// Copies is where the mail lies, at least one place.
	Copies []Copy
}

// Copy is one place of a mail.
type Copy struct {
	MailboxID jmap.MailboxID
	At        upstream.Place
	UID       upstream.UID
}

// Emails returns what is known of the Emails that exist, in the order of ids,
// the ids of the others, and the state that this was true for.
func (ix *Index) Emails(ids []jmap.EmailID) (list []Meta, notFound []jmap.EmailID, state jmap.State) {
	list = make([]Meta, 0, len(ids))
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for _, id := range ids {
		k, ok := ix.names.parseEmail(id)
		if !ok {
			notFound = append(notFound, id)
			continue
		}
		i, ok := ix.find(&k)
		if !ok {
			notFound = append(notFound, id)
			continue
		}
		list = append(list, ix.meta(i))
		list[len(list)-1].ID = id
	}
	return list, notFound, ix.state(ix.emailSeq)
}

func (ix *Index) meta(i uint32) Meta {
	m := Meta{
		ThreadID:        ix.names.threadID(ix.rows[i].thread),
		Keywords:        ix.words.appendKeywords(nil, ix.marks[i]),
		ReceivedAt:      time.Unix(ix.received(i), 0).UTC(),
		Size:            int64(ix.rows[i].size),
		HasAttachment:   ix.marks[i]&markAttach != 0,
		AttachmentKnown: ix.marks[i]&markAttachKnown != 0,
	}
	for at, slot := range ix.copies(i) {
		b := ix.boxes[slot]
		m.Copies = append(m.Copies, Copy{b.id, b.place(), upstream.UID(ix.uidOf(at))})
		if !slices.Contains(m.MailboxIDs, b.id) {
			m.MailboxIDs = append(m.MailboxIDs, b.id)
		}
	}
	return m
}

// Threads returns the Threads that exist, in the order of ids.
func (ix *Index) Threads(ids []jmap.ThreadID) (list []jmap.Thread, notFound []jmap.ThreadID, state jmap.State) {
	list = make([]jmap.Thread, 0, len(ids))
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for _, id := range ids {
		k, ok := ix.names.parseThread(id)
		var i uint32
		if ok {
			i, ok = ix.findThread(&k)
		}
		if !ok {
			notFound = append(notFound, id)
			continue
		}
		list = append(list, jmap.Thread{ID: id, EmailIDs: ix.threadEmails(i)})
	}
	return list, notFound, ix.state(ix.threadSeq)
}

// threadEmails are the ids of a thread, oldest first (RFC 8621, section 3).
func (ix *Index) threadEmails(i uint32) []jmap.EmailID {
	var members []uint32
	for j := range ix.thread(i) {
		members = append(members, j)
	}
	slices.SortFunc(members, ix.compare)
	ids := make([]jmap.EmailID, len(members))
	for at, j := range members {
		ids[at] = ix.names.emailID(ix.rows[j].key)
	}
	return ids
}

// Mailboxes returns all Mailboxes. Before the index is complete the counts are
// those of the server, which count mails where the RFC counts threads.
func (ix *Index) Mailboxes() ([]jmap.Mailbox, jmap.State) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	list := make([]jmap.Mailbox, 0, len(ix.byID))
	for _, b := range ix.boxes {
		if b != nil {
			list = append(list, ix.mailbox(b))
		}
	}
	return list, ix.state(ix.boxSeq)
}

func (ix *Index) mailbox(b *box) jmap.Mailbox {
	m := jmap.Mailbox{
		ID: b.id, Name: b.leaf, ParentID: b.parent, Role: b.up.Role, SortOrder: ix.sortOrder(b),
		MyRights: b.up.Rights, IsSubscribed: b.up.Subscribed,
		TotalEmails: uint64(b.emails), UnreadEmails: uint64(b.unread),
		TotalThreads: uint64(b.threads), UnreadThreads: uint64(b.unreadThreads),
	}
	if !ix.complete {
		m.TotalEmails, m.UnreadEmails = uint64(b.up.Marks.Messages), uint64(b.up.Marks.Unseen)
		m.TotalThreads, m.UnreadThreads = m.TotalEmails, m.UnreadEmails
	}
	return m
}

// sortOrder is what the person gave the mailbox, else what its role has.
func (ix *Index) sortOrder(b *box) uint32 {
	if n, ok := ix.orders[b.id]; ok {
		return n
	}
	return roleOrder(b.up.Role)
}

// SetOrders says what sortOrder the person gave mailboxes, in place of what was
// said before. The index keeps the map; it stores none of it.
func (ix *Index) SetOrders(orders map[jmap.MailboxID]uint32) {
	ix.mu.Lock()
	seq, old := ix.seq, make(map[*box]uint32, len(ix.byID))
	for _, b := range ix.byID {
		old[b] = ix.sortOrder(b)
	}
	ix.orders = orders
	for b, n := range old {
		if ix.sortOrder(b) != n {
			b.renamed = ix.next()
			ix.boxSeq = ix.seq
		}
	}
	changed := ix.seq != seq
	ix.mu.Unlock()
	if changed {
		ix.notify()
	}
}

// roleOrder puts the mailboxes with a role first, in the order people expect.
func roleOrder(r jmap.Role) uint32 {
	order := []jmap.Role{jmap.RoleInbox, jmap.RoleFlagged, jmap.RoleImportant, jmap.RoleDrafts, jmap.RoleSent,
		jmap.RoleArchive, jmap.RoleAll, jmap.RoleJunk, jmap.RoleTrash}
	if at := slices.Index(order, r); at >= 0 {
		return uint32(at + 1)
	}
	return 100
}

// Mailbox returns what upstream says of a mailbox, and where it is.
func (ix *Index) Mailbox(id jmap.MailboxID) (upstream.Box, upstream.Place, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	b := ix.byID[id]
	if b == nil {
		return upstream.Box{}, upstream.Place{}, false
	}
	return b.up, b.place(), true
}

// ByRole returns the mailbox of a role, "" if there is none.
func (ix *Index) ByRole(role jmap.Role) jmap.MailboxID {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for _, b := range ix.boxes {
		if b != nil && b.up.Role == role {
			return b.id
		}
	}
	return ""
}

// Selectable returns the mailboxes that may hold mails, by their places.
func (ix *Index) Selectable() []Copy {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	var out []Copy
	for _, b := range ix.boxes {
		if b != nil && b.up.Selectable {
			out = append(out, Copy{MailboxID: b.id, At: b.place()})
		}
	}
	return out
}

// EmailAt returns the id of the mail at a place, "" if the index has none.
func (ix *Index) EmailAt(at upstream.Place, uid upstream.UID) jmap.EmailID {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	b := ix.byName[at.Box]
	if b == nil || b.marks.UIDValidity != at.Validity {
		return ""
	}
	pos, ok := b.findUID(&ix.columns, uint32(uid))
	if !ok {
		return ""
	}
	return ix.names.emailID(ix.rows[ix.emailOf(b.uids[pos])].key)
}

// ByMessageID returns the Emails with a Message-ID (without brackets), as far
// as 48 bits of a keyed hash tell.
func (ix *Index) ByMessageID(messageID string) []jmap.EmailID {
	h := ix.names.messageHash(messageID)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	var out []jmap.EmailID
	for i := range ix.rows {
		if ix.rows[i].msgid == h && !ix.rows[i].dead() {
			out = append(out, ix.names.emailID(ix.rows[i].key))
		}
	}
	return out
}

func uidOf(n uint32) upstream.UID { return upstream.UID(n) }

// PackedSize is the size of a packed Email id.
const PackedSize = len(emailKey{})

// Pack returns an Email id in a fixed number of bytes; false if it is the id of
// no Email.
func (ix *Index) Pack(id jmap.EmailID) ([PackedSize]byte, bool) {
	k, ok := ix.names.parseEmail(id)
	return k, ok
}

// Unpack is the reverse of Pack. Of a long id only an index that holds the mail
// knows the text.
func (ix *Index) Unpack(k [PackedSize]byte) (jmap.EmailID, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	id := ix.names.emailID(k)
	return id, id != ""
}
