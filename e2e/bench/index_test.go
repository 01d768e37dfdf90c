package bench

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// TestBenchIndex measures how long it takes until the index has every mail, beside a
// bare connection that fetches what it is made of, and what a list takes meanwhile.
// Each side has a mailbox of its own that the mail server has never read: the
// second time its caches are warm.
func TestBenchIndex(t *testing.T) {
	mails := 1000
	if long() {
		mails = 100_000
	}
	folder := platform.Maildir(t, platform.MaildirSpec{Count: mails})
	var users []platform.User
	for _, name := range []string{"ours", "floor"} {
		users = append(users, platform.User{Login: "index-" + name, Password: "password-bench", Maildir: folder})
	}
	p := platform.Start(t, platform.Options{Users: users})
	readAll(t, folder)
	doc := &report{}
	doc.printf("# The whole index\n\nThe index of %d mails is built while the person looks at the newest %d conversations every %v. The floor: one connection that fetches what an index is made of, %d mails a command, and another that fetches the page meanwhile.\n", mails, pageSize, glance, indexPart)
	doc.printf("\"First\": the mail server has read nothing of the mailbox before. \"Again\": it has, and we have forgotten our index.\n\n")
	doc.printf("| | whole index, s | list meanwhile, n | p50 ms | p95 ms | our s of processor | by role |\n|---|--:|--:|--:|--:|--:|---|\n")
	for _, when := range []string{"first", "again"} {
		f := rawIndex(t, p, p.Users[1])
		doc.printf("| %s, floor | %.2f | %d | %s | %s | | |\n", when, f.whole.Seconds(), len(f.lists), ms(f.lists.at(.5)), ms(f.lists.at(.95)))
		s := system.Start(t, p, system.Options{LogLevel: "warn"})
		o := ourIndex(t, s, p.Users[0])
		doc.printf("| %s, ours | %.2f | %d | %s | %s | %.2f | %s |\n", when, o.whole.Seconds(), len(o.lists), ms(o.lists.at(.5)), ms(o.lists.at(.95)), o.spent.Seconds(), o.byRole)
		stop(t, s)
	}
	doc.printf("\nThe index in memory, with its lookups: %.1f bytes a mail.\n", indexBytes(t, p, p.Users[0], mails))
	t.Logf("\n%s", doc)
	if err := doc.append(repository()); err != nil {
		t.Fatal(err)
	}
}

// indexBytes builds an index here, and tells by what the heap has grown a mail when
// nothing else is left of it.
func indexBytes(t *testing.T, p *platform.Platform, u platform.User, mails int) float64 {
	t.Helper()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what had a finalizer
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	store := imapup.New(imapup.Config{Dial: upstreamtest.SignedIn(p.IMAP, u.Login, u.Password)})
	r, err := replica.Open(t.Context(), replica.Config{Store: store, Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	if err := r.WaitComplete(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.WaitAttachments(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	store.Close()
	after := heap()
	runtime.KeepAlive(r)
	return float64(after-before) / float64(mails)
}

// readAll has the system hold the mails' files in memory, so that who reads them first
// does not wait for the disk.
func readAll(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			_, err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// building is how an index was built.
type building struct {
	whole  time.Duration
	lists  Samples
	spent  time.Duration
	byRole string
}

// meanwhile calls list every glance until the returned function is called.
func meanwhile(t *testing.T, list func() error) func() Samples {
	t.Helper()
	done := make(chan struct{})
	var all Samples
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			began := time.Now()
			if err := list(); err != nil {
				t.Errorf("a list while the index is built: %v", err)
				return
			}
			all = append(all, time.Since(began))
			select {
			case <-done:
				return
			case <-time.After(glance):
			}
		}
	})
	return func() Samples {
		close(done)
		wg.Wait()
		return all
	}
}

// rawIndex fetches what an index is made of.
func rawIndex(t *testing.T, p *platform.Platform, u platform.User) (out building) {
	t.Helper()
	b := &bench{t: t, platform: p, user: u}
	open := func() *system.RawIMAP {
		raw, err := system.DialIMAP(t.Context(), p, u)
		b.must(err)
		t.Cleanup(raw.Close)
		return raw
	}
	raw, other := open(), open()
	b.raw = raw
	began := time.Now()
	b.selectRaw(raw)
	_, err := other.Do("SELECT INBOX")
	b.must(err)
	end := meanwhile(t, func() error {
		_, err := other.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, b.total-pageSize+1), b.total, listItems))
		return err
	})
	b.fetchIndex()
	out.whole = time.Since(began)
	out.lists = end()
	return out
}

// selectRaw selects the inbox and learns how many mails it has.
func (b *bench) selectRaw(raw *system.RawIMAP) {
	b.t.Helper()
	said, err := raw.Do("SELECT INBOX")
	b.must(err)
	_, err = fmt.Sscan(string(existsLine.FindSubmatch(said)[1]), &b.total)
	b.must(err)
}

// fetchIndex reads what an index is made of, newest first as we do.
func (b *bench) fetchIndex() {
	b.t.Helper()
	items := "(UID FLAGS INTERNALDATE RFC822.SIZE X-GUID BODY.PEEK[HEADER.FIELDS (" + strings.ToUpper(strings.Join(upstream.IndexFields(), " ")) + ")])"
	for to := b.total; to > 0; to -= indexPart {
		_, err := b.raw.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, to-indexPart+1), to, items))
		b.must(err)
	}
}

// ourIndex signs in and waits until the index has every mail: who asks for a place
// far down the list is answered then.
func ourIndex(t *testing.T, s *system.Server, u platform.User) (out building) {
	t.Helper()
	b := &bench{t: t, server: s, user: u}
	ctx := t.Context()
	b.person = s.Browser(u.Login)
	defer b.person.Close()
	b.person.Patience = indexTime
	b.must(b.person.SignIn(ctx, u.Password))
	before, err := s.RoleTimes()
	b.must(err)
	began := time.Now()
	inbox, err := b.person.ByRole(ctx, "inbox")
	b.must(err)
	end := meanwhile(t, func() error {
		page, err := b.person.List(ctx, system.Args{"inMailbox": inbox}, 0, pageSize, true)
		if err == nil && len(page.Emails) == 0 {
			err = fmt.Errorf("an empty page")
		}
		return err
	})
	b.complete(ctx, inbox)
	out.whole = time.Since(began)
	out.lists = end()
	after, err := s.RoleTimes()
	b.must(err)
	var parts []string
	for _, kind := range []string{"gate", "cell", "porter"} {
		used := after[kind] - before[kind]
		out.spent += used
		parts = append(parts, fmt.Sprintf("%s %.2f", kind, used.Seconds()))
	}
	out.byRole = strings.Join(parts, ", ")
	return out
}

// complete waits until the index is.
func (b *bench) complete(ctx context.Context, inbox string) {
	b.t.Helper()
	a, err := b.person.Call(ctx, system.Call{Name: "Email/query", Args: system.Args{"filter": system.Args{"inMailbox": inbox, "minSize": 1}, "position": 0, "limit": 1, "calculateTotal": true}})
	b.must(err)
	var got struct{ Total int }
	b.must(a.Into(0, &got))
	b.total = got.Total
}
