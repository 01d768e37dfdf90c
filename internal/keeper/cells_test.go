package keeper

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/user"
)

func mustChoose(t *testing.T, c *cells, uid user.ID) string {
	t.Helper()
	name, err := c.choose(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// cellLine is a line to a cell that says nothing.
func cellLine(t *testing.T, name string) *ipc.Line {
	t.Helper()
	a, b, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	line, err := ipc.NewLine(name, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close(); a.Close(); b.Close() })
	return line
}

// TestFixedCells: stable for a day, spread, and another assignment the next day
// that nobody can foresee.
func TestFixedCells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, people = 4, 400
		c := newCells(Config{Cells: n})
		first, count := map[user.ID]string{}, map[string]int{}
		for range people {
			uid := user.NewID()
			name := mustChoose(t, c, uid)
			first[uid] = name
			count[name]++
		}
		if len(count) != n {
			t.Fatalf("used %v of %d cells", count, n)
		}
		for i := range n {
			// 400 people over 4 cells: 100 each, standard deviation 8.7.
			if got := count[fmt.Sprintf("cell/%d", i)]; got < 50 || got > 150 {
				t.Errorf("cell/%d has %d of %d people", i, got, people)
			}
		}
		for uid, name := range first {
			if got := mustChoose(t, c, uid); got != name {
				t.Fatalf("the same day in %s and in %s", name, got)
			}
		}
		time.Sleep(24 * time.Hour)
		moved := 0
		for uid, name := range first {
			if mustChoose(t, c, uid) != name {
				moved++
			}
		}
		if moved < people/2 {
			t.Errorf("the next day %d of %d moved", moved, people)
		}
		other := newCells(Config{Cells: n})
		same := 0
		for uid, name := range first {
			if mustChoose(t, other, uid) == name {
				same++
			}
		}
		if same > people/2 {
			t.Errorf("another keeper assigns %d of %d alike: there is no key", same, people)
		}
	})
}

// TestPeoplePerCell: no cell gets more people than promised; a person's sessions
// share a seat; a seat that is free is used again.
func TestPeoplePerCell(t *testing.T) {
	for _, per := range []int{1, 3} {
		t.Run(fmt.Sprint(per), func(t *testing.T) {
			c := newCells(Config{PeoplePerCell: per})
			var asked []string
			c.need = func(_ context.Context, name string) error {
				asked = append(asked, name)
				c.add(cellLine(t, name))
				return nil
			}
			where, in := map[user.ID]string{}, map[string][]user.ID{}
			for range 4 * per {
				uid := user.NewID()
				name := mustChoose(t, c, uid)
				if mustChoose(t, c, uid) != name {
					t.Error("two sessions of a person are in two cells")
				}
				where[uid], in[name] = name, append(in[name], uid)
			}
			if len(in) != 4 || len(asked) != 4 || len(slices.Compact(slices.Sorted(slices.Values(asked)))) != 4 {
				t.Errorf("%d people use %d cells, asked for %v", 4*per, len(in), asked)
			}
			for name, people := range in {
				if len(people) > per {
					t.Errorf("%s has %d people", name, len(people))
				}
			}
			gone := in["cell/2"][0]
			if c.leave("cell/2", gone) {
				t.Error("the last session, while there is another")
			}
			if name := mustChoose(t, c, user.NewID()); name != "cell/4" {
				t.Errorf("a newcomer got %s, where nobody left", name)
			}
			if !c.leave("cell/2", gone) {
				t.Error("not the last session")
			}
			if newcomer := mustChoose(t, c, user.NewID()); newcomer != "cell/2" {
				t.Errorf("a newcomer got %s", newcomer)
			}
			if !c.leave("cell/9", gone) {
				t.Error("somebody is left in a cell that is not there")
			}
		})
	}
}

// TestCellNames: a new cell never gets the name of one that is there.
func TestCellNames(t *testing.T) {
	c := newCells(Config{PeoplePerCell: 1})
	var asked string
	c.need = func(_ context.Context, name string) error { asked = name; return nil }
	c.add(cellLine(t, "cell/7"))
	c.enter("cell/7", user.NewID())
	if name := mustChoose(t, c, user.NewID()); name != "cell/8" || asked != name {
		t.Errorf("got %s, asked for %q", name, asked)
	}
	if !c.exists("cell/7") || c.exists("cell/8") {
		t.Error("which cells have a line")
	}
	c.drop("cell/7")
	if c.exists("cell/7") {
		t.Error("a dropped cell is there")
	}
}

// TestClientWaits: a cell that is starting is waited for, until the deadline.
func TestClientWaits(t *testing.T) {
	c := newCells(Config{Cells: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.client(ctx, "cell/0"); ipc.CodeOf(err) != ipc.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	line := cellLine(t, "cell/0")
	time.AfterFunc(10*time.Millisecond, func() { c.add(line) })
	if got, err := c.client(t.Context(), "cell/0"); err != nil || got.Name() != "cell/0" {
		t.Errorf("%v", err)
	}
}
