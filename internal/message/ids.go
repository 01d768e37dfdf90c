package message

import "strings"

// MessageIDs is the MessageIds form (RFC 8621, section 4.1.2.5), nil for null.
func (f Field) MessageIDs() []string { return ParseMessageIDs(f.Value) }

// ParseMessageIDs reads a list of msg-id without their angle brackets. Words
// between them are skipped: RFC 5322, section 4.5.4 has them in In-Reply-To. If
// there is no id at all, the answer is nil.
func ParseMessageIDs(value string) []string {
	s := stripComments(toUTF8(unfold(value), ""))
	var ids []string
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			return boundIDs(ids)
		}
		s = s[open+1:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return boundIDs(ids)
		}
		// "<a <b@c>": the inner one is the id.
		inner := s[strings.LastIndexByte(s[:end], '<')+1 : end]
		s = s[end+1:]
		if !isGraphic(inner, '!') {
			inner = strings.Join(strings.Fields(inner), "")
		}
		if inner != "" {
			ids = append(ids, inner)
		}
	}
}

// boundIDs keeps the first and the last ids of a list that is too long.
func boundIDs(ids []string) []string {
	if len(ids) <= MaxMessageIDs {
		return ids
	}
	half := MaxMessageIDs / 2
	return append(ids[:half:half], ids[len(ids)-half:]...)
}

// URLs is the URLs form (RFC 8621, section 4.1.2.7), nil for null.
func (f Field) URLs() []string { return ParseURLs(f.Value) }

// ParseURLs reads the URLs in angle brackets of a list header (RFC 2369,
// section 2), without white space and comments. As that section says, reading
// stops at what is neither. The answer is nil if there is none.
func ParseURLs(value string) []string {
	s := strings.TrimSpace(stripURLComments(toUTF8(unfold(value), "")))
	var urls []string
	for strings.HasPrefix(s, "<") && len(urls) < MaxMessageIDs {
		end := strings.IndexByte(s, '>')
		if end < 0 {
			break
		}
		if u := strings.Join(strings.Fields(s[1:end]), ""); u != "" {
			urls = append(urls, u)
		}
		s = strings.TrimSpace(s[end+1:])
		if !strings.HasPrefix(s, ",") {
			break
		}
		s = strings.TrimLeft(s, ", \t")
	}
	return urls
}

// stripURLComments drops comments outside of angle brackets: a URL may hold
// parentheses.
func stripURLComments(s string) string {
	var b strings.Builder
	var o openers
	last := strings.LastIndexByte(s, '>')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			if i < last {
				n := strings.IndexByte(s[i:], '>')
				b.WriteString(s[i : i+n+1])
				i += n
				continue
			}
		case '(':
			if n, _ := o.comment(s[i:]); n > 0 {
				i += n - 1
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
