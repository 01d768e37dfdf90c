package imapup

import (
	"context"
	"errors"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// selecting is a SELECT under way, or one that was not needed.
type selecting struct {
	c      *session
	at     upstream.Place
	future *imap.Future[*imap.Selected] // nil: the mailbox was selected before
	noop   *imap.Future[imap.None]
	any    bool // any UIDVALIDITY will do

	checked bool
	err     error
}

// selectBox selects a mailbox unless it is selected. Reads may be pipelined
// behind it, if their rows are taken only when ok says so.
func (c *session) selectBox(at upstream.Place, any bool) *selecting {
	s := &selecting{c: c, at: at, any: any}
	if c.box == at.Box && c.sel != nil {
		return s
	}
	c.box, c.sel = "", nil
	s.future = c.client.Select(at.Box, imap.SelectOptions{CondStore: c.client.Caps().Has(imap.CapCondStore)})
	return s
}

// wait waits for the SELECT and checks the UIDVALIDITY.
func (s *selecting) wait(ctx context.Context) error {
	if s.checked {
		return s.err
	}
	s.checked = true
	s.err = s.check(ctx)
	return s.err
}

func (s *selecting) check(ctx context.Context) error {
	if s.noop != nil {
		if _, err := s.noop.Wait(ctx); err != nil {
			return err
		}
	}
	if s.future != nil {
		sel, err := s.future.Wait(ctx)
		if err != nil {
			if refused(err) {
				return errors.Join(upstream.ErrNoBox, err)
			}
			return err
		}
		s.c.box, s.c.sel, s.c.uidNext = s.at.Box, sel, sel.UIDNext
	}
	if !s.any && s.c.sel.UIDValidity != s.at.Validity {
		return upstream.ErrStale
	}
	return nil
}

// ok reports, inside of a row's callback, whether the rows are those of the
// mailbox that was meant. The SELECT has been answered by then: its future is
// done, and this does not block.
func (s *selecting) ok() bool {
	if !s.checked {
		done, cancel := context.WithCancel(context.Background())
		cancel()
		s.checked = true
		s.err = s.check(done)
	}
	return s.err == nil
}

// sync makes mails visible that came since the mailbox was selected: a server
// tells a client of them only between commands (RFC 9051, section 5.2).
func (s *selecting) sync(highest upstream.UID) {
	if s.future != nil || highest < s.c.uidNext {
		return
	}
	s.noop = s.c.client.Noop()
	s.c.uidNext = highest + 1
}

// highest is the highest uid of a set.
func highest(set upstream.UIDSet) upstream.UID {
	r := set.Ranges()
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].Stop
}
