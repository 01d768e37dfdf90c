package search_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cofferdam/internal/jmap"
	"cofferdam/internal/search"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// env is a Tuesday in Berlin.
func env() *search.Env {
	zone := time.FixedZone("CET", 3600)
	return &search.Env{
		Now: time.Date(2026, 11, 24, 5, 30, 0, 0, zone),
		Me:  []string{"anna@example.org", "info@example.org"},
		Mailboxes: func(name string) []jmap.MailboxID {
			switch strings.ToLower(name) {
			case "inbox":
				return []jmap.MailboxID{"M1"}
			case "work/clients", "clients":
				return []jmap.MailboxID{"M2"}
			case "twice":
				return []jmap.MailboxID{"M3", "M4"}
			}
			return nil
		},
	}
}

// TestParse runs testdata/cases.txt: a search text after ">", what it asks, and
// its parts with what each was taken for.
func TestParse(t *testing.T) {
	const path = "testdata/cases.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	cases := 0
	for block := range strings.SplitSeq(strings.TrimRight(string(text), "\n"), "\n\n") {
		query, want, _ := strings.Cut(block, "\n")
		if strings.HasPrefix(query, "#") {
			b.WriteString(block + "\n\n")
			continue
		}
		cases++
		query = strings.TrimPrefix(query, ">")
		query = strings.TrimPrefix(query, " ")
		f, spans := search.Parse(query, env())
		got := filterText(f) + "\n" + spanText(query, spans)
		if !*update && got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
		b.WriteString("> " + query + "\n" + got + "\n\n")
	}
	if cases < 80 {
		t.Errorf("%d cases only", cases)
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// spanText writes each part with its kind.
func spanText(s string, spans []search.Span) string {
	var b strings.Builder
	for _, sp := range spans {
		kind := string(sp.Kind)
		if sp.Operator != "" {
			kind += "/" + sp.Operator
		}
		if sp.Suggest != "" {
			kind += "?" + sp.Suggest
		}
		fmt.Fprintf(&b, "%s‹%s› ", kind, s[sp.Start:sp.End])
	}
	return strings.TrimSpace(b.String())
}

// filterText writes a filter in one line.
func filterText(f *search.Filter) string {
	switch {
	case f == nil:
		return "everything"
	case f.Op == "":
		return conditionText(f.Leaf)
	}
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, filterText(n))
	}
	return fmt.Sprintf("%s(%s)", f.Op, strings.Join(nodes, " "))
}

func conditionText(c *jmap.EmailCondition) string {
	var out []string
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	add("text", c.Text)
	add("from", c.From)
	add("to", c.To)
	add("cc", c.Cc)
	add("bcc", c.Bcc)
	add("subject", c.Subject)
	add("body", c.Body)
	add("in", string(c.InMailbox))
	add("has", string(c.HasKeyword))
	add("not", string(c.NotKeyword))
	if !c.After.IsZero() {
		add("after", c.After.Format(time.RFC3339))
	}
	if !c.Before.IsZero() {
		add("before", c.Before.Format(time.RFC3339))
	}
	if c.MinSize > 0 {
		add("min", fmt.Sprint(c.MinSize))
	}
	if c.MaxSize != nil {
		add("max", fmt.Sprint(*c.MaxSize))
	}
	if c.HasAttachment != nil {
		add("attachment", fmt.Sprint(*c.HasAttachment))
	}
	return "{" + strings.Join(out, " ") + "}"
}

// TestOperators: every operator is known by its name, in any case, and none is
// another's.
func TestOperators(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range search.Operators() {
		if seen[name] {
			t.Errorf("%s twice", name)
		}
		seen[name] = true
		_, spans := search.Parse(strings.ToUpper(name)+":", env())
		if len(spans) != 1 || spans[0].Kind != search.KindIncomplete || spans[0].Operator != name {
			t.Errorf("%s: %+v", name, spans)
		}
	}
}

// TestZone: a day is the person's day, with its 23 or 25 hours.
func TestZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones on this machine:", err)
	}
	f, _ := search.Parse("on:2026-10-25", &search.Env{Now: time.Date(2026, 11, 24, 0, 0, 0, 0, berlin)})
	if d := f.Leaf.Before.Sub(f.Leaf.After); d != 25*time.Hour {
		t.Errorf("the day on which summer time ends has %v", d)
	}
	if got := f.Leaf.After.Format(time.RFC3339); got != "2026-10-24T22:00:00Z" {
		t.Errorf("it begins at %s", got)
	}
}

// FuzzParse: no text is an error, and spans are as they are promised.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if q, ok := strings.CutPrefix(line, "> "); ok {
			f.Add(strings.TrimSuffix(q, "\n"))
		}
	}
	f.Add(strings.Repeat("(", 500) + strings.Repeat(")", 500))
	f.Add(strings.Repeat("subject:(", 60) + "a" + strings.Repeat(")", 60))
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > search.MaxText {
			return
		}
		filter, spans := search.Parse(s, env())
		at := 0
		for _, sp := range spans {
			if sp.Start < at || sp.End <= sp.Start || sp.End > len(s) {
				t.Fatalf("spans of %q: %+v", s, spans)
			}
			if between := s[at:sp.Start]; strings.TrimSpace(between) != "" {
				t.Fatalf("%q of %q is in no span", between, s)
			}
			if utf8.ValidString(s) && !utf8.ValidString(s[sp.Start:sp.End]) {
				t.Fatalf("a span of %q cuts a character: %+v", s, sp)
			}
			at = sp.End
		}
		if strings.TrimSpace(s[at:]) != "" {
			t.Fatalf("%q of %q is in no span", s[at:], s)
		}
		check(t, s, filter, 0)
	})
}

// check looks at every node: operators have nodes, none is nil, and the depth is
// bounded.
func check(t *testing.T, s string, f *search.Filter, depth int) {
	if f == nil {
		return
	}
	if depth > 60 {
		t.Fatalf("the filter of %q is too deep", s)
	}
	if f.Op == "" {
		if f.Leaf == nil {
			t.Fatalf("a leaf without a condition: %q", s)
		}
		return
	}
	if len(f.Nodes) == 0 {
		t.Fatalf("an operator without conditions: %q", s)
	}
	for _, n := range f.Nodes {
		if n == nil {
			t.Fatalf("no condition: %q", s)
		}
		check(t, s, n, depth+1)
	}
}
