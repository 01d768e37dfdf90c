package jmapserver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maxOpenRows is how many rows of docs/conformance may be open. It only goes
// down: whoever adds a test that shows a sentence lowers it.
const maxOpenRows = 0

// sentence is one that has a key word of RFC 2119.
type sentence struct{ section, text string }

// must reports whether it binds, or advises with SHOULD alone.
func (s sentence) must() bool { return mustWords.MatchString(s.text) }

var (
	keyWords  = regexp.MustCompile(`\b(MUST|SHALL|REQUIRED|SHOULD|RECOMMENDED)\b`)
	mustWords = regexp.MustCompile(`\b(MUST|SHALL|REQUIRED)\b`)
)

// TestConformanceSentences holds docs/conformance against the text of the RFCs:
// each sentence has a row and each row a sentence, as often as it is there. It
// prints how many are shown.
func TestConformanceSentences(t *testing.T) {
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	open := 0
	for _, doc := range conformanceDocs {
		text, err := os.ReadFile(filepath.Join(dir, "rfc", doc+".txt"))
		if err != nil {
			t.Skipf("no text of the RFCs at %s (set COFFERDAM_SHARED): %v", dir, err)
		}
		without := map[sentence]int{} // sentences less rows
		counts := map[bool]map[string]int{true: {}, false: {}}
		for _, s := range rfcSentences(string(text)) {
			without[s]++
		}
		for _, r := range conformanceRows(t, doc) {
			s := sentence{r.section, r.sentence}
			without[s]--
			counts[s.must()][r.status]++
			if r.status == "open" {
				open++
			}
		}
		for s, n := range without {
			switch {
			case n > 0:
				t.Errorf("%s %s: no row for: %s", doc, s.section, s.text)
			case n < 0:
				t.Errorf("%s %s: a row for what the RFC does not say: %s", doc, s.section, s.text)
			}
		}
		for _, level := range []struct {
			word string
			must bool
		}{{"MUST", true}, {"SHOULD", false}} {
			c := counts[level.must]
			t.Logf("%s %s: %d shown, %d bind clients, %d not applicable, %d open", doc, level.word, c["shown"], c["client"], c["not applicable"], c["open"])
		}
	}
	switch {
	case open > maxOpenRows:
		t.Errorf("%d rows are open, and %d at most were before", open, maxOpenRows)
	case open < maxOpenRows:
		t.Logf("%d rows are open: lower maxOpenRows, which is %d", open, maxOpenRows)
	}
}

var (
	headings = regexp.MustCompile(`^(\d+(?:\.\d+)*)\.  ?\S`)
	bullets  = regexp.MustCompile(`^\s*(?:\*|\d+\.|:) `)
	// terms are names that are defined, on a line of their own.
	terms = regexp.MustCompile(`^\s*[A-Za-z@]+:$`)
	// resumed is a line that goes on with the sentence before a blank line.
	resumed = regexp.MustCompile(`^\s*(?:[.,;)]|[a-z]|(?:MUST|SHALL|SHOULD)\b)`)
	// signature is a bullet with the name, type and attributes of a property.
	signature = regexp.MustCompile(`^(?:\*|\d+\.|:) (?:"?@?\w+"?: (?:"[^" ]+" )?(?:\((?:default|immutable|server-set|optional)[^)]*\) )?)?`)
	hyphened  = regexp.MustCompile(`[A-Za-z]-$`)
	ends      = regexp.MustCompile(`[.!?][")\]]* ["(\[*@0-9A-Z]`)
)

// rfcSentences returns the sentences of an RFC that have a key word, in order,
// without the paragraph of section 1.1 that defines the key words. Line breaks,
// blank lines around a reference that was taken out, and the bullet before a
// sentence are no part of it; a sentence that ends with a colon ends there.
func rfcSentences(text string) (list []sentence) {
	section := ""
	var block []string
	flush := func() {
		for _, s := range splitSentences(foldLines(block)) {
			if keyWords.MatchString(s) && !strings.HasPrefix(s, `The key words "MUST"`) {
				list = append(list, sentence{section, s})
			}
		}
		block = nil
	}
	blank := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := headings.FindStringSubmatch(line); m != nil {
			flush()
			section, blank = m[1], false
			continue
		}
		if strings.TrimSpace(line) == "" {
			blank = true
			continue
		}
		if startsBlock(block, line, blank) {
			flush()
		}
		block, blank = append(block, line), false
	}
	flush()
	return list
}

// startsBlock reports whether a line begins a paragraph, an item of a list or a
// definition, after the lines of a block.
func startsBlock(block []string, line string, blank bool) bool {
	if len(block) == 0 {
		return false
	}
	last := strings.TrimSpace(block[len(block)-1])
	done := strings.ContainsAny(last[len(last)-1:], ".:!?")
	switch {
	case bullets.MatchString(line), len(block) == 1 && terms.MatchString(last):
		return true
	case terms.MatchString(line) && (blank || done):
		return true
	}
	return blank && (done || !resumed.MatchString(line))
}

// foldLines makes one line of several.
func foldLines(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		if i > 0 && !hyphened.MatchString(b.String()) {
			b.WriteByte(' ')
		}
		b.WriteString(strings.TrimSpace(line))
	}
	s := strings.Join(strings.Fields(b.String()), " ")
	// The text has markup where the published RFC has a hyphen, and a space
	// before a mark that followed a reference.
	s = strings.NewReplacer("[nbhy]", "-", " .", ".", " ,", ",", " ;", ";").Replace(s)
	return signature.ReplaceAllString(s, "")
}

func splitSentences(s string) (list []string) {
	for from := 0; ; {
		m := ends.FindStringIndex(s[from:])
		if m == nil {
			break
		}
		stop, next := from+m[0]+1, from+m[1]-1
		from = next
		if strings.HasSuffix(s[:stop], "e.g.") || strings.HasSuffix(s[:stop], "i.e.") {
			continue
		}
		list = append(list, strings.TrimSpace(s[:next]))
		s, from = s[next:], 0
	}
	return append(list, s)
}

// TestRFCSentences: what breaks a sentence in the text, and what does not.
func TestRFCSentences(t *testing.T) {
	const text = `Title

1. Introduction

The key words "MUST" and "SHOULD" are to be
interpreted as usual.

2. Things

A server MUST do it. It may not (e.g. "X" MUST be a well-
known one). You must not care. See

, which SHOULD be read; it
is SHOUTED.

2.1. Lists

It MUST be one of:

  * "a": The first. It SHALL NOT be
  the last.
  * "b" -- REQUIRED always.
  * size: "UnsignedInt" (default: 0) The size MUST fit.
    keys:
    Object|null

    It is RECOMMENDED
    and

    SHOULD come. This is said with an
    error:
      * More.
`
	want := []sentence{
		{"2", `A server MUST do it.`},
		{"2", `It may not (e.g. "X" MUST be a well-known one).`},
		{"2", `See, which SHOULD be read; it is SHOUTED.`},
		{"2.1", `It MUST be one of:`},
		{"2.1", `It SHALL NOT be the last.`},
		{"2.1", `"b" -- REQUIRED always.`},
		{"2.1", `The size MUST fit.`},
		{"2.1", `It is RECOMMENDED and SHOULD come.`},
	}
	if diff := cmp.Diff(want, rfcSentences(text), cmp.AllowUnexported(sentence{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
