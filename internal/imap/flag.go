package imap

import "strings"

// Flag is a system flag ("\Seen") or a keyword ("$Forwarded"). Flags are
// case-insensitive; compare with Equal.
type Flag string

// The system flags of RFC 9051, section 2.3.2 and the keywords of RFC 5788's
// registry that mail programs share.
const (
	FlagSeen      Flag = `\Seen`
	FlagAnswered  Flag = `\Answered`
	FlagFlagged   Flag = `\Flagged`
	FlagDeleted   Flag = `\Deleted`
	FlagDraft     Flag = `\Draft`
	FlagRecent    Flag = `\Recent`
	FlagAny       Flag = `\*` // in PERMANENTFLAGS: new keywords stick
	FlagForwarded Flag = "$Forwarded"
	FlagMDNSent   Flag = "$MDNSent"
	FlagJunk      Flag = "$Junk"
	FlagNotJunk   Flag = "$NotJunk"
	FlagPhishing  Flag = "$Phishing"
	FlagImportant Flag = "$Important"
)

// Equal compares without regard to case.
func (f Flag) Equal(g Flag) bool { return strings.EqualFold(string(f), string(g)) }

// ContainsFlag reports whether list holds f, without regard to case.
func ContainsFlag(list []Flag, f Flag) bool {
	for _, g := range list {
		if g.Equal(f) {
			return true
		}
	}
	return false
}

// valid reports whether f can be written in a flag list: an atom, with at
// most one leading backslash (RFC 9051, section 9: flag).
func (f Flag) valid() bool {
	name := strings.TrimPrefix(string(f), `\`)
	return name != "" && isAtom(name)
}

// commonFlags are handed out without an allocation.
var commonFlags = [...]Flag{FlagSeen, FlagAnswered, FlagFlagged, FlagDeleted, FlagDraft, FlagRecent,
	FlagForwarded, FlagMDNSent, FlagJunk, FlagNotJunk, "NonJunk", "Junk", "$label1", FlagAny}

// flagTable hands out flags without an allocation for those seen before. It
// belongs to the reading goroutine.
type flagTable struct{ seen map[string]Flag }

func newFlagTable() *flagTable {
	t := &flagTable{seen: make(map[string]Flag, 2*len(commonFlags))}
	for _, f := range commonFlags {
		t.seen[string(f)] = f
	}
	return t
}

func (t *flagTable) flag(b []byte) Flag {
	if t == nil {
		return Flag(b)
	}
	if f, ok := t.seen[string(b)]; ok {
		return f
	}
	f := Flag(b)
	if len(t.seen) < maxInterned && len(b) <= maxCapName {
		t.seen[string(f)] = f
	}
	return f
}

// flagList reads a list of flags.
func flagList(n Node, t *flagTable) []Flag {
	if !n.IsList() || !n.First().Present() {
		return nil
	}
	return appendFlags(nil, n, t)
}

func appendFlags(dst []Flag, n Node, t *flagTable) []Flag {
	cur := n.cursor()
	for i := 0; i < maxFlags; i++ {
		f := cur.next()
		if !f.Present() {
			break
		}
		if b := f.Raw(); len(b) > 0 {
			dst = append(dst, t.flag(b))
		}
	}
	return dst
}
