package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/push"
	"cofferdam/internal/push/pushtest"
)

// account has states that a test sets.
type account struct {
	id      jmap.AccountID
	mu      sync.Mutex // guards the rest
	now     jmap.TypeStates
	changed chan struct{}
	waiting int
}

func newAccount(id jmap.AccountID) *account {
	return &account{id: id, now: jmap.TypeStates{jmap.TypeEmail: "e0", jmap.TypeMailbox: "m0", jmap.TypeEmailDelivery: "d0"}, changed: make(chan struct{})}
}

func (a *account) Info() jmap.AccountInfo { return jmap.AccountInfo{ID: a.id} }

func (a *account) set(t jmap.Type, s jmap.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = maps.Clone(a.now)
	a.now[t] = s
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *account) watchers() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting
}

func (a *account) WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error) {
	for {
		a.mu.Lock()
		now, changed := a.now, a.changed
		if !maps.Equal(now, have) {
			a.mu.Unlock()
			return now, nil
		}
		a.waiting++
		a.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		a.mu.Lock()
		a.waiting--
		a.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// posted is a message as it went out, and when.
type posted struct {
	push.Message
	session string
	at      time.Time
}

// rig is a hub of a person with one account, and a push service.
type rig struct {
	*testing.T
	hub    *push.Hub
	acc    *account
	mu     sync.Mutex // guards the rest
	sent   []posted
	answer func(push.Message) (push.Answer, error)
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, acc: newAccount("a1"), answer: func(push.Message) (push.Answer, error) { return push.Answer{Status: http.StatusCreated}, nil }}
	r.hub = push.New(push.Config{
		Accounts: func() []push.Account { return []push.Account{r.acc} },
		Send: func(_ context.Context, session string, m push.Message) (push.Answer, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			m.Body = append([]byte(nil), m.Body...)
			r.sent = append(r.sent, posted{m, session, time.Now()})
			return r.answer(m)
		},
		Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(r.hub.Close)
	return r
}

func (r *rig) answers(status int, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(push.Message) (push.Answer, error) { return push.Answer{Status: status, RetryAfter: after}, nil }
}

func (r *rig) messages() []posted {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]posted(nil), r.sent...)
}

func wish() *jmap.PushSubscriptionCreate {
	return &jmap.PushSubscriptionCreate{DeviceClientID: "device", URL: "https://push.example.net/a"}
}

func (r *rig) create(s *push.Session, c *jmap.PushSubscriptionCreate) jmap.PushSubscriptionID {
	r.Helper()
	sub, bad := s.PushCreate(c)
	if bad != nil {
		r.Fatal(bad)
	}
	return sub.ID
}

type object struct {
	Type               string `json:"@type"`
	PushSubscriptionID jmap.PushSubscriptionID
	VerificationCode   string
	Changed            map[jmap.AccountID]jmap.TypeStates
}

func (r *rig) read(body []byte) (o object) {
	r.Helper()
	if err := json.Unmarshal(body, &o); err != nil {
		r.Fatalf("%v in %q", err, body)
	}
	return o
}

// verified makes a subscription and returns its code, as a device would.
func (r *rig) verified(s *push.Session, c *jmap.PushSubscriptionCreate) jmap.PushSubscriptionID {
	r.Helper()
	id := r.create(s, c)
	for _, m := range r.messages() {
		if o := r.read(m.Body); o.PushSubscriptionID == id {
			if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{VerificationCode: &o.VerificationCode}); bad != nil {
				r.Fatal(bad)
			}
			synctest.Wait()
			return id
		}
	}
	r.Fatal("no verification came")
	return ""
}

func bubble(t *testing.T, f func(*rig)) {
	synctest.Test(t, func(t *testing.T) { f(newRig(t)) })
}

// RFC 8620, sections 7.2, 7.2.2 and 8.6.
func TestVerificationComesFirst(t *testing.T) {
	bubble(t, func(r *rig) {
		s := r.hub.Session("s", true)
		id := r.create(s, wish())
		sent := r.messages()
		if len(sent) != 1 || time.Since(sent[0].at) != 0 || sent[0].URL != wish().URL {
			r.Fatalf("at once there were %+v", sent)
		}
		o := r.read(sent[0].Body)
		if o.Type != "PushVerification" || o.PushSubscriptionID != id || len(o.VerificationCode) < 22 {
			r.Errorf("the first message is %s", sent[0].Body)
		}
		r.acc.set(jmap.TypeEmail, "e1")
		time.Sleep(25 * time.Minute)
		r.acc.set(jmap.TypeEmail, "e2")
		time.Sleep(25 * time.Minute)
		if n := len(r.messages()); n != 1 {
			r.Fatalf("%d requests before the code came back", n)
		}
		if got := s.PushGet(); got[0].VerificationCode != "" {
			r.Error("the code is shown to who did not return it")
		}
		if r.acc.watchers() != 0 {
			r.Error("the account is watched for nobody")
		}
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{VerificationCode: &o.VerificationCode}); bad != nil {
			r.Fatal(bad)
		}
		if got := s.PushGet(); got[0].VerificationCode != o.VerificationCode {
			r.Errorf("shown as %+v", got[0])
		}
		time.Sleep(time.Minute)
		if n := len(r.messages()); n != 1 {
			r.Fatalf("%d requests, though nothing changed since", n)
		}
		r.acc.set(jmap.TypeEmail, "e3")
		time.Sleep(10 * time.Second)
		sent = r.messages()
		if len(sent) != 2 {
			r.Fatalf("%d requests after a change", len(sent))
		}
		want := object{Type: "StateChange", Changed: map[jmap.AccountID]jmap.TypeStates{"a1": {jmap.TypeEmail: "e3"}}}
		if diff := cmp.Diff(want, r.read(sent[1].Body)); diff != "" {
			r.Error(diff)
		}
		if sent[1].TTL <= 0 || sent[1].Urgency != "low" {
			r.Errorf("sent with TTL %s and urgency %q", sent[1].TTL, sent[1].Urgency)
		}
	})
}

// A code that is wrong is refused, however it is wrong, and verifies nothing.
func TestWrongCode(t *testing.T) {
	bubble(t, func(r *rig) {
		s := r.hub.Session("s", true)
		id := r.create(s, wish())
		code := r.read(r.messages()[0].Body).VerificationCode
		for _, wrong := range []string{"", "x", code + "x", code[:21], strings.ToUpper(code) + "_"} {
			bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{VerificationCode: &wrong})
			if bad == nil || bad.Type != jmap.SetInvalidProperties || !cmp.Equal(bad.Properties, []string{"verificationCode"}) {
				r.Errorf("%q: %v", wrong, bad)
			}
		}
		types := []jmap.Type{jmap.TypeMailbox}
		wrong := "x"
		if s.PushUpdate(id, &jmap.PushSubscriptionUpdate{VerificationCode: &wrong, Types: &types}) == nil || s.PushGet()[0].Types != nil {
			r.Error("half of a refused update was made")
		}
		r.acc.set(jmap.TypeEmail, "e1")
		time.Sleep(time.Hour)
		if n := len(r.messages()); n != 1 {
			r.Errorf("%d requests", n)
		}
	})
}

// Codes are random, of 128 bits.
func TestCodes(t *testing.T) {
	bubble(t, func(r *rig) {
		seen := map[string]bool{}
		for range push.MaxSubscriptions {
			r.create(r.hub.Session("s", true), wish())
		}
		for _, m := range r.messages() {
			o := r.read(m.Body)
			if seen[o.VerificationCode] || seen[string(o.PushSubscriptionID)] || len(o.VerificationCode) != 22 || strings.Contains(string(o.PushSubscriptionID), o.VerificationCode) {
				r.Errorf("%s", m.Body)
			}
			seen[o.VerificationCode], seen[string(o.PushSubscriptionID)] = true, true
		}
		if len(seen) != 2*push.MaxSubscriptions {
			r.Errorf("%d different texts", len(seen))
		}
	})
}

// Whatever goes out to a client with keys opens with them, and nothing is in clear.
func TestEncrypted(t *testing.T) {
	bubble(t, func(r *rig) {
		d := pushtest.New()
		s := r.hub.Session("s", true)
		c := wish()
		c.Keys = &jmap.PushKeys{P256DH: d.P256DH(), Auth: d.Auth()}
		id := r.create(s, c)
		open := func(i int) object {
			m := r.messages()[i]
			text, err := d.Open(m.Body)
			if err != nil || !m.Encrypted || strings.Contains(string(m.Body), "@type") {
				r.Fatalf("message %d: %v", i, err)
			}
			return r.read(text)
		}
		code := open(0).VerificationCode
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{VerificationCode: &code}); bad != nil {
			r.Fatal(bad)
		}
		synctest.Wait()
		r.acc.set(jmap.TypeEmailDelivery, "d1")
		time.Sleep(10 * time.Second)
		if got := open(1).Changed["a1"]; !maps.Equal(got, jmap.TypeStates{jmap.TypeEmailDelivery: "d1"}) {
			r.Errorf("changed %v", got)
		}
		if u := r.messages()[1].Urgency; u != "normal" {
			r.Errorf("mail comes with urgency %q", u)
		}
	})
}

// A burst is one message; while changes go on messages come seldom, and each has the
// last state.
func TestCoalesced(t *testing.T) {
	bubble(t, func(r *rig) {
		r.verified(r.hub.Session("s", true), wish())
		time.Sleep(time.Minute)
		for i := range 100 {
			r.acc.set(jmap.TypeEmail, jmap.State(fmt.Sprint("e", i+1)))
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(4 * time.Second)
		if n := len(r.messages()); n > 3 {
			r.Errorf("%d messages of one burst", n-1)
		}
		for i := range 3600 {
			r.acc.set(jmap.TypeEmail, jmap.State(fmt.Sprint("f", i)))
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Minute)
		sent := r.messages()
		if n := len(sent); n > 80 || n < 50 {
			r.Errorf("%d messages in an hour of changes", n)
		}
		if got := r.read(sent[len(sent)-1].Body).Changed["a1"][jmap.TypeEmail]; got != "f3599" {
			r.Errorf("the last message says %s", got)
		}
	})
}

// What a client does not want does not wake it, and is not told.
func TestTypes(t *testing.T) {
	bubble(t, func(r *rig) {
		s := r.hub.Session("s", true)
		c := wish()
		c.Types = []jmap.Type{jmap.TypeMailbox, "Todo"}
		id := r.verified(s, c)
		time.Sleep(time.Minute)
		r.acc.set(jmap.TypeEmail, "e1")
		time.Sleep(time.Minute)
		if n := len(r.messages()); n != 1 {
			r.Fatalf("%d messages", n)
		}
		r.acc.set(jmap.TypeMailbox, "m1")
		time.Sleep(time.Minute)
		if got := r.read(r.messages()[1].Body).Changed["a1"]; !maps.Equal(got, jmap.TypeStates{jmap.TypeMailbox: "m1"}) {
			r.Errorf("told %v", got)
		}
		none := []jmap.Type{}
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{Types: &none}); bad != nil {
			r.Fatal(bad)
		}
		r.acc.set(jmap.TypeMailbox, "m2")
		time.Sleep(time.Minute)
		if n := len(r.messages()); n != 2 {
			r.Errorf("%d messages, though no type is wanted", n)
		}
	})
}

// RFC 8620, section 7.2: a 429 reduces the frequency. It comes back by and by.
func TestSlowedDown(t *testing.T) {
	bubble(t, func(r *rig) {
		r.verified(r.hub.Session("s", true), wish())
		time.Sleep(time.Minute)
		n := 0
		tick := func(d time.Duration) (messages int) {
			before := len(r.messages())
			for range d / time.Second {
				n++
				r.acc.set(jmap.TypeEmail, jmap.State(fmt.Sprint("e", n)))
				time.Sleep(time.Second)
			}
			return len(r.messages()) - before
		}
		calm := tick(10 * time.Minute)
		r.answers(http.StatusTooManyRequests, 0)
		if slow := tick(time.Hour); slow > calm || slow < 3 {
			r.Errorf("%d messages in an hour of 429, after %d in ten minutes before", slow, calm)
		}
		r.answers(http.StatusTooManyRequests, 3*time.Hour)
		time.Sleep(2 * time.Hour)
		last := r.messages()[len(r.messages())-1].at
		if time.Since(last) > 2*time.Hour {
			r.Fatal("no message with Retry-After came")
		}
		r.answers(http.StatusCreated, 0)
		time.Sleep(3*time.Hour - time.Since(last) - time.Minute)
		if got := r.messages(); got[len(got)-1].at != last {
			r.Error("Retry-After was not waited for")
		}
		time.Sleep(2 * time.Minute)
		got := r.messages()
		if got[len(got)-1].at == last || r.read(got[len(got)-1].Body).Changed["a1"][jmap.TypeEmail] != jmap.State(fmt.Sprint("e", n)) {
			r.Error("what changed meanwhile was not told after the pause")
		}
		tick(12 * time.Hour)
		if again := tick(10 * time.Minute); again < calm/2 {
			r.Errorf("%d messages in ten minutes, half a day later; %d before", again, calm)
		}
	})
}

// Failures of the service are tried again, with the states as they are then.
func TestFailures(t *testing.T) {
	for name, answer := range map[string]func(push.Message) (push.Answer, error){
		"500":     func(push.Message) (push.Answer, error) { return push.Answer{Status: 500}, nil },
		"away":    func(push.Message) (push.Answer, error) { return push.Answer{}, errors.New("no answer") },
		"limited": func(push.Message) (push.Answer, error) { return push.Answer{}, &push.Later{After: time.Minute} },
	} {
		bubble(t, func(r *rig) {
			s := r.hub.Session("s", true)
			r.verified(s, wish())
			time.Sleep(time.Minute)
			r.mu.Lock()
			r.answer = answer
			r.mu.Unlock()
			r.acc.set(jmap.TypeEmail, "e1")
			time.Sleep(time.Hour)
			if n := len(r.messages()); n < 3 || n > 12 {
				r.Errorf("%s: %d messages in an hour", name, n-1)
			}
			r.acc.set(jmap.TypeEmail, "e2")
			r.answers(http.StatusCreated, 0)
			time.Sleep(2 * time.Hour)
			sent := r.messages()
			if got := r.read(sent[len(sent)-1].Body).Changed["a1"][jmap.TypeEmail]; got != "e2" || len(s.PushGet()) != 1 {
				r.Errorf("%s: the last message says %s; %d subscriptions", name, got, len(s.PushGet()))
			}
		})
	}
}

// A service that knows the subscription no more ends it, and so does one that refuses
// again and again.
func TestGone(t *testing.T) {
	for _, c := range []struct{ status, most int }{{404, 1}, {410, 1}, {403, 10}, {302, 10}} {
		bubble(t, func(r *rig) {
			s := r.hub.Session("s", true)
			r.verified(s, wish())
			time.Sleep(time.Minute)
			r.answers(c.status, 0)
			r.acc.set(jmap.TypeEmail, "e1")
			time.Sleep(24 * time.Hour)
			if n := len(r.messages()) - 1; n != c.most || len(s.PushGet()) != 0 {
				r.Errorf("%d: %d messages, %d subscriptions", c.status, n, len(s.PushGet()))
			}
			if r.acc.watchers() != 0 {
				r.Error("the account is watched for nobody")
			}
		})
	}
}

// A verification that does not arrive ends the subscription after one request.
func TestVerificationIsNotRepeated(t *testing.T) {
	for name, answer := range map[string]func(push.Message) (push.Answer, error){
		"refused": func(push.Message) (push.Answer, error) { return push.Answer{Status: 400}, nil },
		"busy":    func(push.Message) (push.Answer, error) { return push.Answer{Status: 503}, nil },
		"away":    func(push.Message) (push.Answer, error) { return push.Answer{}, errors.New("no answer") },
	} {
		bubble(t, func(r *rig) {
			r.answer = answer
			s := r.hub.Session("s", true)
			r.create(s, wish())
			time.Sleep(48 * time.Hour)
			if n := len(r.messages()); n != 1 || len(s.PushGet()) != 0 {
				r.Errorf("%s: %d requests, %d subscriptions", name, n, len(s.PushGet()))
			}
		})
	}
	bubble(t, func(r *rig) { // what was not sent waits
		r.answer = func(push.Message) (push.Answer, error) { return push.Answer{}, &push.Later{After: time.Minute} }
		s := r.hub.Session("s", true)
		r.create(s, wish())
		time.Sleep(90 * time.Second)
		r.answers(201, 0)
		time.Sleep(30 * time.Minute)
		if n := len(r.messages()); n != 3 || len(s.PushGet()) != 1 {
			r.Errorf("%d tries, %d subscriptions", n, len(s.PushGet()))
		}
	})
}

// The client's word on expiry holds; nothing goes out after it.
func TestExpiry(t *testing.T) {
	bubble(t, func(r *rig) {
		s := r.hub.Session("s", true)
		c := wish()
		c.Expires = time.Now().Add(300 * 24 * time.Hour)
		id := r.verified(s, c)
		if got := s.PushGet()[0].Expires; !got.Equal(c.Expires) {
			r.Errorf("it expires at %s instead of %s", got, c.Expires)
		}
		soon := time.Now().Add(time.Hour)
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{Expires: &soon}); bad != nil {
			r.Fatal(bad)
		}
		time.Sleep(time.Hour - 500*time.Millisecond)
		r.acc.set(jmap.TypeEmail, "e1") // it would be told a second later
		time.Sleep(24 * time.Hour)
		if n := len(r.messages()); n != 1 || len(s.PushGet()) != 0 {
			r.Errorf("%d messages, %d subscriptions", n, len(s.PushGet()))
		}
		// Extending needs no new code.
		c.Expires = time.Now().Add(time.Hour)
		id = r.verified(s, c)
		later := time.Now().Add(48 * time.Hour)
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{Expires: &later}); bad != nil {
			r.Fatal(bad)
		}
		time.Sleep(2 * time.Hour)
		r.acc.set(jmap.TypeEmail, "e2")
		time.Sleep(time.Minute)
		if n := len(r.messages()); n != 3 {
			r.Errorf("%d messages", n)
		}
		past := time.Now().Add(-time.Second)
		if bad := s.PushUpdate(id, &jmap.PushSubscriptionUpdate{Expires: &past}); bad == nil || bad.Type != jmap.SetInvalidProperties {
			r.Errorf("an expiry that is over: %v", bad)
		}
		// One that nobody verifies does not stay.
		r.create(s, wish())
		time.Sleep(25 * time.Hour)
		if n := len(s.PushGet()); n != 1 {
			r.Errorf("%d subscriptions", n)
		}
	})
}

// Only who made a subscription sees, changes and destroys it.
func TestSessionsApart(t *testing.T) {
	bubble(t, func(r *rig) {
		one, two := r.hub.Session("one", true), r.hub.Session("two", true)
		a, b := r.verified(one, wish()), r.verified(two, wish())
		if got := one.PushGet(); len(got) != 1 || got[0].ID != a {
			r.Errorf("the first session sees %+v", got)
		}
		if bad := two.PushUpdate(a, &jmap.PushSubscriptionUpdate{}); bad == nil || bad.Type != jmap.SetNotFound {
			r.Errorf("the second updates it: %v", bad)
		}
		if two.PushDestroy(a) {
			r.Error("the second destroys it")
		}
		r.hub.End("one")
		if len(one.PushGet()) != 0 || len(two.PushGet()) != 1 {
			r.Error("the end of one session did not end its own subscriptions alone")
		}
		time.Sleep(time.Minute)
		r.acc.set(jmap.TypeEmail, "e1")
		time.Sleep(time.Minute)
		sent := r.messages()
		if len(sent) != 3 || sent[2].session != "two" {
			r.Errorf("%d messages, the last for %s", len(sent), sent[len(sent)-1].session)
		}
		if !two.PushDestroy(b) || two.PushDestroy(b) {
			r.Error("destroying twice")
		}
		r.acc.set(jmap.TypeEmail, "e2")
		time.Sleep(time.Hour)
		if n := len(r.messages()); n != 3 || r.acc.watchers() != 0 {
			r.Errorf("%d messages, %d watchers", n, r.acc.watchers())
		}
	})
}

// RFC 8620, section 8.6: how many, and how fast.
func TestLimits(t *testing.T) {
	bubble(t, func(r *rig) {
		var ids []jmap.PushSubscriptionID
		for i := range push.MaxSubscriptions {
			ids = append(ids, r.create(r.hub.Session(fmt.Sprint(i%3), true), wish()))
		}
		if _, bad := r.hub.Session("4", true).PushCreate(wish()); bad == nil || bad.Type != jmap.SetOverQuota {
			r.Errorf("one more: %v", bad)
		}
		made := len(ids)
		for i := range ids {
			r.hub.Session(fmt.Sprint(i%3), true).PushDestroy(ids[i])
		}
		s := r.hub.Session("s", true)
		for {
			sub, bad := s.PushCreate(wish())
			if bad != nil {
				if bad.Type != jmap.SetRateLimit {
					r.Errorf("too fast: %v", bad)
				}
				break
			}
			s.PushDestroy(sub.ID)
			made++
		}
		if made != push.MaxCreated {
			r.Errorf("%d were made at once", made)
		}
		time.Sleep(time.Hour)
		r.create(s, wish())
		if _, bad := r.hub.Session("basic", false).PushCreate(wish()); bad == nil || bad.Type != jmap.SetForbidden {
			r.Errorf("by HTTP Basic: %v", bad)
		}
	})
}

// What cannot be a subscription is refused, and named.
func TestRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		d := pushtest.New()
		for name, c := range map[string]struct {
			edit func(*jmap.PushSubscriptionCreate)
			want string
		}{
			"http":           {func(c *jmap.PushSubscriptionCreate) { c.URL = "http://push.example.net/" }, "url"},
			"HTTPS":          {func(c *jmap.PushSubscriptionCreate) { c.URL = "HTTPS://push.example.net/" }, "url"},
			"relative":       {func(c *jmap.PushSubscriptionCreate) { c.URL = "/push" }, "url"},
			"no host":        {func(c *jmap.PushSubscriptionCreate) { c.URL = "https:///push" }, "url"},
			"user":           {func(c *jmap.PushSubscriptionCreate) { c.URL = "https://a:b@push.example.net/" }, "url"},
			"long":           {func(c *jmap.PushSubscriptionCreate) { c.URL += strings.Repeat("x", 2048) }, "url"},
			"no device":      {func(c *jmap.PushSubscriptionCreate) { c.DeviceClientID = "" }, "deviceClientId"},
			"long device":    {func(c *jmap.PushSubscriptionCreate) { c.DeviceClientID = strings.Repeat("x", 256) }, "deviceClientId"},
			"key":            {func(c *jmap.PushSubscriptionCreate) { c.Keys = &jmap.PushKeys{P256DH: "BAAA", Auth: d.Auth()} }, "keys"},
			"auth":           {func(c *jmap.PushSubscriptionCreate) { c.Keys = &jmap.PushKeys{P256DH: d.P256DH(), Auth: "x"} }, "keys"},
			"expired":        {func(c *jmap.PushSubscriptionCreate) { c.Expires = time.Now().Add(-time.Minute) }, "expires"},
			"no type's name": {func(c *jmap.PushSubscriptionCreate) { c.Types = []jmap.Type{""} }, "types"},
			"many types":     {func(c *jmap.PushSubscriptionCreate) { c.Types = make([]jmap.Type, 65) }, "types"},
		} {
			w := wish()
			c.edit(w)
			_, bad := r.hub.Session("s", true).PushCreate(w)
			if bad == nil || bad.Type != jmap.SetInvalidProperties || !cmp.Equal(bad.Properties, []string{c.want}) {
				r.Errorf("%s: %v", name, bad)
			}
		}
		if n := len(r.messages()); n != 0 {
			r.Errorf("%d requests", n)
		}
	})
}

// Close ends what is under way and takes nothing more.
func TestClose(t *testing.T) {
	bubble(t, func(r *rig) {
		s := r.hub.Session("s", true)
		r.verified(s, wish())
		r.hub.Close()
		r.hub.Close()
		if _, bad := s.PushCreate(wish()); bad == nil || len(s.PushGet()) != 0 || r.acc.watchers() != 0 {
			r.Error("a closed hub goes on")
		}
	})
}
