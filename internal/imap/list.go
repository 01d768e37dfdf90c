package imap

import (
	"slices"
	"strings"
)

// ListOptions modify a LIST (RFC 5258; in RFC 9051). Each part that the server
// lacks makes the command BAD: look at Caps first.
type ListOptions struct {
	Reference string
	Patterns  []string // default "*"; more than one needs LIST-EXTENDED

	// Selection options.
	Subscribed     bool
	Remote         bool
	SpecialUseOnly bool // RFC 6154
	RecursiveMatch bool

	// Return options.
	ReturnSubscribed bool
	ReturnChildren   bool
	ReturnSpecialUse bool         // RFC 6154
	ReturnMyRights   bool         // RFC 8440
	ReturnStatus     []StatusItem // RFC 5819
	ReturnMetadata   []string     // RFC 9590 entries
}

// ListEntry is one row of LIST or LSUB.
type ListEntry struct {
	Mailbox    string   // decoded; see EncodeMailbox for names that are not well formed
	Delimiter  string   // "" when NIL: a flat name
	Attributes []string // as sent: `\HasNoChildren`, `\Sent`, ...
	OldName    string   // OLDNAME (RFC 5465, RFC 9051)
	ChildInfo  []string // CHILDINFO, as "SUBSCRIBED"
	MyRights   string   // RFC 8440; "" when not told
	Status     *Status  // LIST-STATUS; nil when none came
	Metadata   []MetadataEntry
	LSUB       bool // the row came as LSUB
}

// HasAttribute reports whether attr is among the attributes, whatever its case.
func (l *ListEntry) HasAttribute(attr string) bool {
	return slices.ContainsFunc(l.Attributes, func(a string) bool { return strings.EqualFold(a, attr) })
}

// SpecialUse returns the first attribute of RFC 6154 (`\Sent`, `\Trash`, ...),
// or "".
func (l *ListEntry) SpecialUse() string {
	for _, use := range [...]string{`\Drafts`, `\Sent`, `\Trash`, `\Junk`, `\Archive`, `\All`, `\Flagged`, `\Important`, `\Memos`, `\Scheduled`, `\Snoozed`} {
		if l.HasAttribute(use) {
			return use
		}
	}
	return ""
}

// Selectable reports whether the mailbox can be selected.
func (l *ListEntry) Selectable() bool {
	return !l.HasAttribute(`\Noselect`) && !l.HasAttribute(`\NonExistent`) && !l.HasAttribute(`\NoAccess`)
}

// List lists mailboxes. Rows are collected, at most 200,000; STATUS,
// MYRIGHTS and METADATA responses are joined to their rows by name.
func (c *Client) List(opts ListOptions) *Future[[]*ListEntry] {
	e := c.encode("LIST")
	encodeList(e, opts)
	m := &listMatch{c: c, word: "LIST", byName: map[string]*ListEntry{}, extras: opts.extras()}
	return start(c, &m.rows, &command{name: "LIST", enc: e, kind: "LIST", claim: m.claim})
}

// LSub lists subscriptions the old way (RFC 3501, section 6.3.9).
func (c *Client) LSub(reference, pattern string) *Future[[]*ListEntry] {
	e := c.encode("LSUB")
	e.sp().mailbox(reference).sp().pattern(pattern)
	m := &listMatch{c: c, word: "LSUB", byName: map[string]*ListEntry{}}
	return start(c, &m.rows, &command{name: "LSUB", enc: e, kind: "LIST", claim: m.claim})
}

func (o ListOptions) extras() map[string]bool {
	return map[string]bool{"STATUS": len(o.ReturnStatus) > 0, "MYRIGHTS": o.ReturnMyRights, "METADATA": len(o.ReturnMetadata) > 0}
}

func encodeList(e *encoder, o ListOptions) {
	sel := pick(o.Subscribed, "SUBSCRIBED", o.Remote, "REMOTE", o.SpecialUseOnly, "SPECIAL-USE", o.RecursiveMatch, "RECURSIVEMATCH")
	if len(sel) > 0 {
		e.sp().items(sel)
	}
	e.sp().mailbox(o.Reference).sp()
	switch len(o.Patterns) {
	case 0:
		e.raw(`"*"`)
	case 1:
		e.pattern(o.Patterns[0])
	default:
		e.raw("(")
		for i, p := range o.Patterns {
			if i > 0 {
				e.sp()
			}
			e.pattern(p)
		}
		e.raw(")")
	}
	encodeListReturn(e, o)
}

func encodeListReturn(e *encoder, o ListOptions) {
	ret := pick(o.ReturnSubscribed, "SUBSCRIBED", o.ReturnChildren, "CHILDREN", o.ReturnSpecialUse, "SPECIAL-USE", o.ReturnMyRights, "MYRIGHTS")
	if len(o.ReturnStatus) > 0 {
		ret = append(ret, "STATUS ("+joinStatus(o.ReturnStatus)+")")
	}
	if len(o.ReturnMetadata) > 0 {
		for _, name := range o.ReturnMetadata {
			if !isAtom(name) {
				e.fail("bad metadata entry name")
			}
		}
		ret = append(ret, "METADATA ("+strings.Join(o.ReturnMetadata, " ")+")")
	}
	if len(ret) > 0 {
		e.raw(" RETURN ").items(ret)
	}
}

// pick returns the words whose preceding bool is true.
func pick(pairs ...any) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].(bool) {
			out = append(out, pairs[i+1].(string))
		}
	}
	return out
}

// listMatch gathers the rows of one LIST.
type listMatch struct {
	c      *Client
	word   string
	rows   []*ListEntry
	byName map[string]*ListEntry
	extras map[string]bool // words of LIST-STATUS and the like that were asked for
}

func (m *listMatch) claim(r *Response, deliver bool) bool {
	switch {
	case r.Word == m.word || r.Word == "LIST" && m.word == "LSUB":
		if deliver && len(m.rows) < maxListRows {
			l := decodeList(r, m.c.utf8On())
			m.rows = append(m.rows, l)
			m.byName[l.Mailbox] = l
		}
		return true
	case m.extras[r.Word]:
		return m.join(r, deliver)
	}
	return false
}

// join adds STATUS, MYRIGHTS or METADATA to the row of its mailbox. One that
// comes before its row, or for no row, is somebody else's.
func (m *listMatch) join(r *Response, deliver bool) bool {
	name := decodeMailbox(r.Arg(0).Raw(), m.c.utf8On())
	l := m.byName[name]
	if l == nil || !deliver {
		return l != nil
	}
	switch r.Word {
	case "STATUS":
		l.Status = decodeStatus(r, m.c.utf8On())
	case "MYRIGHTS":
		l.MyRights = r.Arg(1).Text()
	case "METADATA":
		l.Metadata = append(l.Metadata, decodeMetadata(r.Arg(1))...)
	}
	return true
}

// decodeList reads LIST (attributes) delimiter name [extended data].
func decodeList(r *Response, utf8ok bool) *ListEntry {
	l := &ListEntry{LSUB: r.Word == "LSUB"}
	for a := range r.Arg(0).Children() {
		if len(l.Attributes) < maxFlags {
			l.Attributes = append(l.Attributes, a.Text())
		}
	}
	l.Delimiter = r.Arg(1).Text()
	l.Mailbox = decodeMailbox(r.Arg(2).Raw(), utf8ok)
	cur := r.Arg(3).cursor()
	for tag := cur.next(); tag.Present(); tag = cur.next() {
		l.extended(tag, cur.next(), utf8ok)
	}
	return l
}

func (l *ListEntry) extended(tag, value Node, utf8ok bool) {
	switch {
	case tag.Is("OLDNAME"):
		if value.IsList() {
			value = value.First()
		}
		l.OldName = decodeMailbox(value.Raw(), utf8ok)
	case tag.Is("CHILDINFO"):
		for c := range value.Children() {
			if len(l.ChildInfo) < maxFlags {
				l.ChildInfo = append(l.ChildInfo, c.Text())
			}
		}
	}
}
