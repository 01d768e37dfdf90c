package imapup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// session is one connection and what it has selected.
type session struct {
	client *imap.Client
	fresh  bool // nothing was asked on it yet

	box     string // selected; "" when none, or not known
	sel     *imap.Selected
	warm    *imap.Selected // of which bodies were asked for already: see warm.go
	uidNext upstream.UID   // uids from here on may not be visible yet
	renames uint64         // Store.renames up to which box is true
	stray   bool           // what is selected may have another name by now
}

// read runs f with a worker, and once more on a new connection if the one it had
// was lost: f must do no harm when it runs twice.
func (s *Store) read(ctx context.Context, doing, box string, f func(context.Context, *session) error) error {
	return s.with(ctx, doing, box, true, f)
}

// write runs f with a worker, once.
func (s *Store) write(ctx context.Context, doing, box string, f func(context.Context, *session) error) error {
	return s.with(ctx, doing, box, false, f)
}

func (s *Store) with(ctx context.Context, doing, box string, again bool, f func(context.Context, *session) error) error {
	if s.ctx.Err() != nil {
		return upstream.ErrClosed
	}
	if upstream.IsAside(ctx) {
		select {
		case <-s.aside:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return upstream.ErrClosed
		}
		defer func() { s.aside <- struct{}{} }()
	}
	select {
	case <-s.slots:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return upstream.ErrClosed
	}
	defer func() { s.slots <- struct{}{} }()
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	for try := 0; ; try++ {
		c, err := s.take(ctx, box)
		if err != nil {
			return classify(doing, err)
		}
		old := !c.fresh
		c.fresh = false
		if err = s.ground(ctx, c); err == nil {
			err = f(ctx, c)
		}
		// A kept connection may be blind: after the index of a mailbox was made anew,
		// Dovecot 2.3.19 tells one that had it open that the mailbox was deleted, for
		// as long as it lives.
		blind := errors.Is(err, errUnselectable) && old && try == 0
		if blind {
			c.client.Close()
		}
		s.put(c, err)
		if err == nil {
			return nil
		}
		if blind {
			continue
		}
		lost := c.client.Err() != nil && ctx.Err() == nil && s.ctx.Err() == nil
		// A kept connection may have died since it was used last; nothing of a
		// write can have reached the server then only if nothing was written,
		// which nobody knows.
		if !lost || !again || !old || try > 0 {
			return classify(doing, err)
		}
	}
}

// ground deselects what may have another name by now: a STATUS of the old name
// would be answered with what is selected (Dovecot 2.3.19), be there another
// mailbox of that name or not.
func (s *Store) ground(ctx context.Context, c *session) error {
	if !c.stray {
		return nil
	}
	c.stray = false
	c.box, c.sel = "", nil
	return leave(ctx, c)
}

// take returns a connection, best one that has the mailbox selected.
func (s *Store) take(ctx context.Context, box string) (*session, error) {
	for {
		c, back := s.takeIdle(box)
		if c != nil {
			return c, nil
		}
		if back == nil {
			c, err := s.connect(ctx)
			if !errors.Is(err, errCramped) {
				return c, err
			}
			continue
		}
		if err := s.await(ctx, back); err != nil {
			return nil, err
		}
	}
}

// takeIdle takes a connection from those that are idle. If there is none, and the
// server gives no further one, it returns what is closed when one comes back.
func (s *Store) takeIdle(box string) (*session, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.idle[:0]
	for _, c := range s.idle {
		if c.client.Err() == nil {
			live = append(live, c)
		}
	}
	s.idle = live
	best := len(live) - 1
	for i, c := range live {
		if box != "" && c.box == box {
			best = i
		}
	}
	if best < 0 {
		if s.working > 0 && s.isCramped() {
			return nil, s.back
		}
		return nil, nil
	}
	c := live[best]
	s.idle = append(live[:best], live[best+1:]...)
	s.working++
	if c.renames != s.renames {
		c.renames = s.renames
		open := c.client.Mailbox()
		c.stray = open != "" && !isInbox(open)
	}
	return c, nil
}

// put gives a connection back. After an error that was not an answer of the
// server nobody knows what is selected.
func (s *Store) put(c *session, err error) {
	if err != nil && !refused(err) && !known(err) {
		c.box, c.sel = "", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working--
	close(s.back)
	s.back = make(chan struct{})
	if s.ctx.Err() != nil || c.client.Err() != nil {
		c.client.Close()
		return
	}
	s.idle = append(s.idle, c)
	s.warmSoon()
	if s.timer == nil {
		s.timer = time.AfterFunc(idleWorker, s.dropIdle)
	} else {
		s.timer.Reset(idleWorker)
	}
}

// dropIdle closes workers that nobody needed for a while.
func (s *Store) dropIdle() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, c := range idle {
		c.client.Close()
	}
}

// known reports whether an error is one of upstream's, which leaves the
// connection as it was.
func known(err error) bool {
	for _, k := range []error{upstream.ErrStale, upstream.ErrNoBox, upstream.ErrGone, upstream.ErrForbidden,
		upstream.ErrOverQuota, upstream.ErrTooLarge, upstream.ErrUnsupported, upstream.ErrPartial, upstream.ErrBadName} {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// connect makes a connection, trying for as long as a person would wait: a mail
// server that restarts is away for a second. While one is away for longer, the
// calls that follow try once.
func (s *Store) connect(ctx context.Context) (*session, error) {
	if s.isAway() {
		return s.connectWithin(ctx, dialAgain, false)
	}
	c, err := s.connectWithin(ctx, dialBudget, true)
	if err != nil && !errors.Is(err, errCramped) && ctx.Err() == nil {
		s.mu.Lock()
		s.awayAt = time.Now()
		s.mu.Unlock()
	}
	return c, err
}

// isAway is true for awayTime after the server could not be connected to, unless
// it could since.
func (s *Store) isAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.awayAt.IsZero() && time.Since(s.awayAt) < awayTime
}

func (s *Store) connectWithin(ctx context.Context, budget time.Duration, again bool) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	for pause := dialPause; ; pause *= 2 {
		c, err := s.open(ctx, nil)
		if err == nil {
			s.mu.Lock()
			s.awayAt = time.Time{}
			s.working++
			s.mu.Unlock()
			return &session{client: c, fresh: true}, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		if s.cramp() {
			return nil, errCramped
		}
		if !again {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("connecting: %w", err)
		case <-s.ctx.Done():
			return nil, upstream.ErrClosed
		}
	}
}

// open makes one connection ready.
func (s *Store) open(ctx context.Context, handler func(imap.Event)) (*imap.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	conn, err := s.cfg.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c, err := imap.New(ctx, conn, imap.Options{Handler: handler, Logger: s.log, MaxLiteralInMemory: maxSection, Desks: s.cfg.Desks})
	if err != nil {
		return nil, err
	}
	if err := s.enable(ctx, c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// enable turns on what changes the protocol.
func (s *Store) enable(ctx context.Context, c *imap.Client) error {
	if c.Caps().Empty() {
		if _, err := c.Capability().Wait(ctx); err != nil {
			return err
		}
	}
	if s.cfg.NoResync || !c.Caps().Has(imap.CapEnable) {
		return nil
	}
	var names []string
	for _, n := range []string{imap.CapCondStore, imap.CapQResync} {
		if c.Caps().Has(n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, err := c.Enable(names...).Wait(ctx)
	if refused(err) {
		return nil
	}
	return err
}

// classify turns an error of a call into one of upstream's.
func classify(doing string, err error) error {
	if err == nil || known(err) || errors.Is(err, upstream.ErrClosed) || errors.Is(err, context.Canceled) {
		return wrap(doing, err)
	}
	kind := upstream.ErrUnavailable
	var st *imap.StatusError
	if errors.As(err, &st) && st.Kind == imap.StatusNO {
		kind = kindOf(st)
	} else if errors.As(err, &st) && st.Kind == imap.StatusBAD {
		kind = upstream.ErrUnsupported
	} else if errors.Is(err, imap.ErrUnsupported) || errors.Is(err, imap.ErrBadArgument) {
		kind = upstream.ErrUnsupported
	}
	return &upstream.Error{Doing: doing, Kind: kind, Err: err}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// kindOf reads a NO by its response code (RFC 5530).
func kindOf(st *imap.StatusError) error {
	switch st.Code.Name {
	case imap.CodeOverQuota:
		return upstream.ErrOverQuota
	case imap.CodeTooBig:
		return upstream.ErrTooLarge
	case imap.CodeTryCreate, imap.CodeNonExistent:
		return upstream.ErrNoBox
	case imap.CodeAlreadyExists:
		return upstream.ErrExists
	case imap.CodeCannot:
		return upstream.ErrBadName
	case imap.CodeExpungeIssued:
		return upstream.ErrGone
	}
	if st.Temporary() {
		return upstream.ErrUnavailable
	}
	return upstream.ErrForbidden
}
