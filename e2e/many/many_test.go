package many_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// manyMails is of trap 10.
const manyMails = 30_000

// writeMaildir writes an inbox of so many small mails, as a program does.
func writeMaildir(t *testing.T, dir string, n int) {
	t.Helper()
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		name := filepath.Join(dir, "cur", fmt.Sprintf("1772445600.M%dP1.host:2,", i))
		if err := os.WriteFile(name, []byte(upstreamtest.Mail(fmt.Sprint("mail ", i))), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"", "cur", "new", "tmp"} { // for the server, which is somebody else when tests run as root
		if err := os.Chmod(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

// appendMany has a server store so many small mails with one MULTIAPPEND (RFC 3502).
func appendMany(t *testing.T, dial func(context.Context) (net.Conn, error), n int) {
	t.Helper()
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		out := bufio.NewWriterSize(conn, 64<<10)
		fmt.Fprint(out, "b APPEND INBOX")
		for i := range n {
			mail := upstreamtest.Mail(fmt.Sprint("mail ", i))
			fmt.Fprintf(out, " {%d+}\r\n%s", len(mail), mail)
		}
		fmt.Fprint(out, "\r\n")
		_ = out.Flush()
	}()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(line, "b "); ok {
			if !strings.HasPrefix(rest, "OK") {
				t.Fatal(line)
			}
			return
		}
	}
}

// TestThirtyThousand is trap 10: what a person does with all of 30,000 mails of a
// mailbox: 5,000 of them, and the destruction of all, in calls as large as the
// limits allow, the others in one. Calls name scattered mails, so that the sets have
// few ranges. Cyrus, which takes a minute to store so many, has 1,000.
func TestThirtyThousand(t *testing.T) {
	t.Run("dovecot", func(t *testing.T) {
		s := imaptest.Dovecot(t, imaptest.DovecotOptions{MailLocation: "maildir:~/Maildir", Extra: "maildir_very_dirty_syncs = yes\n"})
		home := filepath.Join(s.Dir, "home", "many")
		writeMaildir(t, filepath.Join(home, "Maildir"), manyMails)
		if err := os.Chmod(home, 0o777); err != nil {
			t.Fatal(err)
		}
		testMany(t, upstreamtest.SignedIn(s.Addr, "many", imaptest.Password), manyMails)
	})
	t.Run("cyrus", func(t *testing.T) {
		s := imaptest.Cyrus(t)
		dial := upstreamtest.SignedIn(s.Addr, "many", imaptest.Password)
		appendMany(t, dial, 1000)
		testMany(t, dial, 1000)
	})
}

func testMany(t *testing.T, dial func(context.Context) (net.Conn, error), n int) {
	open := func() upstream.Store { return imapup.New(imapup.Config{Dial: dial, PollEvery: time.Minute}) }
	clock := time.Now()
	lap := func(what string) {
		t.Logf("%s: %v", what, time.Since(clock).Round(time.Millisecond))
		clock = time.Now()
	}
	r := newRig(t, open(), open())
	inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
	ids := r.allIDs(inbox)
	if len(ids) != n {
		t.Fatalf("%d mails", len(ids))
	}
	lap("signed in, all ids")
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	step := jmapserver.DefaultLimits().MaxObjectsInSet
	update := func(what string, u jmap.EmailUpdate) {
		t.Helper()
		once := max(n-5000, n/2)
		calls := slices.Insert(slices.Collect(slices.Chunk(ids[once:], step)), 0, ids[:once])
		for i, some := range calls {
			var set jmap.EmailSet
			for _, id := range some {
				u.ID = id
				set.Update = append(set.Update, u)
			}
			r.wholly(&set)
			if i == 0 || i == len(calls)-1 {
				lap(fmt.Sprintf("%s in calls of %d", what, len(some)))
			}
		}
	}
	update("flagged", jmap.EmailUpdate{Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$flagged"}}})
	if got := r.flagged("INBOX"); got != n {
		t.Errorf("the server has %d flagged mails, want %d", got, n)
	}
	update("moved", jmap.EmailUpdate{MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Replace: true, Values: []jmap.MailboxID{archive}}})
	if in, there := r.flagged("INBOX"), r.flagged("Archive"); in != 0 || there != n {
		t.Errorf("the server has %d mails in the inbox and %d in the archive", in, there)
	}
	const left = 7
	for part := range slices.Chunk(ids[left:], step) {
		r.wholly(&jmap.EmailSet{Destroy: part})
	}
	lap("destroyed")
	for len(r.allIDs(archive)) != left && r.ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	got := r.allIDs(archive)
	slices.Sort(got)
	want := slices.Clone(ids[:left])
	slices.Sort(want)
	if !slices.Equal(got, want) || r.flagged("Archive") != left {
		t.Errorf("left are %v, want %v; the server has %d", got, want, r.flagged("Archive"))
	}
}

// TestUncutSetIsRefused is the control of TestThirtyThousand: a set of 15,000
// scattered uids in one line is more than Dovecot reads, and nothing is flagged.
func TestUncutSetIsRefused(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	conn, err := upstreamtest.SignedIn(s.Addr, "uncut", imaptest.Password)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var set strings.Builder
	for u := 1; u < manyMails; u += 2 {
		fmt.Fprintf(&set, ",%d", u)
	}
	lines := bufio.NewReader(conn)
	fmt.Fprintf(conn, "b SELECT INBOX\r\n")
	fmt.Fprintf(conn, "c UID STORE %s +FLAGS.SILENT (\\Flagged)\r\nd NOOP\r\n", set.String()[1:])
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "c OK") {
			t.Fatal("the server takes a line of 90,000 bytes: the test of cut lines shows nothing")
		}
		if err != nil || strings.HasPrefix(line, "d ") {
			return
		}
	}
}

// rig is an account with a second program on the same mail.
type rig struct {
	*testing.T
	ctx   context.Context
	a     *account.Account
	other upstream.Store
}

func newRig(t *testing.T, store, other upstream.Store) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	r := &rig{T: t, ctx: ctx, other: other}
	_ = other.(upstream.Boxmaker).CreateBox(ctx, "Archive", jmap.RoleArchive) // some servers have it
	var err error
	r.a, err = account.New(ctx, account.Config{ID: "a1", Addresses: []string{"ann@example.org"}, Store: store,
		Key: []byte("0123456789abcdef0123456789abcdef"), Uploads: account.NewMemoryUploads()})
	r.must(err)
	done := make(chan struct{})
	run, stop := context.WithCancel(ctx)
	go func() { defer close(done); _ = r.a.Run(run) }()
	t.Cleanup(func() {
		stop()
		<-done
		cancel()
		r.a.Close()
		other.Close()
	})
	r.must(r.a.Ready(ctx))
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) box(role jmap.Role) jmap.MailboxID {
	r.Helper()
	list, _, _, err := r.a.MailboxGet(r.ctx, nil)
	r.must(err)
	for _, m := range list {
		if m.Role == role {
			return m.ID
		}
	}
	r.Fatalf("no mailbox of role %s", role)
	return ""
}

// wholly changes mails, all of which must be changed.
func (r *rig) wholly(set *jmap.EmailSet) {
	r.Helper()
	res, err := r.a.EmailSet(r.ctx, set)
	r.must(err)
	if len(res.Updated) != len(set.Update) || len(res.Destroyed) != len(set.Destroy) {
		r.Fatalf("%d of %d changed, %d of %d destroyed: %v %v", len(res.Updated), len(set.Update), len(res.Destroyed), len(set.Destroy), res.NotUpdated, res.NotDestroyed)
	}
}

// allIDs pages through a mailbox.
func (r *rig) allIDs(box jmap.MailboxID) (all []jmap.EmailID) {
	r.Helper()
	for {
		res, err := r.a.EmailQuery(r.ctx, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: box}}, Window: jmap.Window{Position: int64(len(all)), Limit: 5000}})
		r.must(err)
		if len(res.IDs) == 0 {
			return all
		}
		all = append(all, res.IDs...)
	}
}

// flagged counts the flagged mails of a mailbox, as the other program sees them.
func (r *rig) flagged(box string) (n int) {
	r.Helper()
	uids, m, err := r.other.UIDs(r.ctx, box)
	r.must(err)
	r.must(r.other.Rows(r.ctx, upstream.Place{Box: box, Validity: m.UIDValidity}, uids, func(row *upstream.Row) {
		if slices.Contains(row.Flags, `\Flagged`) {
			n++
		}
	}))
	return n
}
