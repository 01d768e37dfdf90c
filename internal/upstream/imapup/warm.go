package imapup

import (
	"context"
	"slices"
	"time"

	"cofferdam/internal/imap"
)

// A mail server that keeps each mail in a file of its own looks up the files of
// the whole mailbox before it reads the first one, once for each connection:
// Dovecot 2.3.19 takes 0.3 s in a Maildir of 100,000 mails, and nothing after
// that. A person would wait for it when they open their first mail; so an unused
// worker asks for one octet soon after it has selected a large mailbox.

// cold reports whether the first body that is read on c will take long.
func (s *Store) cold(c *session) bool {
	return c.sel != nil && c.warm != c.sel && c.sel.Exists >= s.cfg.WarmFrom
}

// warmSoon has the connections that nobody uses warmed when the person asks
// nothing for a moment: s.mu is held.
func (s *Store) warmSoon() {
	if s.warming == nil && slices.ContainsFunc(s.idle, s.cold) {
		s.warming = time.AfterFunc(warmAfter, s.warmIdle)
	}
}

// warmIdle warms one unused connection. It takes a worker only if another is left
// for the person.
func (s *Store) warmIdle() {
	s.mu.Lock()
	s.warming = nil
	s.mu.Unlock()
	if len(s.slots) < workers {
		return // whoever is at work gives a connection back, and then we come again
	}
	select {
	case <-s.aside:
	default:
		return // as above
	}
	defer func() { s.aside <- struct{}{} }()
	select {
	case <-s.slots:
	default:
		return
	}
	defer func() { s.slots <- struct{}{} }()
	c := s.takeCold()
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, commandTime)
	defer cancel()
	err := s.ground(ctx, c)
	if err == nil && s.cold(c) {
		c.warm = c.sel // also where the server refuses: it is not asked again
		item := imap.BodyPeek("", imap.Span{Length: 1})
		_, err = c.client.Fetch(imap.UIDs(imap.Star), []imap.FetchItem{imap.ItemUID, item}, imap.FetchOptions{}, func(*imap.FetchRow) {}).Wait(ctx)
	}
	s.put(c, err)
}

// takeCold takes a cold connection from those that are idle.
func (s *Store) takeCold() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.idle {
		if s.cold(c) && c.client.Err() == nil {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			s.working++
			return c
		}
	}
	return nil
}
