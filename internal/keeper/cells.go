package keeper

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/store"
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
	next    int
	key     []byte // of the assignment; a new one each day
	day     int
}

func newCells(cfg Config) *cells {
	return &cells{perCell: cfg.PeoplePerCell, fixed: cfg.Cells, lines: map[string]*ipc.Client{}, arrived: make(chan struct{}),
		people: map[string]map[user.ID]int{}, empty: map[string]time.Time{}}
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

func (c *cells) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lines, name)
	delete(c.people, name)
	delete(c.empty, name)
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
		if c.people[name][uid] > 0 || len(c.people[name]) < c.perCell {
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

// idle are cells that had nobody for so long, when cells come and go.
func (c *cells) idle(d time.Duration) []string {
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
	return out
}

// place makes the session's cell know it: the cell that holds the person's lease
// if there is one, else a chosen one. It needs s.mu.
func (k *Keeper) place(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	lease, err := k.store.Lease(ctx, s.uid, now())
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && (lease.Node != k.cfg.Node || !k.cells.exists(lease.Cell)):
		cell, err := k.cells.choose(ctx, s.uid)
		if err != nil {
			return err
		}
		return k.settle(ctx, s, cell)
	case err != nil:
		return err
	}
	k.cells.enter(lease.Cell, s.uid)
	held, err := k.resume(ctx, s, lease)
	if err != nil || held {
		return err
	}
	return k.settle(ctx, s, lease.Cell)
}

// resume adds the session to a cell that has the person under the lease already.
func (k *Keeper) resume(ctx context.Context, s *session, lease store.Lease) (bool, error) {
	capability, err := makeCapability(k.epochs.current(), capability{s.uid, s.hash, lease.Fence}, lease.Cell)
	if err != nil {
		return false, err
	}
	if err := k.register(ctx, s, lease.Cell, lease.Fence, capability); err != nil {
		return false, err
	}
	taken, err := k.tellCell(ctx, s, lease.Cell, lease.Fence, capability, true)
	if err != nil || !taken.Held {
		return false, err
	}
	s.cell, s.fence, s.capability = lease.Cell, lease.Fence, capability
	return true, nil
}

// settle gives the person to a cell under a new fence: whoever had them before
// can write nothing any more.
func (k *Keeper) settle(ctx context.Context, s *session, cell string) error {
	want := store.Lease{UID: s.uid, Node: k.cfg.Node, Cell: cell, Expires: now().Add(leaseLife)}
	lease, err := k.store.AcquireLease(ctx, want, now(), true)
	if err != nil {
		return err
	}
	capability, err := makeCapability(k.epochs.current(), capability{s.uid, s.hash, lease.Fence}, cell)
	if err != nil {
		return err
	}
	if err := k.register(ctx, s, cell, lease.Fence, capability); err != nil {
		return err
	}
	if _, err := k.tellCell(ctx, s, cell, lease.Fence, capability, false); err != nil {
		return err
	}
	s.cell, s.fence, s.capability = cell, lease.Fence, capability
	return nil
}

// register makes porter take the capability.
func (k *Keeper) register(ctx context.Context, s *session, cell string, fence int64, capability []byte) error {
	sum := sha256.Sum256(capability)
	answer, err := ipc.Call[ipc.LiveAnswer](ctx, k.porter, ipc.PorterLive, ipc.LiveRequest{
		Capability: sum[:], Session: s.hash[:], UID: s.uid.Bytes(), Cell: cell, Fence: fence, Platform: s.platform,
		Credential: s.credential, Network: s.network, Expires: s.expires.Unix(),
	})
	if err != nil {
		return err
	}
	if s.login == "" { // opened again by a keeper that did not see the sign-in
		if err := k.checkOwner(ctx, s, answer.Login); err != nil {
			return err
		}
	}
	s.login, s.platform, s.addresses = answer.Login, answer.Platform, answer.Addresses
	return nil
}

// checkOwner refuses a credential that is not of the session's person.
func (k *Keeper) checkOwner(ctx context.Context, s *session, login string) error {
	id, err := k.loginID(ctx, login)
	if err != nil {
		return err
	}
	m, err := k.store.Login(ctx, id)
	if err != nil || m.UID != s.uid {
		return ipc.Errorf(ipc.CodeForbidden, "the credential is of another person")
	}
	return nil
}

// tellCell hands the person to the cell, with the keys of its classes.
func (k *Keeper) tellCell(ctx context.Context, s *session, cell string, fence int64, capability []byte, resume bool) (ipc.PersonTaken, error) {
	client, err := k.cells.client(ctx, cell)
	if err != nil {
		return ipc.PersonTaken{}, err
	}
	req := ipc.PersonRequest{
		Capability: capability, Session: s.hash[:], UID: s.uid.Bytes(), Fence: fence, Resume: resume, Login: s.login,
		Addresses: s.addresses, Platform: s.platform, Locked: s.locked, Expires: s.expires.Unix(),
	}
	if !resume {
		if req.Keys, err = classKeys(s); err != nil {
			return ipc.PersonTaken{}, err
		}
	}
	return ipc.Call[ipc.PersonTaken](ctx, client, ipc.CellPerson, req)
}
