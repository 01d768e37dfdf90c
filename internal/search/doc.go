// Package search reads what a person types into a search box: words, quoted
// phrases, operators such as from: and before:, "-" and OR and parentheses. What it
// understands becomes a filter of RFC 8621, section 4.4.1, so that everything
// below answers it as it answers any other filter.
//
// # The language
//
//	expression = *clause                      all of them must match
//	clause     = unit *("OR" unit)            OR binds closer, as in other webmails
//	unit       = ["-" / "NOT"] primary
//	primary    = "(" expression ")" / operator ":" value / phrase / word
//
// The operators are in operators.go. Nothing is an error: what is not understood
// is searched as the words it consists of, and a Span says so; what has only been
// begun ("from:" at the end) asks nothing.
//
// # Invariants
//
// Parse is a function of its arguments: no I/O, no clock. Its time and memory are
// linear in the text, whose depth of parentheses is bounded. The spans ascend, do
// not overlap, and lie within the text on the bounds of characters.
//
// # What this package must not know
//
// Mail, folders beyond the names that Env resolves, JSON.
package search
