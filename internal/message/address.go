package message

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Address is EmailAddress of RFC 8621, section 4.1.2.3. Name is "" for null.
type Address struct {
	Name  string
	Email string // may be anything, as drafts and broken mail go
}

// Group is EmailAddressGroup of RFC 8621, section 4.1.2.4: addresses outside of
// a group are collected under one without name.
type Group struct {
	Name      string // "" for null, unless IsGroup
	IsGroup   bool   // the mail has a group here, maybe with an empty name
	Addresses []Address
}

// Addresses is the Addresses form (RFC 8621, section 4.1.2.3).
func (f Field) Addresses() []Address { return ParseAddresses(f.Value) }

// GroupedAddresses is the GroupedAddresses form.
func (f Field) GroupedAddresses() []Group { return ParseGroups(f.Value) }

// ParseAddresses reads an address-list, dropping groups and comments.
func ParseAddresses(value string) []Address {
	if a, ok := plainMailbox(value); ok {
		return []Address{a}
	}
	all := []Address{}
	for _, g := range ParseGroups(value) {
		all = append(all, g.Addresses...)
	}
	return all
}

// ParseGroups reads an address-list (RFC 5322, section 3.4, with the obsolete
// forms) and takes what is not one as far as it goes: semicolons as separators,
// missing brackets, names without address, bare local parts, quotes that never
// end. Nothing is an error.
func ParseGroups(value string) []Group {
	if a, ok := plainMailbox(value); ok {
		return []Group{{Addresses: []Address{a}}}
	}
	return parseGroups(value)
}

// parseGroups is ParseGroups for everything.
func parseGroups(value string) []Group {
	p := addressParser{lex: lexAddresses(toUTF8(unfold(value), ""))}
	return p.groups()
}

// tokenKind is a kind of token of structured fields (RFC 5322, section 3.2).
type tokenKind byte

const (
	tokWord    tokenKind = iota // atom, or what is not anything else
	tokQuoted                   // quoted-string, unquoted
	tokComment                  // text of a comment
	tokSpecial                  // one of , ; : < > @
	tokLiteral                  // domain literal with its brackets
)

type token struct {
	kind  tokenKind
	text  string
	space bool // white space stood before it
}

// lexAddresses cuts a value into tokens, maxAddressTokens of them at most.
func lexAddresses(s string) []token {
	var toks []token
	var o openers
	space := false
	for i := 0; i < len(s) && len(toks) < maxAddressTokens; {
		if s[i] == ' ' || s[i] == '\t' {
			space = true
			i++
			continue
		}
		t, n := lexToken(s[i:], &o)
		t.space = space
		toks = append(toks, t)
		space = false
		i += n
	}
	return toks
}

func lexToken(s string, o *openers) (token, int) {
	// An encoded word may hold a comma that its sender did not encode.
	if _, n := parseEncodedWord(s, false); n > 0 {
		return token{kind: tokWord, text: s[:n]}, n
	}
	switch c := s[0]; c {
	case '"':
		if n := o.quoted(s); n > 0 {
			return token{kind: tokQuoted, text: unquote(s)}, n
		}
		return token{kind: tokWord, text: `"`}, 1
	case '(':
		if n, text := o.comment(s); n > 0 {
			return token{kind: tokComment, text: strings.TrimSpace(text)}, n
		}
		return token{kind: tokWord, text: "("}, 1
	case '[':
		if n := strings.IndexAny(s[:min(len(s), maxLiteral)], "]<>,"); n > 0 && s[n] == ']' {
			return token{kind: tokLiteral, text: s[:n+1]}, n + 1
		}
		return token{kind: tokWord, text: "["}, 1
	case ',', ';', ':', '<', '>', '@':
		return token{kind: tokSpecial, text: s[:1]}, 1
	}
	n := 0
	for n < len(s) && strings.IndexByte(" \t\"(,;:<>@[", s[n]) < 0 {
		n++
	}
	return token{kind: tokWord, text: s[:max(n, 1)]}, max(n, 1)
}

// addressParser takes tokens to groups.
type addressParser struct {
	lex   []token
	count int
}

func (p *addressParser) groups() []Group {
	out := []Group{}
	var loose Group
	flush := func() {
		if len(loose.Addresses) > 0 {
			out = append(out, loose)
			loose = Group{}
		}
	}
	for len(p.lex) > 0 && p.count < MaxAddresses {
		if name, n, ok := p.groupStart(); ok {
			flush()
			p.lex = p.lex[n:]
			out = append(out, Group{Name: name, IsGroup: true, Addresses: p.members()})
			continue
		}
		item, _ := p.item(",;")
		if a, ok := parseMailbox(item); ok {
			p.count++
			loose.Addresses = append(loose.Addresses, a)
		}
	}
	flush()
	return out
}

// members reads the addresses of a group up to its semicolon.
func (p *addressParser) members() []Address {
	list := []Address{}
	for len(p.lex) > 0 && p.count < MaxAddresses {
		item, end := p.item(",;")
		if a, ok := parseMailbox(item); ok {
			p.count++
			list = append(list, a)
		}
		if end == ";" {
			if len(p.lex) > 0 && p.lex[0].isSpecial(",") {
				p.lex = p.lex[1:]
			}
			break
		}
	}
	return list
}

// groupStart says whether a group's name and colon come first: words before a
// colon, with no address between.
func (p *addressParser) groupStart() (name string, n int, ok bool) {
	for i, t := range p.lex {
		if t.isSpecial(":") {
			if i == 0 {
				return "", 0, false
			}
			return phrase(p.lex[:i]), i + 1, true
		}
		if t.kind == tokSpecial || t.kind == tokLiteral {
			return "", 0, false
		}
	}
	return "", 0, false
}

// item takes the tokens up to a separator outside of angle brackets.
func (p *addressParser) item(separators string) (item []token, end string) {
	for i := 0; i < len(p.lex); i++ {
		t := p.lex[i]
		switch {
		case t.isSpecial("<"):
			i = closing(p.lex, i)
		case t.kind == tokSpecial && strings.Contains(separators, t.text):
			item, p.lex = p.lex[:i], p.lex[i+1:]
			return item, t.text
		}
	}
	item, p.lex = p.lex, nil
	return item, ""
}

// closing is the index of the ">" that ends the "<" at i; without one, i.
func closing(toks []token, i int) int {
	for j := i + 1; j < len(toks); j++ {
		if toks[j].isSpecial(">") {
			return j
		}
		if toks[j].isSpecial("<") {
			break
		}
	}
	return i
}

func (t token) isSpecial(s string) bool { return t.kind == tokSpecial && t.text == s }

// parseMailbox reads one mailbox: a name and an address in angle brackets, or
// an address with a name in a comment behind it.
func parseMailbox(toks []token) (Address, bool) {
	open := -1
	for i, t := range toks {
		if t.isSpecial("<") {
			open = i // the last one: "a <b> <c@d>" is common in forged mail
		}
	}
	if open >= 0 {
		return angleMailbox(toks, open)
	}
	email, after := addrSpec(toks)
	if email == "" {
		return Address{}, false
	}
	a := Address{Email: email, Name: commentName(after)}
	return a, true
}

func angleMailbox(toks []token, open int) (Address, bool) {
	end := len(toks)
	for i := open + 1; i < len(toks); i++ {
		if toks[i].isSpecial(">") {
			end = i
			break
		}
	}
	inside := dropRoute(toks[open+1 : end])
	a := Address{Name: phrase(toks[:open])}
	a.Email, _ = addrSpec(inside)
	if a.Name == "" && end < len(toks) {
		a.Name = commentName(toks[end+1:])
	}
	if a.Name == "" {
		a.Name = commentName(toks[:open])
	}
	return a, a.Name != "" || a.Email != ""
}

// dropRoute drops the source route of RFC 822: "<@a,@b:user@host>".
func dropRoute(toks []token) []token {
	if len(toks) == 0 || !toks[0].isSpecial("@") {
		return toks
	}
	for i, t := range toks {
		if t.isSpecial(":") {
			return toks[i+1:]
		}
	}
	return toks
}

// addrSpec joins the tokens of an address without white space and comments. In
// a list without brackets, words with spaces between are kept apart by one
// space, so that a half-typed draft stays readable.
func addrSpec(toks []token) (email string, rest []token) {
	var b strings.Builder
	last := -1
	for i, t := range toks {
		if t.kind == tokComment {
			continue
		}
		if t.space && last >= 0 && wordy(t) && wordy(toks[last]) && !strings.HasPrefix(t.text, ".") && !strings.HasSuffix(toks[last].text, ".") {
			b.WriteByte(' ')
		}
		if t.kind == tokQuoted {
			b.WriteString(quoteLocal(t.text))
		} else {
			b.WriteString(t.text)
		}
		last = i
	}
	return norm.NFC.String(strings.TrimSpace(b.String())), toks[last+1:]
}

func wordy(t token) bool { return t.kind == tokWord || t.kind == tokQuoted }

// quoteLocal writes a quoted local part back, without quotes when none are
// needed.
func quoteLocal(s string) string {
	if isDotAtom(s) {
		return s
	}
	return quoteString(s)
}

// commentName is the first comment's text, the name in mail of the 1980s.
func commentName(toks []token) string {
	for _, t := range toks {
		if t.kind == tokComment {
			return cleanPhrase(decodeUnstructured(t.text, nil))
		}
	}
	return ""
}

// phrase decodes a display name. Encoded words are atoms of their own (RFC 2047,
// section 5 (3)). They are not allowed inside quotes; but many senders quote a
// whole encoded name, and then the name is unreadable in every program that
// obeys: a quoted string that is encoded words and nothing else is decoded.
func phrase(toks []token) string {
	var b strings.Builder
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		if t.kind == tokComment {
			continue
		}
		if t.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		switch {
		case t.kind == tokQuoted && isEncodedOnly(t.text):
			b.WriteString(decodeAnywhere(t.text))
		case t.kind == tokQuoted:
			b.WriteString(t.text)
		default:
			n := plainRun(toks[i:])
			b.WriteString(decodeUnstructured(joinTokens(toks[i:i+n]), nil))
			i += n - 1
		}
	}
	return cleanPhrase(b.String())
}

// plainRun is how many tokens, from the first, are neither quoted nor comments.
func plainRun(toks []token) int {
	n := 1
	for n < len(toks) && toks[n].kind != tokQuoted && toks[n].kind != tokComment {
		n++
	}
	return n
}

func joinTokens(toks []token) string {
	var b strings.Builder
	for i, t := range toks {
		if i > 0 && t.space {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// isEncodedOnly says that s is encoded words and white space.
func isEncodedOnly(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return false
	}
	for s != "" {
		_, n := parseEncodedWord(s, true)
		if n == 0 {
			return false
		}
		s = strings.TrimLeft(s[n:], " \t")
	}
	return true
}

// cleanPhrase trims and collapses white space around a name.
func cleanPhrase(s string) string { return norm.NFC.String(strings.TrimSpace(dropControls(s))) }
