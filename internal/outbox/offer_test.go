package outbox

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
)

// TestFutureRelease: what is to wait for longer than we hold mail is handed over at
// once, for the server to hold (RFC 4865). It cannot be taken back then.
func TestFutureRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.offer = &Offer{MaxHold: 24 * time.Hour}
		r := openRig(t, d)
		if no := r.refusedHold("3600"); no == nil || r.o.MaxDelay() != maxHold {
			t.Errorf("before the server was asked: %+v, %v", no, r.o.MaxDelay())
		}
		if err := r.o.AskOffer(t.Context()); err != nil || r.o.MaxDelay() != 24*time.Hour {
			t.Fatalf("%v, %v", r.o.MaxDelay(), err)
		}
		began := time.Now()
		s, no := r.sendOne(heldFor("c", "3600"))
		if no != nil {
			t.Fatal(no)
		}
		release := began.Add(time.Hour)
		if s.UndoStatus != jmap.UndoFinal || !s.SendAt.Equal(release) || r.cancel(s.ID) == nil {
			t.Errorf("%+v", s)
		}
		if len(d.sent()) != 1 {
			t.Fatalf("handed over %d times", len(d.sent()))
		}
		params := d.sent()[0].env.MailFrom.Parameters
		if until := params["HOLDUNTIL"]; until == nil || *until != release.Format(time.RFC3339) || params["HOLDFOR"] != nil {
			t.Errorf("parameters %v", params)
		}
		if d.state(t) != accepted {
			t.Errorf("stored as %s", d.state(t))
		}
		r.stop()
		again := openRig(t, d) // the next process shows the same
		if got := again.only(); !got.SendAt.Equal(release) || got.UndoStatus != jmap.UndoFinal {
			t.Errorf("read back: %+v", got)
		}
		if no := again.refusedHold(strconv.Itoa(24*60*60 + 1)); no == nil {
			t.Error("held for longer than the server does")
		}
		again.stop()
	})
}

func (r *rig) refusedHold(seconds string) *jmap.SetError {
	r.Helper()
	_, no := r.sendOne(heldFor("no", seconds))
	return no
}

// TestServerLimit: a mail that the server will not take is refused with its limit
// before a byte of it goes out (RFC 8621, section 7.5, tooLarge).
func TestServerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.offer = &Offer{MaxSize: int64(len(mail)) - 40}
		r := openRig(t, d)
		if err := r.o.AskOffer(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, no := r.sendOne(create("c")); no == nil || no.Type != jmap.SetTooLarge || no.MaxSize != uint64(len(mail))-40 {
			t.Errorf("%+v", no)
		}
		if d.offer.MaxSize = int64(len(mail)); r.o.AskOffer(t.Context()) != nil {
			t.Fatal("not asked again")
		}
		if _, no := r.sendOne(create("c")); no != nil || len(d.sent()) != 1 {
			t.Errorf("%+v", no)
		}
		r.stop()
	})
}
