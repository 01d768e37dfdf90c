package message

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// FieldValue is a header field's value in one of the forms of RFC 8621, section
// 4.1.2: RawValue, TextValue, AddressesValue, GroupsValue, MessageIDsValue,
// DateValue or URLsValue.
type FieldValue interface {
	form() Form
	// write appends the value, or says why it cannot be written.
	write(w *folder) (reason string)
}

type (
	RawValue        string    // as it shall stand after the colon, folded by the client or not
	TextValue       string    // any text on one line
	AddressesValue  []Address // a list
	GroupsValue     []Group   // a list with groups
	MessageIDsValue []string  // without angle brackets
	DateValue       time.Time // with the zone to write
	URLsValue       []string  // without angle brackets
)

func (RawValue) form() Form        { return FormRaw }
func (TextValue) form() Form       { return FormText }
func (AddressesValue) form() Form  { return FormAddresses }
func (GroupsValue) form() Form     { return FormGroupedAddresses }
func (MessageIDsValue) form() Form { return FormMessageIDs }
func (DateValue) form() Form       { return FormDate }
func (URLsValue) form() Form       { return FormURLs }

const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// append writes the field with its line end.
func (f DraftField) append(out []byte) ([]byte, error) {
	w := &folder{out: append(append(out, f.Name...), ':'), column: len(f.Name) + 1}
	if _, raw := f.Value.(RawValue); !raw {
		w.put(" ")
	}
	if reason := f.Value.write(w); reason != "" {
		return nil, refuse(f.Property, "%s", reason)
	}
	return append(w.out, "\r\n"...), nil
}

// folder appends to a header field and knows the column.
type folder struct {
	out    []byte
	column int
}

func (w *folder) put(s string) {
	w.out = append(w.out, s...)
	w.column += len(s)
}

// word puts s after a space, on a new line when it would not fit. The first word
// of a field stays on the line of the name (RFC 5322, section 3.2.2: no line of
// white space alone).
func (w *folder) word(s string) {
	first := len(w.out) > 0 && w.out[len(w.out)-1] == ' '
	switch {
	case first && w.column+len(s) <= maxLine:
	case first:
	case w.column+1+len(s) > foldLine:
		w.out = append(w.out, "\r\n "...)
		w.column = 1
	default:
		w.put(" ")
	}
	w.put(s)
}

const (
	reasonControl = "has a line break or another control character"
	reasonUTF8    = "is not valid UTF-8"
	reasonLong    = "is too long for one line"
)

// unsafe says why s cannot stand in a header: it could end the field, or is no
// text.
func unsafe(s string) string {
	if !utf8.ValidString(s) {
		return reasonUTF8
	}
	for _, r := range s {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return reasonControl
		}
	}
	return ""
}

func (v RawValue) write(w *folder) string {
	s := string(v)
	if !utf8.ValidString(s) {
		return reasonUTF8
	}
	for i, line := range strings.Split(s, "\r\n") {
		for j := 0; j < len(line); j++ {
			if c := line[j]; c < ' ' && c != '\t' || c == 127 {
				return reasonControl
			}
		}
		if i > 0 && (line == "" || line[0] != ' ' && line[0] != '\t' || strings.TrimSpace(line) == "") {
			return "has a line break that is not folding"
		}
		if len(line)+w.column > maxLine {
			return reasonLong
		}
		w.column = 0
	}
	w.put(s)
	return ""
}

func (v TextValue) write(w *folder) string {
	s := string(v)
	if reason := unsafe(s); reason != "" {
		return reason
	}
	if needsEncoding(s) {
		w.encoded(s, false)
		return ""
	}
	w.text(s)
	return ""
}

// needsEncoding says whether unstructured text must be written in encoded words:
// it is not ASCII, it would be read as one, or it would not survive folding.
func needsEncoding(s string) bool {
	if !isPlainASCII(s) || strings.Contains(s, "=?") || strings.ContainsRune(s, '\t') {
		return true
	}
	if s != strings.TrimSpace(s) || strings.Contains(s, "  ") {
		return true
	}
	for _, word := range strings.Split(s, " ") {
		if len(word) > maxLine-foldLine-100 {
			return true
		}
	}
	return false
}

// text writes words with single spaces between.
func (w *folder) text(s string) {
	for _, word := range strings.Split(s, " ") {
		if word != "" {
			w.word(word)
		}
	}
}

func (v DateValue) write(w *folder) string {
	t := time.Time(v)
	if t.Year() < 1900 || t.Year() > 9999 {
		return "has a year that cannot be written"
	}
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC()
	}
	w.put(t.Format(dateLayout))
	return ""
}

func (v MessageIDsValue) write(w *folder) string {
	for _, id := range v {
		if reason := unsafe(id); reason != "" {
			return reason
		}
		if id == "" || strings.ContainsAny(id, " \t<>") {
			return "has an id with white space or angle brackets, or an empty one"
		}
		if len(id) > maxLine-100 {
			return reasonLong
		}
		w.word("<" + id + ">")
	}
	return ""
}

func (v URLsValue) write(w *folder) string {
	for i, u := range v {
		if reason := unsafe(u); reason != "" {
			return reason
		}
		if u == "" || strings.ContainsAny(u, " \t<>") || !isASCII([]byte(u)) {
			return "has something that is not a URL"
		}
		if len(u) > maxLine-100 {
			return reasonLong
		}
		w.word("<" + u + ">" + comma(i, len(v)))
	}
	return ""
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

func (v AddressesValue) write(w *folder) string { return w.addresses(v, "") }

func (v GroupsValue) write(w *folder) string {
	for i, g := range v {
		end := comma(i, len(v))
		if !g.IsGroup && g.Name == "" {
			if len(g.Addresses) == 0 {
				continue
			}
			if reason := w.addresses(g.Addresses, end); reason != "" {
				return reason
			}
			continue
		}
		if reason := unsafe(g.Name); reason != "" {
			return reason
		}
		w.phrase(g.Name, ":")
		if reason := w.addresses(g.Addresses, ""); reason != "" {
			return reason
		}
		w.put(";" + end)
	}
	return ""
}

// addresses writes a list, and end behind the last one.
func (w *folder) addresses(list []Address, end string) string {
	if len(list) > MaxAddresses {
		return "has too many addresses"
	}
	for i, a := range list {
		after := comma(i, len(list))
		if i == len(list)-1 {
			after = end
		}
		if reason := unsafe(a.Name + a.Email); reason != "" {
			return reason
		}
		spec, ok := writableAddress(a.Email)
		if !ok {
			return "has an address that would be read as something else"
		}
		if len(spec) > maxLine-100 {
			return reasonLong
		}
		if a.Name == "" && spec != "" {
			w.word(spec + after)
			continue
		}
		w.phrase(a.Name, "")
		w.word("<" + spec + ">" + after)
	}
	return ""
}

// writableAddress writes an address as addr-spec. A draft may hold half an
// address; what would change the list around it is refused. It is looked at as a
// reader has it, in which U+037E is a semicolon (RFC 8621, section 4.1.2.2).
func writableAddress(email string) (string, bool) {
	email = norm.NFC.String(email)
	at := strings.LastIndexByte(email, '@')
	local, domain := email, ""
	if at >= 0 {
		local, domain = email[:at], email[at+1:]
	}
	if strings.HasPrefix(local, `"`) {
		if n := quotedLen(local); n != len(local) || n == 0 {
			return "", false
		}
		local = quoteLocal(unquote(local))
	} else if strings.ContainsAny(local, `<>,;:()[]"\@`) {
		return "", false
	} else if at >= 0 && strings.ContainsAny(local, " \t") {
		local = quoteString(local)
	}
	if at < 0 {
		return local, true
	}
	if !isDomain(domain) {
		return "", false
	}
	return local + "@" + asciiDomain(domain), true
}

// isDomain lets through a domain, a literal, or the beginning of one.
func isDomain(s string) bool {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return !strings.ContainsAny(s[1:len(s)-1], "[]\\<> \t\",;()")
	}
	return !strings.ContainsAny(s, "<>,;:()[]\"\\@ \t")
}

// asciiDomain gives a domain its ASCII form, so that servers without SMTPUTF8
// take it; one that has none stays as it is.
func asciiDomain(s string) string {
	if isASCII([]byte(s)) {
		return s
	}
	if a, err := idna.Lookup.ToASCII(s); err == nil {
		return a
	}
	return s
}

// phrase writes a display name: atoms, a quoted string, or encoded words.
func (w *folder) phrase(name, after string) {
	switch {
	case name != "" && isPlainASCII(name) && !strings.ContainsAny(name, "\t") && isAtoms(name):
		w.text(name)
		w.put(after)
	case isPlainASCII(name) && !strings.Contains(name, "=?") && !strings.ContainsAny(name, "\t") &&
		name == strings.TrimSpace(name) && len(name) < 200:
		w.word(quoteString(name) + after)
	default:
		w.encoded(name, true)
		w.put(after)
	}
}

// isAtoms says whether name is atoms with single spaces between.
func isAtoms(name string) bool {
	for _, word := range strings.Split(name, " ") {
		if !isAtom(word) || strings.HasPrefix(word, "=?") || len(word) > foldLine {
			return false
		}
	}
	return true
}
