package jmap

import "time"

// Filter is a FilterOperator over conditions of type C, or, when Op is "", the
// one condition Leaf (RFC 8620, section 5.5). A nil *Filter matches everything.
type Filter[C any] struct {
	Op    FilterOp
	Nodes []*Filter[C] // none of them nil; may be empty
	Leaf  *C
}

// FilterOp joins conditions.
type FilterOp string

// The three of them. NOT means that none of the conditions match; over no
// condition at all AND and NOT are true and OR is false.
const (
	OpAnd FilterOp = "AND"
	OpOr  FilterOp = "OR"
	OpNot FilterOp = "NOT"
)

// Match evaluates f with match for the leaves.
func (f *Filter[C]) Match(match func(*C) bool) bool {
	if f == nil {
		return true
	}
	if f.Op == "" {
		return match(f.Leaf)
	}
	for _, n := range f.Nodes {
		hit := n.Match(match)
		switch {
		case f.Op == OpAnd && !hit, f.Op == OpNot && hit:
			return false
		case f.Op == OpOr && hit:
			return true
		}
	}
	return f.Op != OpOr
}

// SortProperty is what a Comparator compares.
type SortProperty string

// The properties by which Emails may be sorted (RFC 8621, section 4.4.2).
const (
	SortReceivedAt   SortProperty = "receivedAt"
	SortSize         SortProperty = "size"
	SortFrom         SortProperty = "from"
	SortTo           SortProperty = "to"
	SortSubject      SortProperty = "subject"
	SortSentAt       SortProperty = "sentAt"
	SortHasKeyword   SortProperty = "hasKeyword"
	SortAllInThread  SortProperty = "allInThreadHaveKeyword"
	SortSomeInThread SortProperty = "someInThreadHaveKeyword"
)

// Comparator is one key of a sort (RFC 8620, section 5.5).
type Comparator struct {
	Property   SortProperty
	Descending bool
	Collation  string  // "": the server's choice
	Keyword    Keyword // of the three keyword sorts
}

// Window is the part of a result that is wanted (RFC 8620, section 5.5).
type Window struct {
	Position     int64  // negative: from the end
	Anchor       string // "": none; else Position is ignored
	AnchorOffset int64
	Limit        int // never negative; jmapserver has put its maximum in
}

// Bounds is the half-open range of a result of total ids that w asks for.
// anchor is the index of w.Anchor, and is ignored if there is none.
func (w Window) Bounds(total, anchor int) (from, to int) {
	at := w.Position
	if w.Anchor != "" {
		at = max(int64(anchor)+w.AnchorOffset, 0)
	} else if at < 0 {
		at = max(at+int64(total), 0)
	}
	if at >= int64(total) {
		return total, total
	}
	from = int(at)
	return from, from + min(w.Limit, total-from)
}

// EmailQuery is one Email/query (RFC 8621, section 4.4).
type EmailQuery struct {
	Filter          *Filter[EmailCondition]
	Sort            []Comparator // empty: the server's choice, but stable
	CollapseThreads bool
	Window          Window
	CalculateTotal  bool
}

// EmailCondition is the FilterCondition of Email/query (RFC 8621, section
// 4.4.1). What is nil, "" or zero is not asked; an empty text has no token that
// could be missing and so matches everything, as if it had not been asked.
type EmailCondition struct {
	InMailbox               MailboxID
	InMailboxOtherThan      []MailboxID
	Before                  time.Time // receivedAt < Before
	After                   time.Time // receivedAt >= After
	MinSize                 uint64    // size >= MinSize
	MaxSize                 *uint64   // size < MaxSize
	AllInThreadHaveKeyword  Keyword
	SomeInThreadHaveKeyword Keyword
	NoneInThreadHaveKeyword Keyword
	HasKeyword              Keyword
	NotKeyword              Keyword
	HasAttachment           *bool
	Text                    string
	From, To, Cc, Bcc       string
	Subject, Body           string
	Header                  *HeaderMatch
	// Search is of the vendor capability; nil: not asked.
	Search *SearchText
}

// SearchText is what a person typed into a search box, operators and all (see
// docs/decisions/0008-search.md).
type SearchText struct {
	Text string
	Zone *time.Location // in which days begin; never nil
}

// HasText reports whether c asks for anything that only the words of a message
// can answer.
func (c *EmailCondition) HasText() bool {
	return c.Text != "" || c.From != "" || c.To != "" || c.Cc != "" || c.Bcc != "" ||
		c.Subject != "" || c.Body != "" || c.Header != nil
}

// IsEmpty reports whether c asks for nothing, so that every Email matches.
func (c *EmailCondition) IsEmpty() bool {
	return c.InMailbox == "" && len(c.InMailboxOtherThan) == 0 && c.Before.IsZero() && c.After.IsZero() && c.MinSize == 0 &&
		c.MaxSize == nil && c.AllInThreadHaveKeyword == "" && c.SomeInThreadHaveKeyword == "" &&
		c.NoneInThreadHaveKeyword == "" && c.HasKeyword == "" && c.NotKeyword == "" &&
		c.HasAttachment == nil && !c.HasText() && c.Search == nil
}

// HeaderMatch asks for a header field. With Text "" it need only be there.
type HeaderMatch struct {
	Name string
	Text string
}

// QueryResult is the outcome of a query over ids of type ID.
type QueryResult[ID ~string] struct {
	State               QueryState
	CanCalculateChanges bool
	Position            int // index of IDs[0] in the whole result
	IDs                 []ID
	Total               int // only if it was asked for
}

// EmailQueryResult is the outcome of an EmailQuery.
type EmailQueryResult = QueryResult[EmailID]

// EmailSearchResult is what a search has found so far (EmailSearch/query of the
// vendor capability). Until it is complete it has only mails of mailboxes that
// have been searched, and none when that could show a mail that is no result.
type EmailSearchResult struct {
	EmailQueryResult
	// SearchState changes with each mailbox that has been searched.
	SearchState string
	IsComplete  bool
	Searched    int // mailboxes
	ToSearch    int // mailboxes in all
}

// EmailQueryChanges asks what became of an earlier result (RFC 8620, section
// 5.6). The Window of Query is not used.
type EmailQueryChanges struct {
	Query      EmailQuery
	Since      QueryState
	MaxChanges *int    // nil: no limit
	UpToID     EmailID // "": none
}

// QueryChanges is the difference of two results. Added is sorted by Index.
type QueryChanges[ID ~string] struct {
	OldState, NewState QueryState
	Total              int // only if it was asked for
	Removed            []ID
	Added              []AddedItem[ID]
}

// AddedItem is an id and its index in the new result.
type AddedItem[ID ~string] struct {
	ID    ID
	Index int
}

// SearchSpan is a part of a SearchText. The kinds are those of package search.
type SearchSpan struct {
	Start, End int // octets, half open
	Kind       string
	Operator   string // "": none
	Suggest    string // the operator that it looks like; "": none
}
