package jmap

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// UnicodeCasemap returns the form of s whose octets are compared in the
// collation i;unicode-casemap: each character in title case, then decomposed
// (RFC 5051, section 2).
func UnicodeCasemap(s string) string {
	title := make([]rune, 0, len(s))
	for _, r := range s {
		title = append(title, unicode.ToTitle(r))
	}
	return norm.NFKD.String(string(title))
}
