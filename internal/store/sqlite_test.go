package store_test

import (
	"path/filepath"
	"testing"

	"cofferdam/internal/store"
	"cofferdam/internal/store/storetest"
)

func open(t *testing.T) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
	return s
}

// TestSQLite runs all cases of storetest; among them a page that MaxPageBytes ends,
// and one slot more than MaxSlots and one session more than MaxSessions.
func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}
