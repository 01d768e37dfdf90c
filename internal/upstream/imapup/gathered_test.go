package imapup

import (
	"testing"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// TestGathered: rows up to maxRowBytes are kept, each mail once; of one more the
// reader knows that it is missing. A row that is too large alone is kept: there is
// no smaller answer.
func TestGathered(t *testing.T) {
	small := sizeOf(&upstream.Row{})
	var g gathered
	g.take(&upstream.Row{UID: 1, Header: make([]byte, maxRowBytes-2*small)})
	for range 3 {
		g.take(&upstream.Row{UID: 1, Header: make([]byte, 10)})
	}
	g.take(&upstream.Row{UID: 2})
	if len(g.rows) != 2 || g.over || g.bytes != maxRowBytes {
		t.Errorf("%d bytes: %d rows, over %v", g.bytes, len(g.rows), g.over)
	}
	g.take(&upstream.Row{UID: 3})
	if len(g.rows) != 2 || !g.over {
		t.Errorf("one more: %d rows, over %v", len(g.rows), g.over)
	}
	g.reset()
	g.take(&upstream.Row{UID: 1, Header: make([]byte, maxRowBytes+1)})
	if len(g.rows) != 1 || g.over {
		t.Errorf("one that is too large: %d rows, over %v", len(g.rows), g.over)
	}
}

func TestHalves(t *testing.T) {
	for in, want := range map[string][2]string{"1:2": {"1", "2"}, "1:5": {"1:2", "3:5"}, "1,7,9:12": {"1,7,9", "10:12"}, "4294967294:4294967295": {"4294967294", "*"}} {
		set, err := imap.ParseUIDSet(in)
		if err != nil {
			t.Fatal(err)
		}
		low, high := halves(set)
		if got := [2]string{low.String(), high.String()}; got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

// TestTellsOfNobody: what a server tells of mails that nobody knows is let go when
// it is more than maxChanged; up to that, and of mails that are known, all is kept,
// as it was told last.
func TestTellsOfNobody(t *testing.T) {
	known := func() upstream.UIDSet { return imap.UIDRange(1, 10) }
	c := changed{known: known}
	for u := range upstream.UID(maxChanged) {
		c.add(u+1, []imap.Flag{"old"})
	}
	if len(c.list) != maxChanged {
		t.Errorf("%d changes are kept of %d", len(c.list), maxChanged)
	}
	c.add(3, []imap.Flag{"new"})
	if len(c.list) != 10 || c.list[2].uid != 3 || c.list[2].flags[0] != "new" || c.list[3].flags[0] != "old" {
		t.Errorf("%d changes are kept of 10 mails: %v", len(c.list), c.list)
	}
	for range 3 * maxChanged { // of one mail again and again
		c.add(7, []imap.Flag{"again"})
		if len(c.list) > maxChanged {
			t.Fatalf("%d changes of 10 mails", len(c.list))
		}
	}
	s := uidsSeen{known: known}
	for u := range upstream.UID(maxChanged) {
		s.add(imap.UIDs(2*u + 2))
	}
	if n := len(s.set.Ranges()); n != maxChanged {
		t.Errorf("%d ranges are kept of %d", n, maxChanged)
	}
	s.add(imap.UIDs(2*maxChanged + 2))
	if got := s.set.String(); got != "2,4,6,8,10" {
		t.Errorf("gone are %s", got)
	}
}
