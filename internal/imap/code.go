package imap

import (
	"iter"
	"math"
)

// The response codes of RFC 9051 section 7.1, RFC 5530 and the extensions.
// Others are kept under their own names.
const (
	CodeAlert                = "ALERT"
	CodeAlreadyExists        = "ALREADYEXISTS"
	CodeAppendUID            = "APPENDUID"
	CodeAuthenticationFailed = "AUTHENTICATIONFAILED"
	CodeAuthorizationFailed  = "AUTHORIZATIONFAILED"
	CodeBadCharset           = "BADCHARSET"
	CodeBadEvent             = "BADEVENT"
	CodeCannot               = "CANNOT"
	CodeCapability           = "CAPABILITY"
	CodeClientBug            = "CLIENTBUG"
	CodeClosed               = "CLOSED"
	CodeContactAdmin         = "CONTACTADMIN"
	CodeCopyUID              = "COPYUID"
	CodeCorruption           = "CORRUPTION"
	CodeExpired              = "EXPIRED"
	CodeExpungeIssued        = "EXPUNGEISSUED"
	CodeHasChildren          = "HASCHILDREN"
	CodeHighestModSeq        = "HIGHESTMODSEQ"
	CodeInUse                = "INUSE"
	CodeLimit                = "LIMIT"
	CodeMailboxID            = "MAILBOXID"
	CodeModified             = "MODIFIED"
	CodeNoModSeq             = "NOMODSEQ"
	CodeNonExistent          = "NONEXISTENT"
	CodeNoPerm               = "NOPERM"
	CodeNotificationOverflow = "NOTIFICATIONOVERFLOW"
	CodeNotSaved             = "NOTSAVED"
	CodeNoUpdate             = "NOUPDATE"
	CodeOverQuota            = "OVERQUOTA"
	CodeParse                = "PARSE"
	CodePermanentFlags       = "PERMANENTFLAGS"
	CodePrivacyRequired      = "PRIVACYREQUIRED"
	CodeReadOnly             = "READ-ONLY"
	CodeReadWrite            = "READ-WRITE"
	CodeServerBug            = "SERVERBUG"
	CodeTooBig               = "TOOBIG"
	CodeTryCreate            = "TRYCREATE"
	CodeUIDNext              = "UIDNEXT"
	CodeUIDNotSticky         = "UIDNOTSTICKY"
	CodeUIDValidity          = "UIDVALIDITY"
	CodeUnavailable          = "UNAVAILABLE"
	CodeUnknownCTE           = "UNKNOWN-CTE"
	CodeUnseen               = "UNSEEN"
	CodeUseAttr              = "USEATTR"
)

// Code is a response code. Unlike nodes it is a copy and stays valid. The zero
// Code is none.
type Code struct {
	Name string // upper case; "" when the response had no code
	args Node   // a list of the arguments, or absent
}

// Args yields the arguments as tokens.
func (c Code) Args() iter.Seq[Node] { return c.args.Children() }

// Number returns the first argument as a number: UIDNEXT, UIDVALIDITY,
// HIGHESTMODSEQ, UNSEEN.
func (c Code) Number() (uint64, bool) { return c.args.First().Number() }

// Number32 is Number for values of 32 bits.
func (c Code) Number32() (uint32, bool) { return c.args.First().Number32() }

// Flags returns the flags of PERMANENTFLAGS.
func (c Code) Flags() []Flag { return flagList(c.args.First(), nil) }

// Text returns the first argument, or the only element of a list that is the
// first argument, as in MAILBOXID (RFC 8474, section 4.1).
func (c Code) Text() string {
	first := c.args.First()
	if first.IsList() {
		first = first.First()
	}
	return first.Text()
}

// AppendUID reads "APPENDUID validity uids" (RFC 4315, section 3). The uids
// are in the order of the appended messages.
func (c Code) AppendUID() (validity uint32, uids []UID, ok bool) {
	validity, ok = c.args.First().Number32()
	if c.Name != CodeAppendUID || !ok {
		return 0, nil, false
	}
	ranges, err := parseRanges[UID](c.args.At(1).Text())
	if err != nil || countRanges(ranges) > maxQueued {
		return validity, nil, false
	}
	for u := range eachOf(ranges) {
		uids = append(uids, u)
	}
	return validity, uids, true
}

// CopyUID reads "COPYUID validity source destination" (RFC 4315, section 3).
func (c Code) CopyUID() (CopyUID, bool) {
	validity, ok := c.args.First().Number32()
	if c.Name != CodeCopyUID || !ok {
		return CopyUID{}, false
	}
	src, err1 := parseRanges[UID](c.args.At(1).Text())
	dst, err2 := parseRanges[UID](c.args.At(2).Text())
	if err1 != nil || err2 != nil || countRanges(src) != countRanges(dst) || countRanges(src) == math.MaxUint64 {
		return CopyUID{}, false
	}
	return CopyUID{UIDValidity: validity, src: src, dst: dst}, true
}

// Modified returns the text of MODIFIED's set: uids or sequence numbers, as
// the command was (RFC 7162, section 3.1.3).
func (c Code) modifiedSet() string {
	if c.Name != CodeModified {
		return ""
	}
	return c.args.First().Text()
}

// temporary classifies RFC 5530's codes and later ones.
func (c Code) temporary() bool {
	switch c.Name {
	case CodeUnavailable, CodeInUse, CodeLimit, CodeExpungeIssued, CodeServerBug,
		CodeNotificationOverflow, CodeNotSaved:
		return true
	}
	return false
}

// CopyUID tells which uid each copied message got. A long copy is several
// commands, so it is a list of pairs of ranges in the server's order.
type CopyUID struct {
	UIDValidity uint32 // of the destination
	src, dst    []NumRange[UID]
}

// Count returns how many pairs there are.
func (c CopyUID) Count() uint64 { return countRanges(c.src) }

// Pairs yields (source uid, destination uid).
func (c CopyUID) Pairs() iter.Seq2[UID, UID] {
	return func(yield func(UID, UID) bool) {
		next, stop := iter.Pull(eachOf(c.dst))
		defer stop()
		for s := range eachOf(c.src) {
			d, ok := next()
			if !ok || !yield(s, d) {
				return
			}
		}
	}
}

// merge adds the pairs of another chunk of the same copy.
func (c *CopyUID) merge(d CopyUID) {
	if c.UIDValidity == 0 {
		c.UIDValidity = d.UIDValidity
	}
	if c.UIDValidity == d.UIDValidity && len(c.src)+len(d.src) <= maxRanges {
		c.src = append(c.src, d.src...)
		c.dst = append(c.dst, d.dst...)
	}
}

// countRanges counts the numbers of ranges in either direction; a star makes
// the count absurd, so that it is equal to nothing sane.
func countRanges(ranges []NumRange[UID]) uint64 {
	var n uint64
	for _, r := range ranges {
		if r.Start == Star || r.Stop == Star {
			return math.MaxUint64
		}
		n += uint64(max(r.Start, r.Stop)-min(r.Start, r.Stop)) + 1
	}
	return n
}

// eachOf yields the numbers of the ranges in their order, ascending in each:
// RFC 9051 lets 4:2 stand for 2:4.
func eachOf(ranges []NumRange[UID]) iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range ranges {
			for u, end := min(r.Start, r.Stop), max(r.Start, r.Stop); ; u++ {
				if !yield(u) {
					return
				}
				if u == end {
					break
				}
			}
		}
	}
}
