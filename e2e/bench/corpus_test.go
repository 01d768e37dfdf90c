package bench

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// TestBenchCorpus opens mails of every kind that the corpus has, each for the first
// time, and fetches the same by the floor's connection.
func TestBenchCorpus(t *testing.T) {
	every := 64
	if long() {
		every = 1
	}
	p := platform.Start(t, platform.Options{Users: []platform.User{{Login: "corpus", Password: "password-bench",
		Maildir: platform.Maildir(t, platform.MaildirSpec{Classes: "all"})}}})
	s := system.Start(t, p, system.Options{LogLevel: "warn"})
	b := &bench{t: t, server: s, platform: p, user: p.Users[0]}
	ctx := t.Context()
	b.person = s.Browser(b.user.Login)
	defer b.person.Close()
	b.must(b.person.SignIn(ctx, b.user.Password))
	inbox, err := b.person.ByRole(ctx, "inbox")
	b.must(err)
	b.complete(ctx, inbox)
	raw, err := system.DialIMAP(ctx, p, b.user)
	b.must(err)
	defer raw.Close()
	b.selectRaw(raw)
	r := row{what: "open each mail once"}
	for position := 0; position < b.total; position += every {
		took, err := b.openAt(ctx, inbox, position)
		b.must(err)
		r.ours = append(r.ours, took)
		began := time.Now()
		seq := b.total - position
		said, err := raw.Do(fmt.Sprintf("FETCH %d %s", seq, listItems), fmt.Sprintf("FETCH %d BODY.PEEK[]", seq))
		b.must(err)
		if !bytes.Contains(said, []byte("BODY[]")) {
			t.Fatalf("mail %d has no body", seq)
		}
		r.floor = append(r.floor, time.Since(began))
	}
	doc := &report{}
	doc.printf("# Every mail of the corpus\n\nDetails and the document for the frame, whatever the mail's size and form is; the floor fetches the whole mail.\n\n")
	doc.printf("| action | n | ours p50 | p95 | floor p50 | p95 | difference |\n|---|--:|--:|--:|--:|--:|--:|\n%s", r)
	t.Logf("\n%s", doc)
	b.must(doc.append(repository()))
}

// openAt opens the mail at a place of a list, as our client does: the ticket was
// fetched ahead.
func (b *bench) openAt(ctx context.Context, inbox string, position int) (time.Duration, error) {
	a, err := b.person.Call(ctx, system.Call{Name: "Email/query", Args: system.Args{"filter": system.Args{"inMailbox": inbox},
		"sort": []system.Args{{"property": "receivedAt", "isAscending": false}}, "position": position, "limit": 1}})
	if err != nil {
		return 0, err
	}
	var page struct{ IDs []string }
	if err := a.Into(0, &page); err != nil || len(page.IDs) != 1 {
		return 0, fmt.Errorf("no mail at %d: %w", position, err)
	}
	id := page.IDs[0]
	path, err := b.person.Ticket(ctx, id)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		_, err := b.person.Get(ctx, path)
		done <- err
	}()
	text, err := b.person.Exchange(ctx, system.DetailCall(id))
	if other := <-done; err == nil {
		err = other
	}
	took := time.Since(began)
	if err == nil {
		_, err = system.ReadDetail(text, id)
	}
	return took, err
}
