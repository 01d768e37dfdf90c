package demo

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

const inbox = "INBOX"

// Create makes a mailbox and the levels above it.
func (s *session) Create(name string, o *imap.CreateOptions) error {
	name = strings.TrimRight(name, string(delimiter))
	a := s.acct
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.checkNew(name); err != nil {
		return err
	}
	var use imap.MailboxAttr
	if len(o.SpecialUse) > 0 {
		use = o.SpecialUse[0]
	}
	levels := strings.Split(name, string(delimiter))
	for i := 1; i < len(levels); i++ {
		if parent := strings.Join(levels[:i], string(delimiter)); a.byName(parent) == nil {
			if err := a.create(parent, ""); err != nil {
				return err
			}
		}
	}
	return a.create(name, use)
}

// checkNew refuses names that cannot be a new mailbox.
func (a *account) checkNew(name string) error {
	switch {
	case a.byName(name) != nil || strings.EqualFold(name, inbox):
		return refusal(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
	case name == "" || len(name) > maxNameBytes || strings.HasPrefix(name, "/") || strings.Contains(name, "//"):
		return refusal(imap.ResponseCodeCannot, "Mailbox name is empty, too long or has empty levels")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '*' || r == '%' }):
		return refusal(imap.ResponseCodeCannot, "Mailbox name has characters that cannot stand there")
	case len(a.boxes)+strings.Count(name, "/") >= maxMailboxes:
		return refusal(imap.ResponseCodeLimit, "Too many mailboxes")
	}
	return nil
}

func (a *account) create(name string, use imap.MailboxAttr) error {
	r := record{Op: opBox, Box: a.lastID + 1, Name: name, Use: string(use)}
	if _, err := a.commit(nil, r); err != nil {
		return err
	}
	if err := a.apply(r, 0); err != nil {
		return err
	}
	b := a.byID(r.Box)
	b.tracker = imapserver.NewMailboxTracker(0)
	return nil
}

// children returns the mailboxes below name.
func (a *account) children(name string) []*box {
	var out []*box
	for _, b := range a.boxes {
		if strings.HasPrefix(b.name, name+string(delimiter)) {
			out = append(out, b)
		}
	}
	return out
}

// Delete removes a mailbox with its mail. The special ones stay.
func (s *session) Delete(name string) error {
	a := s.acct
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.byName(name)
	switch {
	case b == nil:
		return refusal(imap.ResponseCodeNonExistent, "No such mailbox")
	case name == inbox:
		return refusal(imap.ResponseCodeCannot, "INBOX cannot be deleted")
	case len(a.children(name)) > 0:
		return refusal(imap.ResponseCodeHasChildren, "Mailbox has mailboxes below it")
	}
	// Its number must not come back, so that the log keeps the record.
	r := record{Op: opDelete, Box: b.id}
	if _, err := a.commit(nil, r); err != nil {
		return err
	}
	b.dead = true
	return a.apply(r, 0)
}

// Rename renames a mailbox and those below it.
func (s *session) Rename(from, to string, _ *imap.RenameOptions) error {
	to = strings.TrimRight(to, string(delimiter))
	a := s.acct
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.byName(from)
	switch {
	case b == nil:
		return refusal(imap.ResponseCodeNonExistent, "No such mailbox")
	case from == inbox:
		return refusal(imap.ResponseCodeCannot, "INBOX cannot be renamed")
	case strings.HasPrefix(to, from+string(delimiter)):
		return refusal(imap.ResponseCodeCannot, "A mailbox cannot go below itself")
	}
	if err := a.checkNew(to); err != nil {
		return err
	}
	records := []record{{Op: opRename, Box: b.id, Name: to}}
	for _, c := range a.children(from) {
		records = append(records, record{Op: opRename, Box: c.id, Name: to + strings.TrimPrefix(c.name, from)})
	}
	if _, err := a.commit(nil, records...); err != nil {
		return err
	}
	for _, r := range records {
		if err := a.apply(r, 0); err != nil {
			return err
		}
	}
	return nil
}

// Subscribe and Unsubscribe change what LSUB and LIST (SUBSCRIBED) show.
func (s *session) Subscribe(name string) error   { return s.subscribe(name, true) }
func (s *session) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *session) subscribe(name string, on bool) error {
	a := s.acct
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.byName(name)
	if b == nil {
		return refusal(imap.ResponseCodeNonExistent, "No such mailbox")
	}
	r := record{Op: opSubscribe, Box: b.id, On: on}
	if _, err := a.commit(nil, r); err != nil {
		return err
	}
	return a.apply(r, 0)
}

// List lists mailboxes (RFC 9051, section 6.3.9; RFC 5819 for the status).
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	if len(patterns) == 0 {
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter})
	}
	for _, d := range s.acct.list(ref, patterns, o) {
		if err := w.WriteList(&d); err != nil {
			return err
		}
	}
	return nil
}

func (a *account) list(ref string, patterns []string, o *imap.ListOptions) []imap.ListData {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []imap.ListData
	for _, b := range a.boxes {
		matches := slices.ContainsFunc(patterns, func(p string) bool {
			return imapserver.MatchList(b.name, delimiter, ref, p)
		})
		if !matches || o.SelectSubscribed && !b.subscribed || o.SelectSpecialUse && b.use == "" {
			continue
		}
		d := imap.ListData{Mailbox: b.name, Delim: delimiter, Attrs: []imap.MailboxAttr{imap.MailboxAttrHasNoChildren}}
		if len(a.children(b.name)) > 0 {
			d.Attrs[0] = imap.MailboxAttrHasChildren
		}
		if b.subscribed {
			d.Attrs = append(d.Attrs, imap.MailboxAttrSubscribed)
		}
		if b.use != "" {
			d.Attrs = append(d.Attrs, b.use)
		}
		if o.ReturnStatus != nil {
			d.Status = b.status(o.ReturnStatus)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(x, y imap.ListData) int { return strings.Compare(x.Mailbox, y.Mailbox) })
	return out
}

// Status returns figures of a mailbox.
func (s *session) Status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	b := s.acct.byName(name)
	if b == nil {
		return nil, refusal(imap.ResponseCodeNonExistent, "No such mailbox")
	}
	return b.status(o), nil
}

func (b *box) status(o *imap.StatusOptions) *imap.StatusData {
	d := &imap.StatusData{Mailbox: b.name}
	var unseen, deleted, recent uint32
	var size int64
	for _, m := range b.mails {
		size += m.size
		if !hasFlag(m.flags, imap.FlagSeen) {
			unseen++
		}
		if hasFlag(m.flags, imap.FlagDeleted) {
			deleted++
		}
	}
	total := uint32(len(b.mails))
	set(&d.NumMessages, o.NumMessages, total)
	set(&d.NumUnseen, o.NumUnseen, unseen)
	set(&d.NumDeleted, o.NumDeleted, deleted)
	set(&d.NumRecent, o.NumRecent, recent)
	set(&d.Size, o.Size, size)
	if o.UIDNext {
		d.UIDNext = b.next
	}
	if o.UIDValidity {
		d.UIDValidity = b.id
	}
	return d
}

// set fills a field that was asked for.
func set[T any](field **T, wanted bool, v T) {
	if wanted {
		*field = &v
	}
}
