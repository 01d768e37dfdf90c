package jmapserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/outbox"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestMDN shows RFC 9007 above a platform in memory; the rows of docs/conformance
// name its subtests. TestReceipt of e2e/system has a real one.
func TestMDN(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*receipts)
	}{
		{"session", mdnSession},
		{"send", mdnSends},
		{"defaults", mdnDefaults},
		{"original", mdnOriginal},
		{"using", mdnUsing},
		{"patch", mdnPatch},
		{"marked", mdnMarked},
		{"invalid", mdnInvalid},
		{"recipient", mdnRecipient},
		{"refused", mdnRefused},
		{"unmarkable", mdnUnmarkable},
		{"failing", mdnFailing},
		{"twice", mdnTwice},
		{"limits", mdnLimits},
		{"parse", mdnParses},
		{"parseNot", mdnParsesNot},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(newReceipts(t, memup.Options{Identity: upstream.IdentityGUID})) })
	}
}

// receipts is a person who gets mails that ask for receipts.
type receipts struct {
	*testing.T
	a     *account.Account
	w     *world
	other upstream.Store
	keeps *keywords

	mu   sync.Mutex // guards the rest
	sent []receipt
	fail error
	slow chan struct{} // not nil: the platform waits for it
}

type receipt struct {
	from string
	to   []string
	text string
}

// Submit implements outbox.Sender.
func (r *receipts) Submit(_ context.Context, _ string, e *jmap.Envelope, body io.Reader, _ int64) (outbox.Result, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return outbox.Result{}, outbox.ErrAway
	}
	r.mu.Lock()
	slow := r.slow
	r.mu.Unlock()
	if slow != nil {
		<-slow
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return outbox.Result{}, r.fail
	}
	one := receipt{from: e.MailFrom.Email, text: string(b)}
	for _, to := range e.RcptTo {
		one.to = append(one.to, to.Email)
	}
	r.sent = append(r.sent, one)
	return outbox.Result{Reply: "250 2.0.0 Ok"}, nil
}

// noRecords is outbox.Records of a person whose records are locked.
type noRecords struct{}

func (noRecords) Put(context.Context, string, int64, []byte) error { return outbox.ErrLocked }
func (noRecords) Delete(context.Context, string, int64) error      { return outbox.ErrLocked }
func (noRecords) All(context.Context) ([]outbox.Stored, error)     { return nil, outbox.ErrLocked }

func newReceipts(t *testing.T, opts memup.Options) *receipts {
	t.Helper()
	r := &receipts{T: t}
	own := []string{"anna@example.org", "a@example.org"}
	out, err := outbox.Open(t.Context(), outbox.Config{Sender: r, Records: noRecords{}, Log: slog.New(slog.DiscardHandler),
		Identities: func() []jmap.Identity { return account.Identities("", own) }})
	if err != nil {
		t.Fatal(err)
	}
	mem := memup.New(opts)
	r.other, r.keeps = mem.Open(), &keywords{Store: mem.Open()}
	r.a, err = account.New(t.Context(), account.Config{ID: "a1", Addresses: own, Store: r.keeps, Outbox: out,
		Key: []byte("0123456789abcdef0123456789abcdef"), Uploads: account.NewMemoryUploads()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.a.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; r.a.Close(); r.other.Close() })
	if err := r.a.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	r.w = newWorld(t, jmapserver.Limits{})
	r.w.person.Accounts = []jmapserver.Account{r.a}
	return r
}

const asking = "From: Bob <bob@example.net>\r\nTo: anna@example.org\r\nSubject: World domination\r\nMessage-ID: <q1@example.net>\r\n" +
	"Original-Recipient: rfc822;ann@example.org\r\nDisposition-Notification-To: Bob <bob@example.net>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nRead it.\r\n"

// deliver puts a mail into the inbox and waits until it is known.
func (r *receipts) deliver(raw string, flags ...string) string {
	r.Helper()
	before := r.query()
	if _, err := r.other.Append(r.Context(), "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Flags: flags}); err != nil {
		r.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, id := range r.query() {
			if !strings.Contains(quoted(before), id) {
				return id
			}
		}
	}
	r.Fatal("the mail is not there")
	return ""
}

func (r *receipts) query() (ids []string) {
	r.Helper()
	list, _ := r.call("Email/query", "")["ids"].([]any)
	for _, id := range list {
		ids = append(ids, id.(string))
	}
	return ids
}

var allOfMDN = []string{jmap.CapabilityCore, jmap.CapabilityMail, jmap.CapabilityMDN}

func (r *receipts) call(method, args string) object { return r.calls(allOfMDN, method, args)[0] }

// calls returns the arguments of all responses to one call, those of an error under
// "error".
func (r *receipts) calls(using []string, method, args string) (out []object) {
	r.Helper()
	code, body := r.w.post(`{"using":` + quoted(using) + `,"methodCalls":[["` + method + `",{"accountId":"a1"` + strings.TrimSuffix(","+args, ",") + `},"0"]]}`)
	var answer struct{ MethodResponses [][]json.RawMessage }
	if err := json.Unmarshal(body, &answer); code != http.StatusOK || err != nil {
		r.Fatalf("%d %s", code, body)
	}
	for _, one := range answer.MethodResponses {
		var o object
		if err := json.Unmarshal(one[1], &o); err != nil {
			r.Fatal(err)
		}
		if string(one[0]) == `"error"` {
			o = object{"error": o["type"], "description": o["description"]}
		}
		out = append(out, o)
	}
	return out
}

func (r *receipts) want(v any, want any, path ...any) {
	r.Helper()
	if got := at(v, path...); got != want {
		r.Errorf("%v: got %v, want %v in %s", path, got, want, quoted(v))
	}
}

const (
	manually = `"disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"}`
	marking  = `"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":true}}`
)

// send asks for the receipt of a mail, with further properties.
func (r *receipts) send(id, more string) []object {
	r.Helper()
	return r.calls(allOfMDN, "MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{"forEmailId":`+quoted(id)+`,`+manually+more+`}},`+marking)
}

func (r *receipts) identity() string {
	r.Helper()
	list, _, _, err := r.a.IdentityGet(r.Context(), nil)
	if err != nil {
		r.Fatal(err)
	}
	return string(list[0].ID)
}

func (r *receipts) outgoing() []receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

func (r *receipts) marked(id string) bool {
	r.Helper()
	o := r.call("Email/get", `"ids":[`+quoted(id)+`],"properties":["keywords"]`)
	return at(o, "list", 0, "keywords", "$mdnsent") == true
}

func mdnSession(r *receipts) {
	session := r.session()
	for _, in := range [][]any{{"capabilities"}, {"accounts", "a1", "accountCapabilities"}} {
		if got := quoted(at(session, append(in, jmap.CapabilityMDN)...)); got != "{}" {
			r.Errorf("%v: %s", in, got)
		}
	}
	r.w.person.Accounts = []jmapserver.Account{newFiltered(r.T, newFilterServer()).a} // it has no outbox
	if session := quoted(r.session()); strings.Contains(session, jmap.CapabilityMDN) {
		r.Errorf("announced though nothing can be sent: %s", session)
	}
}

func (r *receipts) session() (o object) {
	r.Helper()
	got := r.w.do(http.MethodGet, "/jmap/session", "")
	if err := json.Unmarshal(got.Body.Bytes(), &o); got.Code != http.StatusOK || err != nil {
		r.Fatalf("%d %s", got.Code, got.Body)
	}
	return o
}

// mdnSends is the example of section 3.1; the fields are those of RFC 3798, section
// 3.
func mdnSends(r *receipts) {
	id := r.deliver(asking)
	got := r.send(id, `,"subject":"Read receipt","textBody":"It was shown.","reportingUA":"pc.example.org; Foomail 97.1","extension":{"X-Example":"example.com"}`)
	if len(got) != 2 {
		r.Fatal(quoted(got))
	}
	if want := `{"error":null,"finalRecipient":"rfc822; anna@example.org","includeOriginalMessage":false,"mdnGateway":null,"originalMessageId":"\u003cq1@example.net\u003e","originalRecipient":"rfc822;ann@example.org"}`; quoted(at(got[0], "sent", "k")) != want {
		r.Errorf("got  %s\nwant %s", quoted(at(got[0], "sent", "k")), want)
	}
	r.want(got[0], nil, "notSent")
	if _, there := at(got[1], "updated").(object)[id]; !there {
		r.Errorf("no implicit Email/set: %s", quoted(got))
	}
	if !r.marked(id) {
		r.Error("the mail is not marked")
	}
	sent := r.outgoing()
	if len(sent) != 1 || sent[0].from != "" || quoted(sent[0].to) != `["bob@example.net"]` {
		r.Fatalf("%q", sent)
	}
	for _, want := range []string{"From: anna@example.org\r\n", "To: bob@example.net\r\n", "Subject: Read receipt\r\n", "In-Reply-To: <q1@example.net>\r\n",
		"Content-Type: multipart/report; report-type=disposition-notification;", "\r\n\r\nIt was shown.", "Content-Type: message/disposition-notification\r\n",
		"Content-Transfer-Encoding: 7bit\r\n", "Reporting-UA: pc.example.org; Foomail 97.1\r\n", "Original-Recipient: rfc822;ann@example.org\r\n",
		"Final-Recipient: rfc822; anna@example.org\r\n", "Original-Message-ID: <q1@example.net>\r\n",
		"Disposition: manual-action/mdn-sent-manually; displayed\r\n", "X-Example: example.com\r\n"} {
		if !strings.Contains(sent[0].text, want) {
			r.Errorf("no %q in\n%s", want, sent[0].text)
		}
	}
	for _, not := range []string{"Disposition-Notification-To", "Read it.", "Message-ID: <q1@example.net>\r\nDate", "Auto-Submitted"} {
		if strings.Contains(sent[0].text, not) {
			r.Errorf("%q in\n%s", not, sent[0].text)
		}
	}
	if res := r.call("EmailSubmission/get", ""); res["error"] != "unknownMethod" { // a receipt is none; the capability was not asked for
		r.Errorf("%v", res)
	}
}

func mdnDefaults(r *receipts) {
	id := r.deliver(asking)
	got := r.calls(allOfMDN, "MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{"forEmailId":`+quoted(id)+
		`,"disposition":{"actionMode":"automatic-action","sendingMode":"mdn-sent-automatically","type":"deleted"}}},"onSuccessUpdateEmail":{"#k":{"keywords":{"$mdnsent":true,"$seen":true}}}`)
	r.want(got[0], "Read: World domination", "sent", "k", "subject")
	if s, _ := at(got[0], "sent", "k", "textBody").(string); !strings.Contains(s, "deleted") {
		r.Errorf("textBody %q", s)
	}
	r.want(got[0], nil, "sent", "k", "reportingUA")
	sent := r.outgoing()
	if len(sent) != 1 || !strings.Contains(sent[0].text, "\r\nAuto-Submitted: auto-replied\r\n") || strings.Contains(sent[0].text, "Reporting-UA") {
		r.Errorf("%q", sent)
	}
	o := r.call("Email/get", `"ids":[`+quoted(id)+`],"properties":["keywords"]`)
	r.want(o, true, "list", 0, "keywords", "$seen")
}

func mdnOriginal(r *receipts) {
	id := r.deliver(asking)
	r.send(id, `,"includeOriginalMessage":true`)
	sent := r.outgoing()
	if len(sent) != 1 || !strings.Contains(sent[0].text, "Content-Type: message/rfc822\r\n") || !strings.Contains(sent[0].text, "\r\n\r\n"+asking) {
		r.Fatalf("%q", sent)
	}
	// What was sent can be parsed, and names the mail.
	blob := r.upload(sent[0].text)
	got := r.call("MDN/parse", `"blobIds":[`+quoted(blob)+`]`)
	r.want(got, true, "parsed", blob, "includeOriginalMessage")
	r.want(got, id, "parsed", blob, "forEmailId")
}

func (r *receipts) upload(text string) string {
	r.Helper()
	info, err := r.a.BlobPut(r.Context(), strings.NewReader(text))
	if err != nil {
		r.Fatal(err)
	}
	return string(info.ID)
}

func mdnUsing(r *receipts) {
	id := r.deliver(asking)
	for _, using := range [][]string{{jmap.CapabilityCore, jmap.CapabilityMail}, {jmap.CapabilityCore, jmap.CapabilityMDN}} {
		got := r.calls(using, "MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{"forEmailId":`+quoted(id)+`,`+manually+`}},`+marking)
		r.want(got[0], "unknownMethod", "error")
	}
	r.want(len(r.outgoing()), 0)
}

func mdnPatch(r *receipts) {
	id := r.deliver(asking)
	for _, patch := range []string{"", `,"onSuccessUpdateEmail":null`, `,"onSuccessUpdateEmail":{}`, `,"onSuccessUpdateEmail":{"#k":{}}`,
		`,"onSuccessUpdateEmail":{"#k":{"keywords/$seen":true}}`, `,"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":null}}`,
		`,"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":false}}`, `,"onSuccessUpdateEmail":{"#other":{"keywords/$mdnsent":true}}`,
		`,"onSuccessUpdateEmail":{"k":{"keywords/$mdnsent":true}}`, `,"onSuccessUpdateEmail":{"#k":{"keywords":{"$seen":true}}}`,
		`,"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":true},"#x":{"keywords/$seen":true}}`} {
		got := r.call("MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{"forEmailId":`+quoted(id)+`,`+manually+`}}`+patch)
		r.want(got, "invalidArguments", "error")
	}
	for _, args := range []string{`"send":{},` + marking, `"identityId":"nobody","send":{"k":{"forEmailId":` + quoted(id) + `,` + manually + `}},` + marking} {
		r.want(r.call("MDN/send", args), "invalidArguments", "error")
	}
	_, body := r.w.post(`{"using":` + quoted(allOfMDN) + `,"methodCalls":[["MDN/parse",{"accountId":"none","blobIds":[]},"0"]]}`)
	if !strings.Contains(string(body), `"invalidArguments"`) {
		r.Errorf("an account that is not there: %s", body)
	}
	if r.want(len(r.outgoing()), 0); r.marked(id) {
		r.Error("the mail is marked")
	}
}

func mdnMarked(r *receipts) {
	id := r.deliver(asking)
	got := r.calls(allOfMDN, "MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{"forEmailId":`+quoted(id)+`,`+manually+`}},"onSuccessUpdateEmail":{"#k":{"keywords/$MDNSent":true}}`)
	r.want(got[0], "invalidArguments", "error")
	there := r.deliver(strings.ReplaceAll(asking, "q1@", "q2@"), "$MDNSent")
	if !r.marked(there) {
		r.Error("a mail that another program marked has no $mdnsent")
	}
	got = r.send(there, "")
	r.want(got[0], "mdnAlreadySent", "notSent", "k", "type")
	r.want(got[0], nil, "sent")
	r.want(len(got), 1) // no implicit Email/set
	r.want(len(r.outgoing()), 0)
}

func mdnInvalid(r *receipts) {
	id := r.deliver(asking)
	for _, c := range []struct{ mdn, property string }{
		{manually, "forEmailId"},
		{`"forEmailId":null,` + manually, "forEmailId"},
		{`"forEmailId":` + quoted(id), "disposition"},
		{`"forEmailId":` + quoted(id) + `,"disposition":{"actionMode":"manual","sendingMode":"mdn-sent-manually","type":"displayed"}`, "disposition"},
		{`"forEmailId":` + quoted(id) + `,"disposition":{"actionMode":"manual-action","sendingMode":"MDN-sent-manually","type":"displayed"}`, "disposition"},
		{`"forEmailId":` + quoted(id) + `,"disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"read"}`, "disposition"},
		{`"forEmailId":` + quoted(id) + `,"disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed","x":1}`, "disposition"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"mdnGateway":"x"`, "mdnGateway"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"originalMessageId":"<x@y>"`, "originalMessageId"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"subject":"a\r\nBcc: eve@example.net"`, "subject"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"reportingUA":"a\nDisposition: x"`, "reportingUA"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"extensionFields":{"Disposition":"x"}`, "extensionFields"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"extensionFields":{"a b":"x"}`, "extensionFields"},
		{`"forEmailId":` + quoted(id) + `,` + manually + `,"extensionFields":{"X-A":1}`, "extensionFields"},
	} {
		got := r.call("MDN/send", `"identityId":`+quoted(r.identity())+`,"send":{"k":{`+c.mdn+`}},`+marking)
		r.want(got, "invalidProperties", "notSent", "k", "type")
		r.want(got, c.property, "notSent", "k", "properties", 0)
	}
	if r.want(len(r.outgoing()), 0); r.marked(id) {
		r.Error("the mail is marked")
	}
}

func mdnRecipient(r *receipts) {
	id := r.deliver(asking)
	for _, other := range []string{"rfc822; ceo@example.org", "anna@example.org", "x400; anna@example.org"} {
		r.want(r.send(id, `,"finalRecipient":`+quoted(other))[0], "forbiddenFrom", "notSent", "k", "type")
	}
	got := r.send(id, `,"finalRecipient":"rfc822; A@example.org"`)[0]
	if at(got, "sent", "k") == nil || strings.Contains(quoted(got), "finalRecipient") {
		r.Errorf("%s", quoted(got))
	}
	if sent := r.outgoing(); len(sent) != 1 || !strings.Contains(sent[0].text, "Final-Recipient: rfc822; A@example.org\r\n") {
		r.Errorf("%q", sent)
	}
}

// mdnRefused are mails for which no receipt may be sent.
func mdnRefused(r *receipts) {
	r.want(r.send("nosuchmail", "")[0], "notFound", "notSent", "k", "type")
	const request = "Disposition-Notification-To: Bob <bob@example.net>\r\n"
	for header, want := range map[string]string{
		"": "notFound",
		"Disposition-Notification-To: nobody\r\n":                                                     "notFound",
		"Disposition-Notification-To: <>\r\n":                                                         "notFound",
		"Disposition-Notification-To: a@x, b@x, c@x, d@x, e@x, f@x\r\n":                               "forbidden",
		request + "Disposition-Notification-Options: x=optional,1; signed-receipt=REQUIRED,pkcs7\r\n": "forbidden",
	} {
		id := r.deliver(strings.Replace(asking, request, header, 1))
		if r.want(r.send(id, "")[0], want, "notSent", "k", "type"); r.marked(id) {
			r.Errorf("%q: the mail is marked", header)
		}
	}
	r.want(len(r.outgoing()), 0)
}

// mdnUnmarkable is a mailbox in which no keyword can be stored.
func mdnUnmarkable(r *receipts) {
	id := r.deliver(asking)
	r.keeps.no.Store(true)
	got := r.send(id, "")
	r.want(got[0], "forbidden", "notSent", "k", "type")
	r.want(len(got), 1)
	r.want(len(r.outgoing()), 0)
}

// mdnFailing: what was not sent is not marked; what may have been is.
func mdnFailing(r *receipts) {
	id := r.deliver(asking)
	for _, c := range []struct {
		err  error
		want string
	}{
		{&outbox.Refusal{Reply: "550 5.7.1 no"}, "forbidden"},
		{&outbox.Refusal{Kind: outbox.ByRate}, "rateLimit"},
		{outbox.ErrAway, "serverFail"},
	} {
		r.mu.Lock()
		r.fail = c.err
		r.mu.Unlock()
		got := r.send(id, "")
		if r.want(got[0], c.want, "notSent", "k", "type"); r.marked(id) {
			r.Errorf("%v: the mail is marked", c.err)
		}
	}
	r.mu.Lock()
	r.fail = errors.New("cut off after the end")
	r.mu.Unlock()
	if got := r.send(id, ""); at(got[0], "sent", "k") == nil || !r.marked(id) {
		r.Errorf("a receipt that may have been sent can be sent again: %s", quoted(got))
	}
}

// mdnTwice: two tabs ask at the same moment.
func mdnTwice(r *receipts) {
	id := r.deliver(asking)
	r.slow = make(chan struct{})
	answers := make(chan object, 2)
	for range 2 {
		go func() { answers <- r.send(id, "")[0] }()
	}
	time.Sleep(50 * time.Millisecond)
	close(r.slow)
	got := quoted([]object{<-answers, <-answers})
	if n := len(r.outgoing()); n != 1 || strings.Count(got, `"mdnAlreadySent"`) != 1 {
		r.Errorf("%d were sent: %s", n, got)
	}
}

func mdnLimits(r *receipts) {
	id := r.deliver(asking)
	r.want(r.send(id, `,"textBody":`+quoted(strings.Repeat("word ", 300_000)))[0], "tooLarge", "notSent", "k", "type")
	big := r.deliver(strings.ReplaceAll(asking, "q1@", "q3@") + strings.Repeat("0123456789 0123456789 0123456789\r\n", 40_000))
	r.want(r.send(big, `,"includeOriginalMessage":true`)[0], "tooLarge", "notSent", "k", "type")
	if got := r.send(big, ""); at(got[0], "sent", "k") == nil {
		r.Errorf("%s", quoted(got))
	}
	r.w.person.Accounts = []jmapserver.Account{readOnly{r.a}}
	r.want(r.send(id, "")[0], "accountReadOnly", "error")
}

// mdnParses is a receipt as another program writes it, with all that it may have.
func mdnParses(r *receipts) {
	id := r.deliver(asking)
	blob := r.upload("From: Joe <joe@example.com>\r\nSubject: =?utf-8?Q?Le=C3=ADdo?=\r\nContent-Type: multipart/report; boundary=b; report-type=Disposition-Notification\r\n\r\n" +
		"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>no\r\n--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLe\u00eddo.\r\n--c--\r\n" +
		"--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: pc; Foomail\r\nMDN-Gateway: smtp; gate.example\r\nOriginal-Recipient: rfc822;ann@example.org\r\n" +
		"Final-Recipient: rfc822;joe@example.com\r\nOriginal-Message-ID: <q1@example.net>\r\nDisposition: Manual-Action / MDN-sent-Automatically ; DISPLAYED/error\r\n" +
		"Error: first\r\nError: second\r\nX-Own: yes\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--b--\r\n")
	got := r.call("MDN/parse", `"blobIds":[`+quoted(blob)+`,"nosuchblob",`+quoted(blob)+`]`)
	want := `{"disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-automatically","type":"displayed"},"error":["first","second"],` +
		`"extensionFields":{"X-Own":"yes"},"finalRecipient":"rfc822;joe@example.com","forEmailId":` + quoted(id) + `,"includeOriginalMessage":false,` +
		`"mdnGateway":"smtp; gate.example","originalMessageId":"\u003cq1@example.net\u003e","originalRecipient":"rfc822;ann@example.org",` +
		`"reportingUA":"pc; Foomail","subject":"Leído","textBody":"Leído."}`
	if quoted(at(got, "parsed", blob)) != want {
		r.Errorf("got  %s\nwant %s", quoted(at(got, "parsed", blob)), want)
	}
	r.want(quoted(got["notFound"]), `["nosuchblob"]`)
	r.want(got, nil, "notParsable")
	// Of two mails with one Message-ID nobody knows which is meant.
	r.deliver(strings.Replace(asking, "Read it.", "Read it again.", 1))
	r.want(r.call("MDN/parse", `"blobIds":[`+quoted(blob)+`]`), nil, "parsed", blob, "forEmailId")
}

func mdnParsesNot(r *receipts) {
	for _, text := range []string{asking, "no mail", "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: displayed\r\n--b--\r\n"} {
		blob := r.upload(text)
		got := r.call("MDN/parse", `"blobIds":[`+quoted(blob)+`]`)
		r.want(quoted(got["notParsable"]), quoted([]string{blob}))
		r.want(got, nil, "parsed")
		r.want(got, nil, "notFound")
	}
}

// keywords is a Store that may refuse to keep any.
type keywords struct {
	upstream.Store
	no atomic.Bool
}

func (k *keywords) SetFlags(ctx context.Context, at upstream.Place, uids upstream.UIDSet, add, remove []string) error {
	if k.no.Load() {
		return fmt.Errorf("storing keywords: %w", upstream.ErrForbidden)
	}
	return k.Store.SetFlags(ctx, at, uids, add, remove)
}

// readOnly is an account in which nothing can be changed.
type readOnly struct{ *account.Account }

func (r readOnly) Info() jmap.AccountInfo {
	i := r.Account.Info()
	i.IsReadOnly = true
	return i
}
