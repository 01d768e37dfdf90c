package imap

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// FetchItem is what FETCH may be asked for. Any item can be made by
// conversion; the constants and functions below are the known ones. An item
// with a control character, a brace or a non-ASCII byte is refused.
type FetchItem string

// Items of FETCH (RFC 9051, section 6.4.5 and extensions).
const (
	ItemUID           FetchItem = "UID"
	ItemFlags         FetchItem = "FLAGS"
	ItemInternalDate  FetchItem = "INTERNALDATE"
	ItemSize          FetchItem = "RFC822.SIZE"
	ItemEnvelope      FetchItem = "ENVELOPE"
	ItemBodyStructure FetchItem = "BODYSTRUCTURE"
	ItemModSeq        FetchItem = "MODSEQ"  // RFC 7162
	ItemPreview       FetchItem = "PREVIEW" // RFC 8970
	ItemPreviewLazy   FetchItem = "PREVIEW (LAZY)"
	ItemSaveDate      FetchItem = "SAVEDATE"    // RFC 8514
	ItemEmailID       FetchItem = "EMAILID"     // RFC 8474
	ItemThreadID      FetchItem = "THREADID"    // RFC 8474
	ItemXGUID         FetchItem = "X-GUID"      // Dovecot
	ItemGmailMsgID    FetchItem = "X-GM-MSGID"  // Gmail
	ItemGmailThreadID FetchItem = "X-GM-THRID"  // Gmail
	ItemGmailLabels   FetchItem = "X-GM-LABELS" // Gmail
)

// Span is a part of a section: Length bytes from Offset. The zero Span is the
// whole section.
type Span struct{ Offset, Length int64 }

func (s Span) String() string {
	if s == (Span{}) {
		return ""
	}
	return "<" + strconv.FormatInt(s.Offset, 10) + "." + strconv.FormatInt(s.Length, 10) + ">"
}

// BodyPeek asks for BODY.PEEK[section]: "" the whole message, "HEADER",
// "TEXT", "1.2", "1.2.MIME", "2.HEADER". It never sets \Seen.
func BodyPeek(section string, span Span) FetchItem {
	return FetchItem("BODY.PEEK[" + section + "]" + span.String())
}

// HeaderFields asks for the named header fields of the message, or of the
// message/rfc822 part given by its number. Names with other characters than
// RFC 5322 allows are refused when sent.
func HeaderFields(part string, names ...string) FetchItem {
	if part != "" {
		part += "."
	}
	return FetchItem("BODY.PEEK[" + part + "HEADER.FIELDS (" + strings.Join(names, " ") + ")]")
}

// BinaryPeek asks for the decoded bytes of a part (RFC 3516). A server that
// cannot decode it answers NO [UNKNOWN-CTE].
func BinaryPeek(part string, span Span) FetchItem {
	return FetchItem("BINARY.PEEK[" + part + "]" + span.String())
}

// BinarySize asks for the decoded size of a part (RFC 3516).
func BinarySize(part string) FetchItem { return FetchItem("BINARY.SIZE[" + part + "]") }

// LiteralInfo describes a literal about to be read.
type LiteralInfo struct {
	Seq  SeqNum
	UID  UID    // zero if the server has not named it yet in this row
	Item string // as the server writes it: "BODY[1.2]", "BINARY[2]<0>"
	Size int64  // in bytes
}

// FetchOptions modify a FETCH. The zero value is a plain one.
type FetchOptions struct {
	// ChangedSince asks only for messages with a higher mod-sequence (RFC
	// 7162, section 3.1.4.1).
	ChangedSince uint64

	// Vanished asks also for the uids expunged since ChangedSince (section
	// 3.2.6); needs QRESYNC enabled and a UID FETCH. OnVanished gets them.
	Vanished   bool
	OnVanished func(UIDSet)

	// Partial asks for a page of the set (RFC 9394, section 3.3), which must
	// fit one command line.
	Partial PartialRange

	// Literal chooses where the bytes of a literal go. Returning nil, false
	// keeps it in memory up to the limit; a writer streams it there; nil, true
	// skips it. A write error ends the streaming of this literal (the rest is
	// skipped) and becomes the future's error. The writer runs on the reading
	// goroutine: it must fail when the caller's context does.
	Literal func(LiteralInfo) (w io.Writer, stream bool)
}

// FetchDone is the end of a FETCH.
type FetchDone struct {
	Rows int  // rows delivered
	Code Code // code of the tagged answer, if any
}

// Fetch starts a UID FETCH. row is called for each message, in the order of
// the wire, on the reading goroutine; the row is valid until it returns. UID is
// always asked for. Rows of messages that do not exist simply do not come. A
// server may send a message's data in more than one row.
func (c *Client) Fetch(uids UIDSet, items []FetchItem, opts FetchOptions, row func(*FetchRow)) *Future[FetchDone] {
	if uids.Empty() {
		return &Future[FetchDone]{value: new(FetchDone)}
	}
	return startFetch(c, "UID FETCH", uids, items, opts, row)
}

// FetchSeq starts a FETCH by sequence numbers. Mind RFC 9051, section 5.5:
// sequence numbers shift when messages are expunged. A page by position may be
// pipelined right behind its SELECT.
func (c *Client) FetchSeq(seqs SeqSet, items []FetchItem, opts FetchOptions, row func(*FetchRow)) *Future[FetchDone] {
	if opts.Vanished {
		return failed[FetchDone](fmt.Errorf("%w: VANISHED is for UID FETCH only", ErrBadArgument))
	}
	if seqs.Empty() {
		return &Future[FetchDone]{value: new(FetchDone)}
	}
	return startFetch(c, "FETCH", seqs, items, opts, row)
}

// FetchSaved starts a UID FETCH of "$", the saved result of the last search
// (RFC 5182).
func (c *Client) FetchSaved(items []FetchItem, opts FetchOptions, row func(*FetchRow)) *Future[FetchDone] {
	v := new(FetchDone)
	f := newFetchMatch(items, opts, row, v)
	f.any = true
	return start(c, v, f.command(c, "UID FETCH", "$", items, opts))
}

func startFetch[T ~uint32](c *Client, verb string, set NumSet[T], items []FetchItem, opts FetchOptions, row func(*FetchRow)) *Future[FetchDone] {
	v := new(FetchDone)
	var cmds []*command
	parts := set.chunks(c.room(fetchItemsLen(items) + 100))
	if len(parts) > 1 && !opts.Partial.IsZero() {
		// A page of each chunk is not a page of the set.
		return failed[FetchDone](&LimitError{What: "bytes in a command line", Limit: int64(c.opts.MaxCommandLine)})
	}
	for _, part := range parts {
		f := newFetchMatch(items, opts, row, v)
		f.setRange(part)
		cmds = append(cmds, f.command(c, verb, part.String(), items, opts))
	}
	return start(c, v, cmds...)
}

func fetchItemsLen(items []FetchItem) int {
	n := 0
	for _, it := range items {
		n += len(it) + 1
	}
	return n
}

// fetchMatch decides which rows belong to one FETCH command.
type fetchMatch struct {
	uids  UIDSet
	seqs  SeqSet
	byUID bool
	any   bool // of "$": whatever comes
	need  []string
	opts  FetchOptions
	row   func(*FetchRow)
	done  *FetchDone
	fr    FetchRow
	flags *flagTable
}

func newFetchMatch(items []FetchItem, opts FetchOptions, row func(*FetchRow), done *FetchDone) *fetchMatch {
	f := &fetchMatch{opts: opts, row: row, done: done}
	for _, it := range items {
		// Flags, uids and mod-sequences come unasked as well: they do not tell
		// an answer from news. The first other item does.
		switch strings.ToUpper(string(it)) {
		case "UID", "FLAGS", "MODSEQ":
		default:
			f.need = append(f.need, itemResponseName(it))
		}
	}
	return f
}

func (f *fetchMatch) setRange(set any) {
	switch s := set.(type) {
	case UIDSet:
		f.uids, f.byUID = s, true
	case SeqSet:
		f.seqs = s
	}
}

// itemResponseName is the name under which the server answers an item: without
// .PEEK, without the arguments of PREVIEW, with the span's start only.
func itemResponseName(it FetchItem) string {
	s := strings.Replace(strings.ToUpper(string(it)), ".PEEK[", "[", 1)
	if i := strings.IndexByte(s, '['); i >= 0 {
		return s[:i+1] // BODY[ or BINARY[: servers respell what is inside
	}
	s, _, _ = strings.Cut(s, " ")
	return s
}

func (f *fetchMatch) command(c *Client, verb, set string, items []FetchItem, opts FetchOptions) *command {
	e := c.encode(verb)
	e.sp().raw(set).sp()
	encodeFetchItems(e, items, f.byUID || f.any)
	encodeFetchModifiers(e, opts)
	f.flags = c.flags
	cmd := &command{name: verb, enc: e, claim: f.claim, finish: func(r *Response) { f.done.Code = r.Code }}
	cmd.sink = func(lit LiteralInfo) sinkAnswer { return f.sink(cmd, lit) }
	return cmd
}

// claim takes the rows and the VANISHED of this FETCH.
func (f *fetchMatch) claim(r *Response, deliver bool) bool {
	switch r.Word {
	case "VANISHED":
		set, earlier, ok := vanishedOf(r)
		if !ok || !earlier || !f.opts.Vanished {
			return false
		}
		if deliver && f.opts.OnVanished != nil {
			f.opts.OnVanished(set)
		}
		return true
	case "FETCH":
		if !f.fr.load(r, f.flags) || !f.inRange(f.fr.seq, f.fr.uid) || !f.hasNeeded() {
			return false
		}
		if deliver {
			f.done.Rows++
			if f.row != nil {
				f.row(&f.fr)
			}
		}
		return true
	}
	return false
}

func (f *fetchMatch) inRange(seq SeqNum, uid UID) bool {
	switch {
	case f.any:
		return true
	case f.byUID:
		return f.uids.Contains(uid) || uid != 0 && f.uids.HasStar()
	}
	return f.seqs.Contains(seq) || f.seqs.HasStar()
}

// hasNeeded reports whether the row holds an item that was asked for and that
// servers do not send unasked. Flags alone are news, not the answer to a FETCH
// of envelopes.
func (f *fetchMatch) hasNeeded() bool {
	if len(f.need) == 0 {
		return true
	}
	cur := f.fr.list.cursor()
	for name := cur.next(); name.Present(); name = cur.next() {
		cur.next()
		for _, want := range f.need {
			if isItem(name.Raw(), want) {
				return true
			}
		}
	}
	return false
}

// isItem compares an item's name with an entry of need, of which one that ends
// in a bracket is a prefix.
func isItem(name []byte, want string) bool {
	if strings.HasSuffix(want, "[") {
		return len(name) >= len(want) && equalFold(name[:len(want)], want)
	}
	return equalFold(name, want)
}

// sink answers for a literal of a row that is still being read.
func (f *fetchMatch) sink(cmd *command, lit LiteralInfo) sinkAnswer {
	if lit.UID != 0 || !f.byUID {
		if !f.inRange(lit.Seq, lit.UID) {
			return sinkAnswer{}
		}
	}
	mine := false
	for _, want := range f.need {
		mine = mine || isItem([]byte(lit.Item), want)
	}
	if !mine {
		return sinkAnswer{}
	}
	cmd.mu.Lock()
	defer cmd.mu.Unlock()
	if cmd.abandoned || cmd.trouble != nil {
		return sinkAnswer{mine: true, stream: true}
	}
	if f.opts.Literal == nil {
		return sinkAnswer{mine: true}
	}
	w, stream := f.opts.Literal(lit)
	ans := sinkAnswer{mine: true, stream: stream || w != nil}
	if w != nil {
		ans.w = &guardedWriter{cmd, w}
	}
	return ans
}

// guardedWriter writes to a caller's writer as long as the caller waits.
type guardedWriter struct {
	cmd *command
	w   io.Writer
}

// Write never fails towards the parser: the rest of the literal must be read
// whatever became of the caller.
func (g *guardedWriter) Write(p []byte) (int, error) {
	g.cmd.mu.Lock()
	defer g.cmd.mu.Unlock()
	if g.cmd.abandoned || g.cmd.trouble != nil {
		return len(p), nil
	}
	if _, err := g.w.Write(p); err != nil {
		g.cmd.trouble = fmt.Errorf("imap: streaming a literal: %w", err)
	}
	return len(p), nil
}

func encodeFetchItems(e *encoder, items []FetchItem, uid bool) {
	e.raw("(")
	n := 0
	if uid {
		e.raw("UID")
		n++
	}
	for _, it := range items {
		if uid && strings.EqualFold(string(it), "UID") {
			continue
		}
		if n > 0 {
			e.sp()
		}
		e.label(string(it))
		n++
	}
	if n == 0 {
		e.fail("FETCH of no items")
	}
	e.raw(")")
}

// encodeFetchModifiers writes RFC 4466's fetch-modifiers.
func encodeFetchModifiers(e *encoder, o FetchOptions) {
	var mods []string
	if o.ChangedSince > 0 {
		mods = append(mods, "CHANGEDSINCE "+strconv.FormatUint(o.ChangedSince, 10))
	}
	if o.Vanished {
		mods = append(mods, "VANISHED")
		if o.ChangedSince == 0 {
			e.fail("VANISHED needs CHANGEDSINCE") // RFC 7162, section 3.2.6
		}
	}
	if !o.Partial.IsZero() {
		mods = append(mods, "PARTIAL "+o.Partial.String())
	}
	if len(mods) > 0 {
		e.raw(" (" + strings.Join(mods, " ") + ")")
	}
}
