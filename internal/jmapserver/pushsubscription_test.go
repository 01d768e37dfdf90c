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

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/push"
)

// pushed is a world whose sessions may subscribe, and what was posted.
type pushed struct {
	*world
	*testing.T
	hub   *push.Hub
	posts []string
}

func newPushed(t *testing.T) *pushed {
	p := &pushed{world: newWorld(t, jmapserver.Limits{}), T: t}
	p.hub = push.New(push.Config{
		Accounts: func() []push.Account { return []push.Account{p.a} },
		Send: func(_ context.Context, _ string, m push.Message) (push.Answer, error) {
			p.posts = append(p.posts, string(m.Body))
			return push.Answer{Status: 201}, nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(p.hub.Close)
	p.person.Push = p.hub.Session("one", true)
	return p
}

// ask makes one call that uses core alone, and decodes its response.
func (p *pushed) ask(method, args string) (name string, out map[string]any) {
	p.Helper()
	_, body := p.post(`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["` + method + `",` + args + `,"0"]]}`)
	var r struct{ MethodResponses [][]json.RawMessage }
	if err := json.Unmarshal(body, &r); err != nil || len(r.MethodResponses) != 1 {
		p.Fatalf("%s: %s", method, body)
	}
	if json.Unmarshal(r.MethodResponses[0][0], &name) != nil || json.Unmarshal(r.MethodResponses[0][1], &out) != nil {
		p.Fatalf("%s: %s", method, body)
	}
	return name, out
}

// create makes a subscription and returns its id and code.
func (p *pushed) create(more string) (id, code string) {
	p.Helper()
	_, out := p.ask("PushSubscription/set", `{"create":{"k":{"deviceClientId":"dev","url":"https://push.example.net/a"`+more+`}}}`)
	made, ok := out["created"].(map[string]any)
	if !ok {
		p.Fatalf("not created: %v", out)
	}
	id = made["k"].(map[string]any)["id"].(string)
	synctest.Wait()
	var v struct{ VerificationCode string }
	if err := json.Unmarshal([]byte(p.posts[len(p.posts)-1]), &v); err != nil {
		p.Fatal(err)
	}
	return id, v.VerificationCode
}

type pushJSON = map[string]any

func wantPush(t *testing.T, what string, got any, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// RFC 8620, section 7.2.1.
func TestPushSubscriptionGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPushed(t)
		id, code := p.create(`,"types":["Email","Todo"],"expires":"2100-01-02T03:04:05Z"`)
		shown := pushJSON{"id": id, "deviceClientId": "dev", "verificationCode": nil, "expires": "2100-01-02T03:04:05Z", "types": []any{"Email", "Todo"}}
		for _, args := range []string{`{}`, `{"ids":null}`, `{"ids":["` + id + `"],"properties":null}`} {
			_, out := p.ask("PushSubscription/get", args)
			wantPush(t, args, out, pushJSON{"list": []any{shown}, "notFound": []any{}}) // no accountId, no state, no url, no keys
		}
		_, out := p.ask("PushSubscription/get", `{"ids":["x"],"properties":["types"]}`)
		wantPush(t, "unknown id", out, pushJSON{"list": []any{}, "notFound": []any{"x"}})
		_, out = p.ask("PushSubscription/get", `{"properties":["expires"]}`)
		wantPush(t, "one property", out, pushJSON{"list": []any{pushJSON{"id": id, "expires": "2100-01-02T03:04:05Z"}}, "notFound": []any{}})
		for _, private := range []string{"url", "keys"} {
			if name, out := p.ask("PushSubscription/get", `{"properties":["id","`+private+`"]}`); name != "error" || out["type"] != "forbidden" {
				t.Errorf("asked for %s: %s %v", private, name, out)
			}
		}
		for _, args := range []string{`{"accountId":"a1"}`, `{"properties":["x"]}`, `{"ids":"x"}`} {
			if name, out := p.ask("PushSubscription/get", args); name != "error" || out["type"] != "invalidArguments" {
				t.Errorf("%s: %s %v", args, name, out)
			}
		}
		p.ask("PushSubscription/set", `{"update":{"`+id+`":{"verificationCode":"`+code+`"}}}`)
		_, out = p.ask("PushSubscription/get", `{"properties":["verificationCode"]}`)
		wantPush(t, "verified", out, pushJSON{"list": []any{pushJSON{"id": id, "verificationCode": code}}, "notFound": []any{}})
		p.person.Push = p.hub.Session("two", true)
		_, out = p.ask("PushSubscription/get", `{"ids":["`+id+`"]}`)
		wantPush(t, "another session", out, pushJSON{"list": []any{}, "notFound": []any{id}})
	})
}

// RFC 8620, section 7.2.2.
func TestPushSubscriptionSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPushed(t)
		name, out := p.ask("PushSubscription/set", `{"create":{"k":{"deviceClientId":"dev","url":"https://push.example.net/a","verificationCode":null,"types":null}}}`)
		made := out["created"].(pushJSON)["k"].(pushJSON)
		id := made["id"].(string)
		// Neither accountId nor states; of the new one what the client left out.
		wantPush(t, name, out, pushJSON{"created": pushJSON{"k": pushJSON{"id": id, "keys": nil, "expires": nil}}, "updated": nil, "destroyed": nil,
			"notCreated": nil, "notUpdated": nil, "notDestroyed": nil})
		synctest.Wait()
		var v pushJSON
		if err := json.Unmarshal([]byte(p.posts[0]), &v); err != nil {
			t.Fatal(err)
		}
		code := v["verificationCode"].(string)
		wantPush(t, "pushed", v, pushJSON{"@type": "PushVerification", "pushSubscriptionId": id, "verificationCode": code})

		update := func(patch string) pushJSON {
			_, out := p.ask("PushSubscription/set", `{"update":{"`+id+`":`+patch+`}}`)
			if bad, ok := out["notUpdated"].(pushJSON); ok {
				return bad[id].(pushJSON)
			}
			wantPush(t, patch, out["updated"], pushJSON{id: nil})
			return nil
		}
		for patch, property := range map[string]string{
			`{"verificationCode":"x"}`:                  "verificationCode",
			`{"verificationCode":7}`:                    "verificationCode",
			`{"url":"https://push.example.net/b"}`:      "url",
			`{"url":"https://push.example.net/a"}`:      "url",
			`{"keys":null}`:                             "keys",
			`{"deviceClientId":"other"}`:                "deviceClientId",
			`{"expires":"tomorrow"}`:                    "expires",
			`{"expires":"1999-01-01T00:00:00Z"}`:        "expires",
			`{"expires":"2100-01-01T00:00:00+01:00"}`:   "expires",
			`{"types":"Email"}`:                         "types",
			`{"types":[7]}`:                             "types",
			`{"nonsense":1}`:                            "nonsense",
			`{"id":"other","expires":null}`:             "id",
			`{"types":["Email"],"verificationCode":""}`: "verificationCode",
		} {
			if got := update(patch); got["type"] != "invalidProperties" || !cmp.Equal(got["properties"], []any{property}) {
				t.Errorf("%s: %v", patch, got)
			}
		}
		if got := update(`{"types/0":"Email"}`); got["type"] != "invalidPatch" {
			t.Errorf("a path: %v", got)
		}
		for _, patch := range []string{`{}`, `{"id":"` + id + `","deviceClientId":"dev","verificationCode":null}`, `{"verificationCode":"` + code + `"}`,
			`{"verificationCode":"` + code + `","expires":"2100-01-01T00:00:00Z"}`, `{"types":["Email"]}`, `{"expires":null,"types":null}`} {
			if got := update(patch); got != nil {
				t.Errorf("%s: %v", patch, got)
			}
		}
		_, out = p.ask("PushSubscription/set", `{"update":{"`+id+`":{},"x":{},"#y":{}},"destroy":["`+id+`","x","#y"]}`)
		notFound := pushJSON{"type": "notFound"}
		wantPush(t, "destroyed", out, pushJSON{"created": nil, "updated": nil, "destroyed": []any{id}, "notCreated": nil,
			"notUpdated": pushJSON{id: pushJSON{"type": "willDestroy"}, "x": notFound, "#y": notFound}, "notDestroyed": pushJSON{"x": notFound, "#y": notFound}})
		_, out = p.ask("PushSubscription/set", `{"create":{"n":{"deviceClientId":"d","url":"https://push.example.net/"}},"destroy":["#n"]}`)
		if destroyed, _ := out["destroyed"].([]any); len(destroyed) != 1 || p.person.Push.PushGet() != nil {
			t.Errorf("made and destroyed in one call: %v", out)
		}
	})
}

// What cannot be made is named by its properties, and pushes nothing.
func TestPushSubscriptionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPushed(t)
		for wish, properties := range map[string][]any{
			`{}`: {"deviceClientId", "url"},
			`{"deviceClientId":"d","url":"http://push.example.net/"}`:                                   {"url"},
			`{"deviceClientId":"d","url":"ftp://push.example.net/"}`:                                    {"url"},
			`{"deviceClientId":"d","url":7}`:                                                            {"url"},
			`{"deviceClientId":7,"url":"https://push.example.net/"}`:                                    {"deviceClientId"},
			`{"deviceClientId":"d","url":"https://push.example.net/","verificationCode":"x"}`:           {"verificationCode"},
			`{"deviceClientId":"d","url":"https://push.example.net/","keys":{"p256dh":"x","auth":"y"}}`: {"keys"},
			`{"deviceClientId":"d","url":"https://push.example.net/","keys":{"p256dh":"x"}}`:            {"keys"},
			`{"deviceClientId":"d","url":"https://push.example.net/","keys":[]}`:                        {"keys"},
			`{"deviceClientId":"d","url":"https://push.example.net/","id":"x"}`:                         {"id"},
			`{"deviceClientId":"d","url":"https://push.example.net/","expires":"1999-01-01T00:00:00Z"}`: {"expires"},
			`{"deviceClientId":"d","url":"https://push.example.net/","types":[""]}`:                     {"types"},
		} {
			_, out := p.ask("PushSubscription/set", `{"create":{"k":`+wish+`}}`)
			bad, _ := out["notCreated"].(pushJSON)
			if got, _ := bad["k"].(pushJSON); got["type"] != "invalidProperties" || !cmp.Equal(got["properties"], properties) {
				t.Errorf("%s: %v", wish, out)
			}
		}
		for _, args := range []string{`{"accountId":"a1"}`, `{"ifInState":"x"}`, `{"ifInState":null}`, `{"create":[]}`} {
			if name, out := p.ask("PushSubscription/set", args); name != "error" || out["type"] != "invalidArguments" {
				t.Errorf("%s: %s %v", args, name, out)
			}
		}
		synctest.Wait()
		if len(p.posts) != 0 {
			t.Errorf("posted %q", p.posts)
		}
		p.person.Push = nil // a server without a way out
		for _, method := range []string{"PushSubscription/get", "PushSubscription/set"} {
			if name, out := p.ask(method, `{}`); name != "error" || out["type"] != "unknownMethod" {
				t.Errorf("%s: %s %v", method, name, out)
			}
		}
	})
}

// RFC 9749, section 3: the key is announced where there is one. Another key is
// another state of the Session (section 5).
func TestVAPIDCapability(t *testing.T) {
	states := map[string]bool{}
	for _, key := range []string{"", "BKey-one", "BKey-two"} {
		w := newWorld(t, jmapserver.Limits{})
		h, err := jmapserver.New(jmapserver.Config{Person: func(*http.Request) (*jmapserver.Person, bool) { return w.person, true },
			BaseURL: func(*http.Request) string { return "https://mail.example.org" }, VAPIDKey: key, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", "/jmap/session", nil))
		var s struct {
			Capabilities map[string]map[string]any
			State        string
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		states[s.State] = true
		if got, there := s.Capabilities[jmap.CapabilityVAPID]; there != (key != "") || there && got["applicationServerKey"] != key {
			t.Errorf("key %q is announced as %v", key, got)
		}
		r := httptest.NewRequest("POST", "/jmap/api", strings.NewReader(`{"using":["`+jmap.CapabilityCore+`","`+jmap.CapabilityVAPID+`"],"methodCalls":[]}`))
		r.Header.Set("Content-Type", "application/json")
		rec = httptest.NewRecorder()
		if h.ServeHTTP(rec, r); (rec.Code == 200) != (key != "") {
			t.Errorf("key %q: using it is answered %d", key, rec.Code)
		}
	}
	if len(states) != 3 {
		t.Errorf("%d states of three Sessions", len(states))
	}
}
