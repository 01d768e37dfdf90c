package imapup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// Watch listens on a connection of its own.
func (s *Store) Watch(ctx context.Context, ready func(), emit func(upstream.Event)) error {
	t, err := s.traits(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.ctx, func() { cancel(upstream.ErrClosed) })
	defer stop()
	ready = sync.OnceFunc(ready)
	err = s.watchAlone(ctx, t, ready, emit)
	if errors.Is(err, errCramped) {
		err = s.watchByWorkers(ctx, ready, emit)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return classify("watching", err)
}

// watchAlone listens on a connection of its own until that is given up.
func (s *Store) watchAlone(ctx context.Context, t *traits, ready func(), emit func(upstream.Event)) error {
	ctx, yield := context.WithCancelCause(ctx)
	defer yield(nil)
	c, err := s.open(ctx, func(e imap.Event) { t.tell(e, emit) })
	if err != nil {
		if !errors.Is(err, net.ErrClosed) && s.crampWatcher() {
			return errCramped
		}
		return err
	}
	defer c.Close()
	s.setYield(yield)
	defer s.setYield(nil)
	if t.info.Push {
		err = s.notify(ctx, c, ready, emit)
		if refused(err) { // announced, but switched off: poll
			err = s.listen(ctx, t, c, ready, emit)
		}
	} else {
		err = s.listen(ctx, t, c, ready, emit)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// tell translates what the server says by itself.
func (t *traits) tell(e imap.Event, emit func(upstream.Event)) {
	switch e := e.(type) {
	case imap.StatusEvent:
		ev := upstream.Event{Box: e.Status.Mailbox}
		if e.Status.Has(imap.StatusHighestModSeq) && e.Status.Has(imap.StatusUIDValidity) {
			m := marksOf(e.Status)
			ev.Marks = &m
		}
		emit(ev)
	case imap.ListEvent:
		emit(upstream.Event{Boxes: true})
	case imap.ExistsEvent:
		emit(upstream.Event{Box: e.Mailbox})
	case imap.ExpungeEvent:
		emit(upstream.Event{Box: e.Mailbox})
	case imap.VanishedEvent:
		emit(upstream.Event{Box: e.Mailbox})
	case imap.FetchEvent:
		emit(upstream.Event{Box: e.Mailbox})
	case imap.StatusLineEvent:
		if strings.EqualFold(e.Code.Name, imap.CodeNotificationOverflow) {
			emit(upstream.Event{})
		}
	}
}

// notify has the server tell of every mailbox (RFC 5465).
func (s *Store) notify(ctx context.Context, c *imap.Client, ready func(), emit func(upstream.Event)) error {
	_, err := c.Notify(imap.NotifyOptions{Groups: []imap.NotifyGroup{{
		Scope: imap.SearchScope{Kind: imap.ScopePersonal},
		Events: []imap.NotifyEvent{imap.NotifyMessageNew, imap.NotifyMessageExpunge, imap.NotifyFlagChange,
			imap.NotifyMailboxName, imap.NotifySubscriptionChange},
	}}}).Wait(ctx)
	if err != nil {
		return err
	}
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.Done():
			return c.Err()
		case <-time.After(watchCheck * s.cfg.PollEvery):
			// Tells whether the connection lives, and keeps it alive. And everything is
			// looked at: when the index of a mailbox is made anew under a Dovecot 2.3.19
			// with NOTIFY, it goes on to live and never tells of that mailbox again.
			if err := ping(ctx, c); err != nil {
				return err
			}
			emit(upstream.Event{})
		}
	}
}

func ping(ctx context.Context, c *imap.Client) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	_, err := c.Noop().Wait(ctx)
	return err
}

// listen watches the inbox by IDLE, where there is IDLE, and everything else by
// asking to look now and then.
func (s *Store) listen(ctx context.Context, t *traits, c *imap.Client, ready func(), emit func(upstream.Event)) error {
	ended := make(chan error, 1)
	interval := s.cfg.PollEvery
	if t.caps.Supports(imap.CapIdle) {
		if _, err := c.Select("INBOX", imap.SelectOptions{ReadOnly: true}).Wait(ctx); err != nil {
			return fmt.Errorf("opening the inbox: %w", err)
		}
		idling, cancel := context.WithCancel(ctx)
		defer func() { cancel(); <-ended }()
		go func() {
			ended <- c.Idle(idling)
			close(ended)
		}()
	}
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.Done():
			return c.Err()
		case err := <-ended:
			if err == nil {
				err = imap.ErrClosed
			}
			return err
		case <-time.After(interval):
			if !t.caps.Supports(imap.CapIdle) {
				if err := ping(ctx, c); err != nil {
					return err
				}
			}
			emit(upstream.Event{})
		}
	}
}
