package imap

import (
	"fmt"
	"strconv"
	"strings"
)

// SearchOptions modify SEARCH and SORT. A zero value asks for all numbers, by
// ESEARCH where the server has it.
type SearchOptions struct {
	// Return options of ESEARCH (RFC 4731), of which none means All.
	Min, Max, All, Count bool
	Save                 bool         // keep as "$" (RFC 5182)
	Partial              PartialRange // a page of the result (RFC 9394; RFC 5267 without negative ranges)
	Context, Update      bool         // RFC 5267: hint; keep me informed by SearchUpdateEvent

	// BySeq asks for sequence numbers instead of uids.
	BySeq bool

	// Plain refuses to use ESEARCH although the server has it.
	Plain bool

	// Charset is sent when a key is not ASCII; default "UTF-8". With UTF-8
	// enabled none is sent (RFC 6855, section 3).
	Charset string
}

// PartialRange is a page: 1:50 the first fifty, -1:-50 the last (RFC 9394).
// The zero value means no page.
type PartialRange struct{ From, To int64 }

// IsZero reports whether no page is asked for.
func (p PartialRange) IsZero() bool { return p == PartialRange{} }

// String returns the page as the protocol writes it.
func (p PartialRange) String() string {
	return strconv.FormatInt(p.From, 10) + ":" + strconv.FormatInt(p.To, 10)
}

func (p PartialRange) valid() bool { return p.From > 0 && p.To > 0 || p.From < 0 && p.To < 0 }

// SearchResult is the answer to SEARCH, SORT or one mailbox of a multi-mailbox
// search.
type SearchResult struct {
	Tag         string
	Mailbox     string // multi-mailbox search only (RFC 7377)
	UIDValidity uint32 // multi-mailbox search only
	IsUID       bool   // the numbers are uids

	// Numbers are the found messages in the server's order: ascending for
	// SEARCH of most servers, the order asked for with SORT.
	Numbers []uint32

	Min, Max uint32 // zero when not asked for or nothing was found
	Count    uint32
	HasCount bool
	ModSeq   uint64 // RFC 7162, section 3.1.5

	Partial    PartialRange // the page the server says it answered
	HasPartial bool         // Numbers are those of the page

	AddTo, RemoveFrom []PositionedSet // RFC 5267, section 4.3
	Truncated         bool            // more numbers came than are kept
}

// PositionedSet is a change of a kept search result (RFC 5267).
type PositionedSet struct {
	Position uint32 // 1-based; zero when the order means nothing
	Numbers  []uint32
}

// UIDs returns the numbers as a set of uids; empty if they are none.
func (s *SearchResult) UIDs() UIDSet {
	if !s.IsUID {
		return UIDSet{}
	}
	uids := make([]UID, len(s.Numbers))
	for i, n := range s.Numbers {
		uids[i] = UID(n)
	}
	return UIDs(uids...)
}

// UIDList returns the numbers as uids in the server's order; nil if they are
// none.
func (s *SearchResult) UIDList() []UID {
	if !s.IsUID {
		return nil
	}
	uids := make([]UID, len(s.Numbers))
	for i, n := range s.Numbers {
		uids[i] = UID(n)
	}
	return uids
}

// Search starts a UID SEARCH (or SEARCH with BySeq).
func (c *Client) Search(key SearchKey, opts SearchOptions) *Future[*SearchResult] {
	verb := searchVerb("SEARCH", opts)
	e := c.encode(verb)
	extended := c.encodeReturn(e, opts, c.Caps().Supports(CapESearch))
	encodeProgram(e, key, opts, false)
	return c.startSearch(verb, e, opts, extended)
}

func searchVerb(word string, opts SearchOptions) string {
	if opts.BySeq {
		return word
	}
	return "UID " + word
}

// encodeReturn writes RETURN (...), with ALL when nothing is asked for and the
// server has the extended form, and reports whether it wrote it: then the
// answer names its command.
func (c *Client) encodeReturn(e *encoder, o SearchOptions, has bool) bool {
	words := pick(o.Min, "MIN", o.Max, "MAX", o.All, "ALL", o.Count, "COUNT", o.Save, "SAVE", o.Context, "CONTEXT", o.Update, "UPDATE")
	if !o.Partial.IsZero() {
		if !o.Partial.valid() {
			e.fail("bad page %s", o.Partial)
		}
		words = append(words, "PARTIAL "+o.Partial.String())
	}
	if len(words) == 0 {
		if !has || o.Plain {
			return false
		}
		words = []string{"ALL"}
	}
	e.raw(" RETURN ").items(words)
	return true
}

// encodeProgram writes [CHARSET] and the keys. SORT and THREAD demand a
// charset always.
func encodeProgram(e *encoder, key SearchKey, o SearchOptions, force bool) {
	if key == nil {
		key = All()
	}
	charset := o.Charset
	if charset == "" {
		charset = "UTF-8"
	}
	switch {
	case force:
		e.sp().atom(charset)
	case !e.utf8 && key.needsCharset():
		e.raw(" CHARSET ").atom(charset)
	}
	e.sp()
	key.encode(e, true)
}

func (c *Client) startSearch(verb string, e *encoder, o SearchOptions, extended bool) *Future[*SearchResult] {
	v := &SearchResult{IsUID: !o.BySeq}
	cmd := &command{name: verb, enc: e}
	word := strings.TrimPrefix(verb, "UID ")
	if !extended {
		cmd.kind = word
	}
	cmd.claim = func(r *Response, deliver bool) bool {
		switch r.Word {
		case "ESEARCH":
			return claimESearch(r, cmd.tag, v, deliver)
		case word:
			if deliver {
				r.numbersInto(v)
			}
			return true
		}
		return false
	}
	return start(c, &v, cmd)
}

// claimESearch reads an ESEARCH that names our tag, or no tag at all.
func claimESearch(r *Response, tag string, v *SearchResult, deliver bool) bool {
	res := decodeESearch(r)
	if res.Tag != "" && res.Tag != tag {
		return false
	}
	if res.AddTo != nil || res.RemoveFrom != nil {
		return false // an update of the running context: news for the handler
	}
	res.Tag = tag
	if deliver {
		*v = *res
	}
	return true
}

// CancelUpdate ends the updates of searches, by the tags of their results
// (RFC 5267, section 4.2).
func (c *Client) CancelUpdate(tags ...string) *Future[None] {
	e := c.encode("CANCELUPDATE")
	for _, t := range tags {
		e.sp().str(t)
	}
	return start(c, new(None), &command{name: "CANCELUPDATE", enc: e})
}

// SearchScope names mailboxes of a multi-mailbox search (RFC 7377, section
// 2.2) or of NOTIFY (RFC 5465, section 6).
type SearchScope struct {
	Kind      ScopeKind
	Mailboxes []string // for ScopeSubtree, ScopeSubtreeOne and ScopeMailboxes
}

// ScopeKind is a filter-mailboxes of RFC 5465.
type ScopeKind string

// The kinds of scopes.
const (
	ScopeSelected        ScopeKind = "selected"
	ScopeSelectedDelayed ScopeKind = "selected-delayed" // NOTIFY only
	ScopeInboxes         ScopeKind = "inboxes"
	ScopePersonal        ScopeKind = "personal"
	ScopeSubscribed      ScopeKind = "subscribed"
	ScopeSubtree         ScopeKind = "subtree"
	ScopeSubtreeOne      ScopeKind = "subtree-one" // RFC 7377
	ScopeMailboxes       ScopeKind = "mailboxes"
)

func (s SearchScope) encode(e *encoder) {
	e.label(string(s.Kind))
	switch s.Kind {
	case ScopeSubtree, ScopeSubtreeOne, ScopeMailboxes:
		if len(s.Mailboxes) == 0 {
			e.fail("scope %s without mailboxes", s.Kind)
		}
		e.raw(" (")
		for i, m := range s.Mailboxes {
			if i > 0 {
				e.sp()
			}
			e.mailbox(m)
		}
		e.raw(")")
	}
}

// MultiSearch searches several mailboxes at once (RFC 7377). result is called
// for each mailbox with hits, on the reading goroutine; the value counts them.
func (c *Client) MultiSearch(scopes []SearchScope, key SearchKey, opts SearchOptions, result func(*SearchResult)) *Future[int] {
	if !c.Caps().Has(CapMultiSearch) {
		return failed[int](fmt.Errorf("%w: MULTISEARCH", ErrUnsupported))
	}
	e := c.encode("ESEARCH")
	if len(scopes) > 0 {
		e.raw(" IN (")
		for i, s := range scopes {
			if i > 0 {
				e.sp()
			}
			s.encode(e)
		}
		e.raw(")")
	}
	c.encodeReturn(e, opts, true)
	encodeProgram(e, key, opts, false)
	v := new(int)
	cmd := &command{name: "ESEARCH", enc: e}
	cmd.claim = func(r *Response, deliver bool) bool {
		if r.Word != "ESEARCH" {
			return false
		}
		res := decodeESearch(r)
		if res.Tag != cmd.tag {
			return false
		}
		res.Mailbox = decodeMailbox([]byte(res.Mailbox), c.utf8On())
		if deliver && result != nil && *v < maxListRows {
			*v++
			result(res)
		}
		return true
	}
	return start(c, v, cmd)
}
