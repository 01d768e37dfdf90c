package jmap

// Keyword is a keyword of an Email in lower case (RFC 8621, section 4.1.1).
type Keyword string

// The keywords that the server itself gives a meaning.
const (
	KeywordDraft     Keyword = "$draft"
	KeywordSeen      Keyword = "$seen"
	KeywordFlagged   Keyword = "$flagged"
	KeywordAnswered  Keyword = "$answered"
	KeywordForwarded Keyword = "$forwarded"
	KeywordJunk      Keyword = "$junk"
	KeywordNotJunk   Keyword = "$notjunk"
	KeywordPhishing  Keyword = "$phishing"
)

// ParseKeyword returns s in lower case, and whether it is a keyword: 1 to 255
// octets of %x21-7e without ( ) { ] % * " \ (RFC 8621, section 4.1.1).
func ParseKeyword(s string) (Keyword, bool) {
	if len(s) == 0 || len(s) > MaxKeywordOctets {
		return "", false
	}
	upper := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f:
			return "", false
		case c == '(' || c == ')' || c == '{' || c == ']' || c == '%' || c == '*' || c == '"' || c == '\\':
			return "", false
		case 'A' <= c && c <= 'Z':
			upper = true
		}
	}
	if !upper {
		return Keyword(s), true
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return Keyword(b), true
}
