package imapup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/upstream"
)

// A server may give a person fewer connections than we would like: Dovecot allows
// 10 a user and address (mail_max_userip_connections), and their phone and the
// program at their desk have most of them. One that is left is enough: calls wait
// for the worker that there is, and the watcher gives its connection up for one
// and has the workers look now and then. After crampTime more is tried.

// errCramped says that the server gives no further connection.
var errCramped = errors.New("no further connection")

// isCramped reports whether a further connection was refused lately: s.mu is held.
func (s *Store) isCramped() bool {
	return !s.crampedAt.IsZero() && time.Since(s.crampedAt) < crampTime
}

// cramp is called when a worker's connection could not be made. It reports whether
// another worker is there to wait for. If none is, a watcher that is connected has
// the only connection, and gives it up.
func (s *Store) cramp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working == 0 {
		if s.yield != nil {
			s.crampedAt = time.Now()
			s.yield(errCramped)
		}
		return false
	}
	s.crampedAt = time.Now()
	return true
}

// crampWatcher is called when the watcher's connection could not be made. It
// reports whether a worker is connected, so that it is not the server that is away.
func (s *Store) crampWatcher() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	connected := s.working > 0
	for _, c := range s.idle {
		connected = connected || c.client.Err() == nil
	}
	if connected {
		s.crampedAt = time.Now()
	}
	return connected
}

// setYield says how the watcher is told to give its connection up.
func (s *Store) setYield(f context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.yield = f
}

// await waits for a worker that a call gives back.
func (s *Store) await(ctx context.Context, back <-chan struct{}) error {
	select {
	case <-back:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return upstream.ErrClosed
	}
}

// watchByWorkers has everything looked at now and then, for want of a connection
// to watch on. It ends after crampTime, for another try.
func (s *Store) watchByWorkers(ctx context.Context, ready func(), emit func(upstream.Event)) error {
	s.log.Info("no connection left to watch on; looking now and then")
	ready()
	tick := time.NewTicker(s.cfg.PollEvery)
	defer tick.Stop()
	again := time.NewTimer(crampTime)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
			return fmt.Errorf("%w: %w", upstream.ErrUnavailable, errCramped)
		case <-tick.C:
			emit(upstream.Event{})
		}
	}
}
