package demo

import (
	"crypto/subtle"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// session is one IMAP connection.
type session struct {
	p    *Platform
	acct *account // nil before login
	view *view    // nil unless a mailbox is selected
}

// view is a selected mailbox as one connection knows it.
type view struct {
	box      *box
	tracker  *imapserver.SessionTracker
	wakeup   chan struct{}
	saved    imap.UIDSet // of SEARCH RETURN (SAVE)
	readOnly bool
}

var (
	_ imapserver.SessionNamespace   = (*session)(nil)
	_ imapserver.SessionMove        = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
)

// imapCaps is what the server announces beside what the library adds itself.
func imapCaps() imap.CapSet {
	caps := imap.CapSet{}
	for _, c := range []imap.Cap{
		imap.CapIMAP4rev1, imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapSearchRes, imap.CapListExtended,
		imap.CapListStatus, imap.CapMove, imap.CapStatusSize, imap.CapChildren, imap.CapSpecialUse,
		imap.CapCreateSpecialUse, imap.CapLiteralPlus,
	} {
		caps[c] = struct{}{}
	}
	return caps
}

// Close ends the session.
func (s *session) Close() error { return s.Unselect() }

// AppendLimit is the largest mail that APPEND takes.
func (s *session) AppendLimit() uint32 { return maxMessage }

// Login checks a password.
func (s *session) Login(username, password string) error {
	acct := s.p.authenticate(username, password)
	if acct == nil {
		return imapserver.ErrAuthFailed
	}
	s.acct = acct
	return nil
}

// authenticate returns the account of somebody who knows the password.
func (p *Platform) authenticate(username, password string) *account {
	for i, u := range p.Users {
		if strings.EqualFold(u.Address, username) && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1 {
			return p.accounts[i]
		}
	}
	return nil
}

// Select opens a mailbox.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	b := s.acct.byName(name)
	if b == nil {
		return nil, refusal(imap.ResponseCodeNonExistent, "No such mailbox")
	}
	s.view = &view{box: b, tracker: b.tracker.NewSession(), wakeup: make(chan struct{}, 1), readOnly: o.ReadOnly}
	b.views[s.view] = struct{}{}
	flags := slices.Clone(systemFlags[:])
	data := &imap.SelectData{NumMessages: uint32(len(b.mails)), UIDNext: b.next, UIDValidity: b.id}
	for i, m := range b.mails {
		if data.FirstUnseenSeqNum == 0 && !hasFlag(m.flags, imap.FlagSeen) {
			data.FirstUnseenSeqNum = uint32(i) + 1
		}
		for _, f := range m.flags {
			if !hasFlag(flags, f) {
				flags = append(flags, f)
			}
		}
	}
	data.Flags = flags
	if !o.ReadOnly {
		data.PermanentFlags = append(slices.Clone(flags), imap.FlagWildcard)
	}
	return data, nil
}

// Unselect closes the mailbox, if one is open.
func (s *session) Unselect() error {
	if s.view == nil {
		return nil
	}
	s.acct.mu.Lock()
	delete(s.view.box.views, s.view)
	s.acct.mu.Unlock()
	s.view.tracker.Close()
	s.view = nil
	return nil
}

// Poll tells what happened in the selected mailbox.
func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	return s.view.tracker.Poll(w, allowExpunge)
}

// Idle tells it at once, until stop.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if s.view == nil {
		<-stop
		return nil
	}
	for {
		// Looking before waiting: what came between the last command and IDLE
		// is in the queue already.
		if err := s.view.tracker.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-s.view.wakeup:
		case <-stop:
			return nil
		}
	}
}

// Append adds a mail.
func (s *session) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	flags, err := cleanFlags(o.Flags)
	if err != nil {
		return nil, err
	}
	date := o.Time
	if date.IsZero() {
		date = time.Now()
	}
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	b := s.acct.byName(name)
	if b == nil {
		return nil, refusal(imap.ResponseCodeTryCreate, "No such mailbox")
	}
	uids, err := s.acct.add(b, appended{flags: flags, date: date, body: body})
	if err != nil {
		return nil, err
	}
	return &imap.AppendData{UIDValidity: b.id, UID: uids[0]}, nil
}

// Expunge removes mails marked \Deleted, all or those in uids.
func (s *session) Expunge(_ *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.view.readOnly {
		// CLOSE after EXAMINE expunges nothing and is no error (RFC 9051, section 6.4.1).
		return nil
	}
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	if uids != nil {
		set := s.view.uids(*uids)
		uids = &set
	}
	// The client hears of it by Poll, as everybody does.
	return s.acct.expunge(s.view.box, func(m *mail) bool {
		return hasFlag(m.flags, imap.FlagDeleted) && (uids == nil || uids.Contains(m.uid))
	})
}

// Store changes flags.
func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, change *imap.StoreFlags, _ *imap.StoreOptions) error {
	if err := s.writable(); err != nil {
		return err
	}
	s.acct.mu.Lock()
	var told []numbered
	var err error
	for _, n := range s.view.pick(set) {
		var flags []imap.Flag
		if flags, err = changed(n.mail.flags, change); err != nil {
			break
		}
		if err = s.acct.setFlags(s.view.box, n.index, flags, s.view.tracker); err != nil {
			break
		}
		n.flags = flags
		told = append(told, n)
	}
	s.acct.mu.Unlock()
	if err != nil || change.Silent {
		return err
	}
	for _, n := range told {
		m := w.CreateMessage(n.seq)
		m.WriteUID(n.mail.uid)
		m.WriteFlags(n.flags)
		if err := m.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) writable() error {
	switch {
	case s.view.readOnly:
		return refusal(imap.ResponseCodeNoPerm, "Mailbox is open for reading only")
	case s.view.box.dead:
		return refusal(imap.ResponseCodeNonExistent, "Mailbox was deleted")
	}
	return nil
}

// changed applies STORE to the flags of one mail.
func changed(old []imap.Flag, change *imap.StoreFlags) ([]imap.Flag, error) {
	switch change.Op {
	case imap.StoreFlagsSet:
		return cleanFlags(change.Flags)
	case imap.StoreFlagsAdd:
		return cleanFlags(append(slices.Clone(old), change.Flags...))
	}
	return slices.DeleteFunc(slices.Clone(old), func(f imap.Flag) bool { return hasFlag(change.Flags, f) }), nil
}

// Copy copies mails to another mailbox.
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	return s.copy(set, dest)
}

func (s *session) copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	to := s.acct.byName(dest)
	if to == nil {
		return nil, refusal(imap.ResponseCodeTryCreate, "No such mailbox")
	}
	picked := s.view.pick(set)
	if len(picked) == 0 {
		return nil, nil
	}
	var mails []appended
	data := &imap.CopyData{UIDValidity: to.id}
	for _, n := range picked {
		body, err := s.acct.read(n.mail)
		if err != nil {
			return nil, err
		}
		mails = append(mails, appended{flags: n.mail.flags, date: n.mail.date, body: body})
		data.SourceUIDs.AddNum(n.mail.uid)
	}
	// All or nothing: one write.
	uids, err := s.acct.add(to, mails...)
	if err != nil {
		return nil, err
	}
	data.DestUIDs.AddNum(uids...)
	return data, nil
}

// Move moves mails to another mailbox (RFC 6851).
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	if err := s.writable(); err != nil {
		return err
	}
	s.acct.mu.Lock()
	data, err := s.copy(set, dest)
	if err == nil && data != nil {
		err = s.acct.expunge(s.view.box, func(m *mail) bool { return data.SourceUIDs.Contains(m.uid) })
	}
	s.acct.mu.Unlock()
	if err != nil || data == nil {
		return err
	}
	return w.WriteCopyData(data)
}

// Namespace says that everything is one's own.
func (s *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: delimiter}}}, nil
}

// numbered is a mail with its sequence number in one connection.
type numbered struct {
	mail  *mail
	flags []imap.Flag
	index int    // in the mailbox
	seq   uint32 // as the client counts
}

// pick returns the mails of a set that the client knows of, in order.
func (v *view) pick(set imap.NumSet) []numbered {
	seqs, uids := v.static(set)
	var out []numbered
	for i, m := range v.box.mails {
		seq := v.tracker.EncodeSeqNum(uint32(i) + 1)
		if seq != 0 && (seqs.Contains(seq) || uids.Contains(m.uid)) {
			out = append(out, numbered{m, m.flags, i, seq})
		}
	}
	return out
}

// static resolves "*" and "$" and returns the set as one of the two kinds.
func (v *view) static(set imap.NumSet) (imap.SeqSet, imap.UIDSet) {
	switch set := set.(type) {
	case imap.UIDSet:
		return nil, v.uids(set)
	case imap.SeqSet:
		if imap.IsSearchRes(set) {
			return nil, v.saved
		}
		var last uint32
		for i := len(v.box.mails); i > 0 && last == 0; i-- {
			last = v.tracker.EncodeSeqNum(uint32(i))
		}
		out := slices.Clone(set)
		for i := range out {
			out[i].Start, out[i].Stop = resolve(out[i].Start, out[i].Stop, last)
		}
		return out, nil
	}
	return nil, nil
}

func (v *view) uids(set imap.UIDSet) imap.UIDSet {
	if imap.IsSearchRes(set) {
		return v.saved
	}
	var last imap.UID
	if n := len(v.box.mails); n > 0 {
		last = v.box.mails[n-1].uid
	}
	out := slices.Clone(set)
	for i := range out {
		out[i].Start, out[i].Stop = resolve(out[i].Start, out[i].Stop, last)
	}
	return out
}

// resolve puts the last number in the place of "*" (0), in ascending order.
func resolve[T ~uint32](start, stop, last T) (T, T) {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop), max(start, stop)
}
