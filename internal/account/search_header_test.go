package account_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestSearchHeader: RFC 8621, section 4.4.1, the condition header, over every
// upstream.
func TestSearchHeader(t *testing.T) {
	forEachUpstream(t, []testCase{{"header", testHeaderFilter}})
}

func testHeaderFilter(r *rig) {
	for _, header := range []string{
		"List-ID: <a.test>\nList-Id: <b.test>\nSubject: two",
		"List-Id: <list.test>\nSubject: one",
		"X-Word: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?utf-8?q?_folgen?=\nSubject: encoded",
		"X-Word: long\n folded\nSubject: folded",
		"X-Word:\nX-Other: X-Word: hidden\nSubject: empty",
		"X-Words: other\nSubject: none\n X-Word: folded into the subject",
	} {
		r.deliver("INBOX", strings.ReplaceAll(header+"\n\nx\n", "\n", "\r\n"))
	}
	r.waitFor(r.box(jmap.RoleInbox), 6)
	for _, c := range []struct {
		name, text, want string
	}{
		{"List-Id", "list", "[one]"}, {"list-id", "ID:", "[]"}, {"List-Id", "", "[one two]"}, {"List-Id", "B.TEST", "[two]"},
		{"X-Word", "grüße", "[encoded]"}, {"X-Word", "Grüße folgen", "[encoded]"}, {"X-Word", "long folded", "[folded]"},
		{"X-Word", "hidden", "[]"}, {"X-Word", "", "[empty encoded folded]"}, {"X-Word", "word", "[]"}, {"X-Word", "other", "[]"},
	} {
		ids := r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Header: &jmap.HeaderMatch{Name: c.name, Text: c.text}}})
		if got := fmt.Sprint(r.subjects(ids)); got != c.want {
			r.Errorf("header %s %q finds %s, want %s", c.name, c.text, got, c.want)
		}
	}
}

// subjects are the first words of mails' subjects, sorted.
func (r *rig) subjects(ids []jmap.EmailID) []string {
	out := []string{}
	_, _, err := r.a.EmailGet(r.ctx, ids, &jmap.EmailFields{Props: jmap.EmailPropSubject}, func(e *jmap.Email) error {
		first, _, _ := strings.Cut(*e.Subject, " ")
		out = append(out, first)
		return nil
	})
	r.must(err)
	slices.Sort(out)
	return out
}

// A server that finds names of fields too is looked after, up to a number of
// mails (headerMails).
func TestSearchHeaderIsBounded(t *testing.T) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	const most = 5000 // headerMails
	for range most {
		mem.Deliver("INBOX", []byte("List-Id: <a.test>\r\n\r\nx"), time.Now())
	}
	r := newRig(t, literal{mem.Open()}, mem.Open())
	count := func(text string) int {
		t.Helper()
		res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{
			Leaf: &jmap.EmailCondition{Header: &jmap.HeaderMatch{Name: "List-Id", Text: text}}}, Window: jmap.Window{Limit: 1}})
		r.must(err)
		return res.Total
	}
	for text, want := range map[string]int{"list": 0, "t-id: <a": 0, "> list": 0, ":": 0, "a.test": most, "a.test list": 0, "unlike": most} {
		if n := count(text); n != want {
			t.Errorf("%q finds %d mails, want %d", text, n, want)
		}
	}
	mem.Deliver("INBOX", []byte("List-Id: <a.test>\r\n\r\nx"), time.Now())
	for all := (&jmap.EmailQuery{Window: jmap.Window{Limit: 1}}); ; time.Sleep(10 * time.Millisecond) {
		if res, err := r.a.EmailQuery(r.ctx, all); err != nil || res.Total > most {
			r.must(err)
			break
		}
	}
	if n := count("list"); n != most+1 {
		t.Errorf("of more than %d mails %d are found, want the server's word", most, n)
	}
}

// A word that no server need take is refused (maxTermOctets).
func TestSearchTermIsBounded(t *testing.T) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	r := newRig(t, mem.Open(), mem.Open())
	ask := func(c jmap.EmailCondition) error {
		_, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &c}, Window: jmap.Window{Limit: 1}})
		return err
	}
	const most = 1000 // maxTermOctets
	longest, longer := strings.Repeat("ü", most/2), strings.Repeat("ü", most/2)+"x"
	for name, c := range map[string][2]jmap.EmailCondition{
		"word":         {{Text: longest + " " + longest}, {Text: "short " + longer}},
		"phrase":       {{Subject: `"` + longest + `"`}, {Subject: `"` + longer + `"`}},
		"header":       {{Header: &jmap.HeaderMatch{Name: "X", Text: longest}}, {Header: &jmap.HeaderMatch{Name: "X", Text: longer}}},
		"header field": {{Header: &jmap.HeaderMatch{Name: strings.Repeat("x", most)}}, {Header: &jmap.HeaderMatch{Name: strings.Repeat("x", most+1)}}},
	} {
		if err := ask(c[0]); err != nil {
			t.Errorf("%s of %d octets: %v", name, most, err)
		}
		if err := ask(c[1]); !errors.Is(err, jmap.UnsupportedFilter) {
			t.Errorf("%s of more: %v, want unsupportedFilter", name, err)
		}
	}
}
