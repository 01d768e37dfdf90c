package replica

import (
	"testing"

	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// A mail that we have filed is told as new by the next synchronisation. If another
// program has marked it \Deleted by then it is not there any more (RFC 8621,
// section 4.1.1), and once it is unmarked it is again.
func TestFiledMailIsMarked(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	uid := a.Deliver("INBOX", mailText(1, 1), day(0))
	r, st := opened(t, a), a.Open()
	b := r.boxNamed("INBOX")
	marks := b.marks
	marks.UIDNext = uid // as before it was filed
	for _, deleted := range []bool{true, false} {
		var add, remove []string
		if deleted {
			add = []string{`\Deleted`}
		} else {
			remove = []string{`\Deleted`}
		}
		if err := st.SetFlags(t.Context(), b.place(), one(uid), add, remove); err != nil {
			t.Fatal(err)
		}
		r.Index.mu.Lock()
		b.marks = marks
		r.Index.mu.Unlock()
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(sizesIn(t, r.Index, "INBOX")); (got == 0) != deleted {
			t.Errorf("marked: %v, and the inbox has %d mails", deleted, got)
		}
	}
}
