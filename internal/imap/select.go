package imap

import "strings"

// SelectOptions modify a SELECT.
type SelectOptions struct {
	ReadOnly  bool     // EXAMINE instead of SELECT
	CondStore bool     // ask for mod-sequences (RFC 7162, section 3.1.8)
	QResync   *QResync // resynchronise; needs Enable("QRESYNC") answered before

	// OnVanished gets VANISHED (EARLIER), OnRow the changed messages of a
	// QRESYNC. Both run on the reading goroutine; the row is valid until
	// OnRow returns. Nil drops them.
	OnVanished func(UIDSet)
	OnRow      func(*FetchRow)
}

// QResync is what the client knows of a mailbox (RFC 7162, section 3.2.5).
type QResync struct {
	UIDValidity uint32
	ModSeq      uint64
	KnownUIDs   UIDSet // optional; no star; left out when it fits no line
	// MatchSeqs and MatchUIDs optionally pair some sequence numbers with
	// their uids; equal counts, no stars; left out when they fit no line.
	MatchSeqs SeqSet
	MatchUIDs UIDSet
}

// Selected is what the server says of a mailbox at SELECT.
type Selected struct {
	Mailbox        string
	Exists         uint32
	Recent         uint32
	Unseen         SeqNum // first unseen message (RFC 3501); zero when not told
	UIDValidity    uint32 // zero when not told
	UIDNext        UID    // zero when not told
	UIDNotSticky   bool
	HighestModSeq  uint64 // zero: not told, or NOMODSEQ
	Flags          []Flag
	PermanentFlags []Flag // nil when not told: then all flags are permanent
	MailboxID      string // RFC 8474; "" when not told
	ReadOnly       bool
	Codes          []Code // all response codes, unknown ones included
	Code           Code   // of the tagged answer
}

// CanCreateKeywords reports whether new keywords stick (RFC 9051, section 7.1:
// PERMANENTFLAGS with \*).
func (s *Selected) CanCreateKeywords() bool { return ContainsFlag(s.PermanentFlags, FlagAny) }

// Select selects a mailbox. A refused SELECT leaves no mailbox selected.
// Commands on the new mailbox may be pipelined behind it.
func (c *Client) Select(mailbox string, opts SelectOptions) *Future[*Selected] {
	verb := "SELECT"
	if opts.ReadOnly {
		verb = "EXAMINE"
	}
	e := c.encode(verb)
	e.sp().mailbox(mailbox)
	encodeSelectParams(e, opts)
	m := &selectMatch{c: c, opts: opts, res: &Selected{Mailbox: mailbox, ReadOnly: opts.ReadOnly}}
	cmd := &command{name: verb, enc: e, claim: m.claim, finish: m.finish, settle: m.settle}
	m.cmd = cmd
	return start(c, &m.res, cmd)
}

func encodeSelectParams(e *encoder, o SelectOptions) {
	switch {
	case o.QResync != nil:
		q := o.QResync
		e.raw(" (QRESYNC (").num(uint64(q.UIDValidity)).sp().num(q.ModSeq)
		if q.KnownUIDs.HasStar() || q.MatchUIDs.HasStar() || q.MatchSeqs.HasStar() {
			e.fail("star in a set of known uids") // RFC 7162, section 7: known-uids
		}
		// Both are hints that only shorten the answer (RFC 7162, section 3.2.5.1).
		known, match := "", ""
		if !q.KnownUIDs.Empty() {
			known = " " + q.KnownUIDs.String()
		}
		if !q.MatchSeqs.Empty() {
			match = " (" + q.MatchSeqs.String() + " " + q.MatchUIDs.String() + ")"
		}
		room := e.maxLine - (len(e.buf) - e.line) - len("))\r\n")
		if len(known) <= room {
			e.raw(known)
			room -= len(known)
		}
		if len(match) <= room {
			e.raw(match)
		}
		e.raw("))")
	case o.CondStore:
		e.raw(" (CONDSTORE)")
	}
}

// selectMatch gathers the answer to one SELECT.
type selectMatch struct {
	c    *Client
	cmd  *command
	opts SelectOptions
	res  *Selected
	row  FetchRow
}

// claim takes the untagged data of SELECT. What comes before the server has
// come to this command belongs to the mailbox selected before.
func (m *selectMatch) claim(r *Response, deliver bool) bool {
	if !m.c.reached(m.cmd) {
		return false
	}
	switch {
	case r.Kind == StatusOK || r.Kind == StatusNO:
		if r.Code.Name == "" || r.Code.Name == CodeAlert || r.Code.Name == CodeNotificationOverflow {
			return false
		}
		if deliver {
			m.takeCode(r)
		}
		return true
	case r.Word == "LIST":
		// RFC 9051, section 6.3.2: an untagged LIST with the mailbox's name.
		return strings.EqualFold(decodeMailbox(r.Arg(2).Raw(), m.c.utf8On()), m.res.Mailbox)
	case r.Word == "EXISTS", r.Word == "RECENT", r.Word == "FLAGS", r.Word == "VANISHED", r.Word == "FETCH":
		if deliver {
			m.take(r)
		}
		return true
	}
	return false
}

func (m *selectMatch) take(r *Response) {
	switch r.Word {
	case "EXISTS":
		m.res.Exists = r.Num
	case "RECENT":
		m.res.Recent = r.Num
	case "FLAGS":
		m.res.Flags = flagList(r.Arg(0), m.c.flags)
	case "VANISHED":
		if set, _, ok := vanishedOf(r); ok && m.opts.OnVanished != nil {
			m.opts.OnVanished(set)
		}
	case "FETCH":
		if m.opts.OnRow != nil && m.row.load(r, m.c.flags) {
			m.opts.OnRow(&m.row)
		}
	}
}

func (m *selectMatch) takeCode(r *Response) {
	s := m.res
	switch r.Code.Name {
	case CodeUIDValidity:
		s.UIDValidity, _ = r.Code.Number32()
	case CodeUIDNext:
		n, _ := r.Code.Number32()
		s.UIDNext = UID(n)
	case CodeUnseen:
		n, _ := r.Code.Number32()
		s.Unseen = SeqNum(n)
	case CodeHighestModSeq:
		s.HighestModSeq, _ = r.Code.Number()
	case CodePermanentFlags:
		s.PermanentFlags = r.Code.Flags()
		if s.PermanentFlags == nil {
			s.PermanentFlags = []Flag{}
		}
	case CodeUIDNotSticky:
		s.UIDNotSticky = true
	case CodeMailboxID:
		s.MailboxID = validObjectID(r.Code.Text())
	}
	if len(s.Codes) < maxFlags {
		s.Codes = append(s.Codes, r.Code)
	}
}

func (m *selectMatch) finish(r *Response) {
	m.res.Code = r.Code
	switch r.Code.Name {
	case CodeReadOnly:
		m.res.ReadOnly = true
	case CodeReadWrite:
		m.res.ReadOnly = false
	case CodeMailboxID:
		m.res.MailboxID = validObjectID(r.Code.Text())
	}
}

func (m *selectMatch) settle(r *Response) { m.c.setSelected(r.Kind == StatusOK, m.res.Mailbox) }

// Unselect leaves the mailbox without expunging (RFC 3691).
func (c *Client) Unselect() *Future[None] {
	return c.deselect("UNSELECT")
}

// CloseExpungingUnsafe sends CLOSE, which removes every message marked
// \Deleted, whoever marked it (RFC 9051, section 6.4.1). Unselect is what one
// wants nearly always; without it, Examine the mailbox before CLOSE.
func (c *Client) CloseExpungingUnsafe() *Future[None] {
	return c.deselect("CLOSE")
}

func (c *Client) deselect(verb string) *Future[None] {
	return start(c, new(None), &command{name: verb, enc: c.encode(verb), settle: func(r *Response) {
		if r.Kind == StatusOK {
			c.setSelected(false, "")
		}
	}})
}
