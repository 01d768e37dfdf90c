package porter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
)

// A platform's no of a moment ends nothing and is not asked again at once; one
// that stays ends the session.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, id := newRefusals(), [32]byte{1}
		say := func() ipc.Code { return ipc.CodeOf(r.add(id)) }
		wantCode(t, r.begin(id), "")
		time.Sleep(time.Hour)
		for range 10 { // many at once
			if got := say(); got != ipc.CodeUnavailable {
				t.Fatalf("one moment's no is %s", got)
			}
		}
		wantCode(t, r.begin(id), ipc.CodeUnavailable)
		time.Sleep(refusedPause)
		wantCode(t, r.begin(id), "")
		wantCode(t, r.begin(id), ipc.CodeUnavailable) // one tries, and not all who wait
		r.forget(id)
		for n := 1; n < refusedTimes; n++ {
			if got := say(); got != ipc.CodeUnavailable {
				t.Fatalf("no %d is %s", n, got)
			}
			time.Sleep(refusedPause)
		}
		if got := say(); got != ipc.CodeExpired {
			t.Errorf("the last no is %s", got)
		}
		wantCode(t, r.begin(id), ipc.CodeExpired)
		wantCode(t, r.begin([32]byte{2}), "")
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRefusals()
		fill := func(from int) {
			for i := range maxRefusals {
				var id [32]byte
				copy(id[:], fmt.Sprint(from+i))
				_ = r.add(id)
			}
		}
		fill(0)
		time.Sleep(refusedKept + time.Second)
		fill(maxRefusals)
		if len(r.of) > maxRefusals {
			t.Errorf("%d are kept", len(r.of))
		}
	})
}

// The session from before a change of the password does not put its old one in
// the place of the new.
func TestEachSessionHasItsPassword(t *testing.T) {
	r := newRegistry()
	mustAdd(t, r, request("c1", "s1", "ann", "cell/0", 1), secret("old"))
	mustAdd(t, r, request("c2", "s2", "ann", "cell/0", 1), secret("new"))
	mustAdd(t, r, request("c3", "s1", "ann", "cell/0", 1), secret("old")) // keeper tells it again
	for c, want := range map[string]string{"c1": "old", "c2": "new", "c3": "old"} {
		g, err := r.find(show(c), "cell/0")
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.credential(g)
		if err != nil || string(s.cred.Secret.Reveal()) != want {
			t.Errorf("%s has not the %s password: %v", c, want, err)
			continue
		}
		s.release()
	}
	g, _ := r.find(show("c1"), "cell/0")
	if n := len(g.person.held); n != 2 {
		t.Errorf("%d copies of 2 passwords", n)
	}
	r.endSessions([][]byte{sum("s1")})
	if len(g.person.held) != 1 || len(r.sessions) != 1 {
		t.Error("the old password outlives its session")
	}
}
