package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"cofferdam/e2e/system"
)

// action is what is measured: ours, and the floor's. What ours returns is read
// after the time was taken: the floor's answer is not decoded either.
type action struct {
	what  string
	ours  func(context.Context) (check func() error, err error)
	floor func(context.Context) error
}

// unread is the check of an action whose answer says no more than that it came.
func unread() error { return nil }

const listItems = "(FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE PREVIEW)"

func (b *bench) actions(ctx context.Context) []action {
	page := func(who *system.Person, position int, collapse bool) func(context.Context) (func() error, error) {
		return func(ctx context.Context) (func() error, error) {
			inbox := b.inbox
			if who == b.forgetful {
				inbox = b.plainInbox
			}
			return list(ctx, who, system.Args{"inMailbox": inbox}, position, collapse)
		}
	}
	fetch := func(position int) func(context.Context) error {
		return func(context.Context) error {
			_, err := b.raw.Do(fmt.Sprintf("FETCH %d:%d %s", max(1, b.total-position-pageSize+1), b.total-position, listItems))
			return err
		}
	}
	far := min(deep, b.total-pageSize)
	return []action{
		{"list page, newest 50", page(b.forgetful, 0, false), fetch(0)},
		{"the same page again, from memory", page(b.person, 0, false), fetch(0)},
		{"list page of conversations, newest 50", page(b.forgetful, 0, true), fetch(0)},
		{"that page again, from memory", page(b.person, 0, true), fetch(0)},
		{fmt.Sprintf("page at offset %d", far), page(b.forgetful, far, false), fetch(far)},
		{"open message", b.open(), b.openRaw},
		{"set flag", b.flag(), b.flagRaw},
		{"search in subject, newest 50 found", b.search, b.searchRaw},
		b.move(ctx), // the last, as the order of the inbox is another then
	}
}

func list(ctx context.Context, who *system.Person, filter system.Args, position int, collapse bool) (func() error, error) {
	text, err := who.Exchange(ctx, system.ListCalls(filter, position, pageSize, collapse)...)
	return func() error {
		page, err := system.ReadPage(text)
		if err == nil && len(page.Emails) != min(pageSize, page.Total-position) {
			err = fmt.Errorf("a page of %d rows", len(page.Emails))
		}
		return err
	}, err
}

// open is what our client does: the ticket was fetched ahead; details and
// document come at the same time.
func (b *bench) open() func(context.Context) (func() error, error) {
	tickets := map[string]string{}
	return func(ctx context.Context) (func() error, error) {
		id := b.ids[rand.IntN(len(b.ids))]
		if tickets[id] == "" {
			path, err := b.person.Ticket(ctx, id)
			if err != nil {
				return nil, err
			}
			tickets[id] = path
			return nil, errAhead
		}
		done := make(chan error, 1)
		go func() {
			_, err := b.person.Get(ctx, tickets[id])
			done <- err
		}()
		text, err := b.person.Exchange(ctx, system.DetailCall(id))
		if other := <-done; err == nil {
			err = other
		}
		return func() error {
			_, err := system.ReadDetail(text, id)
			return err
		}, err
	}
}

func (b *bench) openRaw(context.Context) error {
	seq := b.seqs[rand.IntN(len(b.seqs))]
	said, err := b.raw.Do(fmt.Sprintf("FETCH %d %s", seq, listItems), fmt.Sprintf("FETCH %d BODY.PEEK[]", seq))
	if err == nil && !bytes.Contains(said, []byte("BODY[]")) {
		err = fmt.Errorf("mail %d has no body", seq)
	}
	return err
}

func (b *bench) flag() func(context.Context) (func() error, error) {
	on := map[string]bool{}
	return func(ctx context.Context) (func() error, error) {
		id := b.ids[rand.IntN(len(b.ids))]
		on[id] = !on[id]
		return unread, b.person.SetKeyword(ctx, id, "$flagged", on[id])
	}
}

func (b *bench) flagRaw(context.Context) error {
	sign := "+-"[rand.IntN(2)]
	_, err := b.raw.Do(fmt.Sprintf(`STORE %d %cFLAGS (\Flagged)`, b.seqs[rand.IntN(len(b.seqs))], sign))
	return err
}

func (b *bench) search(ctx context.Context) (func() error, error) {
	return list(ctx, b.person, system.Args{"inMailbox": b.inbox, "subject": words[rand.IntN(len(words))]}, 0, false)
}

func (b *bench) searchRaw(context.Context) error {
	said, err := b.raw.Do(fmt.Sprintf("SEARCH SUBJECT %q", words[rand.IntN(len(words))]))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(said)) {
		found, ok := strings.CutPrefix(strings.TrimSpace(line), "* SEARCH ")
		if !ok {
			continue
		}
		seqs := strings.Fields(found)
		_, err = b.raw.Do("FETCH " + strings.Join(seqs[max(0, len(seqs)-pageSize):], ",") + " " + listItems)
	}
	return err
}

// move takes one mail after the other to another mailbox: we the newest, the floor the
// oldest.
func (b *bench) move(ctx context.Context) action {
	b.t.Helper()
	a, err := b.person.Call(ctx, system.Call{Name: "Mailbox/set", Args: system.Args{"create": system.Args{"m": system.Args{"name": "Moved"}}}})
	b.must(err)
	var made struct {
		Created map[string]struct{ ID string }
	}
	b.must(a.Into(0, &made))
	to := made.Created["m"].ID
	if to == "" {
		b.t.Fatal("no mailbox to move to")
	}
	said, err := b.raw.Do(fmt.Sprintf("FETCH 1:%d UID", b.samples+warmup))
	b.must(err)
	uids := uidLine.FindAllSubmatch(said, -1)
	next, nextRaw := 0, 0
	return action{"move", func(ctx context.Context) (func() error, error) {
		id := b.ids[next]
		next++
		text, err := b.person.Exchange(ctx, system.Call{Name: "Email/set", Args: system.Args{"update": system.Args{id: system.Args{
			"mailboxIds/" + b.inbox: nil, "mailboxIds/" + to: true}}}})
		return func() error {
			if !bytes.Contains(text, []byte(`"updated":{"`)) {
				return fmt.Errorf("not moved: %.200s", text)
			}
			return nil
		}, err
	}, func(context.Context) error {
		said, err := b.raw.Do(fmt.Sprintf("UID MOVE %s Moved", uids[nextRaw][1]))
		nextRaw++
		if err == nil && !bytes.Contains(said, []byte("COPYUID")) {
			err = fmt.Errorf("not moved: %.200s", said)
		}
		return err
	}}
}

var uidLine = regexp.MustCompile(`UID (\d+)`)
