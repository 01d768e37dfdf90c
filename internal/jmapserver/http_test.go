package jmapserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// do sends any request.
func (w *world) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec
}

// wantProblem checks a problem details object (RFC 8620, section 3.6.1).
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, kind, limit string) {
	t.Helper()
	var p struct{ Type, Limit, Detail string }
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatalf("not a problem: %v: %s", err, rec.Body)
	}
	if rec.Code != status || p.Type != kind || p.Limit != limit || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %q limit %q (%s), want %d %q limit %q", rec.Code, p.Type, p.Limit, p.Detail, status, kind, limit)
	}
}

const problemOf = "urn:ietf:params:jmap:error:"

func TestNotSignedIn(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	for _, target := range []string{"GET /jmap/session", "POST /jmap/api", "POST /jmap/upload/a1", "GET /jmap/download/a1/Be1/x", "GET /jmap/eventsource?types=*&closeafter=no&ping=0"} {
		method, path, _ := strings.Cut(target, " ")
		wantProblem(t, w.do(method, path, "{}", "Authorization", "nobody"), 401, "about:blank", "")
	}
}

func TestNotJSON(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	const good = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[]}`
	for name, body := range map[string]string{
		"duplicate name": `{"using":["urn:ietf:params:jmap:core"],"using":[],"methodCalls":[]}`,
		"invalid UTF-8":  "{\"using\":[\"\xff\"],\"methodCalls\":[]}",
		"lone surrogate": `{"using":["\ud800"],"methodCalls":[]}`,
		"huge number":    `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"x":1e400},"0"]]}`,
		"cut off":        good[:20],
		"two values":     good + good,
		"empty":          "",
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, w.do("POST", "/jmap/api", body, "Content-Type", "application/json"), 400, problemOf+"notJSON", "")
		})
	}
	wantProblem(t, w.do("POST", "/jmap/api", good, "Content-Type", "text/plain"), 400, problemOf+"notJSON", "")
	wantProblem(t, w.do("POST", "/jmap/api", good), 400, problemOf+"notJSON", "")
	if rec := w.do("POST", "/jmap/api", good, "Content-Type", "application/json"); rec.Code != 200 || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("a good request: %d %s", rec.Code, rec.Header().Get("Content-Type"))
	}
}

func TestSession(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.setup(t, "second-account")
	rec := w.do("GET", "/jmap/session", "")
	var s struct {
		Capabilities map[string]map[string]any
		Accounts     map[string]struct {
			Name                   string
			IsPersonal, IsReadOnly bool
			AccountCapabilities    map[string]map[string]any
		}
		PrimaryAccounts                                                 map[string]string
		Username, APIURL, DownloadURL, UploadURL, EventSourceURL, State string
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	core := map[string]any{"maxSizeUpload": 5e7, "maxConcurrentUpload": 4.0, "maxSizeRequest": 1e7, "maxConcurrentRequests": 8.0,
		"maxCallsInRequest": 32.0, "maxObjectsInGet": 500.0, "maxObjectsInSet": 500.0, "collationAlgorithms": []any{"i;unicode-casemap"}}
	if diff := cmp.Diff(core, s.Capabilities[jmap.CapabilityCore]); diff != "" {
		t.Errorf("core capability (-want +got):\n%s", diff)
	}
	mail := map[string]any{"maxMailboxesPerEmail": nil, "maxMailboxDepth": 10.0, "maxSizeMailboxName": 200.0,
		"maxSizeAttachmentsPerEmail": 5e7, "emailQuerySortOptions": []any{"receivedAt", "size", "subject", "hasKeyword"}, "mayCreateTopLevelMailbox": true}
	if diff := cmp.Diff(mail, s.Accounts["a1"].AccountCapabilities[jmap.CapabilityMail]); diff != "" {
		t.Errorf("mail capability (-want +got):\n%s", diff)
	}
	submission := map[string]any{"maxDelayedSend": 60.0, "submissionExtensions": map[string]any{"DSN": []any{}, "SIZE": []any{"10240000"}}}
	if diff := cmp.Diff(submission, s.Accounts["a1"].AccountCapabilities[jmap.CapabilitySubmission]); diff != "" {
		t.Errorf("submission capability (-want +got):\n%s", diff)
	}
	if _, ok := s.Accounts["a2"].AccountCapabilities[jmap.CapabilitySubmission]; ok || s.Accounts["a2"].IsPersonal {
		t.Error("the shared account may send, or is called personal")
	}
	if _, ok := s.PrimaryAccounts[jmap.CapabilityCore]; ok || s.PrimaryAccounts[jmap.CapabilityMail] != "a1" {
		t.Errorf("primary accounts: %v", s.PrimaryAccounts)
	}
	got := []string{s.Username, s.APIURL, s.DownloadURL, s.UploadURL, s.EventSourceURL, rec.Header().Get("Cache-Control")}
	want := []string{"anna@example.org", "https://mail.example.org/jmap/api",
		"https://mail.example.org/jmap/download/{accountId}/{blobId}/{name}?type={type}", "https://mail.example.org/jmap/upload/{accountId}",
		"https://mail.example.org/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}", "no-cache, no-store, must-revalidate"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The state is what an API response says, and changes with anything else.
	if _, body := w.post(`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[]}`); !strings.Contains(string(body), `"sessionState":"`+s.State+`"`) {
		t.Errorf("state %q is not that of %s", s.State, body)
	}
	w.setup(t, "readonly")
	if again := w.do("GET", "/jmap/session", ""); strings.Contains(again.Body.String(), s.State) {
		t.Error("the state did not change with the Session")
	}
}

// slow is an account whose reading blocks until it is told.
type slow struct {
	jmapserver.Account
	entered chan struct{}
	leave   chan struct{}
}

func (s slow) State(context.Context, jmap.Type) (jmap.State, error) { return "", errors.New("unused") }

func (s slow) MailboxGet(context.Context, []jmap.MailboxID) ([]jmap.Mailbox, []jmap.MailboxID, jmap.State, error) {
	s.entered <- struct{}{}
	<-s.leave
	return nil, nil, "s", nil
}

func (s slow) BlobPut(_ context.Context, r io.Reader) (jmap.BlobInfo, error) {
	s.entered <- struct{}{}
	<-s.leave
	return jmap.BlobInfo{ID: "U1"}, nil
}

func TestConcurrencyLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		limit   string
		most    int
		request func(*world) *httptest.ResponseRecorder
	}{
		{"requests", "maxConcurrentRequests", 8, func(w *world) *httptest.ResponseRecorder {
			return w.do("POST", "/jmap/api", `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Mailbox/get",{"accountId":"a1"},"0"]]}`, "Content-Type", "application/json")
		}},
		{"uploads", "maxConcurrentUpload", 4, func(w *world) *httptest.ResponseRecorder {
			return w.do("POST", "/jmap/upload/a1", "x")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, jmapserver.Limits{})
			s := slow{w.a, make(chan struct{}), make(chan struct{})}
			w.person.Accounts = []jmapserver.Account{s}
			done := make(chan int)
			for range c.most {
				go func() { done <- c.request(w).Code }()
				<-s.entered
			}
			wantProblem(t, c.request(w), 429, problemOf+"limit", c.limit)
			close(s.leave)
			for range c.most {
				if code := <-done; code/100 != 2 {
					t.Errorf("a request within the limit got %d", code)
				}
			}
			go func() { done <- c.request(w).Code }()
			<-s.entered
			if code := <-done; code/100 != 2 {
				t.Errorf("after the others were done: %d", code)
			}
		})
	}
}

func TestUpload(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{MaxSizeUpload: 10, MaxConcurrentUpload: 1, MaxConcurrentRequests: 1, MaxSizeRequest: 1000, MaxCallsInRequest: 1, MaxObjectsInGet: 1, MaxObjectsInSet: 1, MaxConcurrentStreams: 1})
	rec := w.do("POST", "/jmap/upload/a1", "0123456789", "Content-Type", "image/png")
	var got map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"accountId": "a1", "blobId": "U-new1", "type": "image/png", "size": 10.0}
	if diff := cmp.Diff(want, got); diff != "" || rec.Code != 200 {
		t.Errorf("%d (-want +got):\n%s", rec.Code, diff)
	}
	if body := w.do("GET", "/jmap/download/a1/U-new1/x.png?type=image/png", "").Body.String(); body != "0123456789" {
		t.Errorf("downloaded %q", body)
	}
	wantProblem(t, w.do("POST", "/jmap/upload/a1", "0123456789a"), 413, problemOf+"limit", "maxSizeUpload")
	r := httptest.NewRequest("POST", "/jmap/upload/a1", io.MultiReader(strings.NewReader("01234567"), strings.NewReader("89a")))
	r.ContentLength = -1 // chunked: the length is not said before
	rec = httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	wantProblem(t, rec, 413, problemOf+"limit", "maxSizeUpload")
	wantProblem(t, w.do("POST", "/jmap/upload/a9", "x"), 404, "about:blank", "")
	w.a.Fail(&jmap.SetError{Type: jmap.SetOverQuota})
	wantProblem(t, w.do("POST", "/jmap/upload/a1", "x"), 413, "about:blank", "")
	for wait, want := range map[time.Duration]string{0: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		w.a.Fail(&jmap.SetError{Type: jmap.SetRateLimit, RetryAfter: wait})
		rec := w.do("POST", "/jmap/upload/a1", "x")
		wantProblem(t, rec, 429, "about:blank", "")
		if got := rec.Header().Get("Retry-After"); got != want {
			t.Errorf("Retry-After %q, want %q", got, want)
		}
	}
	w.a.Fail(errors.New("a secret"))
	if rec := w.do("POST", "/jmap/upload/a1", "x"); rec.Code != 503 || strings.Contains(rec.Body.String(), "secret") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestDownload(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	rec := w.do("GET", "/jmap/download/a1/Be1/%C3%9Cber%20%22x%22%2F..%2F.txt?type=text%2Fhtml%3Bcharset%3Dutf-8", "")
	const all = "Subject: Lunch\r\n\r\nHello.\r\n"
	want := map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Content-Disposition":          `attachment; filename="_ber _x__.._.txt"; filename*=UTF-8''%C3%9Cber%20%22x%22%2F..%2F.txt`,
		"Cache-Control":                "private, immutable, max-age=31536000",
		"X-Content-Type-Options":       "nosniff",
		"Content-Security-Policy":      "sandbox; default-src 'none'; frame-ancestors 'none'",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Content-Length":               "26",
	}
	got := map[string]string{}
	for k := range want {
		got[k] = rec.Header().Get(k)
	}
	if diff := cmp.Diff(want, got); diff != "" || rec.Code != 200 || rec.Body.String() != all {
		t.Errorf("%d %q (-want +got):\n%s", rec.Code, rec.Body, diff)
	}
	for spec, want := range map[string]string{"bytes=0-6": "Subject", "bytes=22-": "o.\r\n", "bytes=-4": "o.\r\n", "bytes=20-999": "llo.\r\n"} {
		rec := w.do("GET", "/jmap/download/a1/Be1/x", "", "Range", spec)
		if rec.Code != 206 || rec.Body.String() != want || !strings.HasSuffix(rec.Header().Get("Content-Range"), "/26") {
			t.Errorf("%s: %d %q %s", spec, rec.Code, rec.Body, rec.Header().Get("Content-Range"))
		}
	}
	for _, spec := range []string{"bytes=", "bytes=5-2", "lines=1-2", "bytes=1-2,4-5", "bytes=a-b", "bytes=0-999", "bytes=-0", "bytes=--5"} {
		if rec := w.do("GET", "/jmap/download/a1/Be1/x", "", "Range", spec); rec.Code != 200 || rec.Body.String() != all {
			t.Errorf("%s: %d %q", spec, rec.Code, rec.Body)
		}
	}
	wantProblem(t, w.do("GET", "/jmap/download/a1/Be1/x", "", "Range", "bytes=26-"), 416, "about:blank", "")
	wantProblem(t, w.do("GET", "/jmap/download/a1/gone/x", ""), 404, "about:blank", "")
	wantProblem(t, w.do("GET", "/jmap/download/a2/Be1/x", ""), 404, "about:blank", "")
	for _, bad := range []string{"text", "text/html%0d%0aX-A:b", "%22/x", "/"} {
		wantProblem(t, w.do("GET", "/jmap/download/a1/Be1/x?type="+bad, ""), 400, "about:blank", "")
	}
	if rec := w.do("GET", "/jmap/download/a1/Be1/x", ""); rec.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("without a type: %s", rec.Header().Get("Content-Type"))
	}
}

// broken is an account whose blobs end early.
type broken struct{ jmapserver.Account }

func (b broken) BlobOpen(context.Context, jmap.BlobID, jmap.ByteRange) (*jmap.Blob, error) {
	return &jmap.Blob{Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{})), Size: -1, Length: -1}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection lost") }

// A download that breaks must not look like a whole file.
func TestDownloadBreaks(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{broken{w.a}}
	srv := httptest.NewServer(w.h)
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/jmap/download/a1/Be1/x")
	if err != nil {
		return // cut before the first octet: the client knows
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%q was taken for the whole", body)
	}
}

// A fault of sealed records is in the Session object, whose state tells of it, until
// the person has seen it.
func TestFaultsAreShown(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	vendor := func() (faults any, state string) {
		var s struct {
			State    string
			Accounts map[string]struct {
				AccountCapabilities map[string]struct{ Faults any }
			}
		}
		if err := json.Unmarshal(w.do("GET", "/jmap/session", "").Body.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		return s.Accounts["a1"].AccountCapabilities["https://mail.example.org"+jmap.CapabilityVendor].Faults, s.State
	}
	none, quiet := vendor()
	w.a.SetInfo(func(i *jmap.AccountInfo) {
		i.Faults = []jmap.Fault{{Class: "settings", Kind: "unreadable", Found: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Rows: 2}}
	})
	got, loud := vendor()
	want := []any{map[string]any{"class": "settings", "kind": "unreadable", "found": "2026-03-04T05:06:07Z", "rows": 2.0}}
	if diff := cmp.Diff([]any{[]any{}, want}, []any{none, got}); diff != "" || quiet == loud {
		t.Errorf("state %s, then %s (-want +got)\n%s", quiet, loud, diff)
	}
	if code, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["AccountFault/acknowledge",{"accountId":"a1"},"0"]]}`); code != 200 ||
		!strings.Contains(string(body), `["AccountFault/acknowledge",{"accountId":"a1"},"0"]`) {
		t.Errorf("%d %s", code, body)
	}
	if none, after := vendor(); len(none.([]any)) != 0 || after != quiet {
		t.Errorf("after they were seen: %v", none)
	}
}
