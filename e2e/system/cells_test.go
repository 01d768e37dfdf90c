package system

import (
	"context"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// TestPeoplePerCell shows cells that come with people and end without them, one
// person each: the smallest blast radius. Two sessions of one person share a cell.
func TestPeoplePerCell(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 3})
	s := Start(t, p, Options{PeoplePerCell: 1, Renders: 1, Edit: func(toml string) string {
		return strings.Replace(toml, "[cells]\n", "[cells]\nidle = \"10s\"\n", 1)
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if cells := s.Kind("cell"); len(cells) != 0 {
		t.Errorf("cells before anybody signed in: %v", cells)
	}
	var people []*Person
	for _, i := range []int{0, 1, 2, 0} {
		person := s.Browser(p.Users[i].Login)
		defer person.Close()
		if err := person.SignIn(ctx, p.Users[i].Password); err != nil {
			t.Fatalf("sign-in of %s: %v", p.Users[i].Login, err)
		}
		if _, err := person.Mailboxes(ctx); err != nil {
			t.Fatalf("mailboxes of %s: %v", p.Users[i].Login, err)
		}
		people = append(people, person)
	}
	if cells := s.Kind("cell"); len(cells) != 3 {
		t.Errorf("three people, four sessions: cells %v, want 3", cells)
	}
	if renders := s.Kind("render"); len(renders) != 3 {
		t.Errorf("renders %v, want one for each cell", renders)
	}
	for _, person := range []*Person{people[1], people[2], people[3]} {
		if err := person.SignOut(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for len(s.Kind("cell")) != 1 || len(s.Kind("render")) != 1 {
		select {
		case <-ctx.Done():
			t.Fatalf("cells of people who left: %v, %v", s.Kind("cell"), s.Kind("render"))
		case <-time.After(500 * time.Millisecond):
		}
	}
	if _, err := people[0].Mailboxes(ctx); err != nil {
		t.Errorf("the one who stayed: %v", err)
	}
	if err := people[1].SignIn(ctx, p.Users[1].Password); err != nil {
		t.Errorf("coming back: %v", err)
	}
}
