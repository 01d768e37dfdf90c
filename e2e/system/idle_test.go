package system

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

var peopleFigure = regexp.MustCompile(`(?m)^cofferdam_cell_people\{[^}]*\} ([1-9])`)

// TestSilentPersonComesBack shows that somebody of whom nothing is heard costs
// nothing any more, and notices nothing: the session lives, ids and states are as
// they were, and what came meanwhile is told. So it is after signing in anew.
func TestSilentPersonComesBack(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1})
	s := Start(t, p, Options{Cells: 1, Renders: 1, Edit: func(toml string) string {
		return strings.Replace(toml, "[cells]\n", "[cells]\nforget = \"10s\"\n", 1)
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	u := p.Users[0]
	deliver := func(n int) {
		t.Helper()
		text := fmt.Sprintf("From: a@elsewhere.test\r\nTo: %s\r\nSubject: mail %d\r\nMessage-ID: <silent%d@elsewhere.test>\r\n\r\nx\r\n", u.Login, n, n)
		if err := p.Deliver("a@elsewhere.test", u.Login, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	deliver(1)
	one := s.Browser(u.Login)
	defer one.Close()
	if err := one.SignIn(ctx, u.Password); err != nil {
		t.Fatal(err)
	}
	before, state := inboxOf(ctx, t, one, 1)
	if !here(ctx, t, s) {
		t.Fatal("the figure does not show somebody who was here a moment ago")
	}
	for here(ctx, t, s) {
		time.Sleep(200 * time.Millisecond)
	}
	deliver(2)
	began := time.Now()
	told := changedSince(ctx, t, one, state)
	t.Logf("first answer after the silence: %v", time.Since(began))
	after, _ := inboxOf(ctx, t, one, 2)
	if !slices.Contains(after, before[0]) || len(told) != 1 || !slices.Contains(after, told[0]) {
		t.Errorf("before %v, after %v, told %v", before, after, told)
	}
	for here(ctx, t, s) { // the index with the second mail is saved
		time.Sleep(200 * time.Millisecond)
	}
	if err := one.SignOut(ctx); err != nil {
		t.Fatal(err)
	}
	if err := one.SignIn(ctx, u.Password); err != nil {
		t.Fatal(err)
	}
	if again := changedSince(ctx, t, one, state); !slices.Equal(again, told) {
		t.Errorf("in a new session told %v, was %v", again, told)
	}
}

// here says whether anybody is in a cell.
func here(ctx context.Context, t *testing.T, s *Server) bool {
	t.Helper()
	text, err := s.AdminGet(ctx, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "cofferdam_cell_people") {
		t.Fatal("there is no figure of people in cells")
	}
	return peopleFigure.MatchString(text)
}

// inboxOf waits until the inbox has so many mails; state is that of its index when
// that is complete.
func inboxOf(ctx context.Context, t *testing.T, one *Person, want int) (ids []string, state string) {
	t.Helper()
	inbox, err := one.ByRole(ctx, "inbox")
	if err != nil {
		t.Fatal(err)
	}
	for {
		page, err := one.List(ctx, Args{"inMailbox": inbox}, 0, 10, false)
		if err != nil {
			t.Fatal(err)
		}
		a, err := one.Call(ctx, Call{"Email/get", Args{"ids": page.IDs, "properties": []string{"id"}}}, Call{"Thread/get", Args{"ids": []string{}}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ State string }
		if err := a.Into(0, &got); err != nil {
			t.Fatal(err)
		}
		if len(page.IDs) == want && !strings.Contains(got.State, ".b") { // a state of before the index was built leads nowhere
			return page.IDs, got.State
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// changedSince is what Email/changes tells as created.
func changedSince(ctx context.Context, t *testing.T, one *Person, state string) []string {
	t.Helper()
	a, err := one.Call(ctx, Call{"Email/changes", Args{"sinceState": state}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Created []string }
	if err := a.Into(0, &got); err != nil {
		t.Fatal(err)
	}
	return got.Created
}
