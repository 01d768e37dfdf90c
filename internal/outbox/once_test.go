package outbox

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// large is a draft of ann's that is not kept in memory.
var large = mail + strings.Repeat(strings.Repeat("x", 70)+"\r\n", keepInMemory/70)

func withoutHidden(mail string) string {
	return strings.Replace(mail, "Bcc: eve@example.net\r\n", "", 1)
}

func (d *disk) count(step string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.steps {
		if s == step {
			n++
		}
	}
	return n
}

// TestReadOnce: the platform is asked for a large mail once, also for the second
// attempt and after a hold.
func TestReadOnce(t *testing.T) {
	for _, hold := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			d.mails["e1"] = large
			calls := 0
			d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
				b, err := io.ReadAll(body)
				if calls++; err != nil || calls == 1 {
					return Result{}, ErrAway
				}
				d.taken = append(d.taken, taken{nil, string(b)})
				return Result{}, nil
			}
			r := openRig(t, d)
			if hold {
				r.hold()
			} else {
				r.sendOne(create("c"))
			}
			time.Sleep(time.Minute)
			if n, sent := d.count("open"), d.sent(); n != 1 || len(sent) != 1 || sent[0].body != withoutHidden(large) {
				t.Errorf("hold %v: opened %d times, taken %d times", hold, n, len(sent))
			}
			r.stop()
		})
	}
}

// TestCopyUseless: a copy that is gone, or does not come to its end, is no reason not
// to send, and neither is a mail in the mailbox that breaks off.
func TestCopyUseless(t *testing.T) {
	for name, spoil := range map[string]func(*disk){
		"gone":             func(d *disk) { clear(d.copies) },
		"breaks off":       func(d *disk) { d.tearing = 1 },
		"both break off":   func(d *disk) { d.tearing, d.breaks = 1, 1 },
		"gone, and breaks": func(d *disk) { clear(d.copies); d.breaks = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.mails["e1"] = large
				d.fail = func(step string) error {
					if step == "put waiting" {
						d.mu.Lock()
						defer d.mu.Unlock()
						if len(d.rows) == 0 {
							spoil(d)
						}
					}
					return nil
				}
				r := openRig(t, d)
				_, no := r.sendOne(create("c"))
				if sent := d.sent(); no != nil || len(sent) != 1 || sent[0].body != withoutHidden(large) {
					t.Errorf("told %+v, taken %d times", no, len(sent))
				}
				r.stop()
			})
		})
	}
}

// TestForetold: of a mail that is too large to be copied, and known, the header is
// read first, and the rest once; the end of one that is another than was foretold is
// not given away, and the next attempt knows it.
func TestForetold(t *testing.T) {
	accent := strings.Replace(large, "xxx", "x\xe9x", 1)
	for name, c := range map[string]struct {
		mail     string
		eightBit bool // foretold
		length   int
		opened   int
		submits  int
	}{
		"as foretold":        {large, false, 0, 2, 1},
		"8 bit, as foretold": {accent, true, 0, 2, 1},
		"not 8 bit":          {large, true, 0, 2, 1},
		"shorter":            {large, false, 10, 2, 1},
		"8 bit":              {accent, false, 0, 4, 2},
		"longer":             {large, false, -10, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.mails["e1"], d.known, d.eightBit, d.length, d.takes = c.mail, true, c.eightBit, c.length, keepInMemory
				r := openRig(t, d)
				_, no := r.sendOne(create("c"))
				sent := d.sent()
				if no != nil || len(sent) != 1 || sent[0].body != withoutHidden(c.mail) {
					t.Fatalf("told %+v, taken %d times", no, len(sent))
				}
				if n := d.count("open"); n != c.opened || d.count("submit") != c.submits {
					t.Errorf("opened %d times, handed over %d times", n, d.count("submit"))
				}
				_, said := sent[0].env.MailFrom.Parameters["BODY"]
				if has := strings.Contains(c.mail, "\xe9"); has && !said {
					t.Error("8-bit content was not told of")
				}
				if last := d.sizes[len(d.sizes)-1]; last < int64(len(sent[0].body)) {
					t.Errorf("size %d told, %d sent", last, len(sent[0].body))
				}
				var puts []string
				for _, s := range d.steps {
					if w, ok := strings.CutPrefix(s, "put "); ok {
						puts = append(puts, w)
					}
				}
				if !slices.Equal(puts, []string{"waiting", "attempting", "accepted"}) {
					t.Errorf("stored %v", puts)
				}
				r.stop()
			})
		})
	}
}
