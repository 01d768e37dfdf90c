package cell

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/seal"
	"cofferdam/internal/upstream/memup"
)

// library is keeper, as indexes see it.
type library struct {
	mu    sync.Mutex // guards the rest
	file  []byte
	saved int
}

func (k *library) put(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		ipc.WriteError(w, err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.file = data
	k.saved++
	w.WriteHeader(http.StatusNoContent)
}

func (k *library) get(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == nil {
		ipc.WriteError(w, ipc.Errorf(ipc.CodeNotFound, "no index"))
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(k.file)))
	_, _ = w.Write(k.file)
}

// reading is a person with an account of one mail, and keeper beside.
func reading(t *testing.T) (*Cell, *person, *memup.Account, *library, seal.ClassKey) {
	t.Helper()
	ps, p, _ := visitor(t, nil)
	k := &library{}
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	m.Raw("POST "+ipc.KeeperIndexPut, http.HandlerFunc(k.put))
	m.Raw("POST "+ipc.KeeperIndexGet, http.HandlerFunc(k.get))
	t.Cleanup(func() { ps.closeAll(context.Background()) })
	c := &Cell{people: ps, keeper: ipc.NewClient(line(t, "keeper", m)), log: slog.New(slog.DiscardHandler), cfg: Config{Forget: time.Minute, IndexEvery: time.Hour}}
	key, err := seal.NewUMK().ClassKey(p.uid, seal.ClassMail, 1)
	if err != nil {
		t.Fatal(err)
	}
	a := memup.New(memup.Options{})
	deliver(a, 1)
	return c, p, a, k, key
}

func deliver(a *memup.Account, n int) {
	a.Deliver("INBOX", []byte("Message-ID: <"+strconv.Itoa(n)+"@x>\r\nSubject: x\r\n\r\nx\r\n"), time.Unix(int64(n), 0))
}

// openOver opens the account over what the index has loaded.
func openOver(t *testing.T, x *index, a *memup.Account) (*account.Account, bool) {
	t.Helper()
	loaded := false
	acc, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: a.Open(), Key: make([]byte, 32),
		Uploads: account.NewMemoryUploads(), Snapshot: func(ctx context.Context) []byte {
			b := x.load(ctx)
			loaded = b != nil
			return b
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = acc.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; acc.Close() })
	if err := acc.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return acc, loaded
}

func TestIndexIsSavedAndLoaded(t *testing.T) {
	c, p, a, k, key := reading(t)
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	acc, loaded := openOver(t, x, a)
	if loaded {
		t.Error("an index was loaded that nobody saved")
	}
	for range 2 {
		if err := x.save(t.Context(), acc); err != nil {
			t.Fatal(err)
		}
	}
	if k.saved != 1 {
		t.Errorf("saved %d times without a change", k.saved)
	}
	if _, loaded = openOver(t, x, a); !loaded {
		t.Error("what was saved was not loaded")
	}
	// Another person, another key, a changed byte: it is built anew.
	other, err := seal.NewUMK().ClassKey(p.uid, seal.ClassMail, 1)
	if err != nil {
		t.Fatal(err)
	}
	y, err := c.newIndex(p, other)
	if err != nil {
		t.Fatal(err)
	}
	if y.load(t.Context()) != nil {
		t.Error("loaded under another key")
	}
	k.file[len(k.file)/2] ^= 1
	if x.load(t.Context()) != nil {
		t.Error("loaded with a byte changed")
	}
}

// A locked session must not even ask: its keys are not the owner's.
func TestLockedSessionSavesNoIndex(t *testing.T) {
	c, p, a, k, key := reading(t)
	p.locked = true
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	acc, loaded := openOver(t, x, a)
	if err := x.save(t.Context(), acc); err != nil || k.saved != 0 || loaded {
		t.Errorf("%v, saved %d times, loaded %v", err, k.saved, loaded)
	}
}

// Who is silent is let go with their index saved; who asks meanwhile, or listens,
// stays.
func TestSilentPeopleAreLetGo(t *testing.T) {
	c, p, a, k, key := reading(t)
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	p.index = x
	p.account, _ = openOver(t, x, a)
	here := func() int { n, _ := c.people.count(); return n }
	later := time.Now().Add(time.Hour)
	g := grantOf(p)
	leave, err := c.people.enter(g, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if list := c.people.idle(later); len(list) != 0 {
		t.Error("idle with a request under way")
	}
	c.forget(t.Context(), p)
	if here() != 1 {
		t.Fatal("let go with a request under way")
	}
	leave()
	if list := c.people.idle(time.Now().Add(-time.Hour)); len(list) != 0 {
		t.Error("idle right after a request")
	}
	if list := c.people.idle(later); len(list) != 1 {
		t.Fatal("not idle after an hour of silence")
	}
	deliver(a, 2)
	c.forget(t.Context(), p)
	if here() != 0 || k.saved == 0 {
		t.Errorf("%d people here, saved %d times", here(), k.saved)
	}
	if _, err := c.people.enter(g, func() {}); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("a request of somebody who was let go: %v", err)
	}
}

// An index is saved by itself when it is complete and when it has changed.
func TestIndexIsSavedNowAndThen(t *testing.T) {
	c, p, a, k, key := reading(t)
	c.cfg.IndexEvery = 5 * time.Millisecond
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	acc, _ := openOver(t, x, a)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.follow(ctx, acc) }()
	until := func(n int) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			k.mu.Lock()
			saved := k.saved
			k.mu.Unlock()
			if saved == n {
				return
			}
		}
		t.Fatalf("not saved %d times", n)
	}
	until(1)
	deliver(a, 2)
	until(2)
	cancel()
	<-done
}

// stall is a keeper that begins to take an index, and does not go on until it is
// told to or the cell breaks off.
type stall struct {
	began chan struct{}
	on    chan struct{}
}

func (k *stall) put(w http.ResponseWriter, r *http.Request) {
	_, _ = io.ReadFull(r.Body, make([]byte, 100))
	close(k.began)
	select {
	case <-k.on:
	case <-r.Context().Done():
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusNoContent)
}

// A session that ends while the index of somebody silent is being saved ends the
// saving, and the key is wiped when nothing seals with it any more.
func TestSaveEndsWithThePerson(t *testing.T) {
	c, p, a, _, key := reading(t)
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	p.index = x
	p.account, _ = openOver(t, x, a)
	p.close = x.end
	k := &stall{began: make(chan struct{}), on: make(chan struct{})}
	t.Cleanup(func() { close(k.on) })
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	m.Raw("POST "+ipc.KeeperIndexPut, http.HandlerFunc(k.put))
	c.keeper = ipc.NewClient(line(t, "stalled", m))
	forgotten := make(chan struct{})
	go func() { defer close(forgotten); c.forget(context.Background(), p) }()
	<-k.began
	if _, err := c.people.end(t.Context(), ipc.EndRequest{Sessions: [][]byte{[]byte("session")}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-forgotten:
	case <-time.After(indexTime / 2):
		t.Fatal("the index of somebody who signed out is still being saved")
	}
	p.end() // waits for the closing, which runs apart
	if err := x.save(t.Context(), p.account); err != nil || !x.key.IsZero() {
		t.Errorf("after the end: %v, the key is wiped: %v", err, x.key.IsZero())
	}
}

func sealedAs(t *testing.T, x *index, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := x.key.Seal(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What came while nobody had the index is saved when it was loaded and brought in
// step: else the states given out of it would be forgotten with the next silence.
func TestLoadedIndexIsSavedWhenItChanged(t *testing.T) {
	for name, news := range map[string]int{"changed": 1, "as it was": 0, "damaged": 1} {
		c, p, a, k, key := reading(t)
		x, err := c.newIndex(p, key)
		if err != nil {
			t.Fatal(err)
		}
		acc, _ := openOver(t, x, a)
		if err := x.save(t.Context(), acc); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "changed":
			deliver(a, 2)
		case "damaged":
			k.file = sealedAs(t, x, []byte("no index"))
		}
		again, err := c.newIndex(p, key)
		if err != nil {
			t.Fatal(err)
		}
		acc, loaded := openOver(t, again, a)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); again.follow(ctx, acc) }()
		time.Sleep(50 * time.Millisecond)
		cancel()
		<-done
		if !loaded || k.saved != 1+news {
			t.Errorf("%s: loaded %v, saved %d times, want %d", name, loaded, k.saved, 1+news)
		}
	}
}

// A cell that drains saves what has changed: the next one knows the states that it
// gave out.
func TestDrainSavesIndexes(t *testing.T) {
	c, p, a, k, key := reading(t)
	x, err := c.newIndex(p, key)
	if err != nil {
		t.Fatal(err)
	}
	p.index = x
	p.account, _ = openOver(t, x, a)
	before, err := p.account.State(t.Context(), jmap.TypeEmail)
	if err != nil {
		t.Fatal(err)
	}
	deliver(a, 2)
	if _, err := p.account.WaitChange(t.Context(), jmap.TypeStates{jmap.TypeEmail: before}); err != nil {
		t.Fatal(err)
	}
	told, err := p.account.State(t.Context(), jmap.TypeEmail)
	if err != nil {
		t.Fatal(err)
	}
	c.saveIndexes(t.Context())
	c.people.closeAll(t.Context())
	if k.saved != 1 {
		t.Fatalf("saved %d times", k.saved)
	}
	deliver(a, 3)
	next, err := c.newIndex(&person{uid: p.uid, ctx: t.Context()}, key)
	if err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	sealed := bytes.Clone(k.file)
	k.mu.Unlock()
	text, err := next.key.Open(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		t.Fatal(err)
	}
	later, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"a@x"}, Store: a.Open(), Key: make([]byte, 32),
		Uploads: account.NewMemoryUploads(), Snapshot: func(context.Context) []byte { return text }})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	ch, err := later.Changes(t.Context(), jmap.TypeEmail, told, 0)
	if err != nil || len(ch.Created) != 1 || len(ch.Updated)+len(ch.Destroyed) > 0 {
		t.Errorf("since the last state of the cell before: %+v, %v", ch, err)
	}
}

func TestIndexPause(t *testing.T) {
	x := &index{c: &Cell{cfg: Config{IndexEvery: 10 * time.Minute}}}
	for size, want := range map[int]time.Duration{0: indexLeast, 90_000: indexLeast, 1 << 20: 64 * time.Second, 9 << 20: 576 * time.Second, 40 << 20: 10 * time.Minute} {
		x.bytes = size
		if got := x.pause(); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
}
