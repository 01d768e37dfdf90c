package memup

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// SetFlags adds and removes flags.
func (s *Store) SetFlags(ctx context.Context, at upstream.Place, uids upstream.UIDSet, add, remove []string) error {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return err
	}
	if b.readOnly {
		s.a.mu.Unlock()
		return upstream.ErrForbidden
	}
	for _, m := range b.chosen(uids) {
		flags := slices.DeleteFunc(slices.Clone(m.flags), func(f string) bool { return has(remove, f) })
		for _, f := range add {
			if !has(flags, f) {
				flags = append(flags, f)
			}
		}
		if !slices.Equal(flags, m.flags) {
			b.modSeq++
			m.flags, m.modSeq = flags, b.modSeq
		}
	}
	s.a.tell(b)
	return nil
}

func has(list []string, f string) bool {
	return slices.ContainsFunc(list, func(g string) bool { return strings.EqualFold(f, g) })
}

// Copy copies mails.
func (s *Store) Copy(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) (upstream.Placed, error) {
	return s.transfer(ctx, at, uids, to, false)
}

// Move moves mails.
func (s *Store) Move(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string) (upstream.Placed, error) {
	return s.transfer(ctx, at, uids, to, true)
}

func (s *Store) transfer(ctx context.Context, at upstream.Place, uids upstream.UIDSet, to string, move bool) (upstream.Placed, error) {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return upstream.Placed{}, err
	}
	dest := s.a.boxes[to]
	chosen := b.chosen(uids)
	var size int64
	for _, m := range chosen {
		size += int64(len(m.raw))
	}
	switch {
	case dest == nil || dest.noSelect:
		err = upstream.ErrNoBox
	case dest.readOnly || move && b.readOnly:
		err = upstream.ErrForbidden
	case !move && s.a.full(size):
		err = upstream.ErrOverQuota
	}
	if err != nil {
		s.a.mu.Unlock()
		return upstream.Placed{}, err
	}
	out := upstream.Placed{Validity: dest.validity}
	for _, m := range chosen {
		c := *m
		c.flags = slices.Clone(m.flags)
		s.a.put(dest, &c)
		out.Pairs = append(out.Pairs, upstream.UIDPair{From: m.uid, To: c.uid})
	}
	if move {
		s.a.drop(b, uids)
	}
	if s.a.opts.NoUIDPlus {
		out = upstream.Placed{}
	}
	s.a.tell(b, dest)
	return out, nil
}

func (a *Account) full(more int64) bool { return a.opts.Quota > 0 && a.used+more > a.opts.Quota }

// Remove removes mails.
func (s *Store) Remove(ctx context.Context, at upstream.Place, uids upstream.UIDSet) error {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return err
	}
	if b.readOnly {
		s.a.mu.Unlock()
		return upstream.ErrForbidden
	}
	s.a.drop(b, uids)
	s.a.tell(b)
	return nil
}

// Append stores a mail.
func (s *Store) Append(ctx context.Context, name string, m upstream.Message) (upstream.Appended, error) {
	raw, err := read(m)
	if err != nil {
		return upstream.Appended{}, err
	}
	b, err := s.box(ctx, name, 0)
	if err != nil {
		return upstream.Appended{}, err
	}
	switch {
	case b.readOnly:
		err = upstream.ErrForbidden
	case s.a.opts.MaxSize > 0 && m.Size > s.a.opts.MaxSize:
		err = upstream.ErrTooLarge
	case s.a.full(m.Size):
		err = upstream.ErrOverQuota
	}
	if err != nil {
		s.a.mu.Unlock()
		return upstream.Appended{}, err
	}
	if m.Date.IsZero() {
		m.Date = time.Now()
	}
	x := s.a.put(b, &mail{id: s.a.newID(), thread: s.a.threadOf(raw), flags: slices.Clone(m.Flags),
		date: m.Date.Truncate(time.Second), raw: raw})
	out := upstream.Appended{Validity: b.validity, UID: x.uid}
	s.a.tell(b)
	return out, nil
}

// Search finds mails by their words.
func (s *Store) Search(ctx context.Context, at upstream.Place, terms []upstream.Term) (set upstream.UIDSet, err error) {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return set, err
	}
	mails := slices.Clone(b.mails)
	s.a.mu.Unlock()
	for _, m := range mails {
		if matchAll(m.raw, terms) {
			set.Add(m.uid)
		}
	}
	return set, nil
}

func matchAll(raw []byte, terms []upstream.Term) bool {
	msg := message.Parse(bytes.Clone(raw))
	for _, t := range terms {
		if !matchTerm(msg, t) {
			return false
		}
	}
	return true
}

func matchTerm(msg *message.Message, t upstream.Term) bool {
	names := map[upstream.Field]string{upstream.FieldFrom: "From", upstream.FieldTo: "To", upstream.FieldCc: "Cc",
		upstream.FieldBcc: "Bcc", upstream.FieldSubject: "Subject", upstream.FieldHeader: t.Name}
	in := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(t.Value)) }
	if name, ok := names[t.Field]; ok {
		return slices.ContainsFunc(msg.Header.All(name), func(f message.Field) bool { return in(f.Text()) })
	}
	if t.Field == upstream.FieldText && slices.ContainsFunc(msg.Header, func(f message.Field) bool { return in(f.Text()) }) {
		return true
	}
	found := false
	msg.Body.Walk(func(p *message.Part) {
		found = found || p.IsText() && in(message.SearchText(p.Type, p.Value(0).Value))
	})
	return found
}

// Sort is not supported.
func (s *Store) Sort(ctx context.Context, at upstream.Place, by []jmap.Comparator) ([]upstream.UID, error) {
	return nil, upstream.ErrUnsupported
}
