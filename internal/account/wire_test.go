package account_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// wire counts what goes over an account's connections.
type wire struct {
	dial func(context.Context) (net.Conn, error)

	mu    sync.Mutex
	open  map[*counted]bool
	most  int // connections open at once
	dials int
	verbs map[string]int
}

type counted struct {
	net.Conn
	w *wire
}

func (w *wire) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &counted{conn, w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[c] = true
	w.dials++
	w.most = max(w.most, len(w.open))
	return c, nil
}

func (c *counted) Write(p []byte) (int, error) {
	c.w.mu.Lock()
	for line := range bytes.Lines(p) {
		if f := strings.Fields(string(line)); len(f) > 1 {
			c.w.verbs[f[1]]++
		}
	}
	c.w.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *counted) Close() error {
	c.w.mu.Lock()
	delete(c.w.open, c)
	c.w.mu.Unlock()
	return c.Conn.Close()
}

// cut ends all connections, as a server that restarts.
func (w *wire) cut() {
	w.mu.Lock()
	var all []*counted
	for c := range w.open {
		all = append(all, c)
	}
	w.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}

func (w *wire) count(verb string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verbs[verb]
}

// TestWire looks at what goes over the connections to a Dovecot.
func TestWire(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	for name, f := range map[string]func(*testing.T, *rig, *wire){
		"exchanges": testExchanges, "connections": testConnections,
		"server restart": testServerRestart, "mailbox made anew": testMailboxMadeAnew,
	} {
		t.Run(name, func(t *testing.T) {
			dial := upstreamtest.SignedIn(s.Addr, fmt.Sprintf("w%d", people.Add(1)), imaptest.Password)
			w := &wire{dial: dial, open: map[*counted]bool{}, verbs: map[string]int{}}
			cfg := imapup.Config{Dial: w.Dial}
			if name == "mailbox made anew" {
				// Dovecot 2.3.19 forgets to tell of it now and then (NOTIFY), one time in ten.
				cfg.PollEvery = 300 * time.Millisecond
			}
			f(t, newRig(t, imapup.New(cfg), imapup.New(imapup.Config{Dial: dial})), w)
		})
	}
}

// testExchanges holds what other bridges failed at: a SELECT a mailbox a request.
func testExchanges(t *testing.T, r *rig, w *wire) {
	for i := range 20 {
		r.deliver("INBOX", upstreamtest.Mail(fmt.Sprint("m", i)))
	}
	ids := r.waitFor(r.box(jmap.RoleInbox), 20)
	r.get(allFields, ids...)
	time.Sleep(100 * time.Millisecond) // the watcher's last round
	selects, fetches := w.count("SELECT"), w.count("UID")
	for i := range 50 {
		r.get(allFields, ids[i%20])
		r.query(inMailbox(r.box(jmap.RoleInbox)))
	}
	if n := w.count("SELECT") - selects; n > 0 {
		t.Errorf("%d SELECTs for 50 requests to a mailbox that is selected", n)
	}
	if n := w.count("UID") - fetches; n > 50 {
		t.Errorf("%d commands for 50 mails", n)
	}
	// The list a second time costs nothing at all.
	r.get(listFields, ids...)
	before := w.count("UID")
	for range 20 {
		r.get(listFields, ids...)
	}
	if n := w.count("UID") - before; n > 0 {
		t.Errorf("%d commands for a list that is in memory", n)
	}
}

// testConnections is trap 11: three connections, whatever happens at once.
func testConnections(t *testing.T, r *rig, w *wire) {
	for i := range 10 {
		r.deliver("INBOX", upstreamtest.Mail(fmt.Sprint("m", i)))
	}
	ids := r.waitFor(r.box(jmap.RoleInbox), 10)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() { r.get(allFields, ids[i%10]) })
	}
	wg.Wait()
	if w.most > 3 {
		t.Errorf("%d connections at once, want 3 at most", w.most)
	}
	dials := w.dials
	for i := range 100 {
		r.get(allFields, ids[i%10])
	}
	if w.dials != dials {
		t.Errorf("%d new connections for 100 requests", w.dials-dials)
	}
}

// testServerRestart: the person sees a short delay at most, and push goes on.
func testServerRestart(t *testing.T, r *rig, w *wire) {
	r.deliver("INBOX", upstreamtest.Mail("before"))
	inbox := r.box(jmap.RoleInbox)
	id := r.waitFor(inbox, 1)[0]
	for range 3 {
		w.cut()
		if e := r.get(allFields, id)[id]; e.Subject == nil {
			t.Fatal("not readable after a restart")
		}
	}
	w.cut()
	_, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: id, Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}}}})
	r.must(err)
	r.deliver("INBOX", upstreamtest.Mail("after"))
	r.waitFor(inbox, 2)
}

// Trap 5: a mailbox that is made anew, with the same mails, changes nothing.
func testMailboxMadeAnew(t *testing.T, r *rig, _ *wire) {
	r.deliver("Archive", letter)
	archive := r.box(jmap.RoleArchive)
	id := r.waitFor(archive, 1)[0]
	maker := r.other.(upstream.Boxmaker)
	r.must(maker.RenameBox(r.ctx, "Archive", "Old"))
	r.must(maker.CreateBox(r.ctx, "Archive", ""))
	uids, m, err := r.other.UIDs(r.ctx, "Old")
	r.must(err)
	_, err = r.other.Move(r.ctx, upstream.Place{Box: "Old", Validity: m.UIDValidity}, uids, "Archive")
	r.must(err)
	for {
		// Between the other program's two commands there is no archive.
		if fresh, ok := r.find(jmap.RoleArchive); ok && fresh != archive {
			if got := r.query(inMailbox(fresh)); len(got) == 1 {
				if got[0] != id {
					t.Errorf("the mail is %s now, was %s", got[0], id)
				}
				break
			}
		}
		if r.ctx.Err() != nil {
			t.Fatal("the new mailbox did not show")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if e := r.get(allFields, id)[id]; e.Subject == nil {
		t.Errorf("cannot be read: %+v", e)
	}
}
