package protocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/message"
	"cofferdam/internal/outbox"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// startMemory is the tier that has no server: people are made as they sign in.
func startMemory(*testing.T) *site {
	post := &postOffice{}
	var mu sync.Mutex // guards people
	people := map[int]*memup.Account{}
	person := func(n int) *memup.Account {
		mu.Lock()
		defer mu.Unlock()
		if people[n] == nil {
			people[n] = memup.New(memup.Options{Identity: upstream.IdentityGUID})
		}
		return people[n]
	}
	return &site{
		signIn: func(t *testing.T, n int) (wire, string, func()) {
			address := fmt.Sprintf("person%d@cofferdam.test", n)
			return openMemory(t, person(n), address, post), address, func() {}
		},
		other: func(t *testing.T, n int) program {
			return &memoryProgram{t, person(n).Open()}
		},
		peer:     "peer@cofferdam.test",
		received: func(_ *testing.T, subject string) []string { return post.received(subject) },
	}
}

// openMemory serves JMAP for one person.
func openMemory(t *testing.T, mem *memup.Account, address string, post *postOffice) wire {
	quiet := slog.New(slog.DiscardHandler)
	out, err := outbox.Open(t.Context(), outbox.Config{Sender: post, Records: noRecords{}, Log: quiet,
		Identities: func() []jmap.Identity { return account.Identities("", []string{address}) }})
	if err != nil {
		t.Fatal(err)
	}
	a, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{address}, Store: mem.Open(),
		Key: bytes.Repeat([]byte("k"), 32), Uploads: account.NewMemoryUploads(), Outbox: out})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	var server *httptest.Server
	h, err := jmapserver.New(jmapserver.Config{
		Person: func(*http.Request) (*jmapserver.Person, bool) {
			return &jmapserver.Person{Key: address, Username: address, Accounts: []jmapserver.Account{a}}, true
		},
		BaseURL: func(*http.Request) string { return server.URL },
		Log:     quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		stop()
		<-done
		a.Close()
	})
	return plainWire(server.URL)
}

// plainWire is an HTTP client without more.
type plainWire string

func (origin plainWire) Do(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, string(origin)+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, out)
	}
	return out, err
}

// postOffice takes what is submitted.
type postOffice struct {
	mu   sync.Mutex // guards sent
	sent []string
}

// Submit implements outbox.Sender.
func (p *postOffice) Submit(_ context.Context, _ string, _ *jmap.Envelope, body io.Reader, _ int64) (outbox.Result, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return outbox.Result{}, errors.Join(outbox.ErrAway, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, string(b))
	return outbox.Result{Reply: "250 2.0.0 Ok"}, nil
}

func (p *postOffice) received(subject string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, s := range p.sent {
		if message.ParseHeader([]byte(s)).Text("Subject") == subject {
			out = append(out, s)
		}
	}
	return out
}

// noRecords implements outbox.Records for people who never sign in again.
type noRecords struct{}

func (noRecords) Put(context.Context, string, int64, []byte) error { return nil }
func (noRecords) Delete(context.Context, string, int64) error      { return nil }
func (noRecords) All(context.Context) ([]outbox.Stored, error)     { return nil, nil }

// memoryProgram is another handle of the same account.
type memoryProgram struct {
	t *testing.T
	s upstream.Store
}

func (p *memoryProgram) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("the other program: %v", err)
	}
}

func (p *memoryProgram) append(box, raw string, flags ...string) {
	_, err := p.s.Append(p.t.Context(), box, upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Flags: flags})
	p.must(err)
}

// rows are the mails of a mailbox by name.
func (p *memoryProgram) rows(box string) (upstream.Place, map[string]upstream.Row) {
	uids, m, err := p.s.UIDs(p.t.Context(), box)
	p.must(err)
	at, out := upstream.Place{Box: box, Validity: m.UIDValidity}, map[string]upstream.Row{}
	p.must(p.s.Rows(p.t.Context(), at, uids, func(r *upstream.Row) {
		if f, ok := message.ParseHeader(r.Header).Last("Message-ID"); ok && len(f.MessageIDs()) == 1 {
			out[strings.TrimSuffix(f.MessageIDs()[0], "@x")] = *r
		}
	}))
	return at, out
}

func (p *memoryProgram) find(box, name string) (upstream.Place, upstream.UIDSet) {
	at, rows := p.rows(box)
	var set upstream.UIDSet
	if r, ok := rows[name]; ok {
		set.Add(r.UID)
	} else {
		p.t.Fatalf("the other program: %s is not in %s", name, box)
	}
	return at, set
}

func (p *memoryProgram) flag(box, name, flag string, on bool) {
	at, set := p.find(box, name)
	if on {
		p.must(p.s.SetFlags(p.t.Context(), at, set, []string{flag}, nil))
	} else {
		p.must(p.s.SetFlags(p.t.Context(), at, set, nil, []string{flag}))
	}
}

func (p *memoryProgram) move(box, name, to string) {
	at, set := p.find(box, name)
	_, err := p.s.Move(p.t.Context(), at, set, to)
	p.must(err)
}

func (p *memoryProgram) remove(box, name string) {
	at, set := p.find(box, name)
	p.must(p.s.Remove(p.t.Context(), at, set))
}

func (p *memoryProgram) create(box string) {
	p.must(p.s.(upstream.Boxmaker).CreateBox(p.t.Context(), box, ""))
}

func (p *memoryProgram) rename(from, to string) {
	p.must(p.s.(upstream.Boxmaker).RenameBox(p.t.Context(), from, to))
}

func (p *memoryProgram) delete(box string) {
	p.must(p.s.(upstream.Boxmaker).DeleteBox(p.t.Context(), box))
}

func (p *memoryProgram) flags(box string) map[string][]string {
	_, rows := p.rows(box)
	out := map[string][]string{}
	for name, r := range rows {
		out[name] = r.Flags
	}
	return out
}
