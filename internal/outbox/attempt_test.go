package outbox

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
)

func TestAccepted(t *testing.T) {
	d := newDisk()
	r := openRig(t, d)
	before := r.o.State()
	s, no := r.sendOne(create("c"))
	if no != nil {
		t.Fatalf("not sent: %+v", no)
	}
	if s.UndoStatus != jmap.UndoFinal || s.ThreadID != "t1" || s.EmailID != "e1" || s.DeliveryStatus["bob@example.net"].SMTPReply != "250 2.0.0 Ok: queued as 1" {
		t.Errorf("submission %+v", s)
	}
	want := []string{"all", "open", "put waiting", "after put waiting", "submit", "put attempting", "after put attempting", "end", "taken", "put accepted", "after put accepted"}
	if diff := cmp.Diff(want, d.steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	got := d.sent()[0]
	if got.body != strings.Replace(mail, "Bcc: eve@example.net\r\n", "", 1) {
		t.Errorf("sent %q", got.body)
	}
	if len(got.env.RcptTo) != 2 || got.env.MailFrom.Email != "ann@example.org" || len(got.env.MailFrom.Parameters) != 0 {
		t.Errorf("envelope %+v", got.env)
	}
	if d.sizes[0] != int64(len(got.body)) {
		t.Errorf("size %d told, %d sent", d.sizes[0], len(got.body))
	}
	ch, err := r.o.Changes(before, 0)
	if err != nil || len(ch.Created) != 1 || ch.NewState != r.o.State() {
		t.Errorf("changes %+v, %v", ch, err)
	}
}

// TestOutcomes: each way an attempt can end.
func TestOutcomes(t *testing.T) {
	reads := func(err error) func(context.Context, *disk, io.Reader) (Result, error) {
		return func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
			_, _ = io.ReadAll(body)
			return Result{}, err
		}
	}
	early := func(err error) func(context.Context, *disk, io.Reader) (Result, error) {
		return func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
			_, _ = body.Read(make([]byte, 10))
			return Result{}, err
		}
	}
	for name, c := range map[string]struct {
		send      func(context.Context, *disk, io.Reader) (Result, error)
		want      state
		told      jmap.SetErrorType
		delivered string
		submits   int
	}{
		"refused by the server":          {reads(&Refusal{Reply: "550 5.7.1 no"}), refused, jmap.SetForbiddenToSend, "no", 1},
		"refused at the first recipient": {early(&Refusal{Reply: "550 5.1.1 who?"}), refused, jmap.SetForbiddenToSend, "no", 1},
		"sender of somebody else":        {early(&Refusal{Kind: BySender, Reply: "not yours"}), refused, jmap.SetForbiddenMailFrom, "no", 1},
		"too many recipients":            {early(&Refusal{Kind: ByRate}), refused, jmap.SetRateLimit, "no", 1},
		"away":                           {early(ErrAway), refused, jmap.SetServerFail, "no", tries},
		"away after the end":             {reads(ErrAway), refused, jmap.SetServerFail, "no", tries},
		"line broke before the end":      {early(ErrUncertain), refused, jmap.SetServerFail, "no", tries},
		"unknown error before the end":   {early(io.ErrUnexpectedEOF), refused, jmap.SetServerFail, "no", tries},
		"line broke after the end":       {reads(ErrUncertain), uncertain, jmap.SetForbiddenToSend, "unknown", 1},
		"unknown error after the end":    {reads(context.DeadlineExceeded), uncertain, jmap.SetForbiddenToSend, "unknown", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.send = c.send
				r := openRig(t, d)
				_, no := r.sendOne(create("c"))
				if no == nil || no.Type != c.told || no.Description == "" {
					t.Fatalf("told %+v, want %s", no, c.told)
				}
				if got := d.state(t); got != c.want {
					t.Errorf("stored %s, want %s", got, c.want)
				}
				status := r.only().DeliveryStatus["bob@example.net"]
				if status.Delivered != c.delivered || status.SMTPReply == "" && c.told != jmap.SetRateLimit {
					t.Errorf("status %+v", status)
				}
				n := 0
				for _, s := range d.steps {
					if s == "submit" {
						n++
					}
				}
				if n != c.submits {
					t.Errorf("sender called %d times, want %d", n, c.submits)
				}
				r.stop()
			})
		})
	}
}

// TestAwayThenTaken: a server that is back within seconds gets the mail once.
func TestAwayThenTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		calls := 0
		d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
			b, err := io.ReadAll(body)
			if err != nil {
				return Result{}, ErrUncertain
			}
			if calls++; calls < tries {
				return Result{}, ErrAway // 4yz after the end: certainly not taken
			}
			d.taken = append(d.taken, taken{nil, string(b)})
			return Result{Reply: "250 2.0.0 Ok"}, nil
		}
		r := openRig(t, d)
		if _, no := r.sendOne(create("c")); no != nil {
			t.Fatalf("not sent: %+v", no)
		}
		if len(d.sent()) != 1 {
			t.Errorf("taken %d times", len(d.sent()))
		}
		// What is stored between two attempts must say that nothing is in doubt.
		var puts []string
		for _, s := range d.steps {
			if w, ok := strings.CutPrefix(s, "put "); ok {
				puts = append(puts, w)
			}
		}
		want := []string{"waiting", "attempting", "waiting", "attempting", "waiting", "attempting", "accepted"}
		if !slices.Equal(puts, want) {
			t.Errorf("stored %v, want %v", puts, want)
		}
		r.stop()
	})
}

// TestDeath kills the process at every step of a send, once before and once
// after the step was carried out, and opens the outbox again. Nothing is lost or
// doubled; only what dies between the end of the mail and the stored answer is
// uncertain.
func TestDeath(t *testing.T) {
	count := func() []string {
		d := newDisk()
		r := openRig(t, d)
		r.sendOne(create("c"))
		r.stop()
		return d.steps
	}
	all := count()
	doubt := slices.Index(all, "after put attempting")
	done := slices.Index(all, "after put accepted")
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
				s, no := first.sendOne(create("c"))
				if s == nil == (no == nil) {
					t.Fatalf("told %+v and %+v", s, no)
				}
				first.stop()
				stored := d.state(t)
				d.fail = nil
				second := openRig(t, d)
				var want state
				switch {
				case stored == "":
				case n < doubt:
					want = refused
				case n < done:
					want = uncertain
				default:
					want = accepted
				}
				if got := d.state(t); got != want {
					t.Errorf("found %q, want %q", got, want)
				}
				if (want == refused || want == "") && len(d.sent()) != 0 {
					t.Error("a mail that was taken looks unsent: it would be doubled")
				}
				if want == accepted && len(d.sent()) != 1 {
					t.Error("a mail that was not taken looks sent: it is lost")
				}
				if len(d.sent()) > 1 {
					t.Error("doubled")
				}
				if want == refused || want == "" { // the person sends it again
					if _, no := second.sendOne(create("again")); no != nil || len(d.sent()) != 1 {
						t.Errorf("sending again: %+v, taken %d times", no, len(d.sent()))
					}
				}
				second.stop()
			})
		})
	}
}

// TestOutcomeWrittenLate: the store is away when the server has answered. The
// asker is told at once, and the outcome gets there.
func TestOutcomeWrittenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		failing := 3
		d.fail = func(step string) error {
			if step == "put accepted" && failing > 0 {
				failing--
				return errors.New("keeper is away")
			}
			return nil
		}
		r := openRig(t, d)
		start := time.Now()
		if _, no := r.sendOne(create("c")); no != nil || time.Since(start) > time.Second {
			t.Fatalf("told %+v after %s", no, time.Since(start))
		}
		if got := d.state(t); got != attempting {
			t.Errorf("stored %s", got)
		}
		id := r.only().ID
		if out, _ := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: []jmap.SubmissionID{id}}); out.NotDestroyed[id] == nil {
			t.Error("a record that is being written was destroyed")
		}
		r.stop() // Run waits for the write
		if got := d.state(t); got != accepted || len(d.sent()) != 1 {
			t.Errorf("stored %s, taken %d times", got, len(d.sent()))
		}
	})
}

// TestOutcomeNeverWritten gives up after putTries, and the next process shows it.
func TestOutcomeNeverWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		puts := 0
		d.fail = func(step string) error {
			if step == "put accepted" {
				puts++
				return errors.New("keeper is away")
			}
			return nil
		}
		r := openRig(t, d)
		if _, no := r.sendOne(create("c")); no != nil {
			t.Fatalf("a taken mail looks unsent: %+v", no)
		}
		r.stop()
		if puts != putTries {
			t.Errorf("%d writes, want %d", puts, putTries)
		}
		d.fail = nil
		again := openRig(t, d)
		if s := again.only().DeliveryStatus["bob@example.net"]; !strings.Contains(s.SMTPReply, "Uncertain") || s.Delivered != "unknown" {
			t.Errorf("shown as %+v", s)
		}
		again.stop()
	})
}

// TestAnswerLost: a write was carried out and its answer lost. The record goes on
// at the revision that is stored.
func TestAnswerLost(t *testing.T) {
	for _, step := range []string{"after put attempting", "after put accepted"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			lost := false
			d.fail = func(s string) error {
				if s == step && !lost {
					lost = true
					return errors.New("answer lost")
				}
				return nil
			}
			r := openRig(t, d)
			if _, no := r.sendOne(create("c")); no != nil {
				t.Errorf("%s: %+v", step, no)
			}
			r.stop()
			if got := d.state(t); got != accepted || len(d.sent()) != 1 {
				t.Errorf("%s: stored %s, taken %d times", step, got, len(d.sent()))
			}
		})
	}
}

// TestTwice: the same mail at the same time, right after, to others, and later.
func TestTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		release := make(chan struct{})
		d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
			<-release
			b, err := io.ReadAll(body)
			if err != nil {
				return Result{}, ErrUncertain
			}
			d.taken = append(d.taken, taken{nil, string(b)})
			return Result{}, nil
		}
		r := openRig(t, d)
		var wg sync.WaitGroup
		var mu sync.Mutex
		told := map[jmap.SetErrorType]int{}
		for range 8 {
			wg.Go(func() {
				_, no := r.sendOne(create("c"))
				mu.Lock()
				defer mu.Unlock()
				if no == nil {
					no = &jmap.SetError{}
				}
				told[no.Type]++
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if told[""] != 1 || told[jmap.SetForbiddenToSend] != 7 || len(d.sent()) != 1 {
			t.Fatalf("told %v, taken %d times", told, len(d.sent()))
		}
		if _, no := r.sendOne(create("repeated")); no == nil || no.Type != jmap.SetForbiddenToSend {
			t.Errorf("a client that lost the answer doubled the mail: %+v", no)
		}
		c := create("others")
		c.Envelope = &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: "ann@example.org"}, RcptTo: []jmap.EnvelopeAddress{{Email: "dan@example.net"}}}
		if _, no := r.sendOne(c); no != nil {
			t.Errorf("to others: %+v", no)
		}
		d.mu.Lock()
		d.mails["e2"] = mail
		d.mu.Unlock()
		again := create("stored anew")
		again.EmailID = "e2"
		if _, no := r.sendOne(again); no == nil || no.Type != jmap.SetForbiddenToSend {
			t.Errorf("a copy with the same Message-ID was sent to the same people: %+v", no)
		}
		time.Sleep(resendGuard + time.Second)
		if _, no := r.sendOne(create("later")); no != nil {
			t.Errorf("an hour later: %+v", no)
		}
		r.stop()
	})
}

// TestSlowServer: a create answers after createWait while the attempt goes on.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
			_, _ = io.ReadAll(body)
			time.Sleep(3 * createWait)
			return Result{Reply: "250 2.0.0 Ok"}, nil
		}
		r := openRig(t, d)
		s, no := r.sendOne(create("c"))
		if no != nil || s.DeliveryStatus["bob@example.net"].Delivered != "queued" {
			t.Fatalf("told %+v, %+v", s, no)
		}
		id := []jmap.SubmissionID{s.ID}
		out, _ := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: id, Cancel: id})
		if out.NotDestroyed[s.ID] == nil || out.NotUpdated[s.ID] == nil || out.NotUpdated[s.ID].Type != jmap.SetCannotUnsend {
			t.Errorf("destroyed or canceled while it is sent: %+v", out)
		}
		r.stop() // waits for the attempt
		if got := d.state(t); got != accepted {
			t.Errorf("stored %s", got)
		}
	})
}

// TestLateCreate: a create whose request has little time left answers within it, as
// the mail goes out anyhow and the asker must know.
func TestLateCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
			_, _ = io.ReadAll(body)
			time.Sleep(createWait)
			return Result{Reply: "250 2.0.0 Ok"}, nil
		}
		r := openRig(t, d)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		out, err := r.o.Set(ctx, &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{create("c")}})
		if err != nil || ctx.Err() != nil || out.Created["c"] == nil || out.Created["c"].DeliveryStatus["bob@example.net"].Delivered != "queued" {
			t.Errorf("told %+v, %v; of the request's time: %v", out, err, ctx.Err())
		}
		r.stop()
		if got := d.state(t); got != accepted {
			t.Errorf("stored %s", got)
		}
	})
}

// TestAskerLeaves: the mail goes out although nobody waits for the answer.
func TestAskerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(ctx context.Context, d *disk, body io.Reader) (Result, error) {
			time.Sleep(time.Second)
			if _, err := io.ReadAll(body); err != nil || ctx.Err() != nil {
				return Result{}, ErrUncertain
			}
			return Result{}, nil
		}
		r := openRig(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _ = r.o.Set(ctx, &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{create("c")}})
		r.stop()
		if got := d.state(t); got != accepted {
			t.Errorf("stored %s", got)
		}
	})
}

// TestRunEnds: what has not been handed over when Run ends is not tried again,
// and nothing begins afterwards.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(context.Context, *disk, io.Reader) (Result, error) { return Result{}, ErrAway }
		r := openRig(t, d)
		told := make(chan *jmap.SetError, 1)
		go func() { _, no := r.sendOne(create("c")); told <- no }()
		synctest.Wait()
		r.stop()
		if no := <-told; no == nil || no.Type != jmap.SetServerFail {
			t.Errorf("told %+v", no)
		}
		if n := len(d.steps); d.state(t) != refused {
			t.Errorf("stored %s after %d steps", d.state(t), n)
		}
		if _, no := r.sendOne(create("late")); no == nil || no.Type != jmap.SetServerFail {
			t.Errorf("after the end: %+v", no)
		}
	})
}

// TestDeletedMeanwhile: the draft is gone before the second attempt. That does not
// cancel it (RFC 8621, section 7.5).
func TestDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		calls := 0
		d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
			d.mu.Lock()
			delete(d.mails, "e1")
			d.mu.Unlock()
			if calls++; calls == 1 {
				return Result{}, ErrAway
			}
			b, err := io.ReadAll(body)
			d.taken = append(d.taken, taken{nil, string(b)})
			return Result{}, err
		}
		r := openRig(t, d)
		_, no := r.sendOne(create("c"))
		if sent := d.sent(); no != nil || len(sent) != 1 || !strings.HasSuffix(sent[0].body, "\r\n\r\nhi\r\n") {
			t.Errorf("told %+v, sent %v", no, sent)
		}
		r.stop()
	})
}

// TestPartlyRejected: the platform took the mail for some.
func TestPartlyRejected(t *testing.T) {
	d := newDisk()
	d.send = func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
		_, err := io.ReadAll(body)
		return Result{Reply: "250 2.0.0 Ok", Taken: map[string]string{"bob@example.net": "250 2.1.5 for bob"},
			Rejected: map[string]string{"eve@example.net": "550 5.1.1 no such user"}}, err
	}
	r := openRig(t, d)
	s, no := r.sendOne(create("c"))
	if no != nil {
		t.Fatalf("%+v", no)
	}
	if eve, bob := s.DeliveryStatus["eve@example.net"], s.DeliveryStatus["bob@example.net"]; eve.Delivered != "no" || eve.SMTPReply != "550 5.1.1 no such user" || bob.Delivered != "unknown" || bob.SMTPReply != "250 2.1.5 for bob" {
		t.Errorf("bob %+v, eve %+v", bob, eve)
	}
}

// TestReplies: what a recipient's smtpReply says when nobody got the mail (RFC 8621,
// section 7): the reply to RCPT TO, that to DATA, or words of ours in the form of one.
func TestReplies(t *testing.T) {
	form := regexp.MustCompile(`^[245]\d\d [245]\.\d{1,3}\.\d{1,3} \S`)
	for name, c := range map[string]struct {
		err  error
		want string // "": whatever has the form
	}{
		"each refused": {&Refusal{Reply: "550 5.1.1 eve", Rejected: map[string]string{"bob@example.net": "550 5.1.1 bob", "eve@example.net": "550 5.1.1 eve"}}, "550 5.1.1 bob"},
		"DATA refused": {&Refusal{Reply: "554 5.7.1 a virus"}, "554 5.7.1 a virus"},
		"no extension": {&Refusal{Reply: "server does not offer SMTPUTF8"}, ""},
		"guard":        {&Refusal{Kind: BySender, Reply: "the sender is not an address"}, ""},
		"rate":         {&Refusal{Kind: ByRate, Reply: "too many recipients in one hour"}, ""},
		"one refused":  {nil, "250 2.1.5 for bob"},
		"away":         {ErrAway, ""},
		"uncertain":    {ErrUncertain, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			d.send = func(_ context.Context, _ *disk, body io.Reader) (Result, error) {
				_, _ = io.ReadAll(body)
				return Result{Reply: "250 2.0.0 Ok", Taken: map[string]string{"bob@example.net": "250 2.1.5 for bob"},
					Rejected: map[string]string{"eve@example.net": "550 5.1.1 eve"}}, c.err
			}
			r := openRig(t, d)
			r.sendOne(create("c"))
			if got := r.only().DeliveryStatus["bob@example.net"].SMTPReply; c.want != "" && got != c.want || c.want == "" && !form.MatchString(got) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			r.stop()
		})
	}
	for _, reply := range []string{replyAway, replyHeld, replyDeleted, replyInterrupted, replyUncertain} {
		if !form.MatchString(reply) {
			t.Errorf("%q has not the form", reply)
		}
	}
}
