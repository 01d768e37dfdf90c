package keeper

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/user"
)

// cells knows the cells of this node and who lives where.
type cells struct {
	perCell int // 0: a fixed number of cells
	fixed   int
	need    func(ctx context.Context, name string) error
	retire  func(ctx context.Context, name string) error

	mu      sync.Mutex // guards the rest
	lines   map[string]*ipc.Client
	arrived chan struct{}              // closed and replaced when a line comes
	people  map[string]map[user.ID]int // by cell: sessions of each person there
	empty   map[string]time.Time       // since when a cell has nobody
	// inherited are cells that were here before this keeper's process: there may
	// be people in them of whom it does not know, so they get nobody new where
	// people_per_cell is promised.
	inherited map[string]bool
	next      int
	key       []byte // of the assignment; a new one each day
	day       int
}

func newCells(cfg Config) *cells {
	return &cells{perCell: cfg.PeoplePerCell, fixed: cfg.Cells, lines: map[string]*ipc.Client{}, arrived: make(chan struct{}),
		people: map[string]map[user.ID]int{}, empty: map[string]time.Time{}, inherited: map[string]bool{}}
}

func (c *cells) add(l *ipc.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines[l.Name()] = ipc.NewClient(l)
	c.empty[l.Name()] = time.Now()
	if n, err := strconv.Atoi(strings.TrimPrefix(l.Name(), "cell/")); err == nil {
		c.next = max(c.next, n+1)
	}
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// inherit says that the cells known by now are a predecessor's.
func (c *cells) inherit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.lines {
		c.inherited[name] = true
	}
}

func (c *cells) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(name)
}

// forget takes a cell out. It needs mu.
func (c *cells) forget(name string) {
	if l := c.lines[name]; l != nil {
		l.Close()
	}
	delete(c.lines, name)
	delete(c.people, name)
	delete(c.empty, name)
	delete(c.inherited, name)
}

// client waits until the cell has a line.
func (c *cells) client(ctx context.Context, name string) (*ipc.Client, error) {
	for {
		c.mu.Lock()
		l, arrived := c.lines[name], c.arrived
		c.mu.Unlock()
		if l != nil {
			return l, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ipc.Errorf(ipc.CodeUnavailable, "no cell is free yet")
		}
	}
}

func (c *cells) exists(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines[name] != nil
}

// choose picks a cell for a person who has none: by a keyed hash, stable for a
// day, when cells are fixed; else the first with a free seat, or a new one. The
// seat is taken.
func (c *cells) choose(ctx context.Context, uid user.ID) (string, error) {
	c.mu.Lock()
	if c.perCell == 0 {
		name := fmt.Sprintf("cell/%d", c.hash(uid)%uint64(c.fixed))
		c.sit(name, uid)
		c.mu.Unlock()
		return name, nil
	}
	for _, name := range c.sorted() {
		if c.people[name][uid] > 0 || !c.inherited[name] && len(c.people[name]) < c.perCell {
			c.sit(name, uid)
			c.mu.Unlock()
			return name, nil
		}
	}
	name := fmt.Sprintf("cell/%d", c.next)
	c.next++
	c.sit(name, uid)
	c.mu.Unlock()
	if err := c.need(ctx, name); err != nil {
		c.leave(name, uid)
		return "", err
	}
	return name, nil
}

// sorted are the known cells, those asked for included. It needs mu.
func (c *cells) sorted() []string {
	names := map[string]bool{}
	for n := range c.lines {
		names[n] = true
	}
	for n := range c.people {
		names[n] = true
	}
	out := make([]string, 0, len(names))
	for n := range names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// hash assigns by a key that nobody outside knows, so that a person cannot choose
// a neighbour; a new day moves people who have no lease. It needs mu.
func (c *cells) hash(uid user.ID) uint64 {
	if day := int(time.Now().Unix() / 86400); c.key == nil || day != c.day {
		c.key, c.day = make([]byte, 32), day
		rand.Read(c.key)
	}
	m := hmac.New(sha256.New, c.key)
	m.Write(uid[:])
	return binary.BigEndian.Uint64(m.Sum(nil))
}

// sit counts a session of a person in a cell. It needs mu.
func (c *cells) sit(name string, uid user.ID) {
	if c.people[name] == nil {
		c.people[name] = map[user.ID]int{}
	}
	c.people[name][uid]++
	delete(c.empty, name)
}

func (c *cells) enter(name string, uid user.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sit(name, uid)
}

// leave takes a session's seat back. last says that the person has no other
// session there.
func (c *cells) leave(name string, uid user.ID) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.people[name]
	if p == nil {
		return true
	}
	if p[uid]--; p[uid] > 0 {
		return false
	}
	delete(p, uid)
	if len(p) == 0 {
		delete(c.people, name)
		c.empty[name] = time.Now()
	}
	return true
}

// takeIdle takes out cells that had nobody for so long, when cells come and go.
func (c *cells) takeIdle(d time.Duration) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	if c.perCell == 0 {
		return nil
	}
	for name, since := range c.empty {
		if c.lines[name] != nil && time.Since(since) > d {
			out = append(out, name)
		}
	}
	for _, name := range out {
		c.forget(name)
	}
	return out
}

// clients are the cells that have a line.
func (c *cells) clients() []*ipc.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*ipc.Client, 0, len(c.lines))
	for _, l := range c.lines {
		out = append(out, l)
	}
	return out
}
