package account_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/memup"
	"cofferdam/internal/upstream/upstreamtest"
)

// backend is a person's mail of one kind of server, to be opened again and again.
type backend struct {
	name string
	open func() upstream.Store
	// anew gives the inbox another UIDVALIDITY; nil where nobody knows how.
	anew func(*testing.T)
}

// backends has each kind of identity that mails have.
func backends(t *testing.T) (out []backend) {
	for name, o := range map[string]memup.Options{"memory": {Identity: upstream.IdentityGUID}, "bare memory": {NoModSeq: true, NoUIDPlus: true, NoBoxIDs: true}} {
		a := memup.New(o)
		out = append(out, backend{name, func() upstream.Store { return a.Open() }, func(*testing.T) { a.Reset("INBOX") }})
	}
	over := func(name string, s *imaptest.Server, cfg imapup.Config, maildir bool) {
		who := fmt.Sprintf("away%d", people.Add(1))
		door := &door{dial: upstreamtest.SignedIn(s.Addr, who, imaptest.Password)}
		cfg.Dial, cfg.PollEvery = door.Dial, 300*time.Millisecond
		b := backend{name: name, open: func() upstream.Store { return imapup.New(cfg) }}
		if maildir {
			b.anew = func(t *testing.T) { door.shut(func() { loseUIDs(t, filepath.Join(s.Dir, "home", who, "Maildir")) }) }
		}
		out = append(out, b)
	}
	dovecot := imaptest.Dovecot(t, imaptest.DovecotOptions{MailLocation: "maildir:~/Maildir"})
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(dovecot.Log())
		}
	})
	over("dovecot", dovecot, imapup.Config{}, true)
	over("dovecot without ids", dovecot, imapup.Config{NoIdentity: true, NoResync: true, NoPush: true}, true)
	over("cyrus", imaptest.Cyrus(t), imapup.Config{}, false)
	return out
}

// door is the way to a server that is away for a moment.
type door struct {
	dial func(context.Context) (net.Conn, error)

	mu    sync.Mutex // guards conns, and is held while the server is away
	conns []net.Conn
}

func (d *door) Dial(ctx context.Context) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.dial(ctx)
	if err == nil {
		d.conns = append(d.conns, c)
	}
	return c, err
}

// shut does something while nobody is connected.
func (d *door) shut(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
	d.conns = nil
	time.Sleep(100 * time.Millisecond) // until the server has noticed
	f()
}

// loseUIDs makes Dovecot number the mails of a Maildir's inbox anew.
func loseUIDs(t *testing.T, dir string) {
	t.Helper()
	lost, err := filepath.Glob(filepath.Join(dir, "dovecot.index*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(lost, filepath.Join(dir, "dovecot-uidlist")) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// sitting is the time between a sign-in and what ends it.
func sitting(t *testing.T, b backend, snapshot []byte, f func(*rig)) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := &rig{T: t, ctx: ctx, other: b.open()}
	defer func() { r.other.Close() }()
	_ = r.other.(upstream.Boxmaker).CreateBox(ctx, "Archive", "") // it may exist
	var err error
	r.a, err = account.New(ctx, account.Config{ID: "a1", Addresses: []string{"ann@example.org"}, Store: b.open(), Key: testKey,
		Uploads: account.NewMemoryUploads(), Snapshot: func(context.Context) []byte { return snapshot }})
	r.must(err)
	done := make(chan struct{})
	run, stop := context.WithCancel(ctx)
	go func() { defer close(done); _ = r.a.Run(run) }()
	defer func() { stop(); <-done; r.a.Close() }()
	r.must(r.a.Ready(ctx))
	f(r)
	return r.a.Snapshot()
}

// memories are what a client holds of an account.
type memories struct {
	state, boxes jmap.State
	ids          map[string]jmap.EmailID // by subject
	blobs        map[string]jmap.BlobID
	threads      map[string]jmap.ThreadID
	inbox        jmap.MailboxID
}

func (r *rig) remember() memories {
	r.Helper()
	m := memories{state: r.state(jmap.TypeEmail), boxes: r.state(jmap.TypeMailbox), ids: map[string]jmap.EmailID{}, blobs: map[string]jmap.BlobID{}, threads: map[string]jmap.ThreadID{}}
	m.inbox = r.inboxID()
	for id, e := range r.get(allFields, r.query(nil)...) {
		m.ids[*e.Subject], m.blobs[*e.Subject], m.threads[*e.Subject] = id, e.BlobID, e.ThreadID
	}
	return m
}

func (r *rig) inboxID() jmap.MailboxID {
	r.Helper()
	return r.box(jmap.RoleInbox)
}

// told is what changed since, once n of the mails are in a place that seen knows.
func (r *rig) told(since jmap.State) jmap.Changes {
	r.Helper()
	ch, err := r.a.Changes(r.ctx, jmap.TypeEmail, since, 1000)
	r.must(err)
	slices.Sort(ch.Updated)
	return ch
}

// TestMovedWhileAway is trap 4: what another program moves while nobody is signed
// in is told as updated to a client that comes back. In the control the program
// does not move the mail but replaces it, which must be told otherwise.
func TestMovedWhileAway(t *testing.T) {
	for _, b := range backends(t) {
		t.Run(b.name, func(t *testing.T) {
			var was memories
			kept := sitting(t, b, nil, func(r *rig) {
				for _, s := range []string{"moved", "replaced", "stays"} {
					r.deliver("INBOX", upstreamtest.Mail(s))
				}
				r.waitFor(r.inboxID(), 3)
				was = r.remember()
			})
			other := &rig{T: t, ctx: t.Context(), other: b.open()}
			defer other.other.Close()
			at, uids := other.otherPlace("INBOX")
			var moved, replaced upstream.UIDSet
			moved.Add(slices.Collect(uids.All())[0])
			replaced.Add(slices.Collect(uids.All())[1])
			_, err := other.other.Move(t.Context(), at, moved, "Archive")
			other.must(err)
			other.must(other.other.Remove(t.Context(), at, replaced))
			other.deliver("Archive", upstreamtest.Mail("replacement"))
			sitting(t, b, kept, func(r *rig) {
				r.until("the mails in the archive", func() bool { return len(r.query(nil)) == 3 && len(r.query(inMailbox(r.inboxID()))) == 1 })
				ch, is := r.told(was.state), r.remember()
				if is.ids["moved"] != was.ids["moved"] || !slices.Equal(ch.Updated, []string{string(was.ids["moved"])}) {
					t.Errorf("the moved mail was %s and is %s; told as %+v", was.ids["moved"], is.ids["moved"], ch)
				}
				if !slices.Equal(ch.Created, []string{string(is.ids["replacement"])}) || !slices.Equal(ch.Destroyed, []string{string(was.ids["replaced"])}) {
					t.Errorf("the control: %s for %s is told as %+v", is.ids["replacement"], was.ids["replaced"], ch)
				}
				r.wantBlob(was.blobs["moved"], upstreamtest.Mail("moved"))
			})
		})
	}
}

// TestMadeAnewWhileHeld is trap 5: the inbox gets another UIDVALIDITY, while
// somebody is signed in and while nobody is, and the index is lost. A client that
// holds old states and ids does not notice; where the log of changes is lost it is
// told to ask for all again (RFC 8620, section 5.2), and finds the same ids.
func TestMadeAnewWhileHeld(t *testing.T) {
	for _, b := range backends(t) {
		t.Run(b.name, func(t *testing.T) {
			var was memories
			same := func(r *rig, what string) {
				t.Helper()
				is := r.remember()
				if is.inbox != was.inbox || !maps.Equal(is.ids, was.ids) || !maps.Equal(is.blobs, was.blobs) || !maps.Equal(is.threads, was.threads) {
					t.Errorf("%s:\n%s", what, cmp.Diff(was.ids, is.ids))
				}
				for subject, id := range was.blobs {
					r.wantBlob(id, upstreamtest.Mail(subject))
				}
			}
			silent := func(r *rig, what string) {
				t.Helper()
				if ch := r.told(was.state); len(ch.Created)+len(ch.Destroyed) > 0 {
					t.Errorf("%s: told as %+v", what, ch)
				}
				same(r, what)
			}
			kept := sitting(t, b, nil, func(r *rig) {
				for _, s := range []string{"one", "two", "three"} {
					r.deliver("INBOX", upstreamtest.Mail(s))
				}
				r.waitFor(r.inboxID(), 3)
				was = r.remember()
				if b.anew != nil {
					b.anew(t)
					r.awaitValidity()
					silent(r, "another UIDVALIDITY while signed in")
				}
			})
			if b.anew != nil {
				b.anew(t)
				sitting(t, b, kept, func(r *rig) {
					r.awaitValidity()
					silent(r, "another UIDVALIDITY while away")
					// The control: a mail that really goes is told of.
					at, uids := r.otherPlace("INBOX")
					var one upstream.UIDSet
					one.Add(slices.Collect(uids.All())[0])
					r.must(r.other.Remove(r.ctx, at, one))
					r.waitFor(was.inbox, 2)
					if ch := r.told(was.state); len(ch.Destroyed) != 1 {
						t.Errorf("the control: told as %+v", ch)
					}
					was = r.remember()
				})
			}
			sitting(t, b, nil, func(r *rig) {
				_, err := r.a.Changes(r.ctx, jmap.TypeEmail, was.state, 100)
				if !errors.Is(err, jmap.CannotCalculateChanges) {
					t.Errorf("changes since a state of a lost index: %v", err)
				}
				if b.anew != nil {
					was.inbox = r.inboxID() // the server may have another id for it by now, and nothing tells any more
				}
				same(r, "a lost index")
			})
		})
	}
}

// awaitValidity waits until a new mail shows: the account has looked at the inbox
// as it is now.
func (r *rig) awaitValidity() {
	r.Helper()
	inbox, n := r.inboxID(), len(r.query(nil))
	raw := upstreamtest.Mail("probe")
	r.until("a server that takes mail", func() bool { // a connection was lost
		_, err := r.other.Append(r.ctx, "INBOX", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw))})
		return err == nil
	})
	r.until("a mail in the inbox made anew", func() bool { return len(r.query(inMailbox(inbox))) == n+1 })
	e := r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Subject: "probe"}})
	res, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{Destroy: e})
	r.must(err)
	if len(res.Destroyed) != 1 {
		r.Fatalf("the probe stays: %v, %+v", e, res.NotDestroyed)
	}
}
