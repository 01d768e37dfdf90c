package outbox

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
)

// heldFor is a submission that is to wait for so many seconds.
func heldFor(cid, seconds string) jmap.SubmissionCreate {
	c := create(cid)
	c.Envelope = &jmap.Envelope{
		MailFrom: jmap.EnvelopeAddress{Email: "ann@example.org", Parameters: params("HOLDFOR", seconds)},
		RcptTo:   []jmap.EnvelopeAddress{{Email: "bob@example.net"}},
	}
	return c
}

func (r *rig) cancel(id jmap.SubmissionID) *jmap.SetError {
	r.Helper()
	out, err := r.o.Set(r.Context(), &jmap.SubmissionSet{Cancel: []jmap.SubmissionID{id}})
	if err != nil {
		r.Fatal(err)
	}
	if _, ok := out.Updated[id]; ok == (out.NotUpdated[id] != nil) {
		r.Fatalf("told both or neither: %+v", out)
	}
	return out.NotUpdated[id]
}

// hold creates a submission that waits for ten seconds.
func (r *rig) hold() *jmap.Submission {
	r.Helper()
	s, no := r.sendOne(heldFor("c", "10"))
	if no != nil {
		r.Fatalf("not held: %+v", no)
	}
	return s
}

// TestHold: a mail goes out when its time comes and not before, and its status
// says so.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := openRig(t, d)
		began := time.Now()
		s := r.hold()
		if took := time.Since(began); took > time.Second {
			t.Errorf("the asker waited %v", took)
		}
		if want := began.Add(10 * time.Second); s.UndoStatus != jmap.UndoPending || !s.SendAt.Equal(want) || s.DeliveryStatus["bob@example.net"].Delivered != "queued" {
			t.Errorf("held: %+v", s)
		}
		before := r.o.State()
		time.Sleep(9900 * time.Millisecond)
		if n := len(d.sent()); n != 0 {
			t.Fatalf("sent %d times before its time", n)
		}
		time.Sleep(200 * time.Millisecond)
		if s := r.only(); len(d.sent()) != 1 || s.UndoStatus != jmap.UndoFinal || s.DeliveryStatus["bob@example.net"].SMTPReply == "" {
			t.Errorf("after its time: sent %d times, %+v", len(d.sent()), s)
		}
		if c, err := r.o.Changes(before, 0); err != nil || !slices.Equal(c.Updated, []string{string(s.ID)}) {
			t.Errorf("changes: %+v, %v", c, err)
		}
		if _, ok := d.sent()[0].env.MailFrom.Parameters["HOLDFOR"]; ok {
			t.Error("the server was asked to hold the mail as well")
		}
		r.stop()
	})
}

// TestHoldBounded: the operator says how long a mail may be held, up to maxHold.
func TestHoldBounded(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{0: maxHold, -1: 0, 30 * time.Second: 30 * time.Second, maxHold: maxHold, 2 * maxHold: maxHold} {
		o, err := Open(t.Context(), Config{Records: newDisk(), Hold: set})
		if err != nil || o.MaxHold() != want || o.MaxDelay() != want {
			t.Errorf("%v: %v, %v", set, o.MaxHold(), err)
		}
	}
}

// TestUndo: what is canceled is never sent, by this process or by the next; and it
// may be sent anew.
func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := openRig(t, d)
		s := r.hold()
		time.Sleep(9 * time.Second)
		if no := r.cancel(s.ID); no != nil {
			t.Fatalf("not canceled: %+v", no)
		}
		if got := r.only(); got.UndoStatus != jmap.UndoCanceled || d.state(t) != canceled {
			t.Errorf("shown as %s, stored as %s", got.UndoStatus, d.state(t))
		}
		if no := r.cancel(s.ID); no != nil {
			t.Errorf("canceled twice: %+v", no)
		}
		r.stop()
		again := openRig(t, d)
		time.Sleep(2 * resumeFor)
		if n := len(d.sent()); n != 0 {
			t.Errorf("a canceled mail was sent %d times", n)
		}
		if _, no := again.sendOne(create("again")); no != nil || len(d.sent()) != 1 {
			t.Errorf("sent anew: %+v, %d times", no, len(d.sent()))
		}
		again.stop()
	})
}

// TestUndoTooLate: a mail that is being sent or was sent cannot be taken back.
func TestUndoTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
			time.Sleep(time.Second)
			_, err := io.ReadAll(body)
			return Result{Reply: "250 2.0.0 Ok"}, err
		}
		r := openRig(t, d)
		s := r.hold()
		time.Sleep(10500 * time.Millisecond)
		if no := r.cancel(s.ID); no == nil || no.Type != jmap.SetCannotUnsend || r.only().UndoStatus != jmap.UndoFinal {
			t.Errorf("in flight: %+v", no)
		}
		time.Sleep(time.Second)
		if no := r.cancel(s.ID); no == nil || no.Type != jmap.SetCannotUnsend {
			t.Errorf("sent: %+v", no)
		}
		if no := r.cancel("nobody"); no == nil || no.Type != jmap.SetNotFound {
			t.Errorf("none such: %+v", no)
		}
		r.stop()
	})
}

// TestUndoNotStored: a cancellation that is not durable is none; the person is told
// so, and the mail goes out.
func TestUndoNotStored(t *testing.T) {
	for _, step := range []string{"put canceled", "after put canceled"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			d.fail = func(s string) error {
				if s == step {
					return errors.New("keeper is away")
				}
				return nil
			}
			r := openRig(t, d)
			s := r.hold()
			if no := r.cancel(s.ID); no == nil || no.Type != jmap.SetServerFail {
				t.Errorf("%s: %+v", step, no)
			}
			time.Sleep(11 * time.Second)
			if len(d.sent()) != 1 || d.state(t) != accepted {
				t.Errorf("%s: sent %d times, stored %s", step, len(d.sent()), d.state(t))
			}
			r.stop()
		})
	}
}

// TestHeldDeath kills the process at every step of a held send and opens the outbox
// again, as TestDeath does. What was not handed over goes out then, once.
func TestHeldDeath(t *testing.T) {
	var all []string
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := openRig(t, d)
		r.hold()
		time.Sleep(time.Minute)
		r.stop()
		all = d.steps
	})
	doubt, done := slices.Index(all, "after put attempting"), slices.Index(all, "after put accepted")
	for n := 1; n < len(all); n++ {
		t.Run(all[n], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				dead := false
				d.fail = func(string) error {
					if len(d.steps) > n || dead {
						dead = true
						return errDead
					}
					return nil
				}
				first := openRig(t, d)
				first.sendOne(heldFor("c", "10"))
				time.Sleep(10100 * time.Millisecond)
				first.stop()
				stored := d.state(t)
				d.fail = nil
				second := openRig(t, d)
				time.Sleep(time.Minute)
				second.stop()
				want := accepted
				switch {
				case stored == "":
					want = ""
				case n >= doubt && n < done:
					want = uncertain
				}
				if got := d.state(t); got != want || len(d.sent()) > 1 || want == accepted && len(d.sent()) != 1 {
					t.Errorf("found %q, want %q; sent %d times", got, want, len(d.sent()))
				}
				if back := len(d.returned()) > 0; back != (want == uncertain) {
					t.Errorf("put back: %v", d.returned())
				}
			})
		})
	}
}

// TestHeldTooLong: nobody was signed in for long after the time of a mail. It is not
// sent hours later; it is a draft again, and its status says why.
func TestHeldTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := openRig(t, d)
		r.hold()
		r.stop()
		time.Sleep(10*time.Second + resumeFor)
		again := openRig(t, d)
		time.Sleep(time.Minute)
		if s := again.only().DeliveryStatus["bob@example.net"]; len(d.sent()) != 0 || s.Delivered != "no" || s.SMTPReply != replyHeld {
			t.Errorf("sent %d times; %+v", len(d.sent()), s)
		}
		if want := []Home{{[]jmap.MailboxID{"drafts"}, true}}; !cmp.Equal(d.returned(), want) {
			t.Errorf("put back %v", d.returned())
		}
		again.stop()
		third := openRig(t, d)
		time.Sleep(time.Minute)
		if len(d.returned()) != 1 {
			t.Errorf("put back %d times", len(d.returned()))
		}
		third.stop()
	})
}

// TestHeldAway: a server that is away for half a minute gets the mail after that.
func TestHeldAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		began := time.Now()
		d.fail = func(step string) error {
			if step == "submit" && time.Since(began) < 40*time.Second {
				return ErrAway
			}
			return nil
		}
		r := openRig(t, d)
		r.hold()
		time.Sleep(time.Minute)
		if len(d.sent()) != 1 || d.state(t) != accepted {
			t.Errorf("sent %d times, stored %s", len(d.sent()), d.state(t))
		}
		r.stop()
	})
}

// TestHeldRefused: what the server refuses in the end is a draft again, whatever the
// client did with it when the submission was made, and however often that fails.
func TestHeldRefused(t *testing.T) {
	for name, c := range map[string]struct {
		destroyed bool
		fails     int
		err       error
	}{
		"moved": {}, "destroyed": {destroyed: true}, "server away at first": {fails: 3}, "all the time": {fails: backTries},
		"away": {err: ErrAway},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.send = func(context.Context, *disk, io.Reader) (Result, error) {
					if c.err != nil {
						return Result{}, c.err
					}
					return Result{}, &Refusal{Reply: "550 5.1.1 no such user"}
				}
				fails := c.fails
				d.fail = func(step string) error {
					if step == "back" && fails > 0 {
						fails--
						return errors.New("server is away")
					}
					return nil
				}
				r := openRig(t, d)
				r.hold()
				if c.destroyed {
					d.mu.Lock()
					delete(d.mails, "e1")
					d.mu.Unlock()
				}
				time.Sleep(5 * time.Minute)
				if s := r.only().DeliveryStatus["bob@example.net"]; s.Delivered != "no" || c.err == nil && s.SMTPReply != "550 5.1.1 no such user" {
					t.Errorf("%+v", s)
				}
				r.stop()
				if c.fails == backTries { // the next process does it
					again := openRig(t, d)
					time.Sleep(time.Minute)
					again.stop()
				}
				if len(d.returned()) != 1 || d.mails["e1"] == "" {
					t.Errorf("put back %v; there are %d mails", d.returned(), len(d.mails))
				}
			})
		})
	}
}

// TestHeldDestroyed: destroying the Email does not cancel its sending (RFC 8621,
// section 7.5), also if another process sends it.
func TestHeldDestroyed(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			r := openRig(t, d)
			r.hold()
			d.mu.Lock()
			delete(d.mails, "e1")
			d.mu.Unlock()
			if restart {
				r.stop()
				r = openRig(t, d)
			}
			time.Sleep(11 * time.Second)
			if sent := d.sent(); len(sent) != 1 || !strings.HasSuffix(sent[0].body, "\r\n\r\nhi\r\n") {
				t.Errorf("restart %v: sent %v", restart, sent)
			}
			r.stop()
		})
	}
}

// TestSlowRefusal: the asker was told that a mail is on its way; when it is refused
// after all it is a draft again.
func TestSlowRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(context.Context, *disk, io.Reader) (Result, error) {
			time.Sleep(2 * createWait)
			return Result{}, &Refusal{Reply: "554 5.7.1 a virus"}
		}
		r := openRig(t, d)
		if _, no := r.sendOne(create("c")); no != nil || len(d.returned()) != 0 {
			t.Fatalf("told %+v, put back %v", no, d.returned())
		}
		time.Sleep(2 * createWait)
		r.stop()
		if len(d.returned()) != 1 {
			t.Errorf("put back %v", d.returned())
		}
	})
}

// TestHoldAsked are times that clients may and may not ask for (RFC 4865).
func TestHoldAsked(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		params map[string]*string
		want   time.Duration
		bad    bool
	}{
		"none":             {},
		"at once":          {params: params("HOLDFOR", "0")},
		"seconds":          {params: params("holdfor", "10"), want: 10 * time.Second},
		"the longest":      {params: params("HOLDFOR", "60"), want: maxHold},
		"too long":         {params: params("HOLDFOR", "61"), bad: true},
		"no number":        {params: params("HOLDFOR", "-1"), bad: true},
		"ten digits":       {params: params("HOLDFOR", "0000000001"), bad: true},
		"no value":         {params: map[string]*string{"HOLDFOR": nil}, bad: true},
		"until":            {params: params("HOLDUNTIL", "2026-11-24T09:00:30Z"), want: 30 * time.Second},
		"until elsewhere":  {params: params("HOLDUNTIL", "2026-11-24T10:00:30+01:00"), want: 30 * time.Second},
		"until long ago":   {params: params("HOLDUNTIL", "2020-01-01T00:00:00Z")},
		"until far away":   {params: params("HOLDUNTIL", "2026-11-25T09:00:30Z"), bad: true},
		"until no date":    {params: params("HOLDUNTIL", "tomorrow"), bad: true},
		"for and until":    {params: params("HOLDFOR", "1", "HOLDUNTIL", "2026-11-24T09:00:01Z"), bad: true},
		"another":          {params: params("RET", "HDRS")},
		"until without it": {params: map[string]*string{"HOLDUNTIL": nil}, bad: true},
	} {
		at, err := releaseOf(&jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Parameters: c.params}}, now, maxHold)
		var want time.Time
		if c.want > 0 {
			want = now.Add(c.want)
		}
		if c.bad != (err != nil) || !at.Equal(want) {
			t.Errorf("%s: %v, %v", name, at, err)
		}
	}
}
