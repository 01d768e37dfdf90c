package demo

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// delimiter parts the levels of mailbox names.
const delimiter = '/'

// account is one person's mail.
type account struct {
	sync bool // fsync after each change

	mu     sync.Mutex // guards all below, and the boxes and mails in them
	file   *os.File
	size   int64 // of the file
	boxes  []*box
	lastID uint32
}

// box is a mailbox. Its number is its UIDVALIDITY.
type box struct {
	id         uint32
	name       string
	use        imap.MailboxAttr
	subscribed bool
	dead       bool // deleted while somebody had it selected
	next       imap.UID
	mails      []*mail // by UID
	tracker    *imapserver.MailboxTracker
	views      map[*view]struct{}
}

// mail is one message in one mailbox; its bytes are in the log.
type mail struct {
	uid   imap.UID
	flags []imap.Flag
	date  time.Time
	size  int64
	body  int64 // offset in the log
}

// openAccount reads a person's log, which must exist, and leaves it open.
func openAccount(name string, sync bool) (*account, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	a := &account{sync: sync, file: f}
	if a.size, err = readLog(f, a.apply); err == nil {
		err = f.Truncate(a.size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", name, err), f.Close())
	}
	for _, b := range a.boxes {
		b.tracker = imapserver.NewMailboxTracker(uint32(len(b.mails)))
	}
	if err := a.compact(name); err != nil {
		return nil, errors.Join(fmt.Errorf("rewriting %s: %w", name, err), a.close())
	}
	return a, nil
}

func (a *account) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}

// apply repeats one change while the log is read. Trackers do not exist yet.
func (a *account) apply(r record, body int64) error {
	if r.Op == opBox {
		if a.byID(r.Box) != nil {
			return fmt.Errorf("mailbox %d made twice", r.Box)
		}
		a.lastID = max(a.lastID, r.Box)
		b := &box{id: r.Box, name: r.Name, use: imap.MailboxAttr(r.Use), next: 1, views: map[*view]struct{}{}}
		a.boxes = append(a.boxes, b)
		return nil
	}
	b := a.byID(r.Box)
	if b == nil {
		return fmt.Errorf("%s in mailbox %d, which does not exist", r.Op, r.Box)
	}
	switch r.Op {
	case opRename:
		b.name = r.Name
	case opDelete:
		a.boxes = slices.DeleteFunc(a.boxes, func(o *box) bool { return o == b })
	case opSubscribe:
		b.subscribed = r.On
	case opNext:
		b.next = max(b.next, imap.UID(r.UID))
	case opMail:
		b.add(r, body)
	case opFlags, opExpunge:
		i, ok := b.find(imap.UID(r.UID))
		if !ok {
			return fmt.Errorf("%s of UID %d, which does not exist", r.Op, r.UID)
		}
		if r.Op == opFlags {
			b.mails[i].flags = toFlags(r.Flags)
		} else {
			b.mails = slices.Delete(b.mails, i, i+1)
		}
	default:
		return fmt.Errorf("unknown record %q: written by a newer version", r.Op)
	}
	return nil
}

func (b *box) add(r record, body int64) {
	date := time.Unix(r.Date, 0).In(time.FixedZone("", r.Zone))
	m := &mail{uid: imap.UID(r.UID), flags: toFlags(r.Flags), date: date, size: r.Size, body: body}
	b.mails = append(b.mails, m)
	b.next = max(b.next, m.uid+1)
}

// compact rewrites the log when most of it is dead.
func (a *account) compact(name string) error {
	var alive int64
	for _, b := range a.boxes {
		for _, m := range b.mails {
			alive += m.size + 200
		}
	}
	if a.size < compactFloor || a.size < compactRatio*alive {
		return nil
	}
	var out []byte
	for _, b := range a.boxes {
		var err error
		if out, err = a.encodeBox(out, b); err != nil {
			return err
		}
	}
	if a.byID(a.lastID) == nil {
		// The last number was used, if only for a mailbox that is gone.
		out, _ = record{Op: opBox, Box: a.lastID}.encode(out, nil)
		out, _ = record{Op: opDelete, Box: a.lastID}.encode(out, nil)
	}
	if err := writeFile(name, out, a.sync); err != nil {
		return err
	}
	fresh, err := openAccount(name, a.sync)
	if err != nil {
		return err
	}
	err = a.file.Close()
	a.file, a.size, a.boxes = fresh.file, fresh.size, fresh.boxes
	return err
}

func (a *account) encodeBox(out []byte, b *box) ([]byte, error) {
	records := []record{
		{Op: opBox, Box: b.id, Name: b.name, Use: string(b.use)}, {Op: opNext, Box: b.id, UID: uint32(b.next)},
		{Op: opSubscribe, Box: b.id, On: b.subscribed},
	}
	for _, r := range records {
		out, _ = r.encode(out, nil)
	}
	for _, m := range b.mails {
		body, err := a.read(m)
		if err != nil {
			return nil, err
		}
		if out, err = mailRecord(b, m).encode(out, body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func mailRecord(b *box, m *mail) record {
	_, zone := m.date.Zone()
	return record{
		Op: opMail, Box: b.id, UID: uint32(m.uid), Flags: fromFlags(m.flags), Date: m.date.Unix(), Zone: zone,
	}
}

// commit appends records to the log. Only when it returns nil may the change be
// made in memory or acknowledged.
func (a *account) commit(bodies map[int][]byte, records ...record) (offsets []int64, err error) {
	var out []byte
	for i, r := range records {
		body := bodies[i]
		before := len(out)
		if out, err = r.encode(out, body); err != nil {
			return nil, err
		}
		offset := int64(len(out))
		if r.Op == opMail {
			offset = int64(before) + int64(len(out)-before) - int64(len(body)) - 1
		}
		offsets = append(offsets, a.size+offset)
	}
	if _, err := a.file.WriteAt(out, a.size); err != nil {
		return nil, fmt.Errorf("writing mail: %w", err)
	}
	if a.sync {
		if err := a.file.Sync(); err != nil {
			return nil, fmt.Errorf("writing mail: %w", err)
		}
	}
	a.size += int64(len(out))
	return offsets, nil
}

// read returns a mail's bytes; it needs no lock, since bodies never move while
// the file is open.
func (a *account) read(m *mail) ([]byte, error) {
	b := make([]byte, m.size)
	_, err := a.file.ReadAt(b, m.body)
	return b, err
}

func (a *account) byID(id uint32) *box {
	for _, b := range a.boxes {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (a *account) byName(name string) *box {
	for _, b := range a.boxes {
		if b.name == name {
			return b
		}
	}
	return nil
}

// find returns the place of a UID.
func (b *box) find(uid imap.UID) (int, bool) {
	return slices.BinarySearchFunc(b.mails, uid, func(m *mail, uid imap.UID) int { return int(int64(m.uid) - int64(uid)) })
}

func (b *box) wake() {
	for v := range b.views {
		select {
		case v.wakeup <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// appended is a mail about to be added.
type appended struct {
	flags []imap.Flag
	date  time.Time
	body  []byte
}

// deliver adds a mail to a mailbox by name, from outside of IMAP.
func (a *account) deliver(name string, m appended) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.byName(name)
	if b == nil {
		return fmt.Errorf("no mailbox %s", name)
	}
	_, err := a.add(b, m)
	return err
}

// add appends mails to b and tells those who watch it.
func (a *account) add(b *box, mails ...appended) ([]imap.UID, error) {
	records := make([]record, len(mails))
	bodies := map[int][]byte{}
	uids := make([]imap.UID, len(mails))
	for i, m := range mails {
		uids[i] = b.next + imap.UID(i)
		_, zone := m.date.Zone()
		records[i] = record{
			Op: opMail, Box: b.id, UID: uint32(uids[i]), Flags: fromFlags(m.flags), Date: m.date.Unix(), Zone: zone,
			Size: int64(len(m.body)),
		}
		bodies[i] = m.body
	}
	offsets, err := a.commit(bodies, records...)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		b.add(r, offsets[i])
		b.tracker.QueueNumMessages(uint32(len(b.mails)))
	}
	b.wake()
	return uids, nil
}

// setFlags replaces the flags of one mail; source does not get told.
func (a *account) setFlags(b *box, i int, flags []imap.Flag, source *imapserver.SessionTracker) error {
	m := b.mails[i]
	if slices.Equal(m.flags, flags) {
		return nil
	}
	if _, err := a.commit(nil, record{Op: opFlags, Box: b.id, UID: uint32(m.uid), Flags: fromFlags(flags)}); err != nil {
		return err
	}
	m.flags = flags
	b.tracker.QueueMessageFlags(uint32(i)+1, m.uid, flags, source)
	b.wake()
	return nil
}

// expunge removes the mails that drop picks.
func (a *account) expunge(b *box, drop func(*mail) bool) error {
	var records []record
	for _, m := range b.mails {
		if drop(m) {
			records = append(records, record{Op: opExpunge, Box: b.id, UID: uint32(m.uid)})
		}
	}
	if len(records) == 0 {
		return nil
	}
	if _, err := a.commit(nil, records...); err != nil {
		return err
	}
	// From the end, so that the numbers told are right one after the other.
	for i := len(b.mails) - 1; i >= 0; i-- {
		if drop(b.mails[i]) {
			b.mails = slices.Delete(b.mails, i, i+1)
			b.tracker.QueueExpunge(uint32(i) + 1)
		}
	}
	b.wake()
	return nil
}

func toFlags(s []string) []imap.Flag {
	out := make([]imap.Flag, len(s))
	for i, f := range s {
		out[i] = imap.Flag(f)
	}
	return out
}

func fromFlags(f []imap.Flag) []string {
	out := make([]string, len(f))
	for i, s := range f {
		out[i] = string(s)
	}
	return out
}

// systemFlags in the spelling of RFC 9051, section 2.3.2.
var systemFlags = [...]imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft}

// cleanFlags sorts flags, drops doubles and \Recent, and gives system flags their
// usual spelling. Keywords are the same whatever their case.
func cleanFlags(in []imap.Flag) ([]imap.Flag, error) {
	var out []imap.Flag
	for _, f := range in {
		if strings.EqualFold(string(f), `\Recent`) {
			continue
		}
		for _, s := range systemFlags {
			if strings.EqualFold(string(f), string(s)) {
				f = s
			}
		}
		if len(f) > maxFlagBytes {
			return nil, refusal(imap.ResponseCodeLimit, "Flag too long")
		}
		if !hasFlag(out, f) {
			out = append(out, f)
		}
	}
	if len(out) > maxKeywords {
		return nil, refusal(imap.ResponseCodeLimit, "Too many flags")
	}
	slices.Sort(out)
	return out, nil
}

func hasFlag(flags []imap.Flag, f imap.Flag) bool {
	return slices.ContainsFunc(flags, func(g imap.Flag) bool { return strings.EqualFold(string(f), string(g)) })
}

// refusal is a tagged NO.
func refusal(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}
