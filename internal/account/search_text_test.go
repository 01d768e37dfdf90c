package account_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/search"
	"cofferdam/internal/upstream"
)

func TestSearchText(t *testing.T) {
	if jmap.MaxSearchOctets > search.MaxText {
		t.Errorf("texts of %d octets are let in, and %d can be read", jmap.MaxSearchOctets, search.MaxText)
	}
	forEachUpstream(t, []testCase{{"operators", testSearchText}})
}

// testSearchText asks what people type, and compares with what a person sees who
// reads all letters.
func testSearchText(r *rig) {
	r.must(r.other.(upstream.Boxmaker).CreateBox(r.ctx, "Trips", ""))
	n := newNaive(r)
	day := func(i int) string { return time.Unix(n.letters[i].received, 0).UTC().Format(time.DateOnly) }
	all := make([]int, len(n.letters))
	for i := range all {
		all[i] = i
	}
	for _, c := range []struct {
		text string
		want []int
	}{
		{"zebra", []int{0, 1, 3, 10}},
		{"zebra -lion", []int{0, 1}},
		{"from:zoe", []int{0, 7, 8}},
		{"from:zoe in:trash", []int{7, 8}},
		{"in:Sent zebra", []int{10}},
		{"to:ann subject:vase", []int{7, 8}},
		{`"lion and zebra"`, []int{3}},
		{"has:attachment", []int{4, 9}},
		{"has:attachment tag:work", []int{4}},
		{"is:starred", []int{2, 6}},
		{"is:unread in:inbox", []int{0, 5, 6, 9}},
		{"subject:(apples OR vase) -is:read", []int{0, 7, 10}},
		{"cc:carl", []int{2}},
		{"größe", []int{5}},
		{"before:" + day(0), nil},
		{"after:" + day(0) + " zebra", []int{0, 1, 3, 10}},
		{"larger:1k", []int{11}},
		{"from:", all},
		{"frm:zoe", nil},
	} {
		f := &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Search: &jmap.SearchText{Text: c.text, Zone: time.UTC}}}
		var want []string
		for _, i := range c.want {
			want = append(want, n.name(i))
		}
		slices.Sort(want)
		if got := n.names(r.query(f)); !slices.Equal(got, want) {
			r.Errorf("%s\n got %q\nwant %q", c.text, got, want)
		}
	}
	testSearchTextLimits(r, n)
}

func (n *naive) names(ids []jmap.EmailID) (out []string) {
	for _, id := range ids {
		out = append(out, n.name(slices.Index(n.ids, id)))
	}
	slices.Sort(out)
	return out
}

func testSearchTextLimits(r *rig, n *naive) {
	typed := func(text string) *jmap.Filter[jmap.EmailCondition] {
		return &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Search: &jmap.SearchText{Text: text, Zone: time.UTC}}}
	}
	many := "a" + strings.Repeat(" OR a", 33)
	if _, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: typed(many)}); !errors.Is(err, jmap.UnsupportedFilter) {
		r.Errorf("34 words with OR: %v, want unsupportedFilter", err)
	}
	// Beside other conditions, below operators, and in a filter that stays as it was.
	f := &jmap.Filter[jmap.EmailCondition]{Op: jmap.OpNot, Nodes: []*jmap.Filter[jmap.EmailCondition]{typed("zebra OR lion OR tiger")}}
	f = &jmap.Filter[jmap.EmailCondition]{Op: jmap.OpAnd, Nodes: []*jmap.Filter[jmap.EmailCondition]{f,
		{Leaf: &jmap.EmailCondition{InMailbox: n.boxes["INBOX"], Search: &jmap.SearchText{Text: "is:unread", Zone: time.UTC}}}}}
	for range 2 {
		if got, want := n.names(r.query(f)), []string{n.name(5), n.name(6)}; !slices.Equal(got, want) {
			r.Errorf("below operators: got %q, want %q", got, want)
		}
	}
	res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: typed("is:unread")})
	r.must(err)
	if res.CanCalculateChanges {
		r.Error("changes of what was typed can be calculated, though today may be another day then")
	}
	_, err = r.a.EmailQueryChanges(r.ctx, &jmap.EmailQueryChanges{Query: jmap.EmailQuery{Filter: typed("is:unread")}, Since: res.State})
	if !errors.Is(err, jmap.CannotCalculateChanges) {
		r.Errorf("changes: %v, want cannotCalculateChanges", err)
	}
	spans, operators := r.a.SearchExplain(&jmap.SearchText{Text: "in:trips in:nowhere frm:x", Zone: time.UTC})
	var kinds []string
	for _, s := range spans {
		kinds = append(kinds, s.Kind+" "+s.Operator+s.Suggest)
	}
	if want := []string{"operator in", "value in", "unknown in", "unknown from"}; !slices.Equal(kinds, want) || !slices.Contains(operators, "from") {
		r.Errorf("explained as %q, with operators %q", kinds, operators)
	}
}
