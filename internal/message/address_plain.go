package message

import "strings"

// plainMailbox reads the mailbox that nine of ten address fields consist of: an
// address, alone or in angle brackets behind plain words or a quoted name. All of
// it is printable ASCII, without comments, encoded words, escapes and odd places
// of white space. ok is false for everything else, which is left to the whole
// reader; where it is true both read the same.
func plainMailbox(s string) (a Address, ok bool) {
	s = strings.Trim(s, " ")
	open := strings.IndexByte(s, '<')
	if open < 0 {
		return Address{Email: s}, isPlainAddress(s)
	}
	if s[len(s)-1] != '>' {
		return a, false
	}
	a.Email = s[open+1 : len(s)-1]
	name, ok := plainName(strings.TrimRight(s[:open], " "))
	a.Name = name
	return a, ok && isPlainAddress(a.Email)
}

// plainName reads words with one space between, or a quoted string.
func plainName(s string) (name string, ok bool) {
	quoted := len(s) >= 3 && s[0] == '"' && s[len(s)-1] == '"'
	if quoted {
		s = s[1 : len(s)-1]
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			if i == 0 || i == len(s)-1 || s[i+1] == ' ' {
				return "", false
			}
		case isPlainByte(c):
		case quoted && strings.IndexByte("(),:;<>@[]", c) >= 0:
		default:
			return "", false
		}
	}
	return s, true
}

// isPlainAddress says that s is words, an @ and words.
func isPlainAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && isPlainWord(local) && isPlainWord(domain)
}

func isPlainWord(s string) bool {
	for i := range len(s) {
		if !isPlainByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isPlainByte: letters, digits, and signs that mean nothing in an address list. "="
// and "?" may be an encoded word.
func isPlainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-./^_`{|}~", c) >= 0
}
