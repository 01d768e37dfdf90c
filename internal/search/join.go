package search

import (
	"strings"

	"cofferdam/internal/jmap"
)

// join puts filters together. Texts that must all be found become one condition:
// one question to the mail platform instead of several.
func join(op jmap.FilterOp, list []*Filter) *Filter {
	if op == jmap.OpAnd {
		list = merge(list)
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &Filter{Op: op, Nodes: list}
}

// merge puts the texts of all conditions into the first condition that has one.
func merge(list []*Filter) []*Filter {
	var out []*Filter
	var first *jmap.EmailCondition
	for _, f := range list {
		switch {
		case f.Op != "" || !f.Leaf.HasText():
			out = append(out, f)
		case first == nil:
			first = f.Leaf
			out = append(out, f)
		default:
			addText(first, f.Leaf)
		}
	}
	return out
}

// addText adds the texts of c to those of into.
func addText(into, c *jmap.EmailCondition) {
	for _, t := range []struct {
		into *string
		text string
	}{
		{&into.Text, c.Text}, {&into.From, c.From}, {&into.To, c.To}, {&into.Cc, c.Cc},
		{&into.Bcc, c.Bcc}, {&into.Subject, c.Subject}, {&into.Body, c.Body},
	} {
		*t.into = strings.TrimSpace(*t.into + " " + t.text)
	}
}
