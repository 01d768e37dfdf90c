package sieve

import "fmt"

// Script is a parsed script.
type Script struct {
	Commands []Node
}

// Node is a command or a test; they have the same form (RFC 5228, section 8.2).
type Node struct {
	Name  string // in lower case
	Args  []Arg
	Tests []Node
	Block []Node // of a command
	// Start and End are where it stands in the script, in bytes, with its
	// semicolon or block.
	Start, End int
	Line       int
}

// Arg is one argument: a tag, a number or a list of strings.
type Arg struct {
	Tag     string // without its colon, in lower case; "": no tag
	Number  uint64
	Strings []string // not nil if it is a string or a list of them
}

// IsStrings reports whether the argument is a string or a list of strings.
func (a Arg) IsStrings() bool { return a.Strings != nil }

// Parse reads a script. The error is an *Error.
func Parse(src string) (*Script, error) {
	if len(src) > MaxScript {
		return nil, &Error{Line: 1, Text: fmt.Sprintf("the script has more than %d bytes", MaxScript)}
	}
	if err := checkText(src); err != nil {
		return nil, err
	}
	p := &parser{lexer: lexer{src: src, line: 1}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	commands, err := p.commands(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected()
	}
	return &Script{Commands: commands}, nil
}

// parser holds one token ahead.
type parser struct {
	lexer lexer
	tok   token
	last  int // where the token before it ended
	nodes int
}

func (p *parser) advance() (err error) {
	p.last = p.tok.end
	p.tok, err = p.lexer.next()
	return err
}

func (p *parser) is(mark byte) bool { return p.tok.kind == tokMark && p.tok.mark == mark }

func (p *parser) unexpected() error {
	what := "the end of the script"
	switch p.tok.kind {
	case tokName:
		what = "a name"
	case tokTag:
		what = "a tag"
	case tokNumber:
		what = "a number"
	case tokString:
		what = "a string"
	case tokMark:
		what = string(p.tok.mark)
	}
	return &Error{Line: p.tok.line, Text: "unexpected " + what}
}

// commands reads until "}" or the end.
func (p *parser) commands(depth int) ([]Node, error) {
	var list []Node
	for p.tok.kind == tokName {
		n, err := p.node(depth)
		if err != nil {
			return nil, err
		}
		switch {
		case p.is(';'):
			err = p.advance()
		case p.is('{'):
			n.Block, err = p.block(depth + 1)
		default:
			err = p.unexpected()
		}
		if err != nil {
			return nil, err
		}
		n.End = p.last
		list = append(list, n)
	}
	return list, nil
}

func (p *parser) block(depth int) ([]Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	list, err := p.commands(depth)
	if err != nil {
		return nil, err
	}
	if !p.is('}') {
		return nil, p.unexpected()
	}
	return list, p.advance()
}

// node reads a name and its arguments.
func (p *parser) node(depth int) (Node, error) {
	n := Node{Name: p.tok.text, Start: p.tok.start, Line: p.tok.line}
	if p.nodes++; p.nodes > MaxNodes {
		return n, &Error{Line: n.Line, Text: fmt.Sprintf("more than %d commands and tests", MaxNodes)}
	}
	if depth > MaxDepth {
		return n, &Error{Line: n.Line, Text: fmt.Sprintf("nested deeper than %d", MaxDepth)}
	}
	if err := p.advance(); err != nil {
		return n, err
	}
	if err := p.arguments(&n); err != nil {
		return n, err
	}
	var err error
	switch {
	case p.tok.kind == tokName:
		var t Node
		t, err = p.node(depth + 1)
		n.Tests = []Node{t}
	case p.is('('):
		n.Tests, err = p.tests(depth + 1)
	}
	n.End = p.last
	return n, err
}

func (p *parser) arguments(n *Node) error {
	for {
		var a Arg
		switch {
		case p.tok.kind == tokTag:
			a.Tag = p.tok.text
		case p.tok.kind == tokNumber:
			a.Number = p.tok.number
		case p.tok.kind == tokString:
			a.Strings = []string{p.tok.text}
		case p.is('['):
			list, err := p.strings()
			if err != nil {
				return err
			}
			a.Strings = list
		default:
			return nil
		}
		n.Args = append(n.Args, a)
		if err := p.advance(); err != nil {
			return err
		}
	}
}

// strings reads a list up to its "]", which is left for the caller.
func (p *parser) strings() ([]string, error) {
	list := []string{}
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokString {
			return nil, p.unexpected()
		}
		list = append(list, p.tok.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.is(']') {
			return list, nil
		}
		if !p.is(',') {
			return nil, p.unexpected()
		}
	}
}

func (p *parser) tests(depth int) ([]Node, error) {
	var list []Node
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokName {
			return nil, p.unexpected()
		}
		t, err := p.node(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		if p.is(')') {
			return list, p.advance()
		}
		if !p.is(',') {
			return nil, p.unexpected()
		}
	}
}
