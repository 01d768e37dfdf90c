package jmapserver_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// say sends one message of a WebSocket as the gate does.
func (w *world) say(text string) *httptest.ResponseRecorder {
	return w.do("POST", "/jmap/ws", text, "Content-Type", "application/json")
}

// RFC 8887, section 4.3: each message and what answers it.
func TestMessages(t *testing.T) {
	const echo = `"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"n":1},"c"]]`
	long := `{"@type":"Request","id":"L",` + echo + `,"x":"` + strings.Repeat("x", 1000) + `"}`
	for _, c := range []struct{ name, in, want string }{
		{"request", `{"@type":"Request","id":"R1",` + echo + `}`, `"@type":"Response","requestId":"R1"}`},
		{"its calls", `{"@type":"Request","id":"R1",` + echo + `}`, `"methodResponses":[["Core/echo",{"n":1},"c"]]`},
		{"no id", `{"@type":"Request",` + echo + `}`, `"@type":"Response"}`},
		{"empty id", `{"@type":"Request","id":"",` + echo + `}`, `"requestId":""}`},
		{"id with quotes", `{"@type":"Request","id":"a\"b",` + echo + `}`, `"requestId":"a\"b"}`},
		{"id of a wrong type", `{"@type":"Request","id":1,` + echo + `}`, `{"@type":"RequestError","requestId":null,"type":"` + problemOf + `notRequest"`},
		{"unknown capability", `{"@type":"Request","id":"R2","using":["urn:ietf:params:jmap:core","urn:x"],"methodCalls":[]}`, `{"@type":"RequestError","requestId":"R2","type":"` + problemOf + `unknownCapability","status":400`},
		{"no request", `{"@type":"Request","id":"R3","using":1}`, `{"@type":"RequestError","requestId":"R3","type":"` + problemOf + `notRequest"`},
		{"unknown type", `{"@type":"Question","id":"R4"}`, `{"@type":"RequestError","requestId":"R4","type":"` + problemOf + `notRequest"`},
		{"no type", `{` + echo + `,"id":"R5"}`, `{"@type":"RequestError","requestId":"R5","type":"` + problemOf + `notRequest"`},
		{"an array", `[]`, `{"@type":"RequestError","requestId":null,"type":"` + problemOf + `notRequest"`},
		{"no JSON", "The quick brown fox jumps\nover the lazy dog.", `{"@type":"RequestError","requestId":null,"type":"` + problemOf + `notJSON","status":400`},
		{"too large", long, `{"@type":"RequestError","requestId":null,"type":"` + problemOf + `limit","status":400`},
		{"its limit", long, `"limit":"maxSizeRequest"}`},
		{"types that are none", `{"@type":"WebSocketPushEnable","dataTypes":[1],"id":"P"}`, `{"@type":"RequestError","requestId":"P","type":"` + problemOf + `notRequest"`},
		{"a pushState that is none", `{"@type":"WebSocketPushEnable","pushState":1}`, `{"@type":"RequestError","requestId":null,"type":"` + problemOf + `notRequest"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := jmapserver.DefaultLimits()
			l.MaxSizeRequest = 600
			rec := newWorld(t, l).say(c.in)
			if got := rec.Body.String(); rec.Code != 200 || !strings.Contains(got, c.want) || !json.Valid(rec.Body.Bytes()) {
				t.Errorf("got %d %s\nwant %s", rec.Code, got, c.want)
			}
		})
	}
	w := newWorld(t, jmapserver.Limits{})
	if rec := w.say(`{"@type":"WebSocketPushDisable"}`); rec.Code != http.StatusNoContent || rec.Body.Len() > 0 {
		t.Errorf("disable: %d %s", rec.Code, rec.Body)
	}
	wantProblem(t, w.do("POST", "/jmap/ws", "{}", "Authorization", "nobody"), 401, "about:blank", "")
}

// RFC 8887, section 3.
func TestWebSocketCapability(t *testing.T) {
	rec := newWorld(t, jmapserver.Limits{}).do("GET", "/jmap/session", "")
	if want := `"urn:ietf:params:jmap:websocket":{"url":"wss://mail.example.org/jmap/ws","supportsPush":true}`; !strings.Contains(rec.Body.String(), want) {
		t.Errorf("got %s, want %s", rec.Body, want)
	}
}

// RFC 8887, section 4.3.2: maxConcurrentRequests counts the requests of both ways.
func TestMessagesAreLimited(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	s := slow{w.a, make(chan struct{}), make(chan struct{})}
	w.person.Accounts = []jmapserver.Account{s}
	const get = `"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Mailbox/get",{"accountId":"a1"},"0"]]}`
	done := make(chan string)
	for i := range 8 {
		go func() {
			if i%2 == 0 {
				done <- w.say(`{"@type":"Request",` + get).Body.String()
			} else {
				done <- w.do("POST", "/jmap/api", "{"+get, "Content-Type", "application/json").Body.String()
			}
		}()
		<-s.entered
	}
	want := `{"@type":"RequestError","requestId":"R9","type":"` + problemOf + `limit","status":429`
	if got := w.say(`{"@type":"Request","id":"R9",` + get).Body.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, `"limit":"maxConcurrentRequests"`) {
		t.Errorf("got %s, want %s", got, want)
	}
	close(s.leave)
	for range 8 {
		if got := <-done; !strings.Contains(got, "methodResponses") {
			t.Errorf("a request within the limit got %s", got)
		}
	}
}

// subscribe is a WebSocketPushEnable.
func (w *world) subscribe(members string) *events {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, "POST", "/jmap/ws", strings.NewReader(`{"@type":"WebSocketPushEnable"`+members+`}`))
	e := &events{head: http.Header{}, done: make(chan struct{})}
	e.stop = func() { cancel(); <-e.done }
	go func() {
		defer close(e.done)
		w.h.ServeHTTP(e, r)
	}()
	return e
}

const seedState = "a1:Email=s10,EmailDelivery=s10,EmailSubmission=s10,Identity=s10,Mailbox=s10,Thread=s10"

// RFC 8887, section 4.3.5: StateChange objects with a pushState from which a later
// connection goes on.
func TestWebSocketPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		e := w.subscribe("")
		if got := e.take(); got != "" || e.code != 200 || e.head.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("at first: %d %q", e.code, got)
		}
		time.Sleep(time.Second)
		w.a.Touch("e1", "$flagged")
		state := strings.Replace(seedState, "Email=s10", "Email=s11", 1)
		want := `{"@type":"StateChange","changed":{"a1":{"Email":"s11"}},"pushState":"` + state + `"}` + "\n"
		if got := e.take(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		e.stop()
		for _, c := range []struct{ name, members, want string }{
			{"nothing missed", `,"pushState":"` + state + `"`, ""},
			{"one change missed", `,"pushState":"` + seedState + `"`, want},
			{"of types not asked for", `,"dataTypes":["Mailbox","Thread"],"pushState":"` + seedState + `"`, ""},
			{"of a type asked for", `,"dataTypes":["Mailbox","Email"],"pushState":"` + seedState + `"`, want},
			{"a state that tells nothing", `,"dataTypes":["Email"],"pushState":"nonsense"`, want},
			{"no state", `,"dataTypes":null`, ""},
		} {
			e := w.subscribe(c.members)
			if got := e.take(); got != c.want {
				t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
			e.stop()
		}
	})
}

// Pushes of WebSockets and event sources count together, end with what fails, and
// end when the process drains.
func TestWebSocketPushEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		var open []*events
		for range 16 {
			open = append(open, w.subscribe(""))
		}
		synctest.Wait()
		if got := w.say(`{"@type":"WebSocketPushEnable","id":"P"}`).Body.String(); !strings.Contains(got, `"limit":"maxConcurrentStreams"`) {
			t.Errorf("a 17th: %s", got)
		}
		for _, e := range open {
			e.stop()
		}
		w.a.Fail(jmap.ServerUnavailable)
		if e := w.subscribe(""); !e.ended() {
			t.Error("an account failed, and its push is still open")
		}

		a := newWorld(t, jmapserver.Limits{})
		drain, drained := context.WithCancel(context.Background())
		h, err := jmapserver.New(jmapserver.Config{Log: slog.New(slog.DiscardHandler), BaseURL: func(*http.Request) string { return "https://x" },
			Person:  func(*http.Request) (*jmapserver.Person, bool) { return a.person, true },
			Streams: func(*http.Request) context.Context { return drain }})
		if err != nil {
			t.Fatal(err)
		}
		a.h = h
		e := a.subscribe("")
		time.Sleep(time.Minute)
		if e.ended() {
			t.Error("ended for nothing")
		}
		drained()
		if !e.ended() {
			t.Error("still open in a process that drains")
		}
	})
}

// RFC 8620, section 3.8: descriptions are in English, the one language there is, for
// whatever language is asked for, and each answer that may have one says so.
func TestLanguage(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	const call = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/nothing",{},"0"]]}`
	first := ""
	for _, wish := range []string{"", "en-GB", "fr-CH, fr;q=0.9, de;q=0.8, en;q=0.7, *;q=0.5", "de", "*;q=0"} {
		for _, body := range []string{call, "no JSON"} {
			rec := w.do("POST", "/jmap/api", body, "Content-Type", "application/json", "Accept-Language", wish)
			if got := rec.Header().Get("Content-Language"); got != "en" {
				t.Errorf("%q asked for: Content-Language %q of %s", wish, got, rec.Body)
			}
			if body != call && first == "" {
				first = rec.Body.String()
			}
			if body != call && (rec.Body.String() != first || !strings.Contains(first, `"detail":"`)) {
				t.Errorf("%q asked for: got %s, want %s", wish, rec.Body, first)
			}
		}
	}
}
