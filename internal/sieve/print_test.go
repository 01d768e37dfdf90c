package sieve

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// write writes commands so that they are read as they are.
func write(b *strings.Builder, list []Node) {
	for i := range list {
		printNode(b, &list[i])
		if list[i].Block != nil {
			b.WriteString("{")
			write(b, list[i].Block)
			b.WriteString("}")
		} else {
			b.WriteString(";")
		}
	}
}

func printNode(b *strings.Builder, n *Node) {
	b.WriteString(" " + n.Name)
	for _, a := range n.Args {
		switch {
		case a.Tag != "":
			b.WriteString(" :" + a.Tag)
		case !a.IsStrings():
			b.WriteString(" " + number(a.Number))
		case len(a.Strings) == 1:
			b.WriteString(" " + Quote(a.Strings[0]))
		default:
			b.WriteString(" " + QuoteList(a.Strings))
		}
	}
	if len(n.Tests) == 1 {
		b.WriteString("(")
		printNode(b, &n.Tests[0])
		b.WriteString(")")
	}
	if len(n.Tests) > 1 {
		sep := "("
		for i := range n.Tests {
			b.WriteString(sep)
			printNode(b, &n.Tests[i])
			sep = ","
		}
		b.WriteString(")")
	}
}

// number writes a number that was read: over 2147483647 it had a quantifier (RFC
// 5228, section 2.4.1).
func number(n uint64) string {
	for _, q := range []string{"", "K", "M", "G"} {
		if n <= 1<<31-1 {
			return strconv.FormatUint(n, 10) + q
		}
		n >>= 10
	}
	return "0" // not reached: what was read fits
}

// FuzzPrint: a script written from what was read of it is read as the same; and what
// was read is bounded by the script, so that no script is a bomb.
func FuzzPrint(f *testing.F) {
	for _, s := range []string{"keep;", "require [\"a\", \"b\"]; if allof (true, not header :is [\"a\", \"b\"] 10K) { stop; } else {}",
		"vacation text: # c\r\n..a\r\n.\r\n;", "/* */ redirect :copy \"a\\\"b@c\"; a 2000000000G;", "if not not true { if x {} }"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse(src)
		if err != nil {
			return
		}
		nodes, octets := weigh(s.Commands)
		if nodes > MaxNodes || nodes > len(src) || octets > len(src) {
			t.Fatalf("%d nodes with %d octets out of %d", nodes, octets, len(src))
		}
		var b strings.Builder
		write(&b, s.Commands)
		if b.Len() > MaxScript {
			return
		}
		again, err := Parse(b.String())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", src, b.String(), err)
		}
		unified := cmp.Transformer("CRLF", func(s string) string {
			return strings.NewReplacer("\r\n", "\n").Replace(s)
		})
		if d := cmp.Diff(s, again, cmpopts.IgnoreFields(Node{}, "Start", "End", "Line"), unified); d != "" {
			t.Fatalf("%q was written as %q:\n%s", src, b.String(), d)
		}
	})
}

// weigh counts nodes, and the octets of their names and arguments.
func weigh(list []Node) (nodes, octets int) {
	for _, n := range list {
		nodes++
		octets += len(n.Name)
		for _, a := range n.Args {
			octets += len(a.Tag)
			for _, s := range a.Strings {
				octets += len(s)
			}
		}
		for _, sub := range [][]Node{n.Tests, n.Block} {
			more, size := weigh(sub)
			nodes, octets = nodes+more, octets+size
		}
	}
	return nodes, octets
}
