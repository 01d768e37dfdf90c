package store_test

import (
	"fmt"
	"testing"
	"time"

	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

func BenchmarkPut(b *testing.B) {
	s, err := store.OpenSQLite(b.Context(), b.TempDir()+"/store.db")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	uid, now := user.NewID(), time.Now()
	if _, err := s.AddLogin(b.Context(), store.LoginID{1}, uid); err != nil {
		b.Fatal(err)
	}
	l, err := s.AcquireLease(b.Context(), store.Lease{UID: uid, Node: "n", Cell: "c", Expires: now.Add(time.Hour)}, now, true)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		w := store.Write{ID: fmt.Appendf(nil, "%d", n), Revision: 1, Generation: 1, Sealed: make([]byte, 297)}
		if _, err := s.Put(b.Context(), store.Batch{UID: uid, Class: "contacts", Fence: l.Fence, Writes: []store.Write{w}}); err != nil {
			b.Fatal(err)
		}
	}
}
