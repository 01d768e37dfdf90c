package thread

import (
	"strings"
	"unicode"
)

// BaseSubject is the base subject of RFC 5256, section 2.1, of a subject whose
// encoded words are decoded already (step 1). It is made for comparing, not for
// showing.
func BaseSubject(subject string) string {
	return base(subject, refwd)
}

// Topic is the base subject with the reply and forward marks of other languages
// removed too, in lower case and without white space: RFC 8621, section 3 groups
// by what remains without automatic prefixes, and a mail program set to German
// writes "AW:".
func Topic(subject string) string {
	s := base(subject, func(s string) int { return max(refwd(s), localRefwd(s)) })
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// base runs steps 2 to 7; mark is the length of the reply or forward mark that
// begins its argument, with its colon, or 0.
func base(subject string, mark func(string) int) string {
	s := strings.Join(strings.Fields(bounded(subject)), " ")
	for {
		s = trimTrailers(s)
		s = trimLeaders(s, mark)
		inner, ok := unwrapForward(s)
		if !ok {
			return s
		}
		s = inner
	}
}

// bounded cuts what no subject needs, since each step looks at the rest again.
func bounded(s string) string {
	if len(s) <= MaxSubject {
		return s
	}
	return strings.ToValidUTF8(s[:MaxSubject], "")
}

// trimTrailers is step 2: subj-trailer = "(fwd)" / WSP.
func trimTrailers(s string) string {
	for {
		t := strings.TrimRight(s, " \t")
		if n := len(t) - len("(fwd)"); n >= 0 && strings.EqualFold(t[n:], "(fwd)") {
			s = t[:n]
			continue
		}
		return t
	}
}

// trimLeaders is steps 3 to 5.
func trimLeaders(s string, mark func(string) int) string {
	for {
		s = strings.TrimLeft(s, " \t")
		if n := leader(s, mark); n > 0 {
			s = s[n:]
			continue
		}
		n := blob(s)
		if n == 0 || strings.TrimLeft(s[n:], " \t") == "" {
			return s
		}
		s = s[n:]
	}
}

// leader is the length of *subj-blob subj-refwd, or 0.
func leader(s string, mark func(string) int) int {
	at := 0
	for {
		if n := mark(s[at:]); n > 0 {
			return at + n
		}
		n := blob(s[at:])
		if n == 0 {
			return 0
		}
		at += n
	}
}

// blob is the length of subj-blob = "[" *BLOBCHAR "]" *WSP, or 0.
func blob(s string) int {
	if s == "" || s[0] != '[' {
		return 0
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return 0
	}
	return len(s) - len(strings.TrimLeft(s[end+2:], " \t"))
}

// refwd is the length of subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":".
func refwd(s string) int {
	for _, word := range []string{"re", "fwd", "fw"} {
		if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) {
			if n := markEnd(s[len(word):], ":"); n > 0 {
				return len(word) + n
			}
		}
	}
	return 0
}

// markEnd is the length of *WSP [subj-blob] and one of the colons given.
func markEnd(s string, colons ...string) int {
	t := strings.TrimLeft(s, " \t")
	t = t[blob(t):]
	for _, c := range colons {
		if strings.HasPrefix(t, c) {
			return len(s) - len(t) + len(c)
		}
	}
	return 0
}

// localMarks are what mail programs write for "Re:" and "Fwd:" in other
// languages, and those two, which some write with numbers. Only marks that
// programs add by themselves belong here.
var localMarks = [...]string{
	"re", "fwd", "fw",
	"aw", "antw", "antwort", "wg", // German
	"sv", "vs", "vb", "vl", // Swedish, Danish, Norwegian, Finnish
	"doorst",           // Dutch
	"ref", "tr", "rép", // French
	"rif", "r", "i", // Italian
	"rv", "enc", "res", // Spanish, Portuguese
	"odp", "pd", // Polish
	"ynt", "ilt", // Turkish
	"atb", "nht", "vá", "továbbítás", // Latvian, Vietnamese, Hungarian
	"απ", "πρθ", "отв", // Greek, Russian
	"回复", "答复", "回覆", "轉寄", "转发", "답장", "전달", // Chinese, Korean
}

// localRefwd is refwd for localMarks; a number in brackets may follow ("Re[2]:",
// "AW(3):"), and the colon may be the full-width one.
func localRefwd(s string) int {
	for _, word := range localMarks {
		if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
			continue
		}
		rest := s[len(word):]
		digits := strings.TrimLeft(strings.TrimLeft(rest, "([^"), "0123456789")
		skipped := len(rest) - len(strings.TrimLeft(digits, ")]"))
		for _, at := range []int{0, skipped} {
			if n := markEnd(rest[at:], ":", "："); n > 0 {
				return len(word) + at + n
			}
		}
	}
	return 0
}

// unwrapForward is step 6: "[fwd:" subject "]".
func unwrapForward(s string) (string, bool) {
	const header = "[fwd:"
	if len(s) > len(header) && strings.EqualFold(s[:len(header)], header) && strings.HasSuffix(s, "]") {
		return s[len(header) : len(s)-1], true
	}
	return s, false
}
