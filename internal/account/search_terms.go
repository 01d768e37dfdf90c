package account

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// termsOf are the words that a condition asks for; all of them must be found.
func termsOf(c *jmap.EmailCondition) ([]upstream.Term, error) {
	var terms []upstream.Term
	for _, f := range []struct {
		field upstream.Field
		text  string
	}{
		{upstream.FieldText, c.Text}, {upstream.FieldFrom, c.From}, {upstream.FieldTo, c.To},
		{upstream.FieldCc, c.Cc}, {upstream.FieldBcc, c.Bcc}, {upstream.FieldSubject, c.Subject},
		{upstream.FieldBody, c.Body},
	} {
		for _, w := range words(f.text) {
			terms = append(terms, upstream.Term{Field: f.field, Value: w})
		}
	}
	if h := c.Header; h != nil {
		// The whole text is looked for, not its words: RFC 8621, section 4.4.1
		// defines it as a plain substring.
		terms = append(terms, upstream.Term{Field: upstream.FieldHeader, Name: h.Name, Value: clean(h.Text)})
	}
	long := func(t upstream.Term) bool { return len(t.Value) > maxTermOctets || len(t.Name) > maxTermOctets }
	if len(terms) > maxTerms || slices.ContainsFunc(terms, long) {
		return nil, jmap.UnsupportedFilter
	}
	return terms, nil
}

// words cuts a search text into words and quoted phrases (RFC 8621, section
// 4.4.1): single or double quotes, in which a backslash makes the next quote of
// either kind, or backslash, an ordinary character.
func words(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if quote := s[0]; quote == '"' || quote == '\'' {
			if phrase, rest, ok := quoted(s[1:], quote); ok {
				if phrase = clean(phrase); phrase != "" {
					out = append(out, phrase)
				}
				s = rest
				continue
			}
		}
		end := strings.IndexAny(s, " \t\r\n")
		if end < 0 {
			end = len(s)
		}
		if w := clean(s[:end]); w != "" {
			out = append(out, w)
		}
		s = s[end:]
	}
	return out
}

// quoted reads up to the closing quote.
func quoted(s string, quote byte) (phrase, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte("'\"\\", s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case s[i] == quote:
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// clean takes out what no mail system can look for.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
