package upstreamtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

func testSearch(t *testing.T, a *account) {
	a.append("INBOX", Mail("green apple", "Cc: carl@example.org\r\n"))
	a.append("INBOX", Mail("red apple", "X-Colour: crimson\r\n", "Bcc: dora@example.org\r\n"))
	rows := a.rows(a.Store, "INBOX")
	at := a.place("INBOX")
	for _, c := range []struct {
		terms []upstream.Term
		want  []string
	}{
		{[]upstream.Term{{Field: upstream.FieldSubject, Value: "APPLE"}}, []string{"green apple", "red apple"}},
		{[]upstream.Term{{Field: upstream.FieldSubject, Value: "apple"}, {Field: upstream.FieldText, Value: "green"}}, []string{"green apple"}},
		{[]upstream.Term{{Field: upstream.FieldBody, Value: "body of red"}}, []string{"red apple"}},
		{[]upstream.Term{{Field: upstream.FieldHeader, Name: "X-Colour"}}, []string{"red apple"}},
		{[]upstream.Term{{Field: upstream.FieldFrom, Value: "nobody"}}, nil},
		{[]upstream.Term{{Field: upstream.FieldSubject, Value: "größe"}}, nil},
		{[]upstream.Term{{Field: upstream.FieldHeader, Name: "x-colour", Value: "CRIMSON"}}, []string{"red apple"}},
		{[]upstream.Term{{Field: upstream.FieldHeader, Name: "X-Colour", Value: "blue"}}, nil},
		{[]upstream.Term{{Field: upstream.FieldTo, Value: "bob@"}}, []string{"green apple", "red apple"}},
		{[]upstream.Term{{Field: upstream.FieldTo, Value: "carl"}}, nil},
		{[]upstream.Term{{Field: upstream.FieldCc, Value: "carl"}}, []string{"green apple"}},
		{[]upstream.Term{{Field: upstream.FieldBcc, Value: "dora"}}, []string{"red apple"}},
		{[]upstream.Term{{Field: upstream.FieldText, Value: "dora"}}, []string{"red apple"}},
	} {
		found, err := a.Store.Search(a.ctx, at, c.terms)
		a.must(err)
		var got []string
		for name, r := range rows {
			if found.Contains(r.UID) {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		a.want(fmt.Sprint(c.terms), got, c.want)
	}
	if _, err := a.Store.Search(a.ctx, upstream.Place{Box: "INBOX", Validity: at.Validity + 1}, []upstream.Term{{Value: "x"}}); !errors.Is(err, upstream.ErrStale) {
		t.Errorf("searching what was made anew: %v, want ErrStale", err)
	}
	testSort(t, a)
}

// testSort checks what the store can sort by, in a mailbox of its own.
func testSort(t *testing.T, a *account) {
	a.ensure("Sorted")
	name := make(map[upstream.UID]string)
	for i, m := range []struct{ name, from, to, subject, date string }{
		{"a", "Zoe <a@x.test>", "<dora@x.test>", "Pears", "Mon, 2 Mar 2026 10:00:00 +0000"},
		{"b", "bob <z@x.test>", "carl <x@x.test>", "Re: apples", "Mon, 2 Mar 2026 12:00:00 +0300"},
		{"c", "<alice@x.test>", "=?utf-8?q?=C3=89mile?= <e@x.test>", "=?utf-8?q?=C3=84pfel?=", "Sun, 1 Mar 2026 10:00:00 +0000"},
		{"d", "Carl <c@x.test>", "Zoe <y@x.test>", "[list] Apples (fwd)", "Tue, 3 Mar 2026 10:00:00 +0000"},
	} {
		raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@x.test>\r\n\r\n%s\r\n",
			m.from, m.to, m.subject, m.date, m.name, strings.Repeat(".", 10*i))
		_, err := a.Store.Append(a.ctx, "Sorted", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)),
			Date: day.Add(-time.Duration(i) * time.Hour)})
		a.must(err)
		uids, _, err := a.Store.UIDs(a.ctx, "Sorted")
		a.must(err)
		name[uids.Ranges()[len(uids.Ranges())-1].Stop] = m.name
	}
	at := a.place("Sorted")
	for _, c := range []struct {
		by   []jmap.Comparator
		want string
	}{
		{[]jmap.Comparator{{Property: jmap.SortReceivedAt}}, "dcba"},
		{[]jmap.Comparator{{Property: jmap.SortSentAt}}, "cbad"},
		{[]jmap.Comparator{{Property: jmap.SortSentAt, Descending: true}}, "dabc"},
		{[]jmap.Comparator{{Property: jmap.SortSubject}, {Property: jmap.SortReceivedAt}}, "dbca"},
		{[]jmap.Comparator{{Property: jmap.SortSubject}, {Property: jmap.SortReceivedAt, Descending: true}}, "bdca"},
		{[]jmap.Comparator{{Property: jmap.SortSubject, Descending: true}, {Property: jmap.SortSentAt}}, "acbd"},
		{[]jmap.Comparator{{Property: jmap.SortFrom}}, "cbda"},
		{[]jmap.Comparator{{Property: jmap.SortTo, Descending: true}}, "dcab"},
	} {
		list, err := a.Store.Sort(a.ctx, at, c.by)
		if errors.Is(err, upstream.ErrUnsupported) {
			continue
		}
		a.must(err)
		got := ""
		for _, uid := range list {
			got += name[uid]
		}
		if got != c.want {
			t.Errorf("sorted by %+v: %s, want %s", c.by, got, c.want)
		}
	}
	if _, err := a.Store.Sort(a.ctx, at, []jmap.Comparator{{Property: jmap.SortHasKeyword, Keyword: "$seen"}}); !errors.Is(err, upstream.ErrUnsupported) {
		t.Errorf("sorted by a keyword: %v, want ErrUnsupported", err)
	}
}
