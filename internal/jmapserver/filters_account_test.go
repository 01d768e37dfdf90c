package jmapserver_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/sieve"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// filterServer keeps scripts in memory as a platform behind porter does. It
// refuses a script with "nonsense" in it as invalid, and one that redirects.
type filterServer struct {
	mu     sync.Mutex
	list   []account.Filter
	offer  *account.FilterOffer
	err    error                        // of every call
	before func()                       // called with mu held before a change, once
	refuse map[account.FilterVerb]error // the next step of a kind
	done   int                          // changes made
	hangs  bool                         // it never says what it can
	busy   bool                         // another program changes something before each change
}

func newFilterServer() *filterServer {
	most := uint64(4)
	return &filterServer{refuse: map[account.FilterVerb]error{}, offer: &account.FilterOffer{Implementation: "Test Sieve 1",
		Extensions: []string{"vacation", "date", "relational", "include", "fileinto", "reject", "enotify"}, Notify: []string{"mailto"},
		MaxRedirects: &most, MaxScripts: 5, MaxSize: 300 << 10}}
}

func (f *filterServer) Offer(ctx context.Context) (*account.FilterOffer, error) {
	if f.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offer, f.err
}

func (f *filterServer) Scripts(context.Context) ([]account.Filter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list), f.err
}

func (f *filterServer) Check(_ context.Context, content string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	return f.judge(content)
}

func (f *filterServer) judge(content string) error {
	switch script, err := sieve.Parse(content); {
	case err != nil:
		return &account.FilterRefusal{Why: account.FilterInvalid, Text: err.Error()}
	case script.Calls("nonsense"):
		return &account.FilterRefusal{Why: account.FilterInvalid, Text: "line 1: error: unknown command 'nonsense'"}
	case script.Calls("redirect"):
		return &account.FilterRefusal{Why: account.FilterForbidden, Text: `line 1: "redirect" forwards mail to a new address`}
	}
	return nil
}

func (f *filterServer) Apply(_ context.Context, seen []account.Filter, steps []account.FilterStep) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	if f.before != nil {
		f.before()
		f.before = nil
	}
	if f.busy {
		f.putLocked("busy", "keep; #"+strconv.Itoa(len(f.list[len(f.list)-1].Content)), true)
	}
	if !slices.Equal(seen, f.list) {
		return 0, &account.FilterRefusal{Why: account.FilterChanged}
	}
	for i, s := range steps {
		if err := f.step(s); err != nil {
			return i, err
		}
		f.done++
	}
	return len(steps), nil
}

func (f *filterServer) find(name string) int {
	return slices.IndexFunc(f.list, func(s account.Filter) bool { return s.Name == name })
}

func (f *filterServer) step(s account.FilterStep) error {
	if err := f.refuse[s.Verb]; err != nil {
		delete(f.refuse, s.Verb)
		return err
	}
	at := f.find(s.Name)
	if at < 0 && s.Verb != account.FilterPut && s.Name != "" {
		return &account.FilterRefusal{Why: account.FilterChanged}
	}
	switch s.Verb {
	case account.FilterPut:
		if err := f.judge(s.Content); err != nil {
			return err
		}
		if at < 0 {
			f.list = append(f.list, account.Filter{Name: s.Name, Content: s.Content})
		} else {
			f.list[at].Content = s.Content
		}
	case account.FilterRename:
		f.list[at].Name = s.To
	case account.FilterDelete:
		f.list = slices.Delete(f.list, at, at+1)
	case account.FilterActivate:
		for i := range f.list {
			f.list[i].Active = f.list[i].Name == s.Name
		}
	}
	return nil
}

// active is the name and content of the active script.
func (f *filterServer) active() account.Filter {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.list {
		if s.Active {
			return s
		}
	}
	return account.Filter{}
}

// put is another program at work.
func (f *filterServer) put(name, content string, active bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.putLocked(name, content, active)
}

func (f *filterServer) putLocked(name, content string, active bool) {
	f.list = slices.DeleteFunc(f.list, func(s account.Filter) bool { return s.Name == name })
	for i := range f.list {
		f.list[i].Active = f.list[i].Active && !active
	}
	f.list = append(f.list, account.Filter{Name: name, Content: content, Active: active})
}

// filtered is a person whose platform has Sieve.
type filtered struct {
	*testing.T
	f *filterServer
	a *account.Account
	w *world
}

func newFiltered(t *testing.T, f *filterServer) *filtered {
	t.Helper()
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	a, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"anna@example.org", "a@example.org"}, Store: mem.Open(),
		Key: []byte("0123456789abcdef0123456789abcdef"), Uploads: account.NewMemoryUploads(), Filters: f})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	w := newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{a}
	return &filtered{T: t, f: f, a: a, w: w}
}

type object = map[string]any

// ask calls a method and returns its arguments, with those of an error under
// "error".
func (f *filtered) ask(method, args string) object {
	f.Helper()
	return f.batch(`["` + method + `",{"accountId":"a1"` + strings.TrimSuffix(","+args, ",") + `},"0"]`)[0]
}

func (f *filtered) batch(calls ...string) (out []object) {
	f.Helper()
	using := []string{jmap.CapabilityCore, jmap.CapabilityMail, jmap.CapabilityBlob}
	if i := f.a.Info(); i.Sieve != nil {
		using = append(using, jmap.CapabilitySieve)
	}
	if f.a.Info().Vacation {
		using = append(using, jmap.CapabilityVacation)
	}
	code, body := f.w.post(`{"using":` + quoted(using) + `,"methodCalls":[` + strings.Join(calls, ",") + `]}`)
	var r struct{ MethodResponses [][]json.RawMessage }
	if err := json.Unmarshal(body, &r); code != http.StatusOK || err != nil {
		f.Fatalf("%d %s", code, body)
	}
	for _, one := range r.MethodResponses {
		var o object
		if err := json.Unmarshal(one[1], &o); err != nil {
			f.Fatal(err)
		}
		if string(one[0]) == `"error"` {
			o = object{"error": o["type"], "description": o["description"]}
		}
		out = append(out, o)
	}
	return out
}

// at walks into objects and lists; nil if there is no such place.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(object)
			v = o[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// want compares what stands at a place.
func (f *filtered) want(v any, want any, path ...any) {
	f.Helper()
	if got := at(v, path...); got != want {
		f.Errorf("%v: got %v, want %v in %s", path, got, want, quoted(v))
	}
}

// upload stores a blob.
func (f *filtered) upload(text string) string {
	f.Helper()
	info, err := f.a.BlobPut(f.Context(), strings.NewReader(text))
	if err != nil {
		f.Fatal(err)
	}
	return string(info.ID)
}
