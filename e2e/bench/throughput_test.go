package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// crowd is how many people work at the same time, each without a pause.
func crowd() []int {
	if long() {
		return []int{1, 8, 32, 128}
	}
	return []int{1, 4}
}

// TestBenchThroughput makes the second table: what many people get at once, and
// what it costs us.
func TestBenchThroughput(t *testing.T) {
	mails, span := 200, time.Second
	if long() {
		mails, span = 1000, 8*time.Second
	}
	many := slices.Max(crowd())
	p := platform.Start(t, platform.Options{Users: crowdOf(t, many, mails)})
	doc := &report{}
	doc.headThroughput(repository(), mails)
	for _, memory := range []bool{false, true} {
		o := system.Options{LogLevel: "warn"}
		if !memory {
			o.Edit = withoutHeaderMemory
		}
		l := &load{t: t, platform: p, server: system.Start(t, p, o), span: span, memory: memory}
		l.signIn(p.Users[:many])
		for _, n := range crowd() {
			l.measure(doc, n)
		}
		l.end()
	}
	t.Logf("\n%s", doc)
	if err := doc.append(repository()); err != nil {
		t.Fatal(err)
	}
}

// withoutHeaderMemory makes cells remember no headers, so that each list page is
// fetched from the mail server.
func withoutHeaderMemory(toml string) string {
	return strings.Replace(toml, "[cells]\n", "[cells]\nheader_memory = \"0B\"\n", 1)
}

// load is a server with people signed in.
type load struct {
	t        *testing.T
	platform *platform.Platform
	server   *system.Server
	span     time.Duration
	memory   bool
	people   []*worker
}

// worker is one person with a floor's connection beside.
type worker struct {
	person *system.Person
	raw    *system.RawIMAP
	inbox  string
	total  int
	ids    []string
	bodies map[string]string // tickets
	at     int
}

func (l *load) signIn(users []platform.User) {
	l.t.Helper()
	for _, u := range users {
		b := &bench{t: l.t, server: l.server, platform: l.platform, user: u}
		b.person = l.server.Browser(u.Login)
		ctx := l.t.Context()
		b.must(b.person.SignIn(ctx, u.Password))
		inbox, err := b.person.ByRole(ctx, "inbox")
		b.must(err)
		b.inbox = inbox
		b.awaitIndex(ctx)
		b.pick(ctx)
		w := &worker{person: b.person, raw: b.raw, inbox: inbox, total: b.total, ids: b.ids[:min(len(b.ids), 40)], bodies: map[string]string{}}
		for _, id := range w.ids {
			w.bodies[id], err = b.person.Ticket(ctx, id)
			b.must(err)
		}
		l.people = append(l.people, w)
	}
}

func (l *load) end() {
	for _, w := range l.people {
		w.raw.Close()
		w.person.Close()
	}
	if err := l.server.Stop(); err != nil {
		l.t.Error(err)
	}
}

// flat is a page of mails, which is what the floor fetches.
func (w *worker) flat(ctx context.Context) error { return w.page(ctx, false) }

// list is a page of conversations, with what our client asks of their other mails.
func (w *worker) list(ctx context.Context) error { return w.page(ctx, true) }

func (w *worker) page(ctx context.Context, collapse bool) error {
	text, err := w.person.Exchange(ctx, system.ListCalls(system.Args{"inMailbox": w.inbox}, 0, pageSize, collapse)...)
	if err == nil && len(text) < 1000 {
		err = fmt.Errorf("a page of %d bytes", len(text))
	}
	return err
}

func (w *worker) listRaw(context.Context) error {
	_, err := w.raw.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, w.total-pageSize+1), w.total, listItems))
	return err
}

// open is one mail: its details, and its document at the same time.
func (w *worker) open(ctx context.Context) error {
	id := w.ids[w.at%len(w.ids)]
	w.at++
	done := make(chan error, 1)
	go func() {
		_, err := w.person.Get(ctx, w.bodies[id])
		done <- err
	}()
	_, err := w.person.Exchange(ctx, system.DetailCall(id))
	if other := <-done; err == nil {
		err = other
	}
	return err
}

func (w *worker) openRaw(context.Context) error {
	seq := w.total - rand.IntN(len(w.ids))
	_, err := w.raw.Do(fmt.Sprintf("FETCH %d %s", seq, listItems), fmt.Sprintf("FETCH %d BODY.PEEK[]", seq))
	return err
}

// measure runs each action with n people, ours and then the floor's.
func (l *load) measure(doc *report, n int) {
	l.t.Helper()
	people := l.people[:n]
	name := "list, from the mail server"
	if l.memory {
		name = "list, from memory"
	}
	l.line(doc, name, people, (*worker).flat, (*worker).listRaw)
	l.line(doc, name+", with conversations", people, (*worker).list, (*worker).listRaw)
	if l.memory {
		l.line(doc, "open", people, (*worker).open, (*worker).openRaw)
	}
}

func (l *load) line(doc *report, name string, people []*worker, ours, floor func(*worker, context.Context) error) {
	l.t.Helper()
	l.run(people, ours, l.span/8)
	before, err := l.server.RoleTimes()
	if err != nil {
		l.t.Fatal(err)
	}
	a := l.run(people, ours, l.span)
	after, err := l.server.RoleTimes()
	if err != nil {
		l.t.Fatal(err)
	}
	var cpu time.Duration
	var parts []string
	for _, kind := range []string{"gate", "cell", "render", "keeper", "porter"} {
		used := after[kind] - before[kind]
		cpu += used
		parts = append(parts, ms(used/time.Duration(max(1, len(a)))))
	}
	b := l.run(people, floor, l.span)
	seconds := l.span.Seconds()
	doc.printf("| %s | %d | %.0f | %s | %s | %s | %s | %.0f |\n", name, len(people), float64(len(a))/seconds, ms(a.at(.5)), ms(a.at(.99)),
		ms(cpu/time.Duration(max(1, len(a)))), strings.Join(parts, " / "), float64(len(b))/seconds)
}

// run lets people act one after the other for a time and returns how long each
// action took. An error ends the test.
func (l *load) run(people []*worker, act func(*worker, context.Context) error, span time.Duration) Samples {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), span+requestTime)
	defer cancel()
	until := time.Now().Add(span)
	var mu sync.Mutex
	var all Samples
	var failed error
	var wg sync.WaitGroup
	for _, w := range people {
		wg.Go(func() {
			var mine Samples
			var err error
			for time.Now().Before(until) && err == nil {
				began := time.Now()
				err = act(w, ctx)
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		l.t.Fatal(failed)
	}
	return all
}
