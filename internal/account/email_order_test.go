package account

import (
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// Mails of several mailboxes are read in exchanges of sortBatch mails, none of
// them left out or read twice.
func TestBatches(t *testing.T) {
	var matches []replica.Match
	total := 0
	for i, n := range []int{1, sortBatch - 1, 3*sortBatch + 7, 0, 5} {
		m := replica.Match{At: upstream.Place{Box: string(rune('a' + i)), Validity: 1}}
		if n > 0 {
			m.UIDs.AddRange(1, upstream.UID(n))
		}
		matches = append(matches, m)
		total += n
	}
	batches, n := batchesOf(matches, upstream.Want{Fields: []string{"Subject"}})
	if n != total || len(batches) != total/sortBatch+1 {
		t.Fatalf("%d mails in %d batches, want %d", n, len(batches), total)
	}
	seen := make(map[upstream.Place]*upstream.UIDSet)
	for at, b := range batches {
		size := 0
		for _, ask := range b {
			size += int(ask.UIDs.Count())
			if seen[ask.At] == nil {
				seen[ask.At] = new(upstream.UIDSet)
			}
			seen[ask.At].AddSet(ask.UIDs)
		}
		if size > sortBatch || size < sortBatch && at < len(batches)-1 {
			t.Errorf("batch %d has %d mails", at, size)
		}
	}
	for _, m := range matches {
		if s := seen[m.At]; m.UIDs.Count() > 0 && (s == nil || s.Count() != m.UIDs.Count()) {
			t.Errorf("%s: read %v of %v", m.At.Box, s, m.UIDs)
		}
	}
}

// A sort that would take more memory than it may is refused before anything is
// read.
func TestSortIsBounded(t *testing.T) {
	m := replica.Match{At: upstream.Place{Box: "a", Validity: 1}}
	m.UIDs.AddRange(1, maxSortBytes/sortedSize)
	_, err := new(Account).orderByReading(t.Context(), []jmap.Comparator{{Property: jmap.SortSubject}}, []replica.Match{m})
	if err != errSortTooLarge {
		t.Errorf("got %v, want %v", err, errSortTooLarge)
	}
}

func TestQuotedPhrases(t *testing.T) {
	for in, want := range map[string]string{
		`"a \"b\" c"`: `a "b" c`, `"it\'s"`: "it's", `'it\'s'`: "it's", `'say \"x\"'`: `say "x"`, `"back\\slash"`: `back\slash`,
	} {
		if got := words(in); len(got) != 1 || got[0] != want {
			t.Errorf("words(%q) = %q, want %q", in, got, want)
		}
	}
}
