package store

import (
	"errors"
	"strings"
	"testing"
)

// TestLimitsOfCalls: what is as large as it may be passes the checks that all
// stores make before they write, and one more is ErrLimit.
func TestLimitsOfCalls(t *testing.T) {
	write := func(id, size int) Write {
		return Write{ID: make([]byte, id), Revision: 1, Generation: 1, Sealed: make([]byte, size)}
	}
	batch := func(class, n, size int) Batch {
		b := Batch{Class: strings.Repeat("c", class)}
		for range n {
			b.Writes = append(b.Writes, write(1, size))
		}
		return b
	}
	name := func(n int) error {
		if !nameFits(strings.Repeat("n", n)) {
			return ErrLimit
		}
		return nil
	}
	for limit, c := range map[string]struct {
		most  int
		check func(n int) error
	}{
		"MaxPage":        {MaxPage, checkLimit},
		"MaxSealed":      {MaxSealed, func(n int) error { return write(1, n).check() }},
		"MaxRecordID":    {MaxRecordID, func(n int) error { return write(n, 1).check() }},
		"MaxSealedSmall": {MaxSealedSmall, func(n int) error { return checkSmall("slot", make([]byte, n)) }},
		"MaxClass":       {MaxClass, func(n int) error { return batch(n, 1, 1).check() }},
		"MaxBatch":       {MaxBatch, func(n int) error { return batch(1, n, 1).check() }},
		"MaxBatchBytes":  {MaxBatchBytes, func(n int) error { b := batch(1, 2, n/2); b.Writes[0].Sealed = make([]byte, n-n/2); return b.check() }},
		"MaxName":        {MaxName, name},
	} {
		if err := c.check(c.most); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if err := c.check(c.most + 1); !errors.Is(err, ErrLimit) {
			t.Errorf("%s and one more: %v, want ErrLimit", limit, err)
		}
	}
}
