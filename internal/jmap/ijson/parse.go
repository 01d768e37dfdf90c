package ijson

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrDepth and ErrValues say which bound of Limits was exceeded.
var (
	ErrDepth  = errors.New("nested too deep")
	ErrValues = errors.New("too many values")
)

// Limits bounds what Parse builds.
type Limits struct {
	Depth  int // of arrays and objects in each other
	Values int // in all, members and elements counted alike
}

// Parse reads text as one I-JSON value.
func Parse(text string, lim Limits) (Value, error) {
	v, _, err := ParseCounted(text, lim)
	return v, err
}

// ParseCounted is Parse, and returns how many values there are.
func ParseCounted(text string, lim Limits) (Value, int, error) {
	if !utf8.ValidString(text) {
		return Value{}, 0, errors.New("not UTF-8") // RFC 7493, section 2.1
	}
	p := parser{text: text, depth: lim.Depth, left: lim.Values}
	p.space()
	v, err := p.value()
	if err != nil {
		return Value{}, 0, fmt.Errorf("at octet %d: %w", p.at, err)
	}
	p.space()
	if p.at != len(text) {
		return Value{}, 0, fmt.Errorf("at octet %d: bytes after the value", p.at)
	}
	return v, lim.Values - p.left, nil
}

// parser walks over a text that is known to be UTF-8.
type parser struct {
	text  string
	at    int
	depth int // levels that may still be opened
	left  int // values that may still come
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

var errEnd = errors.New("the text ends in the middle of a value")

func (p *parser) value() (Value, error) {
	if p.at == len(p.text) {
		return Value{}, errEnd
	}
	if p.left--; p.left < 0 {
		return Value{}, ErrValues
	}
	switch c := p.text[p.at]; {
	case c == '"':
		from := p.at
		esc, err := p.str()
		return Value{kind: String, raw: p.text[from:p.at], esc: esc}, err
	case c == '{' || c == '[':
		return p.container(c)
	case c == 't':
		return p.word("true", Bool)
	case c == 'f':
		return p.word("false", Bool)
	case c == 'n':
		return p.word("null", Null)
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	return Value{}, errors.New("not the beginning of a value")
}

func (p *parser) word(w string, kind Kind) (Value, error) {
	if len(p.text)-p.at < len(w) || p.text[p.at:p.at+len(w)] != w {
		return Value{}, errors.New("not the beginning of a value")
	}
	p.at += len(w)
	return Value{kind: kind, raw: w}, nil
}

// number reads RFC 8259, section 6. A number that a double cannot hold is
// refused: RFC 7493, section 2.2.
func (p *parser) number() (Value, error) {
	from := p.at
	p.skip('-')
	if !p.skip('0') && !p.digits() {
		return Value{}, errors.New("not a number")
	}
	if p.skip('.') && !p.digits() {
		return Value{}, errors.New("not a number")
	}
	if p.skip('e') || p.skip('E') {
		_ = p.skip('+') || p.skip('-')
		if !p.digits() {
			return Value{}, errors.New("not a number")
		}
	}
	raw := p.text[from:p.at]
	if _, err := strconv.ParseFloat(raw, 64); err != nil {
		return Value{}, errors.New("number beyond a double")
	}
	return Value{kind: Number, raw: raw}, nil
}

func (p *parser) skip(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) digits() bool {
	from := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > from
}

// container reads an array or an object.
func (p *parser) container(opening byte) (Value, error) {
	if p.depth--; p.depth < 0 {
		return Value{}, ErrDepth
	}
	defer func() { p.depth++ }()
	v := Value{kind: Array}
	closing := byte(']')
	if opening == '{' {
		v.kind, closing = Object, '}'
	}
	from := p.at
	p.at++
	p.space()
	var names nameSet
	for !p.skip(closing) {
		if len(v.kids) > 0 {
			if !p.skip(',') {
				return v, p.expected("a comma or the end")
			}
			p.space()
		}
		kid, err := p.kid(v.kind, &names, v.kids)
		if err != nil {
			return v, err
		}
		v.kids = append(v.kids, kid)
		p.space()
	}
	v.raw = p.text[from:p.at]
	return v, nil
}

// kid reads an element, or a member that is not in names yet.
func (p *parser) kid(in Kind, names *nameSet, before []Value) (Value, error) {
	if in == Array {
		return p.value()
	}
	if p.at == len(p.text) || p.text[p.at] != '"' {
		return Value{}, p.expected("a name")
	}
	from := p.at
	esc, err := p.str()
	if err != nil {
		return Value{}, err
	}
	name := p.text[from+1 : p.at-1]
	if esc {
		name = unescape(name)
	}
	if names.seen(name, before) {
		return Value{}, errors.New("the same name twice in one object") // RFC 7493, section 2.3
	}
	p.space()
	if !p.skip(':') {
		return Value{}, p.expected("a colon")
	}
	p.space()
	v, err := p.value()
	v.name = name
	return v, err
}

func (p *parser) expected(what string) error {
	if p.at == len(p.text) {
		return errEnd
	}
	return errors.New("expected " + what)
}

// nameSet finds names that come twice: by comparing while there are few of
// them, then by a map.
type nameSet struct{ m map[string]struct{} }

// manyNames is where a map becomes cheaper than comparing.
const manyNames = 16

func (s *nameSet) seen(name string, before []Value) bool {
	if len(before) < manyNames {
		for i := range before {
			if before[i].name == name {
				return true
			}
		}
		return false
	}
	if s.m == nil {
		s.m = make(map[string]struct{}, 2*manyNames)
		for i := range before {
			s.m[before[i].name] = struct{}{}
		}
	}
	_, twice := s.m[name]
	s.m[name] = struct{}{}
	return twice
}
