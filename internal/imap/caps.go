package imap

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Caps is a server's capability list. It is immutable; the zero value is
// empty. Names are upper case.
type Caps struct{ set map[string]bool }

// Capabilities the package asks for by name.
const (
	CapIMAP4rev1      = "IMAP4REV1"
	CapIMAP4rev2      = "IMAP4REV2"
	CapStartTLS       = "STARTTLS"
	CapLoginDisabled  = "LOGINDISABLED"
	CapSASLIR         = "SASL-IR"
	CapLiteralPlus    = "LITERAL+"
	CapLiteralMinus   = "LITERAL-"
	CapID             = "ID"
	CapEnable         = "ENABLE"
	CapIdle           = "IDLE"
	CapNotify         = "NOTIFY"
	CapCompress       = "COMPRESS=DEFLATE"
	CapCondStore      = "CONDSTORE"
	CapQResync        = "QRESYNC"
	CapUIDPlus        = "UIDPLUS"
	CapMove           = "MOVE"
	CapUnselect       = "UNSELECT"
	CapMultiAppend    = "MULTIAPPEND"
	CapBinary         = "BINARY"
	CapUTF8Accept     = "UTF8=ACCEPT"
	CapUTF8Only       = "UTF8=ONLY"
	CapNamespace      = "NAMESPACE"
	CapListExtended   = "LIST-EXTENDED"
	CapListStatus     = "LIST-STATUS"
	CapListMyRights   = "LIST-MYRIGHTS"
	CapListMetadata   = "LIST-METADATA"
	CapSpecialUse     = "SPECIAL-USE"
	CapCreateSpecial  = "CREATE-SPECIAL-USE"
	CapACL            = "ACL"
	CapQuota          = "QUOTA"
	CapMetadata       = "METADATA"
	CapMetadataServer = "METADATA-SERVER"
	CapESearch        = "ESEARCH"
	CapSearchRes      = "SEARCHRES"
	CapSearchFuzzy    = "SEARCH=FUZZY"
	CapContextSearch  = "CONTEXT=SEARCH"
	CapContextSort    = "CONTEXT=SORT"
	CapPartial        = "PARTIAL"
	CapMultiSearch    = "MULTISEARCH"
	CapSort           = "SORT"
	CapSortDisplay    = "SORT=DISPLAY"
	CapESort          = "ESORT"
	CapWithin         = "WITHIN"
	CapThreadRefs     = "THREAD=REFERENCES"
	CapThreadREFS     = "THREAD=REFS"
	CapPreview        = "PREVIEW"
	CapSaveDate       = "SAVEDATE"
	CapObjectID       = "OBJECTID"
	CapStatusSize     = "STATUS=SIZE"
	CapGmail          = "X-GM-EXT-1"
)

// NewCaps makes a list, mainly for tests.
func NewCaps(names ...string) Caps {
	c := Caps{set: make(map[string]bool, len(names))}
	for _, n := range names {
		if len(c.set) >= maxCaps {
			break
		}
		if n != "" && len(n) <= maxCapName {
			c.set[strings.ToUpper(n)] = true
		}
	}
	return c
}

// Has reports whether the server announced name, as "SORT=DISPLAY".
func (c Caps) Has(name string) bool { return c.set[name] || c.set[strings.ToUpper(name)] }

// HasAuth reports whether the server announced the SASL mechanism.
func (c Caps) HasAuth(mechanism string) bool { return c.Has("AUTH=" + mechanism) }

// Empty reports whether nothing is known.
func (c Caps) Empty() bool { return len(c.set) == 0 }

// Rev2 reports whether the server speaks IMAP4rev2, whose base protocol
// contains many former extensions (RFC 9051, appendix E).
func (c Caps) Rev2() bool { return c.Has(CapIMAP4rev2) }

// Supports is Has, and true as well for extensions that IMAP4rev2 contains
// and that need no ENABLE.
func (c Caps) Supports(name string) bool {
	if c.Has(name) {
		return true
	}
	if !c.Rev2() {
		return false
	}
	// RFC 9051, appendix E. MULTIAPPEND, CONDSTORE and the like are not in it.
	switch strings.ToUpper(name) {
	case CapNamespace, CapUnselect, CapUIDPlus, CapESearch, CapSearchRes, CapEnable, CapIdle, CapSASLIR,
		CapListExtended, CapListStatus, CapMove, CapLiteralMinus, CapSpecialUse, CapStatusSize:
		return true
	}
	return false
}

// AppendLimit returns the global limit of APPENDLIMIT=n in bytes (RFC 7889)
// and whether there is one.
func (c Caps) AppendLimit() (int64, bool) {
	for name := range c.set {
		if v, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// All yields the names in order.
func (c Caps) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		names := make([]string, 0, len(c.set))
		for n := range c.set {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			if !yield(n) {
				return
			}
		}
	}
}
