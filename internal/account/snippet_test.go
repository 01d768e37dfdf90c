package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

func TestSearchSnippets(t *testing.T) {
	forEachUpstream(t, []testCase{{"words", testSnippets}})
}

const snippetLetters = `Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the pier
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

RGllIEbDpGhyZSAmIGRpZSBNw7Z3ZS4=
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Die <b>F=C3=A4hre</b> &amp; die M=C3=B6we, <img alt=3D"a lighthouse"></p>
--b--
`

// testSnippets asks for snippets by the words that people have of a mail.
func testSnippets(r *rig) {
	r.deliver("INBOX", strings.ReplaceAll(snippetLetters, "\n", "\r\n"))
	r.waitFor(r.box(jmap.RoleInbox), 1)
	ids := r.query(nil)
	leaf := func(c jmap.EmailCondition) *jmap.Filter[jmap.EmailCondition] {
		return &jmap.Filter[jmap.EmailCondition]{Leaf: &c}
	}
	typed := func(text string) *jmap.Filter[jmap.EmailCondition] {
		return leaf(jmap.EmailCondition{Search: &jmap.SearchText{Text: text, Zone: time.UTC}})
	}
	for name, c := range map[string]struct {
		f                *jmap.Filter[jmap.EmailCondition]
		subject, preview string
	}{
		"text":           {leaf(jmap.EmailCondition{Text: "GRÜß fähre"}), "<mark>Grüß</mark>e from the pier", "Die <mark>Fähre</mark> &amp; die Möwe."},
		"subject":        {leaf(jmap.EmailCondition{Subject: "pier fähre"}), "Grüße from the <mark>pier</mark>", "null"},
		"body":           {leaf(jmap.EmailCondition{Body: `"DIE MÖWE" pier`}), "null", "Die Fähre &amp; <mark>die Möwe</mark>."},
		"header":         {leaf(jmap.EmailCondition{Header: &jmap.HeaderMatch{Name: "SUBJECT", Text: "the pier"}}), "Grüße from <mark>the pier</mark>", "null"},
		"HTML alone":     {leaf(jmap.EmailCondition{Body: "lighthouse"}), "null", "Die Fähre &amp; die Möwe, a <mark>lighthouse</mark>"},
		"no words":       {leaf(jmap.EmailCondition{HasKeyword: "$seen"}), "null", "null"},
		"no filter":      {nil, "null", "null"},
		"typed":          {typed("subject:pier -body:möwe fähre in:inbox"), "Grüße from the <mark>pier</mark>", "Die <mark>Fähre</mark> &amp; die Möwe."},
		"below NOT":      {&jmap.Filter[jmap.EmailCondition]{Op: jmap.OpNot, Nodes: []*jmap.Filter[jmap.EmailCondition]{leaf(jmap.EmailCondition{Text: "pier fähre"})}}, "null", "null"},
		"another's word": {leaf(jmap.EmailCondition{Text: "tag"}), "null", "null"},
	} {
		list, notFound, err := r.a.SearchSnippets(r.ctx, c.f, ids)
		r.must(err)
		if len(list) != 1 || len(notFound) != 0 || list[0].EmailID != ids[0] {
			r.Fatalf("%s: %+v, %v", name, list, notFound)
		}
		if got := orNull(list[0].Subject); got != c.subject {
			r.Errorf("%s: subject %s, want %s", name, got, c.subject)
		}
		if got := orNull(list[0].Preview); got != c.preview {
			r.Errorf("%s: preview %s, want %s", name, got, c.preview)
		}
	}
	many := strings.Repeat("w ", 101)
	if _, _, err := r.a.SearchSnippets(r.ctx, leaf(jmap.EmailCondition{Subject: many}), ids); !errors.Is(err, jmap.UnsupportedFilter) {
		r.Errorf("101 words: %v, want unsupportedFilter", err)
	}
	// A mail that is gone while nobody told us: both are null, or it is not found.
	uids, marks, err := r.other.UIDs(r.ctx, "INBOX")
	r.must(err)
	r.must(r.other.Remove(r.ctx, upstream.Place{Box: "INBOX", Validity: marks.UIDValidity}, uids))
	list, notFound, err := r.a.SearchSnippets(r.ctx, leaf(jmap.EmailCondition{Body: "fähre"}), ids)
	r.must(err)
	if len(list)+len(notFound) != 1 || len(list) == 1 && (list[0].Subject != nil || list[0].Preview != nil) {
		r.Errorf("a mail that is gone: %+v, %v", list, notFound)
	}
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
