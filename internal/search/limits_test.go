package search

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLimits: numbers and parentheses as large and as deep as they may be mean
// something; beyond it they are letters like others (maxCount, maxSize, maxDepth).
func TestLimits(t *testing.T) {
	env := &Env{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for n, want := range map[int]bool{maxCount: true, maxCount + 1: false} {
		if _, ok := ago(fmt.Sprint(n, "y"), env); ok != want {
			t.Errorf("%d years: %v, want %v", n, ok, want)
		}
	}
	for n, want := range map[uint64]bool{maxSize: true, maxSize + 1: false} {
		if _, ok := readSize(fmt.Sprint(n)); ok != want {
			t.Errorf("%d octets: %v, want %v", n, ok, want)
		}
	}
	letters := func(depth int) bool { // whether a parenthesis is one
		text := strings.Repeat("(", depth) + "a OR b" + strings.Repeat(")", depth)
		f, _ := Parse(text, env)
		return strings.Contains(fmt.Sprintf("%+v", dump(f)), "(")
	}
	if letters(maxDepth) {
		t.Error("maxDepth parentheses are letters")
	}
	if !letters(maxDepth + 1) {
		t.Error("one more than maxDepth is a parenthesis")
	}
}

// dump writes the words of a filter.
func dump(f *Filter) string {
	if f == nil {
		return ""
	}
	if f.Leaf != nil {
		return fmt.Sprintf("%+v ", *f.Leaf)
	}
	var b strings.Builder
	for _, n := range f.Nodes {
		b.WriteString(dump(n))
	}
	return b.String()
}
