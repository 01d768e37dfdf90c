package replica

import (
	"context"
	"testing"
	"time"

	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// lying is a store that tells of mails that vanished, or that came, though they
// did not, and counts how often a mailbox is read.
type lying struct {
	upstream.Store
	gone  upstream.UIDSet
	more  *upstream.Row
	reads int
}

func (l *lying) Sync(ctx context.Context, box string, known upstream.Known, sink upstream.Sink) (upstream.Marks, error) {
	m, err := l.Store.Sync(ctx, box, known, sink)
	if err == nil && !l.gone.Empty() {
		sink.Vanished(l.gone)
	}
	if err == nil && l.more != nil {
		sink.Row(l.more)
	}
	return m, err
}

func (l *lying) UIDs(ctx context.Context, box string) (upstream.UIDSet, upstream.Marks, error) {
	if box == "INBOX" {
		l.reads++
	}
	return l.Store.UIDs(ctx, box)
}

// TestMiscounted: an index that has more or fewer mails than the server, with
// nothing that happened between, was told something that is not so. It is put
// right by reading the mailbox anew; a mailbox that adds up is not read again.
func TestMiscounted(t *testing.T) {
	for name, lie := range map[string]func(*lying){
		"vanished": func(l *lying) { l.gone.AddRange(1, 2) },
		"came":     func(l *lying) { l.more = &upstream.Row{UID: 999, ID: "x", Date: time.Now()} },
	} {
		t.Run(name, func(t *testing.T) {
			a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
			for i := range 5 {
				a.Deliver("INBOX", mailText(i, i), day(i))
			}
			r := opened(t, a)
			l := &lying{Store: r.store}
			r.store = l
			see := func(what string, want, reads int) {
				t.Helper()
				if err := r.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := len(sizesIn(t, r.Index, "INBOX")); got != want || l.reads != reads {
					t.Errorf("%s: %d mails, and %d readings; want %d and %d", what, got, l.reads, want, reads)
				}
			}
			see("nothing happened", 5, 0)
			lie(l)
			a.Deliver("INBOX", mailText(6, 6), day(6))
			wrong := 4
			if l.more != nil {
				wrong = 7
			}
			see("a lie", wrong, 0)
			*l = lying{Store: l.Store}
			see("an honest look", 6, 1)
			see("another", 6, 1)
		})
	}
}

// fat is a store whose rows have header fields of some bytes together.
type fat struct {
	upstream.Store
	bytes int
	reads int
}

func (f *fat) Rows(ctx context.Context, at upstream.Place, uids upstream.UIDSet, fn func(*upstream.Row)) error {
	f.reads++
	left := f.bytes
	return f.Store.Rows(ctx, at, uids, func(row *upstream.Row) {
		n := left - len(row.Header)
		row.Header = append(row.Header, make([]byte, max(n, 0))...)
		left -= len(row.Header)
		fn(row)
	})
}

// TestLargePart: a part of a mailbox whose header fields are more than
// maxPartBytes is not kept while it waits, and is in the index all the same.
func TestLargePart(t *testing.T) {
	for over := range 2 {
		a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
		a.Deliver("INBOX", mailText(1, 1), day(0))
		r := open(t, a, nil)
		f := &fat{Store: r.store, bytes: maxPartBytes + over}
		r.store = f
		if err := r.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(sizesIn(t, r.Index, "INBOX")); got != 1 || f.reads != 1+over {
			t.Errorf("%d bytes too much: %d mails in the index, %d readings", over, got, f.reads)
		}
	}
}
