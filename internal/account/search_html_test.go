package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestSearchHTML: RFC 8621, section 4.4.1, over every upstream.
func TestSearchHTML(t *testing.T) {
	forEachUpstream(t, []testCase{{"attributes", testPresentedAttributes}, {"markup", testMarkup}, {"markup and more", testMarkupAndMore}})
}

const htmlLetter = `<html><head><title>headword</title><style>.styleword { color: red }</style></head>
<body class="classword"><script>scriptword()</script><p>A contentword <a href="https://hrefword.test/" title="the titleword">here</a>
<img src="cid:srcword" alt="an altword"><!-- commentword --></body></html>`

func (r *rig) deliverHTML(encoding string) {
	body := htmlLetter
	if encoding == "quoted-printable" {
		body = strings.ReplaceAll(body, "=", "=3D")
	}
	r.deliver("INBOX", strings.ReplaceAll(fmt.Sprintf("Subject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: %s\n\n%s\n", encoding, body), "\n", "\r\n"))
	r.waitFor(r.box(jmap.RoleInbox), 1)
}

// hits are the words that find anything as text and as body.
func (r *rig) hits(words ...string) (out []string) {
	for _, w := range words {
		for kind, c := range map[string]jmap.EmailCondition{"text": {Text: w}, "body": {Body: w}} {
			if ids := r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &c}); len(ids) > 0 {
				out = append(out, kind+" "+w)
			}
		}
	}
	slices.Sort(out)
	return out
}

func testPresentedAttributes(r *rig) {
	r.deliverHTML("quoted-printable")
	r.same("what a person sees", r.hits("contentword", "altword", "titleword"),
		[]string{"body altword", "body contentword", "body titleword", "text altword", "text contentword", "text titleword"})
}

func testMarkup(r *rig) {
	r.deliverHTML("8bit")
	r.same("markup", r.hits("headword", "styleword", "classword", "scriptword", "hrefword", "srcword", "commentword"), nil)
}

// A word that is markup in one part may be what somebody wrote in another.
func testMarkupAndMore(r *rig) {
	html := "Content-Type: text/html\n\n<p class=styled id=buoy>Nothing here.\n"
	for i, more := range []string{"Content-Type: text/plain\n\nThe buoy.\n", "Content-Type: text/html\n\n<b>bu</b>oy buoy\n",
		"Content-Type: image/png; name=buoy.png\n\nx\n", "Content-Type: message/rfc822\n\nSubject: y\n\nThe buoy.\n", ""} {
		mail := fmt.Sprintf("Subject: x%d\nMessage-ID: <%d@x>\n", i, i) + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + html
		if more != "" {
			mail += "--b\n" + more
		}
		r.deliver("INBOX", strings.ReplaceAll(mail+"--b--\n", "\n", "\r\n"))
	}
	r.deliver("INBOX", strings.ReplaceAll("Subject: x\nX-Buoy: a buoy\nMIME-Version: 1.0\n"+html, "\n", "\r\n"))
	r.waitFor(r.box(jmap.RoleInbox), 6)
	count := func(c jmap.EmailCondition) int { return len(r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &c})) }
	inside, names := 0, 0
	if strings.Contains(r.Name(), "dovecot") { // which looks into the message inside, and at names
		inside, names = 1, 1
	}
	for _, c := range []struct {
		asked jmap.EmailCondition
		want  int
	}{
		{jmap.EmailCondition{Body: "buoy"}, 2 + inside + names},
		{jmap.EmailCondition{Text: "buoy"}, 3 + inside + names},
		{jmap.EmailCondition{Body: "buoy styled"}, inside}, // of which one is markup
	} {
		if n := count(c.asked); n != c.want {
			r.Errorf("%+v finds %d mails, want %d", c.asked, n, c.want)
		}
	}
}

// literal is a store that finds every mail, as one whose search sees markup would.
type literal struct{ upstream.Store }

func (l literal) Search(ctx context.Context, at upstream.Place, _ []upstream.Term) (upstream.UIDSet, error) {
	uids, _, err := l.UIDs(ctx, at.Box)
	return uids, err
}

// Where there is too much to look into, the server's word is taken.
func TestSearchHTMLIsBounded(t *testing.T) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	const most = 200
	deliver := func(box, body string) {
		mem.Deliver(box, []byte("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p class=markup>"+body), time.Now())
	}
	for range most {
		deliver("INBOX", "small")
	}
	other := mem.Open()
	if err := other.CreateBox(t.Context(), "Large", ""); err != nil {
		t.Fatal(err)
	}
	deliver("Large", strings.Repeat("much ", 1<<20))
	r := newRig(t, literal{mem.Open()}, other)
	filter := &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Body: "markup"}}
	if ids := r.query(filter); len(ids) != 1 {
		t.Errorf("of %d mails and a large one %d are found, want the large one", most, len(ids))
	}
	deliver("INBOX", "one more")
	all := &jmap.EmailQuery{Filter: inMailbox(r.box(jmap.RoleInbox)), Window: jmap.Window{Limit: 500}}
	for inbox, err := r.a.EmailQuery(r.ctx, all); len(inbox.IDs) <= most; inbox, err = r.a.EmailQuery(r.ctx, all) {
		r.must(err)
		time.Sleep(10 * time.Millisecond)
	}
	if res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: filter, Window: jmap.Window{Limit: 500}}); err != nil || len(res.IDs) != most+2 {
		t.Errorf("of %d mails %d are found, %v", most+2, len(res.IDs), err)
	}
}
