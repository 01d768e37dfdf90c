package porter

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crypto/sha256"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

func wantCode(t *testing.T, err error, want ipc.Code) {
	t.Helper()
	if got := ipc.CodeOf(err); got != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

// show is a capability as a cell shows it.
func show(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

func sum(name string) []byte {
	h := sha256.Sum256([]byte(name))
	return h[:]
}

// request registers a capability of a session of uid's.
func request(capability, session, uid, cell string, fence int64) ipc.LiveRequest {
	return ipc.LiveRequest{Capability: sum(capability), Session: sum(session), UID: sum(uid)[:16], Cell: cell, Fence: fence, Expires: time.Now().Add(time.Hour).Unix()}
}

func secret(text string) *shared {
	return share(seal.Credential{Kind: seal.KindPassword, Login: "ann@x", Secret: seal.NewSecret([]byte(text))})
}

func wiped(s *shared) bool { return len(bytes.Trim(s.cred.Secret.Reveal(), "\x00")) == 0 }

func mustAdd(t *testing.T, r *registry, req ipc.LiveRequest, s *shared) {
	t.Helper()
	if err := r.add(req, "p", []string{"ann@x"}, s); err != nil {
		t.Fatal(err)
	}
}

func TestRegistryFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("pw"))
		g, err := r.find(show("c1"), "cell/0")
		if err != nil || g.platform != "p" || !slices.Equal(g.addresses, []string{"ann@x"}) {
			t.Fatalf("%+v, %v", g, err)
		}
		for name, c := range map[string]struct {
			text, cell string
			want       ipc.Code
		}{
			"another cell":      {show("c1"), "cell/1", ipc.CodeForbidden},
			"unknown":           {show("c2"), "cell/0", ipc.CodeUnknown},
			"its hash":          {base64.RawURLEncoding.EncodeToString(sum("c1")), "cell/0", ipc.CodeUnknown},
			"not base64":        {"!", "cell/0", ipc.CodeForbidden},
			"padded":            {show("c1") + "=", "cell/0", ipc.CodeForbidden},
			"empty":             {"", "cell/0", ipc.CodeUnknown},
			"longer than it is": {show(string(make([]byte, maxCapability+1))), "cell/0", ipc.CodeForbidden},
		} {
			if _, err := r.find(c.text, c.cell); ipc.CodeOf(err) != c.want {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		_, err = r.find(show("c1"), "cell/0")
		wantCode(t, err, ipc.CodeUnknown)
		if live, people, _ := r.figures(); live+people != 0 {
			t.Errorf("%d capabilities and %d people outlive their time", live, people)
		}
	})
}

func TestRegistryRefuses(t *testing.T) {
	r := newRegistry()
	for _, change := range []func(*ipc.LiveRequest){
		func(q *ipc.LiveRequest) { q.Capability = q.Capability[1:] },
		func(q *ipc.LiveRequest) { q.Session = nil },
		func(q *ipc.LiveRequest) { q.UID = append(q.UID, 0) },
	} {
		req := request("c1", "s1", "ann", "cell/0", 1)
		change(&req)
		wantCode(t, r.add(req, "p", nil, secret("pw")), ipc.CodeInvalid)
	}
	if live, people, _ := r.figures(); live+people != 0 {
		t.Error("something was registered")
	}
}

// TestRegistryFence: a newer lease ends what the older one had, and keeps the
// person; an older one gets nothing.
func TestRegistryFence(t *testing.T) {
	r := newRegistry()
	first, second := secret("pw"), secret("pw")
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 5), first)
	mustAdd(t, r, request("c2", "s2", "ann", "cell/0", 5), second)
	mustAdd(t, r, request("cb", "sb", "bob", "cell/0", 1), secret("bob's"))
	old, err := r.find(show("c1"), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	if !wiped(first) {
		t.Error("a credential that was replaced is still there")
	}
	wantCode(t, r.add(request("c3", "s3", "ann", "cell/1", 4), "p", nil, secret("pw")), ipc.CodeFenced)
	third := secret("pw")
	mustAdd(t, r, request("c4", "s1", "ann", "cell/1", 6), third)
	if old.ctx.Err() == nil {
		t.Error("pipes of the older lease stay open")
	}
	for _, c := range []string{"c1", "c2"} {
		_, err := r.find(show(c), "cell/0")
		wantCode(t, err, ipc.CodeUnknown)
	}
	if _, err := r.credential(old); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("an ended grant borrows: %v", err)
	}
	if _, err := r.find(show("c4"), "cell/1"); err != nil || wiped(third) || !wiped(second) {
		t.Errorf("the newest lease: %v", err)
	}
	if _, err := r.find(show("cb"), "cell/0"); err != nil {
		t.Errorf("another person: %v", err)
	}
}

// TestRegistryAgain: keeper registers the same capability after a restart of
// porter's or its own.
func TestRegistryAgain(t *testing.T) {
	r := newRegistry()
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("old"))
	again := secret("new")
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), again)
	g, err := r.find(show("c1"), "cell/0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.credential(g)
	if err != nil || s != again || wiped(again) {
		t.Errorf("credential %v, %v", s, err)
	}
	if live, people, _ := r.figures(); live != 1 || people != 1 {
		t.Errorf("%d capabilities of %d people", live, people)
	}
}

// TestRegistryEnd: the last session takes the credential along, unless it is in
// use: then its user does.
func TestRegistryEnd(t *testing.T) {
	r := newRegistry()
	s := secret("pw")
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), s)
	mustAdd(t, r, request("c2", "s2", "ann", "cell/0", 1), s.borrow())
	s.release() // add took over the second holder's
	g, _ := r.find(show("c2"), "cell/0")
	used, err := r.credential(g)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	r.giveSpare(sum("ann")[:16], &imapConn{Conn: ours})
	r.endSessions([][]byte{sum("s1"), sum("nobody")})
	if _, err := r.find(show("c2"), "cell/0"); err != nil {
		t.Errorf("the other session: %v", err)
	}
	r.endSessions([][]byte{sum("s2")})
	if live, people, _ := r.figures(); live+people != 0 || g.ctx.Err() == nil {
		t.Errorf("%d capabilities, %d people", live, people)
	}
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("a signed-in connection outlives the session")
	}
	if wiped(used) {
		t.Error("wiped in the middle of an authentication")
	}
	used.release()
	if !wiped(used) {
		t.Error("the password outlives the session")
	}
}

func TestRegistrySpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		pipe := func() (*imapConn, net.Conn) {
			a, b := net.Pipe()
			return &imapConn{Conn: a}, b
		}
		stranger, far := pipe()
		r.giveSpare([]byte("nobody"), stranger)
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("a connection of nobody's stays open")
		}
		mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("pw"))
		g, _ := r.find(show("c1"), "cell/0")
		first, firstFar := pipe()
		second, secondFar := pipe()
		r.giveSpare(sum("ann")[:16], first)
		r.giveSpare(sum("ann")[:16], second)
		if _, err := firstFar.Read(make([]byte, 1)); err == nil {
			t.Error("a connection that was replaced stays open")
		}
		if got := r.takeSpare(g.person); got != second {
			t.Error("not the newest connection")
		}
		if r.takeSpare(g.person) != nil || r.takeSpare(nil) != nil {
			t.Error("handed out twice")
		}
		r.giveSpare(sum("ann")[:16], second)
		time.Sleep(spareLife + time.Second)
		synctest.Wait()
		if _, err := secondFar.Read(make([]byte, 1)); err == nil {
			t.Error("an unused connection stays open")
		}
		r.endSessions([][]byte{sum("s1")})
	})
}

func TestRegistryLimits(t *testing.T) {
	r := newRegistry()
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("pw"))
	mustAdd(t, r, request("c2", "s2", "bob", "cell/0", 1), secret("pw"))
	ann, _ := r.find(show("c1"), "cell/0")
	bob, _ := r.find(show("c2"), "cell/0")
	var held []func()
	for range maxPipesPerson {
		release, err := r.takePipe(ann, 100)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, release)
	}
	_, err := r.takePipe(ann, 100)
	wantCode(t, err, ipc.CodeThrottled)
	_, err = r.takePipe(bob, maxPipesPerson)
	wantCode(t, err, ipc.CodeThrottled)
	held[0]()
	held[0]() // counts once
	if _, err := r.takePipe(ann, 100); err != nil {
		t.Error(err)
	}
	_, err = r.takePipe(ann, 100)
	wantCode(t, err, ipc.CodeThrottled)
	for range maxSubmits {
		if _, err := r.takeSubmit(ann); err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.takeSubmit(ann)
	wantCode(t, err, ipc.CodeThrottled)
	release, err := r.takeSubmit(bob)
	if err != nil {
		t.Error(err)
	}
	release()
	if _, _, pipes := r.figures(); pipes["p"] != maxPipesPerson {
		t.Errorf("pipes %v", pipes)
	}
}

// TestRegistryDrain: pipes close, capabilities stay for the successor to be told.
func TestRegistryDrain(t *testing.T) {
	r := newRegistry()
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("pw"))
	g, _ := r.find(show("c1"), "cell/0")
	r.closePipes()
	if g.ctx.Err() == nil {
		t.Error("the pipe hangs on")
	}
}

// TestRegistryBusy is for the race detector.
func TestRegistryBusy(t *testing.T) {
	r := newRegistry()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				c, s, who := fmt.Sprint("c", i, n), fmt.Sprint("s", i, n), fmt.Sprint("u", n%5)
				if err := r.add(request(c, s, who, "cell/0", int64(n)), "p", nil, secret("pw")); err != nil && ipc.CodeOf(err) != ipc.CodeFenced {
					t.Error(err)
				}
				if g, err := r.find(show(c), "cell/0"); err == nil {
					if s, err := r.credential(g); err == nil {
						s.release()
					}
					if release, err := r.takePipe(g, 1000); err == nil {
						release()
					}
				}
				r.endSessions([][]byte{sum(s)})
			}
		})
	}
	wg.Wait()
	if live, people, pipes := r.figures(); live+people+pipes["p"] != 0 {
		t.Errorf("left: %d capabilities, %d people, pipes %v", live, people, pipes)
	}
}

func TestRefs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRefs()
		put := func(login string) ([]byte, seal.Credential, net.Conn) {
			a, b := net.Pipe()
			c := seal.Credential{Login: login, Secret: seal.NewSecret([]byte("pw"))}
			ref, err := r.put(c, &imapConn{Conn: a})
			if err != nil {
				t.Fatal(err)
			}
			return ref, c, b
		}
		ref, _, _ := put("ann@x")
		if _, ok := r.take([]byte("short")); ok {
			t.Error("no ref at all opened something")
		}
		if c, ok := r.take(ref); !ok || c.Login != "ann@x" {
			t.Error("not there")
		}
		if _, ok := r.take(ref); ok {
			t.Error("taken twice")
		}
		if r.takeSpare("bob@x") != nil || r.takeSpare("ann@x") == nil || r.takeSpare("ann@x") != nil {
			t.Error("connection of a login")
		}
		ref, c, far := put("ann@x")
		time.Sleep(refLife + time.Second)
		synctest.Wait()
		if _, ok := r.take(ref); ok || len(bytes.Trim(c.Secret.Reveal(), "\x00")) != 0 {
			t.Error("a password outlives its minute")
		}
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("a connection outlives its time")
		}
		for i := range maxRefs {
			if _, err := r.put(seal.Credential{Login: fmt.Sprint(i)}, &imapConn{Conn: far}); err != nil {
				t.Fatal(err)
			}
		}
		var e *ipc.Error
		if _, err := r.put(seal.Credential{}, nil); !errors.As(err, &e) || e.Code != ipc.CodeThrottled || e.RetryAfter == 0 {
			t.Errorf("one more than the limit: %v", err)
		}
		time.Sleep(2 * refLife)
	})
}

// A session whose end porter was not told of is gone, with its password, after the
// next question; while keeper is away nothing is lost.
func TestSessionsThatAreOverAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Porter{registry: newRegistry()}
		gone, kept := secret("gone"), secret("kept")
		mustAdd(t, p.registry, request("c1", "s1", "ann", "cell/0", 1), gone)
		mustAdd(t, p.registry, request("c2", "s2", "bob", "cell/0", 1), kept)
		var away atomic.Bool
		away.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.watch(ctx, func(_ context.Context, ids [][]byte) ([][]byte, error) {
				if away.Load() {
					return ids, ipc.Errorf(ipc.CodeUnavailable, "keeper does not answer")
				}
				return [][]byte{sum("s1")}, nil
			})
		}()
		time.Sleep(heldEvery + time.Second)
		synctest.Wait()
		if wiped(gone) || wiped(kept) {
			t.Error("a keeper that does not answer ends sessions")
		}
		away.Store(false)
		time.Sleep(heldEvery)
		synctest.Wait()
		if !wiped(gone) {
			t.Error("a password outlives its session")
		}
		if wiped(kept) {
			t.Error("a live session lost its password")
		}
		cancel()
		<-done
		p.registry.endSessions([][]byte{sum("s2")})
	})
}

// Who takes all the pipes they may leaves the last quarter of a platform to others,
// two for each.
func TestPipesAreLeftForOthers(t *testing.T) {
	r := newRegistry()
	const most = 40
	taken := map[string]int{}
	for _, who := range []string{"a", "b", "c", "d", "e", "f"} {
		mustAdd(t, r, request("c"+who, "s"+who, who, "cell/0", 1), secret("pw"))
		g, err := r.find(show("c"+who), "cell/0")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * maxPipesPerson {
			if _, err := r.takePipe(g, most); err == nil {
				taken[who]++
			}
		}
	}
	if want := map[string]int{"a": 8, "b": 8, "c": 8, "d": 6, "e": 2, "f": 2}; !maps.Equal(taken, want) {
		t.Errorf("pipes %v, want %v", taken, want)
	}
}
