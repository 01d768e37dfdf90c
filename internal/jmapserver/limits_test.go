package jmapserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// times joins n pieces with commas.
func times(n int, piece func(i int) string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = piece(i)
	}
	return strings.Join(list, ",")
}

func inRequest(calls string) string {
	return `{"using":` + allCapabilities + `,"methodCalls":[` + calls + `]}`
}

// TestRequestLimits: what a request may have at most passes, and one more is
// refused by the name of the limit, each as large as it is announced.
func TestRequestLimits(t *testing.T) {
	l := jmapserver.DefaultLimits()
	for _, c := range []struct {
		limit   string
		most    int
		request func(n int) string
	}{
		{"maxCallsInRequest", l.MaxCallsInRequest, func(n int) string {
			return inRequest(times(n, func(i int) string { return fmt.Sprintf(`["Core/echo",{},"%d"]`, i) }))
		}},
		{"maxSizeRequest", int(l.MaxSizeRequest), func(n int) string {
			s := inRequest(`["Core/echo",{},"0"]`)
			return s + strings.Repeat(" ", n-len(s))
		}},
		{"maxDepthInRequest", jmapserver.MaxDepthInRequest, func(n int) string {
			return inRequest(`["Core/echo",{"x":` + strings.Repeat("[", n-4) + strings.Repeat("]", n-4) + `},"0"]`)
		}},
		{"maxValuesInRequest", jmapserver.MaxValuesInRequest, func(n int) string {
			return `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"x":[` + times(n-9, func(int) string { return "1" }) + `]},"0"]]}`
		}},
	} {
		w := newWorld(t, l)
		if code, body := w.post(c.request(c.most)); code != http.StatusOK {
			t.Errorf("%s, at the limit of %d: %d %.200s", c.limit, c.most, code, body)
		}
		var p struct{ Type, Limit string }
		code, body := w.post(c.request(c.most + 1))
		if err := json.Unmarshal(body, &p); err != nil || code != http.StatusBadRequest || p.Type != problemOf+"limit" || p.Limit != c.limit {
			t.Errorf("%s, one more than %d: %d %.200s", c.limit, c.most, code, body)
		}
	}
}

// TestCallLimits: what one call may name at most passes, and one more is answered
// with an error of the call.
func TestCallLimits(t *testing.T) {
	l := jmapserver.DefaultLimits()
	number := func(s string) func(int) string { return func(i int) string { return fmt.Sprintf(s, i) } }
	for _, c := range []struct {
		limit string
		most  int
		call  func(n int) string
		want  string // the error of one more
	}{
		{"MaxObjectsInGet", l.MaxObjectsInGet, func(n int) string {
			return `["Email/get",{"accountId":"a1","ids":[` + times(n, number(`"e%d"`)) + `],"properties":["id"]},"0"]`
		}, "requestTooLarge"},
		{"MaxObjectsInSet", l.MaxObjectsInSet, func(n int) string {
			return `["Email/set",{"accountId":"a1","destroy":[` + times(n, number(`"x%d"`)) + `]},"0"]`
		}, "requestTooLarge"},
		{"maxFilterConditions", jmapserver.MaxFilterConditions, func(n int) string {
			return `["Email/query",{"accountId":"a1","filter":{"operator":"OR","conditions":[` + times(n-1, number(`{"minSize":%d}`)) + `]}},"0"]`
		}, "unsupportedFilter"},
		{"maxComparators", jmapserver.MaxComparators, func(n int) string {
			return `["Email/query",{"accountId":"a1","sort":[` + times(n, number(`{"property":"hasKeyword","keyword":"k%d"}`)) + `]},"0"]`
		}, "unsupportedSort"},
		{"maxReferencesInCall", jmapserver.MaxReferencesInCall, func(n int) string {
			return `["Core/echo",{"x":1},"r"],["Core/echo",{` + times(n, number(`"#x%d":{"resultOf":"r","name":"Core/echo","path":"/x"}`)) + `},"0"]`
		}, "invalidArguments"},
		{"maxProperties", jmapserver.MaxProperties, func(n int) string {
			return `["Email/get",{"accountId":"a1","ids":["e1"],"properties":[` + times(n, number(`"header:X-%d"`)) + `]},"0"]`
		}, "invalidArguments"},
	} {
		w := newWorld(t, l)
		answer := func(n int) string {
			code, body := w.post(inRequest(c.call(n)))
			var out struct{ MethodResponses [][]json.RawMessage }
			if err := json.Unmarshal(body, &out); err != nil || code != http.StatusOK {
				t.Fatalf("%s: %d %.200s", c.limit, code, body)
			}
			last := out.MethodResponses[len(out.MethodResponses)-1]
			if string(last[0]) != `"error"` {
				return ""
			}
			var e struct{ Type, Description string }
			_ = json.Unmarshal(last[1], &e)
			return e.Type + " " + e.Description
		}
		if got := answer(c.most); got != "" {
			t.Errorf("%s, at the limit of %d: %s", c.limit, c.most, got)
		}
		if got := answer(c.most + 1); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, one more than %d: %q, want %s", c.limit, c.most, got, c.want)
		}
	}
}

// TestSetLimits: maxPaths of a patch and maxDataSources of a blob pass, and one
// more is an error of that object alone.
func TestSetLimits(t *testing.T) {
	w := newWorld(t, jmapserver.DefaultLimits())
	problem := func(call, member, id string) string {
		t.Helper()
		_, body := w.post(inRequest(call))
		var out struct{ MethodResponses [][]json.RawMessage }
		if err := json.Unmarshal(body, &out); err != nil || len(out.MethodResponses) != 1 {
			t.Fatalf("%.300s", body)
		}
		var r map[string]json.RawMessage
		if err := json.Unmarshal(out.MethodResponses[0][1], &r); err != nil {
			t.Fatalf("%.300s", body)
		}
		var not map[string]struct{ Type string }
		_ = json.Unmarshal(r[member], &not)
		if r[member] == nil {
			t.Fatalf("no %s: %.300s", member, body)
		}
		return not[id].Type
	}
	for more, want := range []string{"", "invalidPatch"} {
		patch := times(jmapserver.MaxPaths+more, func(i int) string { return fmt.Sprintf(`"keywords/k%d":true`, i) })
		if got := problem(`["Email/set",{"accountId":"a1","update":{"e1":{`+patch+`}}},"0"]`, "notUpdated", "e1"); got != want {
			t.Errorf("maxPaths and %d: %q, want %q", more, got, want)
		}
	}
	for more, want := range []string{"", "tooLarge"} {
		sources := times(jmapserver.MaxDataSources+more, func(i int) string { return `{"data:asText":"x"}` })
		if got := problem(`["Blob/upload",{"accountId":"a1","create":{"b":{"data":[`+sources+`]}}},"0"]`, "notCreated", "b"); got != want {
			t.Errorf("maxDataSources and %d: %q, want %q", more, got, want)
		}
	}
}

// TestQueryLimit: an answer has maxQueryLimit ids at most, and says so to whoever
// asked for more (RFC 8620, section 5.5).
func TestQueryLimit(t *testing.T) {
	w := newWorld(t, jmapserver.DefaultLimits())
	const maxQueryLimit = jmapserver.MaxQueryLimit
	for asked, told := range map[int]bool{maxQueryLimit: false, maxQueryLimit + 1: true} {
		_, body := w.post(inRequest(fmt.Sprintf(`["Email/query",{"accountId":"a1","limit":%d},"0"]`, asked)))
		if got := strings.Contains(string(body), fmt.Sprintf(`"limit":%d`, maxQueryLimit)); got != told {
			t.Errorf("asked for %d, told of the limit: %v, want %v; %.200s", asked, got, told, body)
		}
	}
}

// TestPingLimits: what a client asks for is held between minPing and maxPing, and
// the event says what it became.
func TestPingLimits(t *testing.T) {
	for asked, want := range map[int]int{
		jmapserver.MinPing: jmapserver.MinPing, jmapserver.MinPing - 1: jmapserver.MinPing,
		jmapserver.MaxPing: jmapserver.MaxPing, jmapserver.MaxPing + 1: jmapserver.MaxPing,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, jmapserver.Limits{})
			e := w.listen(fmt.Sprintf("types=*&closeafter=no&ping=%d", asked), "")
			defer e.stop()
			e.take()
			time.Sleep(time.Duration(want)*time.Second + time.Millisecond)
			if got := e.take(); got != fmt.Sprintf("event: ping\ndata: {\"interval\":%d}\n\n", want) {
				t.Errorf("asked for %d s: %q", asked, got)
			}
		})
	}
}

// TestAtOnceLimits: so many uploads, requests and streams of one person as are
// announced (MaxConcurrentUpload, MaxConcurrentRequests, MaxConcurrentStreams), one
// more is refused by the name of the limit, and one that ends makes room.
func TestAtOnceLimits(t *testing.T) {
	l := jmapserver.DefaultLimits()
	for _, c := range []struct {
		limit, method, target string
		most                  int
	}{
		{"maxConcurrentUpload", "POST", "/jmap/upload/a1", l.MaxConcurrentUpload},
		{"maxConcurrentRequests", "POST", "/jmap/api", l.MaxConcurrentRequests},
		{"maxConcurrentStreams", "GET", "/jmap/eventsource?types=*&closeafter=no&ping=0", l.MaxConcurrentStreams},
	} {
		t.Run(c.limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, l)
				var end []func()
				begin := func() {
					if c.method == "GET" {
						e := w.listen("types=*&closeafter=no&ping=0", "")
						end = append(end, e.stop)
						synctest.Wait()
						if e.code != http.StatusOK {
							t.Fatalf("stream %d: %d", len(end), e.code)
						}
						return
					}
					body, hold := io.Pipe()
					done := make(chan int)
					go func() {
						r := httptest.NewRequest(c.method, c.target, body)
						r.Header.Set("Content-Type", "application/json")
						rec := httptest.NewRecorder()
						w.h.ServeHTTP(rec, r)
						done <- rec.Code
					}()
					end = append(end, func() {
						fmt.Fprint(hold, inRequest(""))
						hold.Close()
						if code := <-done; code != http.StatusOK {
							t.Errorf("one that was let in: %d", code)
						}
					})
					synctest.Wait()
				}
				for range c.most {
					begin()
				}
				rec := w.do(c.method, c.target, inRequest(""), "Content-Type", "application/json")
				var p struct{ Type, Limit string }
				if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || p.Type != problemOf+"limit" || p.Limit != c.limit {
					t.Errorf("one more than %d: %d %s", c.most, rec.Code, rec.Body)
				}
				end[0]()
				end = end[1:]
				synctest.Wait()
				begin()
				for _, f := range end {
					f()
				}
			})
		})
	}
}

// TestUploadSize: an upload of MaxSizeUpload passes, whether it says its length or
// not, and one octet more is refused by the name of the limit.
func TestUploadSize(t *testing.T) {
	l := jmapserver.DefaultLimits()
	l.MaxSizeUpload = 1 << 20 // the announced one differs in time alone
	w := newWorld(t, l)
	for _, length := range []int64{0, -1} {
		for more := range 2 {
			r := httptest.NewRequest("POST", "/jmap/upload/a1", strings.NewReader(strings.Repeat("x", 1<<20+more)))
			if length < 0 {
				r.ContentLength = -1
			}
			rec := httptest.NewRecorder()
			w.h.ServeHTTP(rec, r)
			switch {
			case more == 0 && rec.Code != http.StatusOK:
				t.Errorf("at the limit: %d %s", rec.Code, rec.Body)
			case more == 1:
				wantProblem(t, rec, http.StatusRequestEntityTooLarge, problemOf+"limit", "maxSizeUpload")
			}
		}
	}
}

// TestNumberLimits: an Int of MaxSafeInteger and a sortOrder of MaxSortOrder are
// taken, and one more is invalid (RFC 8620, section 1.3; RFC 8621, section 2).
func TestNumberLimits(t *testing.T) {
	for more, want := range []string{"", "invalidArguments"} {
		w := newWorld(t, jmapserver.DefaultLimits())
		_, body := w.post(inRequest(fmt.Sprintf(`["Email/query",{"accountId":"a1","position":%d},"0"]`, int64(jmap.MaxSafeInteger)+int64(more))))
		if got := strings.Contains(string(body), `"error"`); got != (want != "") {
			t.Errorf("MaxSafeInteger and %d: %.200s", more, body)
		}
	}
	for more, want := range []string{"", "invalidProperties"} {
		w := newWorld(t, jmapserver.DefaultLimits())
		_, body := w.post(inRequest(fmt.Sprintf(`["Mailbox/set",{"accountId":"a1","update":{"Mp":{"sortOrder":%d}}},"0"]`, int64(jmap.MaxSortOrder)+int64(more))))
		if got := strings.Contains(string(body), `"invalidProperties"`); got != (want != "") {
			t.Errorf("MaxSortOrder and %d: %.300s", more, body)
		}
	}
}
