package jmapserver

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
	"cofferdam/internal/jmapserver/jmapservertest"
)

func newHandler(t testing.TB) (*Handler, *Person) {
	h, err := New(Config{Person: func(*http.Request) (*Person, bool) { return nil, false },
		BaseURL: func(*http.Request) string { return "" }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h, &Person{Key: "p", Username: "anna@example.org", Accounts: []Account{jmapservertest.New()}}
}

// FuzzRequest sends anything through decoder, dispatch, methods and encoder. The
// answer is a problem or I-JSON, with a response to each call.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":[1]},"0"],["Core/echo",{"#x":{"resultOf":"0","name":"Core/echo","path":"/a/*"}},"1"]]}`,
		`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"createdIds":{"a":"e1"},"methodCalls":[["Email/set",{"accountId":"a1","create":{"k":{"mailboxIds":{"Md":true},"bodyStructure":{"type":"multipart/mixed","subParts":[{"partId":"1"}]},"bodyValues":{"1":{"value":"x"}}}},"update":{"#a":{"keywords/x":true,"subject":"Lunch"}},"destroy":["#k"]},"0"]]}`,
		`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Email/query",{"accountId":"a1","filter":{"operator":"NOT","conditions":[{"text":"a"}]},"sort":[{"property":"size"}],"anchor":"e1","anchorOffset":-1},"0"],["Email/get",{"accountId":"a1","#ids":{"resultOf":"0","name":"Email/query","path":"/ids"},"properties":["header:To:asAddresses:all"]},"1"]]}`,
		`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail","urn:ietf:params:jmap:submission"],"methodCalls":[["EmailSubmission/set",{"accountId":"a1","create":{"s":{"identityId":"I1","emailId":"e1"}},"onSuccessUpdateEmail":{"#s":{"mailboxIds/Mi":null,"mailboxIds/Ms":true}}},"0"],["Mailbox/set",{"accountId":"a1","create":{"a":{"name":"x","parentId":"#a"}}},"1"],["Mailbox/query",{"accountId":"a1","sortAsTree":true},"2"]]}`,
		`{"using":[],"methodCalls":[["a",{},"b"]]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, p := newHandler(t)
		req, bad := decodeRequest(text, &h.limits)
		out, bad2 := h.process(context.Background(), p, text, "")
		if bad != nil {
			if bad2 == nil || out != nil {
				t.Fatal("refused and processed")
			}
			return
		}
		if bad2 != nil {
			return // unknownCapability
		}
		v, err := ijson.Parse(string(out), ijson.Limits{Depth: 2000, Values: 1 << 22})
		if err != nil {
			t.Fatalf("the answer is not I-JSON: %v: %s", err, out)
		}
		ids := map[string]bool{}
		for _, r := range v.Get("methodResponses").Elems() {
			id, _ := r.Elems()[2].Str()
			ids[id] = true
		}
		for _, c := range req.calls {
			if !ids[c.id] {
				t.Fatalf("no response to %q in %s", c.id, out)
			}
		}
	})
}

// echoes that refer to each other must not make an answer out of bounds.
func TestAnswerIsBounded(t *testing.T) {
	h, p := newHandler(t)
	big := `"` + strings.Repeat("x", 9_000_000) + `"`
	text := `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":` + big + `},"0"]`
	for range 5 {
		text += `,["Core/echo",{"#a":{"resultOf":"0","name":"Core/echo","path":"/a"}},"1"]`
	}
	out, bad := h.process(context.Background(), p, text+"]}", "")
	if bad != nil {
		t.Fatal(bad.detail)
	}
	if len(out) > maxResponseOctets+1000 {
		t.Errorf("%d octets", len(out))
	}
	if tail := string(out[max(0, len(out)-300):]); !strings.Contains(tail, `["error",{"type":"requestTooLarge","description":"the answer would be too large"},"1"]],"sessionState"`) {
		t.Errorf("it ends with %s", tail)
	}
}

// The values that references may make us parse are counted over a request.
func TestReferencesAreBounded(t *testing.T) {
	h, p := newHandler(t)
	list := make([]int, maxValuesInRequest-1000)
	big, _ := json.Marshal(list)
	text := `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":` + string(big) + `},"0"]`
	for i := range 4 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		text += `,["Core/echo",{"#a":{"resultOf":"` + from + `","name":"Core/echo","path":"/a"}},"` + to + `"]`
	}
	out, bad := h.process(context.Background(), p, text+"]}", "")
	if bad != nil {
		t.Fatal(bad.detail)
	}
	if tail := string(out[max(0, len(out)-400):]); !strings.Contains(tail, `["error",{"type":"invalidResultReference","description":"a: the response is too large to refer to"},"3"]`) {
		t.Errorf("it ends with %s", tail)
	}
	if _, bad := decodeRequest(`{"a":`+string(big[:len(big)-1])+`,`+string(big[1:])+`}`, &h.limits); bad == nil || bad.limit != "maxValuesInRequest" {
		t.Errorf("too many values: %v", bad)
	}
}

// canned is an account that costs nothing: what is measured is this package.
type canned struct {
	Account
	info  jmap.AccountInfo
	ids   []jmap.EmailID
	email jmap.Email
}

func (c *canned) Info() jmap.AccountInfo { return c.info }

func (c *canned) EmailQuery(context.Context, *jmap.EmailQuery) (jmap.EmailQueryResult, error) {
	return jmap.EmailQueryResult{State: "q1", IDs: c.ids, Total: 100000}, nil
}

func (c *canned) EmailGet(_ context.Context, ids []jmap.EmailID, _ *jmap.EmailFields, emit func(*jmap.Email) error) ([]jmap.EmailID, jmap.State, error) {
	for _, id := range ids {
		c.email.ID = id
		if err := emit(&c.email); err != nil {
			return nil, "", err
		}
	}
	return nil, "s1", nil
}

// BenchmarkListPage is a list page: Email/query and Email/get of 50 rows in one
// request.
func BenchmarkListPage(b *testing.B) {
	h, p := newHandler(b)
	name, subject := "Jörg Müller", "Re: Protokoll der Sitzung vom 3. März"
	c := &canned{Account: p.Accounts[0], info: p.Accounts[0].Info()}
	c.email = jmap.Email{BlobID: "B0123456789abcdef0123456789abcdef", ThreadID: "T0123456789abcdef", MailboxIDs: []jmap.MailboxID{"M0123456789abcdef"},
		Keywords: []jmap.Keyword{jmap.KeywordSeen, jmap.KeywordFlagged}, Size: 12345, ReceivedAt: time.Unix(1.7e9, 0), HasAttachment: true,
		From: []jmap.Address{{Name: &name, Email: "joerg.mueller@example.org"}}, To: []jmap.Address{{Name: &name, Email: "anna@example.org"}},
		Subject: &subject, Preview: "Liebe Kolleginnen und Kollegen, anbei das Protokoll der letzten Sitzung mit der Bitte um Durchsicht bis Freitag. Änderungen bitte an mich."}
	for i := range 50 {
		c.ids = append(c.ids, jmap.EmailID("M0123456789abcdef0123456789abcd"+string(rune('a'+i/10))+string(rune('0'+i%10))))
	}
	p.Accounts[0] = c
	text := `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[
		["Email/query",{"accountId":"a1","filter":{"inMailbox":"Mi"},"sort":[{"property":"receivedAt","isAscending":false}],"collapseThreads":true,"position":0,"limit":50,"calculateTotal":true},"0"],
		["Email/get",{"accountId":"a1","#ids":{"resultOf":"0","name":"Email/query","path":"/ids"},"properties":["id","threadId","mailboxIds","keywords","size","receivedAt","from","to","subject","hasAttachment","preview"]},"1"]]}`
	out, bad := h.process(context.Background(), p, text, "")
	if bad != nil {
		b.Fatal(bad.detail)
	}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		h.process(context.Background(), p, text, "")
	}
}

// Requests that are small for what they would cost: each must be refused, or be
// done, in far less time than it would take to compare everything with
// everything.
func TestCostlyRequests(t *testing.T) {
	h, p := newHandler(t)
	repeat := func(n int, f func(int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f(i))
		}
		return b.String()
	}
	for name, c := range map[string]struct{ call, want string }{
		"references": {`["Core/echo",{"a":1},"0"],["Core/echo",{` + repeat(40000, func(i int) string {
			return fmt.Sprintf(`"#%d":{"resultOf":"0","name":"Core/echo","path":"/a"}`, i)
		}) + `},"1"]`, "more than 16 result references"},
		"slashes in a path": {`["Email/set",{"accountId":"a1","update":{"e1":{"` + strings.Repeat("/", 9_000_000) + `":1}}},"1"]`, "a path is too long"},
		"paths": {`["Email/set",{"accountId":"a1","update":{"e1":{` + repeat(60000, func(i int) string {
			return fmt.Sprintf(`"keywords/%d":true`, i)
		}) + `}}},"1"]`, "too many paths"},
		"keywords": {`["Email/set",{"accountId":"a1","update":{"e1":{"keywords":{` + repeat(60000, func(i int) string {
			return fmt.Sprintf(`"%d":true`, i)
		}) + `}}}},"1"]`, `"invalidProperties"`},
		"properties of a new Email": {`["Email/set",{"accountId":"a1","create":{"k":{` + repeat(60000, func(i int) string {
			return fmt.Sprintf(`"%d":true`, i)
		}) + `}}},"1"]`, "too many properties"},
		"header properties": {`["Email/get",{"accountId":"a1","ids":["e1"],"properties":[` + repeat(60000, func(i int) string {
			return fmt.Sprintf(`"header:%d"`, i)
		}) + `]},"1"]`, "fewer properties"},
		"conditions": {`["Email/query",{"accountId":"a1","filter":{"operator":"OR","conditions":[` + repeat(60000, func(int) string {
			return `{"text":"a"}`
		}) + `]}},"1"]`, "too many conditions"},
		"comparators": {`["Email/query",{"accountId":"a1","sort":[` + repeat(17, func(int) string {
			return `{"property":"size"}`
		}) + `]},"1"]`, "unsupportedSort"},
		"parts": {`["Email/set",{"accountId":"a1","create":{"k":{"mailboxIds":{"Md":true},"attachments":[` + repeat(1001, func(int) string {
			return `{"blobId":"Be1"}`
		}) + `]}}},"1"]`, `"properties":["attachments"]`},
		"Mailboxes below each other": {`["Mailbox/set",{"accountId":"a1","create":{` + repeat(500, func(i int) string {
			return fmt.Sprintf(`"b%d":{"name":"x","parentId":"#b%d"}`, i, (i+1)%500)
		}) + `}},"1"]`, `"parentId"`},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			out, bad := h.process(context.Background(), p, `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[`+c.call+`]}`, "")
			if bad != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("got %+v %.300s, want %s", bad, out, c.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
