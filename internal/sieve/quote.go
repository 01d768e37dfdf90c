package sieve

import "strings"

// Quote writes a string (RFC 5228, section 2.4.2.1). What it holds must be text
// that Parse takes: UTF-8 without NUL. Line ends become CRLF.
func Quote(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "\r\n").Replace(s) + `"`
}

// QuoteList writes a list of strings.
func QuoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Requires are the extensions that the script's leading require commands name,
// and where the rest of it begins, in bytes.
func (s *Script) Requires() (extensions []string, rest int) {
	for i := range s.Commands {
		n := &s.Commands[i]
		if n.Name != "require" {
			break
		}
		for _, a := range n.Args {
			extensions = append(extensions, a.Strings...)
		}
		rest = n.End
	}
	return extensions, rest
}
