package replica

import (
	"slices"
	"sort"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// counts are the four of RFC 8621, section 2.
type counts struct{ emails, unread, threads, unreadThreads int }

// box is a mailbox of the index.
type box struct {
	slot   uint16
	id     jmap.MailboxID
	parent jmap.MailboxID
	leaf   string // the name as JMAP shows it
	up     upstream.Box
	marks  upstream.Marks // up to which the index is in step
	synced bool           // marks is true: the mails of the mailbox are all here

	// wrong says that it is to be read anew, though nothing has happened since:
	// see miscounted. counted are the marks with which that was found last, and
	// odd is by how many mails more the server went on to speak after it.
	wrong   bool
	counted upstream.Marks
	odd     int

	uids   []ref    // copies in the order of uids
	order  []uint32 // mails in the order of columns.less, none twice
	hidden upstream.UIDSet

	head head // while it is not synced

	counts

	created uint32 // number of the change
	renamed uint32 // ... of the last change of anything but counts
	recount uint32 // ... of the last change of counts
}

// boxTomb is what is remembered of a mailbox that is gone.
type boxTomb struct {
	id                 jmap.MailboxID
	created, destroyed uint32
}

// findUID returns where in uids a uid is, or would be.
func (b *box) findUID(c *columns, uid uint32) (int, bool) {
	n := len(b.uids)
	if n == 0 || c.uidOf(b.uids[n-1]) < uid {
		return n, false
	}
	at := sort.Search(n, func(i int) bool { return c.uidOf(b.uids[i]) >= uid })
	return at, c.uidOf(b.uids[at]) == uid
}

// addUID adds a copy whose uid is not there.
func (b *box) addUID(c *columns, r ref, uid uint32) {
	at, _ := b.findUID(c, uid)
	b.uids = grow(b.uids, 0)
	copy(b.uids[at+1:], b.uids[at:])
	b.uids[at] = r
}

// renameRef makes the entry of a uid name another place of the same copy.
func (b *box) renameRef(c *columns, uid uint32, r ref) {
	if at, ok := b.findUID(c, uid); ok {
		b.uids[at] = r
	}
}

// findOrder returns where in order a mail is, or would be.
func (b *box) findOrder(c *columns, email uint32) int {
	n := len(b.order)
	if n == 0 || c.less(b.order[n-1], email) {
		return n
	}
	return sort.Search(n, func(i int) bool { return !c.less(b.order[i], email) })
}

func (b *box) addOrder(c *columns, email uint32) {
	at := b.findOrder(c, email)
	b.order = grow(b.order, 0)
	copy(b.order[at+1:], b.order[at:])
	b.order[at] = email
}

func (b *box) removeOrder(c *columns, email uint32) {
	at := b.findOrder(c, email)
	if at < len(b.order) && b.order[at] == email {
		b.order = slices.Delete(b.order, at, at+1)
	}
}

// known is the set of uids that the index has seen, hidden ones included.
func (b *box) known(c *columns) upstream.UIDSet {
	set := b.hidden.Clone()
	for _, r := range b.uids {
		set.Add(upstream.UID(c.uidOf(r)))
	}
	return set
}

// miscounted reports whether the server, with marks up to which the index is in
// step, has another number of mails than are here. Then it told a lie, or of
// something that was not so, at some time: of mails that vanished or came. Once
// read anew, what it still says too much are mails that it cannot show.
func (b *box) miscounted(now upstream.Marks) bool {
	have := len(b.uids) + int(b.hidden.Count())
	if !b.synced || !same(b.marks, now) || have+b.odd == int(now.Messages) {
		return false
	}
	if same(b.counted, now) {
		b.odd = int(now.Messages) - have
		return false
	}
	b.counted = now
	return true
}

func (b *box) place() upstream.Place {
	return upstream.Place{Box: b.up.Name, Validity: b.marks.UIDValidity}
}
