package memup

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// Options say what kind of server an Account is. The zero value is a good one.
type Options struct {
	Identity upstream.Identity // IdentityNone gives mails no ids
	// Threads gives mails server-side thread ids: those of equal Subject are one.
	Threads bool
	// NoModSeq is a server without CONDSTORE.
	NoModSeq bool
	// QuietExpunge is a server with CONDSTORE and without QRESYNC, where an expunge
	// raises no mod-sequence and is not remembered.
	QuietExpunge bool
	// NoUIDPlus is a server that does not tell where copies went.
	NoUIDPlus bool
	// NoBoxIDs is a server whose mailboxes have no ids.
	NoBoxIDs bool
	// Quota is the most bytes that fit; 0: no limit.
	Quota int64
	// MaxSize is the largest mail; 0: no limit.
	MaxSize int64
}

// Account is one person's mail.
type Account struct {
	opts Options

	mu       sync.Mutex // guards all below
	boxes    map[string]*mailbox
	used     int64
	watchers map[int]func(upstream.Event)
	next     int // of watchers
	validity uint32
}

type mailbox struct {
	name       string
	id         string
	role       jmap.Role
	subscribed bool
	noSelect   bool
	readOnly   bool
	validity   uint32
	uidNext    upstream.UID
	modSeq     uint64
	mails      []*mail // by uid
	gone       []expunged
}

type mail struct {
	uid    upstream.UID
	id     string
	thread string
	flags  []string
	date   time.Time
	modSeq uint64
	raw    []byte // shared by copies, never changed
}

type expunged struct {
	uid    upstream.UID
	modSeq uint64
}

// New makes an account with the usual mailboxes.
func New(opts Options) *Account {
	a := &Account{opts: opts, boxes: make(map[string]*mailbox), watchers: make(map[int]func(upstream.Event)), validity: 1000}
	a.make("INBOX", jmap.RoleInbox)
	a.make("Drafts", jmap.RoleDrafts)
	a.make("Sent", jmap.RoleSent)
	a.make("Trash", jmap.RoleTrash)
	a.make("Junk", jmap.RoleJunk)
	a.make("Archive", jmap.RoleArchive)
	return a
}

func (a *Account) make(name string, role jmap.Role) *mailbox {
	a.validity++
	b := &mailbox{name: name, role: role, subscribed: true, validity: a.validity, uidNext: 1, modSeq: 1}
	if !a.opts.NoBoxIDs {
		b.id = "b" + randomHex(8)
	}
	a.boxes[name] = b
	return b
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// newID is what the server calls a new mail.
func (a *Account) newID() string {
	switch a.opts.Identity {
	case upstream.IdentityNone:
		return ""
	case upstream.IdentityObject:
		return "M" + randomHex(12)
	}
	return randomHex(16)
}

func (a *Account) threadOf(raw []byte) string {
	if !a.opts.Threads {
		return ""
	}
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	subject := message.ParseHeader(head).Text("Subject")
	return "T" + hex.EncodeToString([]byte(strings.TrimPrefix(subject, "Re: ")))
}

// Deliver puts a mail into a mailbox from outside, as a mail server would.
func (a *Account) Deliver(box string, raw []byte, date time.Time, flags ...string) upstream.UID {
	a.mu.Lock()
	b := a.boxes[box]
	if b == nil {
		b = a.make(box, "")
	}
	m := a.put(b, &mail{id: a.newID(), thread: a.threadOf(raw), flags: flags, date: date.Truncate(time.Second), raw: raw})
	a.tell(b)
	return m.uid
}

// put adds m as a new mail of b.
func (a *Account) put(b *mailbox, m *mail) *mail {
	b.modSeq++
	m.uid, m.modSeq = b.uidNext, b.modSeq
	b.uidNext++
	b.mails = append(b.mails, m)
	a.used += int64(len(m.raw))
	return m
}

// Reset gives a mailbox another UIDVALIDITY and its mails other uids, as a
// restored backup does.
func (a *Account) Reset(box string) {
	a.mu.Lock()
	b := a.boxes[box]
	a.validity++
	b.validity, b.gone = a.validity, nil
	b.modSeq++
	slices.Reverse(b.mails)
	for i, m := range b.mails {
		c := *m
		c.uid, c.modSeq = upstream.UID(i+1), b.modSeq
		b.mails[i] = &c
	}
	b.uidNext = upstream.UID(len(b.mails) + 1)
	a.tell(b)
}

// tell gives up the lock and tells the watchers that b has changed.
func (a *Account) tell(changed ...*mailbox) {
	var events []upstream.Event
	for _, b := range changed {
		m := a.marks(b)
		events = append(events, upstream.Event{Box: b.name, Marks: &m})
	}
	if len(changed) == 0 {
		events = []upstream.Event{{Boxes: true}}
	}
	var emit []func(upstream.Event)
	for _, f := range a.watchers {
		emit = append(emit, f)
	}
	a.mu.Unlock()
	for _, f := range emit {
		for _, e := range events {
			f(e)
		}
	}
}

func (a *Account) marks(b *mailbox) upstream.Marks {
	m := upstream.Marks{UIDValidity: b.validity, UIDNext: b.uidNext, Messages: uint32(len(b.mails))}
	if !a.opts.NoModSeq {
		m.ModSeq = b.modSeq
	}
	for _, x := range b.mails {
		if !imap.ContainsFlag(flagsOf(x.flags), imap.FlagSeen) {
			m.Unseen++
		}
	}
	return m
}

func flagsOf(s []string) []imap.Flag {
	out := make([]imap.Flag, len(s))
	for i, f := range s {
		out[i] = imap.Flag(f)
	}
	return out
}

// find returns the mail with a uid.
func (b *mailbox) find(uid upstream.UID) *mail {
	i, ok := slices.BinarySearchFunc(b.mails, uid, func(m *mail, u upstream.UID) int { return int(m.uid) - int(u) })
	if !ok {
		return nil
	}
	return b.mails[i]
}

// chosen are the mails with the uids, in their order.
func (b *mailbox) chosen(uids upstream.UIDSet) []*mail {
	var out []*mail
	for _, m := range b.mails {
		if uids.Contains(m.uid) {
			out = append(out, m)
		}
	}
	return out
}

// drop removes the mails with the uids.
func (a *Account) drop(b *mailbox, uids upstream.UIDSet) {
	if !a.opts.QuietExpunge {
		b.modSeq++
	}
	b.mails = slices.DeleteFunc(b.mails, func(m *mail) bool {
		if !uids.Contains(m.uid) {
			return false
		}
		b.gone = append(b.gone, expunged{m.uid, b.modSeq})
		a.used -= int64(len(m.raw))
		return true
	})
}
