package account

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// opKind is a kind of change of a mail. Changes are made in this order: a mail
// is never without a place, and flags travel with it.
type opKind uint8

const (
	opFlags opKind = iota
	opCopy
	opMove
	opRemove
)

// operation is a change of any number of mails in one mailbox: one command.
type operation struct {
	kind        opKind
	at          upstream.Place
	to          string // of opCopy and opMove
	add, remove string // of opFlags, joined by spaces
}

// batch gathers equal operations.
type batch struct {
	order []operation
	uids  map[operation]upstream.UIDSet
	mails map[operation][]jmap.EmailID
}

func newBatch() *batch {
	return &batch{uids: make(map[operation]upstream.UIDSet), mails: make(map[operation][]jmap.EmailID)}
}

func (b *batch) add(op operation, id jmap.EmailID, uid upstream.UID) {
	if _, ok := b.uids[op]; !ok {
		b.order = append(b.order, op)
	}
	set := b.uids[op]
	set.Add(uid)
	b.uids[op] = set
	b.mails[op] = append(b.mails[op], id)
}

// run carries a batch out. A mail for which something failed is left alone from
// then on.
func (s *setter) run(b *batch, failed map[jmap.EmailID]*jmap.SetError) {
	slices.SortStableFunc(b.order, func(x, y operation) int { return int(x.kind) - int(y.kind) })
	for _, op := range b.order {
		uids := b.uids[op].Clone()
		for _, id := range b.mails[op] {
			if failed[id] != nil {
				uids.Remove(s.uidOf(id, op.at))
			}
		}
		if uids.Empty() {
			continue
		}
		if err := s.do(op, uids); err != nil {
			why := refusal(err)
			for _, id := range b.mails[op] {
				if failed[id] == nil {
					failed[id] = why
				}
			}
			s.a.log.Info("changing mails", "err", err)
		}
	}
}

// uidOf is where a mail lies in a mailbox, zero if it does not.
func (s *setter) uidOf(id jmap.EmailID, at upstream.Place) upstream.UID {
	metas, _, _ := s.a.mail.Emails([]jmap.EmailID{id})
	for _, m := range metas {
		for _, c := range m.Copies {
			if c.At == at {
				return c.UID
			}
		}
	}
	return 0
}

func (s *setter) do(op operation, uids upstream.UIDSet) error {
	switch op.kind {
	case opFlags:
		return s.c.SetFlags(s.ctx, op.at, uids, strings.Fields(op.add), strings.Fields(op.remove))
	case opCopy:
		return s.c.Copy(s.ctx, op.at, uids, op.to)
	case opMove:
		return s.c.Move(s.ctx, op.at, uids, op.to)
	}
	return s.c.Remove(s.ctx, op.at, uids)
}

// update changes keywords and mailboxes.
func (s *setter) update(list []jmap.EmailUpdate) {
	byID := make(map[jmap.EmailID]*jmap.EmailUpdate, len(list))
	ids := make([]jmap.EmailID, len(list))
	for i := range list {
		ids[i] = list[i].ID
		byID[ids[i]] = &list[i]
	}
	metas, notFound, _ := s.a.mail.Emails(ids)
	for _, id := range notFound {
		s.res.NotUpdated[id] = &jmap.SetError{Type: jmap.SetNotFound}
	}
	failed := make(map[jmap.EmailID]*jmap.SetError)
	b := newBatch()
	for i := range metas {
		m := &metas[i]
		if err := s.plan(b, m, byID[m.ID]); err != nil {
			failed[m.ID] = refusal(err)
		}
	}
	s.run(b, failed)
	for _, m := range metas {
		if why := failed[m.ID]; why != nil {
			s.res.NotUpdated[m.ID] = why
		} else {
			s.res.Updated[m.ID] = nil
		}
	}
}

// plan adds the operations of one update to a batch.
func (s *setter) plan(b *batch, m *replica.Meta, u *jmap.EmailUpdate) error {
	var flags []operation
	if u.Keywords != nil {
		op, err := s.planKeywords(m, u.Keywords)
		if err != nil {
			return err
		}
		if op.add != "" || op.remove != "" {
			for _, c := range m.Copies {
				op.at = c.At
				flags = append(flags, op)
			}
		}
	}
	var moves []planned
	if u.MailboxIDs != nil {
		var err error
		if moves, err = s.planMailboxes(m, u.MailboxIDs); err != nil {
			return err
		}
	}
	for i, op := range flags {
		b.add(op, m.ID, m.Copies[i].UID)
	}
	for _, p := range moves {
		b.add(p.op, m.ID, p.uid)
	}
	return nil
}

type planned struct {
	op  operation
	uid upstream.UID
}

// planKeywords works out what to add and what to remove. What is asked for is
// written to every copy, also if the mail has it: it may be missing at one of them.
// What is not asked for stays as it is at each.
func (s *setter) planKeywords(m *replica.Meta, p *jmap.SetPatch[jmap.Keyword]) (op operation, err error) {
	after := p.Apply(m.Keywords)
	if len(after) > replica.MaxKeywordsPerMail {
		return op, &jmap.SetError{Type: jmap.SetTooManyKeywords}
	}
	var add, remove []jmap.Keyword
	for _, k := range after {
		if asked := p.Replace || slices.Contains(p.Add, k); !slices.Contains(m.Keywords, k) || asked && len(m.Copies) > 1 {
			add = append(add, k)
		}
	}
	for _, k := range m.Keywords {
		if !slices.Contains(after, k) {
			remove = append(remove, k)
		}
	}
	// $seen is the AND of all copies: one of them may have it although the mail
	// has not.
	for _, k := range p.Remove {
		if !slices.Contains(remove, k) && len(m.Copies) > 1 {
			remove = append(remove, k)
		}
	}
	right := jmap.MaySetKeywords
	if onlySeen(add) && onlySeen(remove) {
		right = jmap.MaySetSeen
	}
	if why := s.forbidden(m, right); why != nil && len(add)+len(remove) > 0 {
		return op, why
	}
	plus, err := flagsOf(add)
	if err != nil {
		return op, err
	}
	minus, err := flagsOf(remove)
	return operation{kind: opFlags, add: strings.Join(plus, " "), remove: strings.Join(minus, " ")}, err
}

func onlySeen(list []jmap.Keyword) bool {
	return !slices.ContainsFunc(list, func(k jmap.Keyword) bool { return k != jmap.KeywordSeen })
}

// planMailboxes works out copies, moves and removals.
func (s *setter) planMailboxes(m *replica.Meta, p *jmap.SetPatch[jmap.MailboxID]) ([]planned, error) {
	after := p.Apply(m.MailboxIDs)
	if len(after) == 0 {
		return nil, invalid("mailboxIds", "a mail must be in a mailbox")
	}
	var added []jmap.MailboxID
	for _, id := range after {
		if !slices.Contains(m.MailboxIDs, id) {
			added = append(added, id)
		}
	}
	var places []upstream.Place
	if len(added) > 0 {
		var err error
		if places, err = s.boxes(added); err != nil {
			return nil, err
		}
	}
	var leaving []replica.Copy
	for _, c := range m.Copies {
		if !slices.Contains(after, c.MailboxID) {
			leaving = append(leaving, c)
			if box, _, ok := s.a.mail.Mailbox(c.MailboxID); ok && box.Rights&jmap.MayRemoveItems == 0 {
				return nil, &jmap.SetError{Type: jmap.SetForbidden, Description: "no mail may be taken from this mailbox"}
			}
		}
	}
	return transfers(m, leaving, places), nil
}

// transfers pairs what leaves with what is new: the first of each make a move,
// the rest are copies and removals.
func transfers(m *replica.Meta, leaving []replica.Copy, places []upstream.Place) []planned {
	var out []planned
	from := m.Copies[0]
	if len(leaving) > 0 {
		from = leaving[0]
	}
	if len(leaving) > 0 && len(places) > 0 {
		out = append(out, planned{operation{kind: opMove, at: from.At, to: places[0].Box}, from.UID})
		leaving, places = leaving[1:], places[1:]
	}
	for _, to := range places {
		out = append(out, planned{operation{kind: opCopy, at: from.At, to: to.Box}, from.UID})
	}
	for _, c := range leaving {
		out = append(out, planned{operation{kind: opRemove, at: c.At}, c.UID})
	}
	return out
}

// flagsOf turns keywords into flags as IMAP writes them. Keywords with a
// registered spelling (RFC 5788) get it, for the sake of other mail programs.
func flagsOf(list []jmap.Keyword) ([]string, error) {
	if len(list) > replica.MaxKeywordsPerMail {
		return nil, &jmap.SetError{Type: jmap.SetTooManyKeywords}
	}
	var out []string
	for _, k := range list {
		switch k {
		case jmap.KeywordSeen:
			out = append(out, `\Seen`)
		case jmap.KeywordFlagged:
			out = append(out, `\Flagged`)
		case jmap.KeywordAnswered:
			out = append(out, `\Answered`)
		case jmap.KeywordDraft:
			out = append(out, `\Draft`)
		case jmap.KeywordForwarded:
			out = append(out, "$Forwarded")
		case jmap.KeywordJunk:
			out = append(out, "$Junk")
		case jmap.KeywordNotJunk:
			out = append(out, "$NotJunk")
		case jmap.KeywordPhishing:
			out = append(out, "$Phishing")
		case "$mdnsent":
			out = append(out, "$MDNSent")
		default:
			out = append(out, string(k))
		}
	}
	return out, nil
}
