package memup

import (
	"context"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// CreateBox makes a mailbox.
func (s *Store) CreateBox(ctx context.Context, name string, role jmap.Role) error {
	if err := s.err(ctx); err != nil {
		return err
	}
	s.a.mu.Lock()
	var err error
	switch {
	case strings.EqualFold(name, "INBOX") || s.a.boxes[name] != nil:
		err = upstream.ErrExists
	case name == "" || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		err = upstream.ErrBadName
	}
	if err != nil {
		s.a.mu.Unlock()
		return err
	}
	s.a.make(name, role)
	s.a.tell()
	return nil
}

// RenameBox renames a mailbox and those under it.
func (s *Store) RenameBox(ctx context.Context, from, to string) error {
	if strings.EqualFold(from, "INBOX") || strings.EqualFold(to, "INBOX") || strings.HasPrefix(to, from+"/") {
		return upstream.ErrForbidden
	}
	if _, err := s.box(ctx, from, 0); err != nil {
		return err
	}
	if s.a.boxes[to] != nil {
		s.a.mu.Unlock()
		return upstream.ErrExists
	}
	renamed := make(map[string]*mailbox)
	for name, b := range s.a.boxes {
		if rest, ok := strings.CutPrefix(name, from); ok && (rest == "" || rest[0] == '/') {
			delete(s.a.boxes, name)
			b.name = to + rest
			renamed[b.name] = b
		}
	}
	for name, b := range renamed {
		s.a.boxes[name] = b
	}
	s.a.tell()
	return nil
}

// DeleteBox deletes a mailbox with what is in it.
func (s *Store) DeleteBox(ctx context.Context, name string) error {
	if strings.EqualFold(name, "INBOX") {
		return upstream.ErrForbidden
	}
	b, err := s.box(ctx, name, 0)
	if err != nil {
		return err
	}
	for _, m := range b.mails {
		s.a.used -= int64(len(m.raw))
	}
	delete(s.a.boxes, name)
	s.a.tell()
	return nil
}

// SubscribeBox changes a subscription.
func (s *Store) SubscribeBox(ctx context.Context, name string, on bool) error {
	b, err := s.box(ctx, name, 0)
	if err != nil {
		return err
	}
	b.subscribed = on
	s.a.tell()
	return nil
}
