package imapup

import (
	"context"
	"errors"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// errUnselectable says that SELECT was refused, and nothing was done.
var errUnselectable = errors.New("mailbox cannot be selected")

// selecting is a SELECT under way, or one that was not needed.
type selecting struct {
	c      *session
	at     upstream.Place
	future *imap.Future[*imap.Selected] // nil: the mailbox was selected before
	sel    *imap.Selected               // what the server said of it; another SELECT may follow before wait
	any    bool                         // any UIDVALIDITY will do

	checked bool
	err     error
}

// has reports whether a mailbox is selected.
func (c *session) has(at upstream.Place) bool { return c.box == at.Box && c.sel != nil }

// selectBox selects a mailbox unless it is selected. Reads may be pipelined
// behind it, if their rows are taken only when ok says so.
func (c *session) selectBox(at upstream.Place, any bool) *selecting {
	s := &selecting{c: c, at: at, any: any}
	if c.has(at) {
		s.sel = c.sel
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
	if s.future != nil {
		sel, err := s.future.Wait(ctx)
		if err != nil {
			s.c.box, s.c.sel = "", nil // a SELECT that fails leaves nothing selected (RFC 9051, section 6.3.2)
			if refused(err) {
				return errors.Join(upstream.ErrNoBox, errUnselectable, err)
			}
			return err
		}
		s.sel = sel
		s.c.box, s.c.sel, s.c.uidNext = s.at.Box, sel, sel.UIDNext
	}
	if !s.any && s.sel.UIDValidity != s.at.Validity {
		return upstream.ErrStale
	}
	return nil
}

// live reports, inside of a row's callback, whether the server has come to the
// mailbox that was meant: until it has answered the SELECT, what it says unasked
// is of the mailbox selected before. Whether the UIDVALIDITY is right is known
// after wait; rows are handed on only then.
func (s *selecting) live() bool {
	return s.future == nil || s.c.client.Mailbox() == s.at.Box
}

// catchUp makes mails visible that came since the mailbox was selected: a server
// tells a client of them only between commands (RFC 9051, section 5.2). Nothing
// may be pipelined behind the NOOP: Dovecot 2.3.19 answers what follows it before
// it has synchronised. from is the highest uid that will be asked for.
func (s *selecting) catchUp(ctx context.Context, from upstream.UID) error {
	if s.future != nil || from < s.c.uidNext {
		return nil
	}
	return s.c.catchUp(ctx, from)
}

// all asks catchUp for whatever there is.
const all upstream.UID = imap.Star - 1

func (c *session) catchUp(ctx context.Context, from upstream.UID) error {
	_, err := c.client.Noop().Wait(ctx)
	if c.uidNext = from + 1; from == all {
		c.uidNext = 0 // more may come at any time: look again next time
	}
	return err
}

// highest is the highest uid of a set.
func highest(set upstream.UIDSet) upstream.UID {
	r := set.Ranges()
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].Stop
}
