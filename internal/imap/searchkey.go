package imap

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// SearchText is a text to search for. It is made by NewSearchText only, so
// that every SearchText can be sent: it is UTF-8 without CR, LF and NUL.
type SearchText struct{ s string }

// NewSearchText checks s.
func NewSearchText(s string) (SearchText, error) {
	if strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) {
		return SearchText{}, fmt.Errorf("%w: search text with CR, LF, NUL or broken UTF-8", ErrBadArgument)
	}
	return SearchText{s}, nil
}

// String returns the text.
func (t SearchText) String() string { return t.s }

// SearchKey is a node of a search program (RFC 9051, section 6.4.4). Keys are
// made by the functions below.
type SearchKey interface {
	encode(e *encoder, top bool)
	needsCharset() bool
}

type keyWord string                             // ALL, SEEN, ...
type keyFlag struct{ word, flag string }        // KEYWORD f
type keyText struct{ word, field, text string } // SUBJECT s, HEADER f s
type keyNum struct {
	word string
	n    uint64
}
type keySet struct{ word, set string }
type keyAnd []SearchKey
type keyOr struct{ a, b SearchKey }
type keyNot struct{ k SearchKey }
type keyFuzzy struct{ k SearchKey }
type keyID struct{ word, id string }

// All matches every message.
func All() SearchKey { return keyWord("ALL") }

// And matches what all keys match; none matches every message.
func And(keys ...SearchKey) SearchKey {
	switch len(keys) {
	case 0:
		return All()
	case 1:
		return keys[0]
	}
	return keyAnd(keys)
}

// Or matches what any key matches; none matches no message.
func Or(keys ...SearchKey) SearchKey {
	switch len(keys) {
	case 0:
		return Not(All())
	case 1:
		return keys[0]
	}
	mid := len(keys) / 2 // balanced: OR nests, and servers bound nesting
	return keyOr{Or(keys[:mid]...), Or(keys[mid:]...)}
}

// Not matches what k does not.
func Not(k SearchKey) SearchKey { return keyNot{k} }

// Fuzzy lets the server match k loosely (RFC 6203).
func Fuzzy(k SearchKey) SearchKey { return keyFuzzy{k} }

// HasFlagKey matches messages with the flag or keyword.
func HasFlagKey(f Flag) SearchKey {
	switch strings.ToLower(string(f)) {
	case `\seen`, `\answered`, `\flagged`, `\deleted`, `\draft`, `\recent`:
		return keyWord(strings.ToUpper(string(f)[1:]))
	}
	return keyFlag{"KEYWORD", string(f)}
}

// LacksFlagKey matches messages without the flag or keyword.
func LacksFlagKey(f Flag) SearchKey {
	switch strings.ToLower(string(f)) {
	case `\recent`:
		return keyWord("OLD")
	case `\seen`, `\answered`, `\flagged`, `\deleted`, `\draft`:
		return keyWord("UN" + strings.ToUpper(string(f)[1:]))
	}
	return keyFlag{"UNKEYWORD", string(f)}
}

// Bcc matches in the Bcc field.
func Bcc(t SearchText) SearchKey { return keyText{"BCC", "", t.s} }

// Body matches in the body.
func Body(t SearchText) SearchKey { return keyText{"BODY", "", t.s} }

// Cc matches in the Cc field.
func Cc(t SearchText) SearchKey { return keyText{"CC", "", t.s} }

// From matches in the From field.
func From(t SearchText) SearchKey { return keyText{"FROM", "", t.s} }

// Subject matches in the Subject field.
func Subject(t SearchText) SearchKey { return keyText{"SUBJECT", "", t.s} }

// Text matches in header or body.
func Text(t SearchText) SearchKey { return keyText{"TEXT", "", t.s} }

// To matches in the To field.
func To(t SearchText) SearchKey { return keyText{"TO", "", t.s} }

// Header matches in the named field; an empty text matches if the field exists.
func Header(field, t SearchText) SearchKey { return keyText{"HEADER", field.s, t.s} }

// Before matches INTERNALDATE before the day of t, in t's zone.
func Before(t time.Time) SearchKey { return keyDate("BEFORE", t) }

// On matches INTERNALDATE on the day of t.
func On(t time.Time) SearchKey { return keyDate("ON", t) }

// Since matches INTERNALDATE on or after the day of t.
func Since(t time.Time) SearchKey { return keyDate("SINCE", t) }

// SentBefore matches the Date field before the day of t.
func SentBefore(t time.Time) SearchKey { return keyDate("SENTBEFORE", t) }

// SentOn matches the Date field on the day of t.
func SentOn(t time.Time) SearchKey { return keyDate("SENTON", t) }

// SentSince matches the Date field on or after the day of t.
func SentSince(t time.Time) SearchKey { return keyDate("SENTSINCE", t) }

// SavedSince matches SAVEDATE on or after the day of t (RFC 8514).
func SavedSince(t time.Time) SearchKey { return keyDate("SAVEDSINCE", t) }

// SavedBefore matches SAVEDATE before the day of t (RFC 8514).
func SavedBefore(t time.Time) SearchKey { return keyDate("SAVEDBEFORE", t) }

func keyDate(word string, t time.Time) SearchKey {
	return keyWord(word + " " + t.Format("2-Jan-2006"))
}

// Larger matches messages of more than n bytes.
func Larger(n uint64) SearchKey { return keyNum{"LARGER", n} }

// Smaller matches messages of less than n bytes.
func Smaller(n uint64) SearchKey { return keyNum{"SMALLER", n} }

// OlderSeconds matches INTERNALDATE n seconds ago or longer (RFC 5032).
func OlderSeconds(n uint64) SearchKey { return keyNum{"OLDER", n} }

// YoungerSeconds matches INTERNALDATE within n seconds (RFC 5032).
func YoungerSeconds(n uint64) SearchKey { return keyNum{"YOUNGER", n} }

// ModSeqKey matches mod-sequences of n and higher (RFC 7162, section 3.1.5).
func ModSeqKey(n uint64) SearchKey { return keyNum{"MODSEQ", n} }

// UIDKey matches the given uids. A set too long for the line is refused when
// sent.
func UIDKey(set UIDSet) SearchKey { return keySet{"UID ", set.String()} }

// SeqKey matches the given sequence numbers.
func SeqKey(set SeqSet) SearchKey { return keySet{"", set.String()} }

// SavedKey matches "$", the saved result (RFC 5182).
func SavedKey() SearchKey { return keyWord("$") }

// EmailIDKey matches EMAILID (RFC 8474, section 6).
func EmailIDKey(id string) SearchKey { return keyID{"EMAILID", id} }

// ThreadIDKey matches THREADID (RFC 8474, section 6).
func ThreadIDKey(id string) SearchKey { return keyID{"THREADID", id} }

// GUIDKey matches Dovecot's X-GUID.
func GUIDKey(guid string) SearchKey { return keyID{"X-GUID", guid} }

// GmailMsgIDKey matches X-GM-MSGID.
func GmailMsgIDKey(n uint64) SearchKey { return keyNum{"X-GM-MSGID", n} }

// GmailThreadIDKey matches X-GM-THRID.
func GmailThreadIDKey(n uint64) SearchKey { return keyNum{"X-GM-THRID", n} }

// GmailRawKey matches Gmail's own search language.
func GmailRawKey(t SearchText) SearchKey { return keyText{"X-GM-RAW", "", t.s} }

func (k keyWord) encode(e *encoder, _ bool) { e.raw(string(k)) }
func (k keyFlag) encode(e *encoder, _ bool) { e.raw(k.word).sp().atom(strings.TrimPrefix(k.flag, `\`)) }
func (k keyNum) encode(e *encoder, _ bool)  { e.raw(k.word).sp().num(k.n) }
func (k keyID) encode(e *encoder, _ bool)   { e.raw(k.word).sp().astring(k.id) }
func (k keyOr) encode(e *encoder, _ bool) {
	e.raw("OR ")
	k.a.encode(e, false)
	e.sp()
	k.b.encode(e, false)
}
func (k keyNot) encode(e *encoder, _ bool) {
	e.raw("NOT ")
	k.k.encode(e, false)
}
func (k keyFuzzy) encode(e *encoder, _ bool) {
	e.raw("FUZZY ")
	k.k.encode(e, false)
}

func (k keySet) encode(e *encoder, _ bool) {
	if k.set == "" { // nothing: a set cannot be empty on the wire
		e.raw("NOT ALL")
		return
	}
	e.raw(k.word).raw(k.set)
}

func (k keyText) encode(e *encoder, _ bool) {
	e.raw(k.word).sp()
	if k.word == "HEADER" {
		e.str(k.field).sp()
	}
	e.str(k.text)
}

func (k keyAnd) encode(e *encoder, top bool) {
	if !top {
		e.raw("(")
	}
	for i, sub := range k {
		if i > 0 {
			e.sp()
		}
		sub.encode(e, false)
	}
	if !top {
		e.raw(")")
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (keyWord) needsCharset() bool    { return false }
func (keyFlag) needsCharset() bool    { return false }
func (keyNum) needsCharset() bool     { return false }
func (keySet) needsCharset() bool     { return false }
func (keyID) needsCharset() bool      { return false }
func (k keyText) needsCharset() bool  { return !isASCII(k.text) || !isASCII(k.field) }
func (k keyOr) needsCharset() bool    { return k.a.needsCharset() || k.b.needsCharset() }
func (k keyNot) needsCharset() bool   { return k.k.needsCharset() }
func (k keyFuzzy) needsCharset() bool { return k.k.needsCharset() }
func (k keyAnd) needsCharset() bool {
	for _, sub := range k {
		if sub.needsCharset() {
			return true
		}
	}
	return false
}
