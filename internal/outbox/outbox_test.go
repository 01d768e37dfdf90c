package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
)

// stored is a record as it lies on the disk.
func (d *disk) put(id string, s state, changed time.Time) { d.putRecord(id, s, changed, 0) }

// putAttempts is put of one that was tried so often.
func (d *disk) putAttempts(id string, s state, attempts int) {
	d.putRecord(id, s, time.Now().UTC().Truncate(time.Second), attempts)
}

func (d *disk) putRecord(id string, s state, changed time.Time, attempts int) {
	r := record{V: 1, Attempts: attempts, ID: id, Identity: "i1", Email: "e" + id, Thread: "t1", From: address{Email: "ann@example.org"}, To: []address{{Email: "bob@example.net"}},
		State: s, Created: changed, Changed: changed}
	data, _ := json.Marshal(r)
	d.rows[id] = Stored{id, 1, data}
}

func TestDecodeRecord(t *testing.T) {
	d := newDisk()
	d.put("s1", accepted, time.Now().UTC().Truncate(time.Second))
	good := d.rows["s1"].Data
	if _, err := decodeRecord(d.rows["s1"]); err != nil {
		t.Fatal(err)
	}
	edit := func(f func(map[string]any)) []byte {
		m := map[string]any{}
		_ = json.Unmarshal(good, &m)
		f(m)
		b, _ := json.Marshal(m)
		return b
	}
	for name, data := range map[string][]byte{
		"empty": nil, "not JSON": []byte("x"), "cut": good[:len(good)-2], "data behind": append(slices.Clone(good), "{}"...),
		"newer version":  edit(func(m map[string]any) { m["v"] = 3 }),
		"unknown field":  edit(func(m map[string]any) { m["x"] = 1 }),
		"another id":     edit(func(m map[string]any) { m["id"] = "s2" }),
		"unknown state":  edit(func(m map[string]any) { m["state"] = "lost" }),
		"no state":       edit(func(m map[string]any) { delete(m, "state") }),
		"no mail":        edit(func(m map[string]any) { m["email"] = "" }),
		"no recipient":   edit(func(m map[string]any) { m["to"] = nil }),
		"no sender":      edit(func(m map[string]any) { m["from"] = map[string]any{} }),
		"no time":        edit(func(m map[string]any) { delete(m, "created") }),
		"wrong type":     edit(func(m map[string]any) { m["attempts"] = "1" }),
		"negative count": edit(func(m map[string]any) { m["attempts"] = -1 }),
	} {
		if _, err := decodeRecord(Stored{"s1", 1, data}); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	d := newDisk()
	d.put("s1", uncertain, time.Now())
	f.Add(d.rows["s1"].Data)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(Stored{"s1", 3, data})
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRecord(Stored{"s1", 4, again}); err != nil {
			t.Fatalf("own record not read: %v", err)
		}
		_ = r.submission()
	})
}

// TestOpen: each state as a dead process left it.
func TestOpen(t *testing.T) {
	d := newDisk()
	want := map[string]state{"s1": refused, "s2": uncertain, "s3": accepted, "s4": refused, "s5": uncertain}
	for id, s := range map[string]state{"s1": waiting, "s2": attempting, "s3": accepted, "s4": refused, "s5": uncertain} {
		d.put(id, s, time.Now().UTC().Truncate(time.Second))
	}
	d.rows["s9"] = Stored{"s9", 1, []byte(`{"v":2}`)}
	r := openRig(t, d)
	got := map[string]state{}
	for id, s := range d.rows {
		if rec, err := decodeRecord(s); err == nil {
			got[id] = rec.State
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	if d.rows["s3"].Revision != 1 || d.rows["s2"].Revision != 2 {
		t.Error("what was over was written again, or what was not was not")
	}
	if list, _, _ := r.o.Get(nil); len(list) != 5 {
		t.Errorf("%d submissions shown", len(list))
	}
	if string(d.rows["s9"].Data) != `{"v":2}` || r.o.Unreadable() != 1 {
		t.Errorf("a record of a newer version: %q, counted %d", d.rows["s9"].Data, r.o.Unreadable())
	}
	if len(d.sent()) != 0 {
		t.Error("something was sent by itself")
	}
}

// TestOpenWithoutStore: a store that is away keeps the person out (nobody knows
// what was under way); one that does not write does not.
func TestOpenWithoutStore(t *testing.T) {
	d := newDisk()
	d.put("s1", attempting, time.Now())
	d.fail = func(string) error { return errDead }
	cfg := Config{Sender: d, Records: d, Identities: ids, Log: slog.New(slog.DiscardHandler)}
	if _, err := Open(t.Context(), cfg); !errors.Is(err, errDead) {
		t.Errorf("got %v", err)
	}
	d.fail = func(step string) error {
		if step == "put uncertain" {
			return errDead
		}
		return nil
	}
	r := openRig(t, d)
	if s := r.only(); s.DeliveryStatus["bob@example.net"].SMTPReply != replyUncertain {
		t.Errorf("shown as %+v", s)
	}
	id := r.only().ID
	if out, _ := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: []jmap.SubmissionID{id}}); len(out.Destroyed) != 1 || len(d.rows) != 0 {
		t.Errorf("not destroyed: %+v", out.NotDestroyed[id])
	}
}

// TestLocked: mail goes out, and nothing is stored.
func TestLocked(t *testing.T) {
	d := newDisk()
	d.locked = true
	r := openRig(t, d)
	if _, no := r.sendOne(create("c")); no != nil {
		t.Fatalf("%+v", no)
	}
	if len(d.rows) != 0 || len(d.sent()) != 1 {
		t.Errorf("%d rows, %d mails", len(d.rows), len(d.sent()))
	}
	id := r.only().ID
	// A held mail would be gone without a word with the process: it is not taken.
	if _, no := r.sendOne(heldFor("held", "10")); no == nil || no.Type != jmap.SetInvalidProperties || r.o.MaxHold() != 0 {
		t.Errorf("held in memory alone: %+v, for at most %s", no, r.o.MaxHold())
	}
	if _, no := r.sendOne(heldFor("at once", "0")); no != nil || len(d.sent()) != 2 {
		t.Errorf("a hold of no seconds is none: %+v, %d mails", no, len(d.sent()))
	}
	out, _ := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: []jmap.SubmissionID{id, "s404"}, Cancel: []jmap.SubmissionID{"s404"}})
	if !slices.Equal(out.Destroyed, []jmap.SubmissionID{id}) || out.NotDestroyed["s404"].Type != jmap.SetNotFound || out.NotUpdated["s404"].Type != jmap.SetNotFound {
		t.Errorf("%+v", out)
	}
	if slices.Contains(d.steps, "delete") {
		t.Error("a record that was never stored was deleted")
	}
}

func TestDestroyFails(t *testing.T) {
	d := newDisk()
	r := openRig(t, d)
	r.sendOne(create("c"))
	id := r.only().ID
	broken := true
	d.fail = func(step string) error {
		if step == "delete" && broken {
			return errDead
		}
		return nil
	}
	for _, want := range []bool{false, true} {
		out, _ := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: []jmap.SubmissionID{id}})
		if len(out.Destroyed) == 1 != want {
			t.Errorf("destroyed %v, %+v", out.Destroyed, out.NotDestroyed[id])
		}
		broken = false
	}
}

func TestGet(t *testing.T) {
	d := newDisk()
	now := time.Now().UTC().Truncate(time.Second)
	d.put("s1", accepted, now.Add(-time.Hour))
	d.put("s2", accepted, now)
	r := openRig(t, d)
	list, _, _ := r.o.Get(nil)
	if len(list) != 2 || list[0].ID != "s2" {
		t.Errorf("all: %v", list)
	}
	list, missing, state := r.o.Get([]jmap.SubmissionID{"s1", "s404"})
	if len(list) != 1 || list[0].ID != "s1" || !slices.Equal(missing, []jmap.SubmissionID{"s404"}) || state != r.o.State() {
		t.Errorf("some: %v, %v, %s", list, missing, state)
	}
	if list, _, _ := r.o.Get([]jmap.SubmissionID{}); len(list) != 0 {
		t.Errorf("none: %v", list)
	}
	if !list[0].SendAt.Equal(now.Add(-time.Hour)) {
		t.Errorf("sendAt %s", list[0].SendAt)
	}
}

// TestForget: old ones go, the oldest go when it is crowded, and none that is
// under way.
func TestForget(t *testing.T) {
	d := newDisk()
	now := time.Now().UTC().Truncate(time.Second)
	d.put("old", uncertain, now.Add(-keepFinished-time.Hour))
	d.put("new", accepted, now.Add(-keepFinished+time.Hour))
	r := openRig(t, d)
	r.stop()
	if _, there := d.rows["new"]; len(d.rows) != 1 || !there {
		t.Errorf("left %v", maps.Keys(d.rows))
	}

	d = newDisk()
	for i := range maxRecords {
		d.put(fmt.Sprintf("s%04d", i), accepted, now.Add(-time.Duration(i)*time.Minute))
	}
	r = openRig(t, d)
	if _, no := r.sendOne(create("c")); no != nil {
		t.Errorf("not sent among %d records: %+v", maxRecords, no)
	}
	r.stop()
	if _, there := d.rows["s0000"]; !there || len(d.rows) > maxRecords-forgetAtOnce+1 {
		t.Errorf("%d records left, newest there: %v", len(d.rows), there)
	}
}

// TestFull: nothing can be forgotten.
func TestFull(t *testing.T) {
	d := newDisk()
	now := time.Now().UTC().Truncate(time.Second)
	for i := range maxRecords {
		d.put(fmt.Sprintf("s%04d", i), accepted, now)
	}
	d.fail = func(step string) error {
		if step == "delete" {
			return errDead
		}
		return nil
	}
	r := openRig(t, d)
	if _, no := r.sendOne(create("c")); no == nil || no.Type != jmap.SetRateLimit || len(d.sent()) != 0 {
		t.Errorf("told %+v", no)
	}
}

func TestChanges(t *testing.T) {
	d := newDisk()
	r := openRig(t, d)
	zero := r.o.State()
	moved := r.o.Moved()
	r.sendOne(create("c"))
	select {
	case <-moved:
	default:
		t.Error("nobody was woken")
	}
	one := r.o.State()
	first := string(r.only().ID)
	d.mails["e2"] = strings.Replace(mail, "<m1@", "<m2@", 1)
	second := create("d")
	second.EmailID = "e2"
	r.sendOne(second)
	two := r.o.State()
	if _, err := r.o.Set(t.Context(), &jmap.SubmissionSet{Destroy: []jmap.SubmissionID{jmap.SubmissionID(first)}}); err != nil {
		t.Fatal(err)
	}
	check := func(since jmap.State, limit, created, updated, destroyed int, more bool) jmap.Changes {
		t.Helper()
		ch, err := r.o.Changes(since, limit)
		if err != nil || len(ch.Created) != created || len(ch.Updated) != updated || len(ch.Destroyed) != destroyed || ch.HasMore != more || ch.OldState != since {
			t.Errorf("since %s: %+v, %v", since, ch, err)
		}
		return ch
	}
	check(zero, 0, 1, 0, 0, false)
	check(one, 0, 1, 0, 1, false)
	check(two, 0, 0, 0, 1, false)
	check(r.o.State(), 0, 0, 0, 0, false)
	if ch := check(one, 1, 1, 0, 0, true); ch.NewState == r.o.State() {
		t.Error("the first page claims to be the last")
	} else {
		check(ch.NewState, 1, 0, 0, 1, false)
	}
	for _, bad := range []jmap.State{"", "x", "x.1", jmap.State(r.o.epoch + ".99"), jmap.State(r.o.epoch + ".-1"), jmap.State(r.o.epoch)} {
		if _, err := r.o.Changes(bad, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for range maxChanges {
		r.o.mu.Lock()
		r.o.note("x", updated)
		r.o.mu.Unlock()
	}
	if _, err := r.o.Changes(one, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
		t.Errorf("a forgotten state: %v", err)
	}
	r.stop()
	if _, err := openRig(t, d).o.Changes(two, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
		t.Errorf("a state of an earlier process: %v", err)
	}
}

func TestIfInState(t *testing.T) {
	d := newDisk()
	r := openRig(t, d)
	old := r.o.State()
	r.sendOne(create("c"))
	if _, err := r.o.Set(t.Context(), &jmap.SubmissionSet{IfInState: old}); !errors.Is(err, jmap.StateMismatch) {
		t.Errorf("got %v", err)
	}
	if _, err := r.o.Set(t.Context(), &jmap.SubmissionSet{IfInState: r.o.State()}); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestBusy has everything run at once, for the race detector, and counts.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.send = func(_ context.Context, d *disk, body io.Reader) (Result, error) {
			time.Sleep(time.Millisecond)
			b, err := io.ReadAll(body)
			if err != nil {
				return Result{}, ErrAway
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.taken = append(d.taken, taken{nil, string(b)})
			return Result{Rejected: map[string]string{"eve@example.net": "550"}}, nil
		}
		const mails = 50
		for i := range mails {
			d.mails[fmt.Sprintf("m%d", i)] = strings.Replace(mail, "<m1@", fmt.Sprintf("<n%d@", i), 1)
		}
		r := openRig(t, d)
		var wg sync.WaitGroup
		for i := range mails {
			for range 3 {
				wg.Go(func() {
					c := create("c")
					c.EmailID = jmap.EmailID(fmt.Sprintf("m%d", i))
					r.sendOne(c)
				})
			}
			wg.Go(func() {
				list, _, state := r.o.Get(nil)
				for _, s := range list {
					_, _ = r.o.Set(t.Context(), &jmap.SubmissionSet{Cancel: []jmap.SubmissionID{s.ID}})
				}
				_, _ = r.o.Changes(state, i)
				<-r.o.Moved()
			})
		}
		wg.Go(func() {
			for len(d.sent()) < mails {
				r.o.forgetOld(t.Context())
				time.Sleep(time.Millisecond)
			}
		})
		wg.Wait()
		r.stop()
		if list, _, _ := r.o.Get(nil); len(d.sent()) != mails || len(list) != mails || len(d.rows) != mails {
			t.Errorf("%d mails: %d sent, %d records, %d rows", mails, len(d.sent()), len(list), len(d.rows))
		}
	})
}
