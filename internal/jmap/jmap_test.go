package jmap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// RFC 8620, section 1.2.
func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{"": false, "a": true, "-_Az09": true, "a b": false, "a=": false, "é": false, "a/b": false,
		strings.Repeat("x", 255): true, strings.Repeat("x", 256): false} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v", id, got)
		}
	}
}

// RFC 8620, section 1.4.
func TestDates(t *testing.T) {
	for s, utc := range map[string]bool{"2014-10-30T14:12:00+08:00": false, "2014-10-30T06:12:00Z": true, "2014-10-30T06:12:00.5Z": true} {
		when, ok := ParseDate(s)
		if !ok || string(AppendDate(nil, when)) != s {
			t.Errorf("%s: read as %v, written as %s", s, ok, AppendDate(nil, when))
		}
		if _, ok := ParseUTCDate(s); ok != utc {
			t.Errorf("ParseUTCDate(%s): %v", s, ok)
		}
	}
	for _, s := range []string{"", "2014-10-30", "2014-10-30t06:12:00Z", "2014-10-30T06:12:00z", "2014-10-30T06:12:00.0Z", "2014-10-30T06:12:00,5Z",
		"2014-10-30 06:12:00Z", "2014-13-30T06:12:00Z", "2014-10-30T06:12:00", "2014-10-30T06:12:00.000+01:00"} {
		if when, ok := ParseDate(s); ok {
			t.Errorf("%q was read as %v", s, when)
		}
	}
	there := time.Date(2014, 10, 30, 14, 12, 0, 0, time.FixedZone("", 8*3600))
	if got := string(AppendUTCDate(nil, there)); got != "2014-10-30T06:12:00Z" {
		t.Errorf("AppendUTCDate: %s", got)
	}
}

// RFC 8621, section 4.1.1.
func TestKeywords(t *testing.T) {
	for s, want := range map[string]Keyword{"$Seen": "$seen", "a[b": "a[b", "~!'": "~!'", "": "", "a b": "", "(": "", ")": "", "{": "", "]": "",
		"%": "", "*": "", "\"": "", "\\": "", "é": "", "\x7f": "", strings.Repeat("a", 256): ""} {
		if got, ok := ParseKeyword(s); got != want || ok != (want != "") {
			t.Errorf("ParseKeyword(%q) = %q, %v", s, got, ok)
		}
	}
}

// RFC 8621, sections 4.1.2 and 4.1.3.
func TestHeaderProps(t *testing.T) {
	for s, want := range map[string]HeaderProp{
		"header:Subject":                   {Name: "Subject"},
		"header:subject:asText":            {Name: "subject", Form: FormText},
		"header:Resent-To:asAddresses:all": {Name: "Resent-To", Form: FormAddresses, All: true},
		"header:X-A:asMessageIds":          {Name: "X-A", Form: FormMessageIDs},
		"header:X-A:all":                   {Name: "X-A", All: true},
		"header:Received:asRaw":            {Name: "Received"},
		"header:List-Post:asURLs":          {Name: "List-Post", Form: FormURLs},
		"header:Date:asDate":               {Name: "Date", Form: FormDate},
		"header:X-A:asGroupedAddresses":    {Name: "X-A", Form: FormGroupedAddresses},
	} {
		want.Property = s
		if got, ok := ParseHeaderProp(s); !ok || got != want {
			t.Errorf("%s: got %+v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"subject", "header:", "header:a b", "header:é", "header:A:", "header:A:astext", "header:A:all:asText", "header:A:asText:all:x",
		"header:A:asText:", "header:From:asText", "header:Date:asAddresses", "header:Message-ID:asURLs", "header:List-Post:asText", "header:Received:asText",
		"header:Return-Path:asAddresses", "header:Subject:asMessageIds"} {
		if got, ok := ParseHeaderProp(s); ok {
			t.Errorf("%s was read as %+v", s, got)
		}
	}
}

func TestFilterMatch(t *testing.T) {
	leaf := func(n int) *Filter[int] { return &Filter[int]{Leaf: &n} }
	op := func(o FilterOp, nodes ...*Filter[int]) *Filter[int] { return &Filter[int]{Op: o, Nodes: nodes} }
	one := func(n *int) bool { return *n == 1 }
	for _, c := range []struct {
		f    *Filter[int]
		want bool
	}{
		{nil, true}, {leaf(1), true}, {leaf(2), false},
		{op(OpAnd), true}, {op(OpOr), false}, {op(OpNot), true},
		{op(OpAnd, leaf(1), leaf(2)), false}, {op(OpOr, leaf(2), leaf(1)), true}, {op(OpNot, leaf(2), leaf(1)), false}, {op(OpNot, leaf(2), leaf(2)), true},
		{op(OpAnd, op(OpNot, leaf(2)), leaf(1)), true},
	} {
		if got := c.f.Match(one); got != c.want {
			t.Errorf("%+v: got %v", c.f, got)
		}
	}
}

func TestWindowBounds(t *testing.T) {
	for _, c := range []struct {
		w                       Window
		total, anchor, from, to int
	}{
		{Window{Limit: 3}, 10, -1, 0, 3},
		{Window{Position: 8, Limit: 3}, 10, -1, 8, 10},
		{Window{Position: -3, Limit: 2}, 10, -1, 7, 9},
		{Window{Position: -30, Limit: 2}, 10, -1, 0, 2},
		{Window{Position: 10, Limit: 2}, 10, -1, 10, 10},
		{Window{Position: MaxSafeInteger, Limit: 2}, 10, -1, 10, 10},
		{Window{Anchor: "x", AnchorOffset: -1, Limit: 2, Position: 9}, 10, 4, 3, 5},
		{Window{Anchor: "x", AnchorOffset: -9, Limit: 2}, 10, 4, 0, 2},
		{Window{Anchor: "x", AnchorOffset: MaxSafeInteger, Limit: 2}, 10, 4, 10, 10},
		{Window{Limit: 2}, 0, -1, 0, 0},
	} {
		if from, to := c.w.Bounds(c.total, c.anchor); from != c.from || to != c.to {
			t.Errorf("%+v of %d: got %d to %d, want %d to %d", c.w, c.total, from, to, c.from, c.to)
		}
	}
}

func TestSetPatchApply(t *testing.T) {
	have := []string{"a", "b", "c"}
	for _, c := range []struct {
		p    SetPatch[string]
		want []string
	}{
		{SetPatch[string]{}, []string{"a", "b", "c"}},
		{SetPatch[string]{Add: []string{"d", "a"}, Remove: []string{"b", "x"}}, []string{"a", "c", "d"}},
		{SetPatch[string]{Replace: true, Values: []string{"z"}}, []string{"z"}},
		{SetPatch[string]{Replace: true}, nil},
	} {
		if diff := cmp.Diff(c.want, c.p.Apply(have)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.p, diff)
		}
	}
	if !slices.Equal(have, []string{"a", "b", "c"}) {
		t.Error("Apply changed what it was given")
	}
}

// RFC 5051, section 2.
func TestUnicodeCasemap(t *testing.T) {
	for _, same := range [][2]string{{"abc", "ABC"}, {"É", "é"}, {"e\u0301", "é"}, {"Ⅳ", "iv"}, {"ǆ", "ǅ"}} {
		if UnicodeCasemap(same[0]) != UnicodeCasemap(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	words := []string{"Zoo", "éclair", "apple", "Echo", "über"}
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(UnicodeCasemap(a), UnicodeCasemap(b)) })
	if diff := cmp.Diff([]string{"apple", "Echo", "éclair", "über", "Zoo"}, words); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A form that has no null is [] where the parser found nothing.
func TestHeaderValueJSON(t *testing.T) {
	e := Email{Values: []HeaderValue{{{}}, {{Strings: []string{"a@b"}}, {}}, {{}}, nil, nil, {{Groups: []AddressGroup{{}}}}}}
	f := &EmailFields{Headers: []HeaderProp{{Property: "a", Form: FormAddresses}, {Property: "b", Form: FormMessageIDs, All: true},
		{Property: "c", Form: FormDate}, {Property: "d"}, {Property: "e", All: true}, {Property: "f", Form: FormGroupedAddresses}}}
	want := `{"a":[],"b":[["a@b"],null],"c":null,"d":null,"e":[],"f":[{"name":null,"addresses":[]}]}`
	if got := string(e.AppendJSON(nil, f)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// RFC 8620, sections 5.3 and 5.4; RFC 8621, sections 4.6 and 7.5: what MUST stand
// beside the type of an error does, and nothing else.
func TestSetErrorJSON(t *testing.T) {
	for want, e := range map[string]SetError{
		`{"type":"notFound"}`: {Type: SetNotFound},
		`{"type":"invalidProperties","description":"why","properties":["a"]}`: {Type: SetInvalidProperties, Description: "why", Properties: []string{"a"}},
		`{"type":"alreadyExists","existingId":"e1"}`:                          {Type: SetAlreadyExists, ExistingID: "e1"},
		`{"type":"blobNotFound","notFound":["b1","b2"]}`:                      {Type: SetBlobNotFound, NotFound: []BlobID{"b1", "b2"}},
		`{"type":"tooLarge","maxSize":10240000}`:                              {Type: SetTooLarge, MaxSize: 10240000},
		`{"type":"tooManyRecipients","maxRecipients":100}`:                    {Type: SetTooManyRecipients, MaxRecipients: 100},
		`{"type":"invalidRecipients","invalidRecipients":["x"]}`:              {Type: SetInvalidRecipients, InvalidRecipients: []string{"x"}},
	} {
		if got := string(e.AppendJSON(nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// An error is told by its type, whether it has words or not.
func TestErrorTypes(t *testing.T) {
	wrapped := fmt.Errorf("reading the index: %w", &MethodError{Type: StateMismatch, Description: "s1 is not s2"})
	if !errors.Is(wrapped, StateMismatch) || errors.Is(wrapped, AnchorNotFound) || !errors.Is(fmt.Errorf("x: %w", AnchorNotFound), AnchorNotFound) {
		t.Error("errors.Is does not see the type")
	}
	if got := wrapped.Error(); got != "reading the index: stateMismatch: s1 is not s2" {
		t.Errorf("got %q", got)
	}
}

func TestSubmissionJSON(t *testing.T) {
	s := Submission{ID: "S1", IdentityID: "I1", EmailID: "e1", ThreadID: "t1", SendAt: time.Unix(0, 0), UndoStatus: UndoFinal,
		DeliveryStatus: map[string]DeliveryStatus{"b@x": {"250 2.0.0 Ok", "queued", "unknown"}, "a@x": {"550 5.1.1 No", "no", "unknown"}},
		DSNBlobIDs:     []BlobID{"b1"}}
	want := `{"id":"S1","identityId":"I1","emailId":"e1","threadId":"t1","envelope":null,"sendAt":"1970-01-01T00:00:00Z","undoStatus":"final",` +
		`"deliveryStatus":{"a@x":{"smtpReply":"550 5.1.1 No","delivered":"no","displayed":"unknown"},"b@x":{"smtpReply":"250 2.0.0 Ok","delivered":"queued","displayed":"unknown"}},` +
		`"dsnBlobIds":["b1"],"mdnBlobIds":[]}`
	if got := string(s.AppendJSON(nil, func(string) bool { return true })); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
