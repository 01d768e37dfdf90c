package cell

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
)

// visitor is one person with one session in an otherwise empty cell.
func visitor(t *testing.T, failure error) (*people, *person, ipc.PersonRequest) {
	t.Helper()
	ps := newPeople(slog.New(slog.DiscardHandler))
	opened := make(chan *person, 1)
	ps.open = func(_ context.Context, p *person, _ ipc.PersonRequest) (*account.Account, func(), error) {
		opened <- p
		return nil, func() {}, failure
	}
	req := ipc.PersonRequest{Capability: []byte("capability"), Session: []byte("session"), UID: bytes.Repeat([]byte{7}, 16),
		Fence: 1, Login: "ada@cofferdam.test", Expires: time.Now().Add(time.Hour).Unix()}
	if taken, err := ps.take(t.Context(), req); err != nil || !taken.Held {
		t.Fatalf("taken %+v, %v", taken, err)
	}
	p := <-opened
	<-p.opened
	return ps, p, req
}

// grantOf is one of a person's.
func grantOf(p *person) *grant {
	for _, g := range p.grants {
		return g
	}
	return nil
}

// A porter that was just started does not know a live session for a moment: the
// cell keeps the capability, or every request of the person would wait in vain.
func TestUnknownOfAMomentIsLetPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, p, req := visitor(t, nil)
		refuse := func(after time.Duration, code ipc.Code) bool {
			time.Sleep(after)
			ps.refused(p, req.Capability, code)
			_, err := ps.capability(p)
			return err == nil
		}
		for _, after := range []time.Duration{0, 300 * time.Millisecond, 600 * time.Millisecond} {
			if !refuse(after, ipc.CodeUnknown) {
				t.Fatalf("the capability was dropped %v after a first refusal", after)
			}
		}
		if !refuse(time.Hour/2, ipc.CodeUnknown) {
			t.Error("a refusal long after the others was not taken for a new case")
		}
		if refuse(unknownFor, ipc.CodeUnknown) {
			t.Error("a capability that stays unknown was kept")
		}
		ps.closeAll(t.Context())
	})
}

func TestFencedCapabilityIsDroppedAtOnce(t *testing.T) {
	ps, p, req := visitor(t, nil)
	ps.refused(p, req.Capability, ipc.CodeFenced)
	if _, err := ps.capability(p); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("after a newer lease: %v", err)
	}
	ps.closeAll(t.Context())
}

// What a person sees while their account cannot be opened are words for a person,
// not those between roles; gate alone gets 421.
func TestNotYetIsSaidToThePerson(t *testing.T) {
	ps, p, req := visitor(t, errors.New("keeper is away"))
	c := &Cell{people: ps}
	for _, row := range []struct {
		path, capability string
		status           int
		want             string
	}{
		{"/jmap/api", "capability", 503, `"type":"unavailable"`},
		{"/body/e1/", "capability", 503, "Open it again."},
		{"/jmap/api", "foreign", 421, "unknown"},
	} {
		ps.grants[sha256.Sum256([]byte("capability"))] = &grant{person: p, capability: req.Capability, expires: time.Now().Add(time.Hour), timer: time.NewTimer(time.Hour)}
		r := httptest.NewRequest(http.MethodGet, row.path, nil)
		r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString([]byte(row.capability)))
		w := httptest.NewRecorder()
		c.admit(func(http.ResponseWriter, *http.Request, *person) { t.Error("admitted") }).ServeHTTP(w, r)
		if w.Code != row.status || !strings.Contains(w.Body.String(), row.want) {
			t.Errorf("%s with %s: %d %s", row.path, row.capability, w.Code, w.Body)
		}
	}
}

// Keys are wiped when the last request is over, and not under it; a request that
// is stuck holds them up for a moment only.
func TestAccountClosesAfterRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, took := range map[string]time.Duration{"ends": settleTime / 2, "stuck": time.Hour} {
			ps, p, req := visitor(t, nil)
			closed := make(chan time.Time, 2)
			p.close = func() { closed <- time.Now() }
			g := grantOf(p)
			leave, err := ps.enter(g, func() {})
			if err != nil {
				t.Fatal(err)
			}
			go func() { time.Sleep(took); leave() }()
			start := time.Now()
			if _, err := ps.end(t.Context(), ipc.EndRequest{Sessions: [][]byte{req.Session}}); err != nil {
				t.Fatal(err)
			}
			if p.ctx.Err() == nil {
				t.Errorf("%s: the request's context lives on", name)
			}
			if d := (<-closed).Sub(start); d != min(took, settleTime) {
				t.Errorf("%s: closed after %s", name, d)
			}
			if _, err := ps.enter(g, func() {}); ipc.CodeOf(err) != ipc.CodeUnknown {
				t.Errorf("%s: entered after the end: %v", name, err)
			}
		}
		time.Sleep(2 * time.Hour)
	})
}

// A grant that was refused and a session that ended close the account once.
func TestAccountClosesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, p, req := visitor(t, nil)
		var closed atomic.Int32
		p.close = func() { closed.Add(1) }
		ps.refused(p, req.Capability, ipc.CodeFenced)
		ps.closeAll(t.Context())
		time.Sleep(2 * endGrace)
		if n := closed.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
	})
}

// The ticket of one mail shows that mail's images alone.
func TestImagesOfThisMailAlone(t *testing.T) {
	ps, p, _ := visitor(t, nil)
	c := &Cell{people: ps}
	ps.shown(p, "mail", map[string]jmap.BlobID{"cid": "mine"})
	ps.shown(p, "other", map[string]jmap.BlobID{"cid": "theirs"})
	if !c.belongs(t.Context(), p, "mail", "mine") {
		t.Error("an image of the mail is refused")
	}
	for _, blob := range []jmap.BlobID{"theirs", "anything"} {
		if c.belongs(t.Context(), p, "mail", blob) {
			t.Errorf("%s is shown with another mail's ticket", blob)
		}
	}
	for i := range 2 * maxShown {
		ps.shown(p, jmap.EmailID(strings.Repeat("x", i+1)), nil)
	}
	if len(p.images) > maxShown {
		t.Errorf("%d mails are remembered", len(p.images))
	}
	ps.closeAll(t.Context())
}

// A session that the platform's password alone opened shares nothing with one that
// has the person's keys, in either order, and neither ends the other.
func TestLockedSessionsAreApart(t *testing.T) {
	for _, first := range []bool{false, true} {
		ps := newPeople(slog.New(slog.DiscardHandler))
		ps.open = func(context.Context, *person, ipc.PersonRequest) (*account.Account, func(), error) {
			return nil, func() {}, nil
		}
		ask := func(name string, fence int64, locked, resume bool) ipc.PersonTaken {
			t.Helper()
			taken, err := ps.take(t.Context(), ipc.PersonRequest{Capability: []byte(name), Session: []byte(name), UID: bytes.Repeat([]byte{7}, 16),
				Fence: fence, Locked: locked, Resume: resume, Expires: time.Now().Add(time.Hour).Unix()})
			if err != nil {
				t.Fatal(err)
			}
			return taken
		}
		of := func(name string) *person {
			g, err := ps.find(t.Context(), base64.RawURLEncoding.EncodeToString([]byte(name)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return g.person
		}
		ask("one", 1, first, false)
		if taken := ask("two", 1, !first, true); taken.Held || !taken.Beside {
			t.Fatalf("the second session joined the first: %+v", taken)
		}
		if taken := ask("two", 1, !first, false); !taken.Held {
			t.Fatalf("the second session was not taken: %+v", taken)
		}
		if of("one") == of("two") {
			t.Error("a locked session and an open one share an account")
		}
		if got, err := ps.capability(of("one")); err != nil || string(got) != "one" {
			t.Errorf("the first session's calls show %q, %v", got, err)
		}
		if taken := ask("three", 1, !first, true); !taken.Held || of("three") != of("two") {
			t.Errorf("a third session did not join its like: %+v", taken)
		}
		ask("four", 2, first, false) // a newer lease ends both
		for _, name := range []string{"one", "two", "three"} {
			if _, err := ps.find(t.Context(), base64.RawURLEncoding.EncodeToString([]byte(name))); ipc.CodeOf(err) != ipc.CodeUnknown {
				t.Errorf("%s lives on under an old lease: %v", name, err)
			}
		}
		if _, err := ps.take(t.Context(), ipc.PersonRequest{UID: bytes.Repeat([]byte{7}, 16), Fence: 1, Locked: !first}); ipc.CodeOf(err) != ipc.CodeFenced {
			t.Errorf("an old lease was taken: %v", err)
		}
		ps.closeAll(t.Context())
	}
}

// What a session asked for ends with it, also when the person has another one.
func TestRequestsEndWithTheirSession(t *testing.T) {
	ps, p, req := visitor(t, nil)
	defer ps.closeAll(t.Context())
	other := req
	other.Capability, other.Session = []byte("another"), []byte("other session")
	if _, err := ps.take(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	c := &Cell{people: ps}
	over := map[string]chan struct{}{}
	for _, name := range []string{"capability", "another"} {
		began := make(chan struct{})
		ended := make(chan struct{})
		over[name] = ended
		h := c.admit(func(_ http.ResponseWriter, r *http.Request, _ *person) {
			close(began)
			<-r.Context().Done()
			close(ended)
		})
		r := httptest.NewRequest(http.MethodGet, "/jmap/eventsource/", nil)
		r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString([]byte(name)))
		go h.ServeHTTP(httptest.NewRecorder(), r)
		<-began
	}
	if _, err := ps.end(t.Context(), ipc.EndRequest{Sessions: [][]byte{req.Session}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over["capability"]:
	case <-time.After(5 * time.Second):
		t.Error("a stream outlives its session")
	}
	select {
	case <-over["another"]:
		t.Error("the stream of another session ended, too")
	case <-time.After(20 * time.Millisecond):
	}
	if p.ctx.Err() != nil {
		t.Error("the person is gone")
	}
}

// A cell that drains lets a mail that is being handed over come to its end, with the
// capability to say what became of it.
func TestDrainWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, whole := range map[time.Duration]bool{3 * time.Second: true, time.Hour: false} {
			ps, p, _ := visitor(t, nil)
			var stored atomic.Bool
			p.close = func() { // the outbox ends with ctx, and then stores an outcome
				<-p.ctx.Done()
				time.Sleep(took)
				_, err := ps.capability(p)
				stored.Store(err == nil)
			}
			ctx, cancel := context.WithTimeout(t.Context(), drainTime)
			began := time.Now()
			ps.closeAll(ctx)
			cancel()
			if got := time.Since(began); got != min(took, drainTime) {
				t.Errorf("waited %s for what took %s", got, took)
			}
			if stored.Load() != whole {
				t.Errorf("what took %s: stored %v", took, stored.Load())
			}
			if n, _ := ps.count(); n != 0 {
				t.Error("somebody is still here")
			}
			time.Sleep(2 * time.Hour)
		}
	})
}
