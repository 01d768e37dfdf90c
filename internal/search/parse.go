package search

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cofferdam/internal/jmap"
)

// Filter is what a text asks for.
type Filter = jmap.Filter[jmap.EmailCondition]

// Env is what words such as "today", "inbox" and "me" mean to the person.
type Env struct {
	// Now is the moment of the search in the person's time zone, in which all
	// dates are read.
	Now time.Time
	// Mailboxes returns the Mailboxes that a name means: a role, a name or a
	// path with "/" between its levels. None: in: is not understood.
	Mailboxes func(name string) []jmap.MailboxID
	// Me are the person's addresses.
	Me []string
}

// Parse reads a search text. The filter is nil if the text asks nothing.
func Parse(text string, env *Env) (*Filter, []Span) {
	p := parser{s: text, env: env}
	f := p.expression(nil)
	return f, p.spans
}

// parser reads s from at on.
type parser struct {
	s     string
	at    int
	depth int // of open parentheses
	env   *Env
	spans []Span
}

// expression reads clauses to the end of the group or text. Words in it are looked
// for where field says; nil is anywhere.
func (p *parser) expression(field *operator) *Filter {
	var all []*Filter
	for {
		p.space()
		if p.at == len(p.s) || p.depth > 0 && p.s[p.at] == ')' {
			return join(jmap.OpAnd, all)
		}
		if f := p.clause(field); f != nil {
			all = append(all, f)
		}
	}
}

// clause reads units with OR between them.
func (p *parser) clause(field *operator) *Filter {
	var any []*Filter
	for {
		if f := p.unit(field); f != nil {
			any = append(any, f)
		}
		p.space()
		if p.or() == 0 {
			return join(jmap.OpOr, any)
		}
		for p.or() > 0 { // one OR is as good as two
			n, kind := p.or(), KindOr
			rest := strings.TrimSpace(p.s[p.at+n:])
			if len(any) == 0 || rest == "" || p.depth > 0 && rest[0] == ')' {
				kind = KindIncomplete
			}
			p.mark(p.at, p.at+n, kind, "")
			p.at += n
			p.space()
		}
		if p.at == len(p.s) || p.depth > 0 && p.s[p.at] == ')' {
			return join(jmap.OpOr, any)
		}
	}
}

// or is the length of an OR that stands here, else 0.
func (p *parser) or() int {
	for _, w := range []string{"OR", "||", "|"} {
		if p.keyword(w) {
			return len(w)
		}
	}
	return 0
}

// keyword reports whether a word stands here by itself.
func (p *parser) keyword(w string) bool {
	rest, ok := strings.CutPrefix(p.s[p.at:], w)
	if !ok {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || unicode.IsSpace(r) || p.depth > 0 && r == ')' || r == '(' && unicode.IsUpper(rune(w[0]))
}

// unit reads a primary, or its negation.
func (p *parser) unit(field *operator) *Filter {
	if p.or() > 0 { // at the beginning: clause marks it
		return nil
	}
	if p.keyword("AND") {
		p.mark(p.at, p.at+3, KindAnd, "")
		p.at += 3
		return nil
	}
	if n := p.not(); n > 0 {
		at := len(p.spans)
		p.mark(p.at, p.at+n, KindNot, "")
		p.at += n
		p.space()
		if f := p.primary(field); f != nil {
			return &Filter{Op: jmap.OpNot, Nodes: []*Filter{f}}
		}
		p.spans[at].Kind = KindIncomplete
		return nil
	}
	return p.primary(field)
}

// not is the length of a negation that stands here: "-" before something, or NOT.
func (p *parser) not() int {
	if p.keyword("NOT") {
		return 3
	}
	rest := p.s[p.at:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == '-' {
		return 0
	}
	if r, _ := utf8.DecodeRuneInString(rest[1:]); unicode.IsSpace(r) || r == ')' {
		return 0
	}
	return 1
}

// primary reads a group, an operator with its value, a phrase or a word.
func (p *parser) primary(field *operator) *Filter {
	if p.at == len(p.s) || p.depth > 0 && p.s[p.at] == ')' {
		return nil
	}
	if p.s[p.at] == '(' && p.depth < maxDepth && p.closes() {
		return p.group(field)
	}
	if phrase, n := quoted(p.s[p.at:]); n > 0 {
		p.mark(p.at, p.at+n, KindPhrase, field.title())
		p.at += n
		return field.words(phrase, p.env)
	}
	start := p.at
	if name := nameAt(p.s[p.at:]); name != "" {
		if o := find(name); o != nil {
			return p.operator(o, start, field)
		}
		if like := suggest(strings.ToLower(name)); like != "" {
			w := p.word()
			p.spans = append(p.spans, Span{Start: start, End: p.at, Kind: KindUnknown, Suggest: like})
			return field.words(w, p.env)
		}
	}
	w := p.word()
	p.mark(start, p.at, KindWord, field.title())
	return field.words(w, p.env)
}

// closes reports whether the parenthesis that stands here has a partner.
func (p *parser) closes() bool {
	open := 0
	for _, c := range []byte(p.s[p.at:]) {
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return true
			}
		}
	}
	return false
}

func (p *parser) group(field *operator) *Filter {
	p.mark(p.at, p.at+1, KindGroup, "")
	p.at++
	p.depth++
	f := p.expression(field)
	p.depth--
	if p.at < len(p.s) { // a quote may have taken the partner
		p.mark(p.at, p.at+1, KindGroup, "")
		p.at++
	}
	return f
}

// operator reads what follows a known name and its colon.
func (p *parser) operator(o *operator, start int, field *operator) *Filter {
	p.at = start + strings.IndexByte(p.s[start:], ':') + 1
	colon := p.at
	p.space()
	if p.at == len(p.s) || p.depth > 0 && p.s[p.at] == ')' || p.at > colon && (p.or() > 0 || nameAt(p.s[p.at:]) != "") {
		p.mark(start, colon, KindIncomplete, o.name)
		return nil
	}
	if o.field != nil && p.s[p.at] == '(' && p.depth < maxDepth && p.closes() {
		p.mark(start, colon, KindOperator, o.name)
		return p.group(o)
	}
	from := p.at
	value, n := quoted(p.s[p.at:])
	if n > 0 {
		p.at += n
	} else {
		value = p.word()
	}
	if strings.TrimSpace(value) == "" {
		p.mark(start, p.at, KindIncomplete, o.name)
		return nil
	}
	if f := o.read(value, p.env); f != nil {
		p.mark(start, colon, KindOperator, o.name)
		p.mark(from, p.at, KindValue, o.name)
		return f
	}
	p.mark(start, p.at, KindUnknown, o.name)
	if from == colon && n == 0 {
		return field.words(p.s[start:p.at], p.env)
	}
	return join(jmap.OpAnd, nonNil(field.words(p.s[start:colon], p.env), field.words(value, p.env)))
}

func nonNil(list ...*Filter) (out []*Filter) {
	for _, f := range list {
		if f != nil {
			out = append(out, f)
		}
	}
	return out
}

func (p *parser) space() {
	p.at = len(p.s) - len(strings.TrimLeftFunc(p.s[p.at:], unicode.IsSpace))
}

// word reads to the next space, or to the parenthesis that closes the group. One
// that was opened inside of the word closes there.
func (p *parser) word() string {
	start, inner := p.at, 0
	for p.at < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.s[p.at:])
		if unicode.IsSpace(r) {
			break
		}
		if r == '(' {
			inner++
		} else if r == ')' && inner > 0 {
			inner--
		} else if r == ')' && p.depth > 0 {
			break
		}
		p.at += n
	}
	return p.s[start:p.at]
}

// nameAt is the name of an operator if s begins with letters and a colon.
func nameAt(s string) string {
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case s[i] == ':' && i > 0:
			return s[:i]
		case 'a' <= c && c <= 'z' || s[i] == '_' && i > 0:
		default:
			return ""
		}
	}
	return ""
}

// closing has the quote that ends a phrase for each that begins one. Telephones
// write the curled ones by themselves.
var closing = map[rune]string{'"': `"`, '\'': `'`, '“': "”", '„': "“”", '”': "”", '«': "»"}

// quoted reads a phrase and its length; 0 if none begins here or it has no end. A
// backslash makes the next quote or backslash an ordinary character (RFC 8621,
// section 4.4.1).
func quoted(s string) (phrase string, n int) {
	open, at := utf8.DecodeRuneInString(s)
	ends, ok := closing[open]
	if !ok {
		return "", 0
	}
	var b strings.Builder
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == '\\' && at+1 < len(s) && strings.IndexByte(`'"\`, s[at+1]) >= 0:
			b.WriteByte(s[at+1])
			at += 2
			continue
		case strings.ContainsRune(ends, r) && r != utf8.RuneError && endsPhrase(s[at+size:], open):
			return b.String(), at + size
		}
		b.WriteString(s[at : at+size])
		at += size
	}
	return "", 0
}

// endsPhrase: an apostrophe inside of a word ends no phrase.
func endsPhrase(rest string, open rune) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return open != '\'' || !unicode.IsLetter(r)
}
