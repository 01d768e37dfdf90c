package imap

// SortKey is a sort criterion (RFC 5256, section 3; RFC 5957).
type SortKey struct {
	By      SortBy
	Reverse bool
}

// SortBy is what to sort by.
type SortBy string

// The criteria.
const (
	SortArrival     SortBy = "ARRIVAL"
	SortCc          SortBy = "CC"
	SortDate        SortBy = "DATE"
	SortFrom        SortBy = "FROM"
	SortSize        SortBy = "SIZE"
	SortSubject     SortBy = "SUBJECT"
	SortTo          SortBy = "TO"
	SortDisplayFrom SortBy = "DISPLAYFROM" // SORT=DISPLAY
	SortDisplayTo   SortBy = "DISPLAYTO"   // SORT=DISPLAY
)

// Sort starts a UID SORT (or SORT with BySeq). Return options need ESORT
// (RFC 5267), which is used where the server has it.
func (c *Client) Sort(by []SortKey, key SearchKey, opts SearchOptions) *Future[*SearchResult] {
	verb := searchVerb("SORT", opts)
	e := c.encode(verb)
	extended := c.encodeReturn(e, opts, c.Caps().Has(CapESort))
	e.raw(" (")
	for i, k := range by {
		if i > 0 {
			e.sp()
		}
		if k.Reverse {
			e.raw("REVERSE ")
		}
		e.label(string(k.By))
	}
	if len(by) == 0 {
		e.fail("SORT without criteria")
	}
	e.raw(")")
	encodeProgram(e, key, opts, true)
	return c.startSearch(verb, e, opts, extended)
}
