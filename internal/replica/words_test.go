package replica

import (
	"errors"
	"slices"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// What follows receivedAt in a sort decides between mails of one second.
func TestSortBehindReceivedAt(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	at := time.Unix(1_750_000_000, 0)
	for i, flags := range [][]string{{`\Flagged`}, nil, {`\Flagged`}, nil} {
		a.Deliver("INBOX", mailText(i, i), at, flags...)
	}
	r := opened(t, a)
	for _, down := range []bool{false, true} {
		q := queryOf(r.boxNamed("INBOX"), 0, false)
		q.Sort = append(q.Sort, jmap.Comparator{Property: jmap.SortHasKeyword, Keyword: "$flagged", Descending: down})
		res, err := r.Query(q, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, _, _ := r.Emails(res.IDs)
		var got []bool
		for _, m := range list {
			got = append(got, slices.Contains(m.Keywords, "$flagged"))
		}
		if want := []bool{down, down, !down, !down}; !slices.Equal(got, want) {
			t.Errorf("descending %t: flagged %v, want %v", down, got, want)
		}
	}
}

// Where leaves out mailboxes whose mails cannot match, and only those; a mail
// with two copies is looked for in one of them.
func TestWhere(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	now := time.Unix(1_750_000_000, 0)
	a.Deliver("INBOX", mailText(1, 1), now, `\Seen`)
	uid := a.Deliver("Archive", mailText(2, 2), now.Add(time.Hour))
	a.Deliver("Trash", mailText(3, 3), now)
	r := opened(t, a)
	if _, err := a.Open().Copy(t.Context(), r.boxNamed("Archive").place(), one(uid), "INBOX"); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	leaf := func(c jmap.EmailCondition) *jmap.Filter[jmap.EmailCondition] {
		return &jmap.Filter[jmap.EmailCondition]{Leaf: &c}
	}
	op := func(op jmap.FilterOp, n ...*jmap.Filter[jmap.EmailCondition]) *jmap.Filter[jmap.EmailCondition] {
		return &jmap.Filter[jmap.EmailCondition]{Op: op, Nodes: n}
	}
	text, trash := jmap.EmailCondition{Text: "x"}, r.boxNamed("Trash").id
	for _, c := range []struct {
		what string
		f    *jmap.Filter[jmap.EmailCondition]
		want []string
	}{
		{"anything", leaf(text), []string{"INBOX", "Trash"}},
		{"not in the trash", op(jmap.OpAnd, leaf(text), leaf(jmap.EmailCondition{InMailboxOtherThan: []jmap.MailboxID{trash}})), []string{"INBOX"}},
		{"in the trash", leaf(jmap.EmailCondition{Text: "x", InMailbox: trash}), []string{"Trash"}},
		{"nothing", leaf(jmap.EmailCondition{Text: "x", HasKeyword: "no"}), nil},
		{"nothing in the trash", leaf(jmap.EmailCondition{Text: "x", InMailbox: trash, HasKeyword: "no"}), nil},
		{"or", op(jmap.OpOr, leaf(text), leaf(jmap.EmailCondition{HasKeyword: "$seen"})), []string{"INBOX", "Trash"}},
		{"not", op(jmap.OpAnd, op(jmap.OpNot, leaf(text)), leaf(jmap.EmailCondition{InMailbox: trash})), []string{"Trash"}},
		{"not a keyword", op(jmap.OpNot, leaf(text), leaf(jmap.EmailCondition{InMailbox: trash})), []string{"INBOX"}},
		{"no such mailbox", leaf(jmap.EmailCondition{Text: "x", InMailbox: "nosuch"}), nil},
	} {
		places, err := r.Where(c.f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range places {
			got = append(got, p.Box)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// A mail without a rank makes the index ask again, until it is told to settle;
// such a result is not remembered.
func TestUnrankedMails(t *testing.T) {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	for i := range 3 {
		a.Deliver("INBOX", mailText(i, i), time.Unix(1_750_000_000+int64(i), 0))
	}
	r := opened(t, a)
	inbox := r.boxNamed("INBOX")
	q := queryOf(inbox, 0, false)
	q.Sort = []jmap.Comparator{{Property: jmap.SortSubject}}
	if _, err := r.Query(q, nil); !errors.Is(err, ErrNeedsOrder) {
		t.Errorf("without an order: %v", err)
	}
	order := func(uids ...upstream.UID) *Order {
		ranks := []uint32{1, 2, 3}[:len(uids)]
		return &Order{Ranks: map[int][]Rank{0: {{At: inbox.place(), UIDs: uids, Ranks: ranks}}}}
	}
	if _, err := r.Query(q, &Words{Order: order(3, 1)}); !errors.Is(err, ErrNeedsOrder) {
		t.Errorf("with an order of two mails: %v", err)
	}
	uids := func(w *Words) (out []upstream.UID) {
		res, err := r.Query(q, w)
		if err != nil {
			t.Fatal(err)
		}
		list, _, _ := r.Emails(res.IDs)
		for _, m := range list {
			out = append(out, m.Copies[0].UID)
		}
		return out
	}
	if got, want := uids(&Words{Order: order(3, 1), Settle: true}), []upstream.UID{2, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("settled: %v, want %v", got, want)
	}
	if _, err := r.Query(q, nil); !errors.Is(err, ErrNeedsOrder) {
		t.Errorf("a settled result was remembered: %v", err)
	}
	want := []upstream.UID{3, 1, 2}
	if got := uids(&Words{Order: order(3, 1, 2)}); !slices.Equal(got, want) {
		t.Errorf("ordered: %v, want %v", got, want)
	}
	if got := uids(nil); !slices.Equal(got, want) {
		t.Errorf("remembered: %v, want %v", got, want)
	}
}
