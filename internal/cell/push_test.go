package cell

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/push"
	"cofferdam/internal/seal"
	"cofferdam/internal/upstream"
)

// withPush gives a visitor's cell a way out, and returns the sessions that posted.
func withPush(t *testing.T) (*people, *person, ipc.PersonRequest, func() []string) {
	t.Helper()
	ps, p, req := visitor(t, nil)
	var mu sync.Mutex
	var posted []string
	p.push = push.New(push.Config{Accounts: func() []push.Account { return nil }, Log: slog.New(slog.DiscardHandler),
		Send: func(_ context.Context, session string, _ push.Message) (push.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			posted = append(posted, session)
			return push.Answer{Status: 201}, nil
		}})
	return ps, p, req, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return posted
	}
}

// subscribe makes a subscription as a request of a session does.
func (p *person) subscribe(g *grant) (n int, bad *jmap.SetError) {
	view := p.viewOf(context.WithValue(context.Background(), grantKey{}, g))
	_, bad = view.Push.PushCreate(&jmap.PushSubscriptionCreate{DeviceClientID: "d", URL: "https://push.example.net/"})
	return len(view.Push.PushGet()), bad
}

func (ps *people) grantOf(p *person, session string) *grant {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, g := range p.grants {
		if g.session == session {
			return g
		}
	}
	return nil
}

// TestPushEndsWithSession: subscriptions die with the session that made them, by its
// end, by its expiry, and also when its capability was refused before; those of other
// sessions live on.
func TestPushEndsWithSession(t *testing.T) {
	for name, end := range map[string]func(*people, *person, ipc.PersonRequest){
		"signed out": func(ps *people, _ *person, req ipc.PersonRequest) {
			_, _ = ps.end(context.Background(), ipc.EndRequest{Sessions: [][]byte{req.Session}})
		},
		"expired": func(*people, *person, ipc.PersonRequest) { time.Sleep(90 * time.Minute) },
		"refused, then signed out": func(ps *people, p *person, req ipc.PersonRequest) {
			ps.refused(p, req.Capability, ipc.CodeExpired)
			_, _ = ps.end(context.Background(), ipc.EndRequest{Sessions: [][]byte{req.Session}})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ps, p, req, posted := withPush(t)
			other := req
			other.Capability, other.Session, other.UploadKey, other.Expires = []byte("second"), []byte("other"), nil, time.Now().Add(9*time.Hour).Unix()
			if _, err := ps.take(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			mine, theirs := ps.grantOf(p, "session"), ps.grantOf(p, "other")
			for _, g := range []*grant{mine, theirs} {
				if n, bad := p.subscribe(g); n != 1 || bad != nil {
					t.Fatalf("%s: %d subscriptions, %v", g.session, n, bad)
				}
			}
			if !p.wanted() {
				t.Error("a person with a device to be told would be forgotten")
			}
			if got := posted(); len(got) != 2 {
				t.Errorf("posted for %q", got)
			}
			end(ps, p, req)
			synctest.Wait()
			if n := len(p.push.Session("session", true).PushGet()); n != 0 {
				t.Errorf("%s: %d subscriptions are left", name, n)
			}
			if n := len(p.push.Session("other", true).PushGet()); n != 1 {
				t.Errorf("%s: another session has %d", name, n)
			}
			ps.closeAll(t.Context())
			synctest.Wait()
			if n := len(p.push.Session("other", true).PushGet()); n != 0 {
				t.Errorf("%s: %d subscriptions of who left", name, n)
			}
		})
	}
}

// A session of HTTP Basic makes none.
func TestPushNotForBasicSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, p, req, posted := withPush(t)
		req.Capability, req.Session, req.UploadKey, req.Basic = []byte("basic"), []byte("basic"), nil, true
		if _, err := ps.take(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if n, bad := p.subscribe(ps.grantOf(p, "basic")); n != 0 || bad == nil || bad.Type != jmap.SetForbidden {
			t.Errorf("%d subscriptions, %v", n, bad)
		}
		if n := len(posted()); n != 0 {
			t.Errorf("%d posts", n)
		}
		ps.closeAll(t.Context())
		synctest.Wait()
	})
}

// All that can change in an account fits into one message.
func TestStatesFitIntoAPush(t *testing.T) {
	c, p, a, _, key := reading(t)
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	acc, _ := openOver(t, x, a)
	states, err := acc.WaitChange(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, s := range states {
		most = max(most, len(s))
	}
	for _, name := range []jmap.Type{jmap.TypeEmail, jmap.TypeThread, jmap.TypeMailbox, jmap.TypeEmailDelivery, jmap.TypeEmailSubmission,
		jmap.TypeIdentity, jmap.TypeQuota, jmap.TypeSieveScript, jmap.TypeVacation} {
		states[name] = jmap.State(strings.Repeat("x", most+10)) // numbers grow
	}
	text := jmap.AppendStateChange(nil, map[jmap.AccountID]jmap.TypeStates{accountID(p.uid, upstream.IdentityGUID): states})
	if len(text) > seal.MaxPush {
		t.Errorf("%d types take %d bytes, a message has %d", len(states), len(text), seal.MaxPush)
	}
}
