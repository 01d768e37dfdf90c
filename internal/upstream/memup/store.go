package memup

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// Store is a handle to an Account. It implements upstream.Store and
// upstream.Boxmaker.
type Store struct {
	a      *Account
	closed context.Context
	close  context.CancelFunc
}

// Open returns a new handle.
func (a *Account) Open() *Store {
	s := &Store{a: a}
	s.closed, s.close = context.WithCancel(context.Background())
	return s
}

// Close ends the handle.
func (s *Store) Close() error {
	s.close()
	return nil
}

// Info says what the account's options are.
func (s *Store) Info(ctx context.Context) (upstream.Info, error) {
	o := s.a.opts
	info := upstream.Info{Identity: o.Identity, ServerThreads: o.Threads, Push: true, Resync: "qresync",
		MaxSize: o.MaxSize, Roles: []jmap.Role{jmap.RoleArchive, jmap.RoleDrafts, jmap.RoleJunk, jmap.RoleSent, jmap.RoleTrash}, Server: "memory"}
	if o.NoModSeq {
		info.Resync = "plain"
	}
	return info, s.err(ctx)
}

func (s *Store) err(ctx context.Context) error {
	if s.closed.Err() != nil {
		return upstream.ErrClosed
	}
	return ctx.Err()
}

// Boxes lists the mailboxes.
func (s *Store) Boxes(ctx context.Context) ([]upstream.Box, error) {
	if err := s.err(ctx); err != nil {
		return nil, err
	}
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	var out []upstream.Box
	for _, b := range s.a.boxes {
		box := upstream.Box{
			Name: b.name, Delimiter: "/", ID: b.id, Role: b.role, Inbox: b.name == "INBOX",
			Selectable: !b.noSelect, Subscribed: b.subscribed, Rights: jmap.AllRights, Marks: s.a.marks(b),
		}
		if b.readOnly {
			box.Rights = jmap.MayReadItems
		}
		out = append(out, box)
	}
	slices.SortFunc(out, func(a, b upstream.Box) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// box finds a mailbox and locks the account. With a validity of 0 any will do.
func (s *Store) box(ctx context.Context, name string, validity uint32) (*mailbox, error) {
	if err := s.err(ctx); err != nil {
		return nil, err
	}
	s.a.mu.Lock()
	b := s.a.boxes[name]
	if b == nil || b.noSelect {
		s.a.mu.Unlock()
		return nil, upstream.ErrNoBox
	}
	if validity != 0 && b.validity != validity {
		s.a.mu.Unlock()
		return nil, upstream.ErrStale
	}
	return b, nil
}

// UIDs returns the uids of a mailbox.
func (s *Store) UIDs(ctx context.Context, name string) (set upstream.UIDSet, m upstream.Marks, err error) {
	b, err := s.box(ctx, name, 0)
	if err != nil {
		return set, m, err
	}
	defer s.a.mu.Unlock()
	for _, x := range b.mails {
		set.Add(x.uid)
	}
	return set, s.a.marks(b), nil
}

func rowOf(m *mail) *upstream.Row {
	return &upstream.Row{UID: m.uid, ID: m.id, ThreadID: m.thread, Flags: slices.Clone(m.flags), Date: m.date,
		Size: int64(len(m.raw)), Header: fieldsOf(m.raw, upstream.IndexFields())}
}

// fieldsOf are the named fields of a mail's header.
func fieldsOf(raw []byte, names []string) []byte {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var out []byte
	for _, f := range message.ParseHeader(head) {
		for _, n := range names {
			if strings.EqualFold(n, f.Name) {
				out = append(append(append(out, f.Name...), ':'), f.Value...)
				out = append(out, "\r\n"...)
			}
		}
	}
	return append(out, "\r\n"...)
}

// Rows reads index rows.
func (s *Store) Rows(ctx context.Context, at upstream.Place, uids upstream.UIDSet, fn func(*upstream.Row)) error {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return err
	}
	var rows []*upstream.Row
	for _, m := range b.chosen(uids) {
		rows = append(rows, rowOf(m))
	}
	s.a.mu.Unlock()
	for _, r := range rows {
		fn(r)
	}
	return nil
}

// Newest reads the newest rows.
func (s *Store) Newest(ctx context.Context, name string, offset, n int, fn func(*upstream.Row)) (upstream.Marks, error) {
	b, err := s.box(ctx, name, 0)
	if err != nil {
		return upstream.Marks{}, err
	}
	sorted := slices.Clone(b.mails)
	slices.SortStableFunc(sorted, func(x, y *mail) int { return y.date.Compare(x.date) })
	var rows []*upstream.Row
	for i := offset; i < min(offset+n, len(sorted)); i++ {
		rows = append(rows, rowOf(sorted[i]))
	}
	m := s.a.marks(b)
	s.a.mu.Unlock()
	for _, r := range rows {
		fn(r)
	}
	return m, nil
}

// Sync tells what happened since known.
func (s *Store) Sync(ctx context.Context, name string, known upstream.Known, sink upstream.Sink) (upstream.Marks, error) {
	var have upstream.UIDSet
	plain := s.a.opts.NoModSeq || known.Marks.ModSeq == 0
	if plain || s.a.opts.QuietExpunge {
		have = known.UIDs()
	}
	b, err := s.box(ctx, name, known.Marks.UIDValidity)
	if err != nil {
		return upstream.Marks{}, err
	}
	var calls []func()
	var gone upstream.UIDSet
	for _, m := range b.mails {
		row := rowOf(m)
		if m.uid >= known.Marks.UIDNext {
			calls = append(calls, func() { sink.Row(row) })
		} else if plain || m.modSeq > known.Marks.ModSeq {
			calls = append(calls, func() { sink.Flags(row.UID, row.Flags) })
		}
	}
	for _, e := range b.gone {
		if !plain && e.modSeq > known.Marks.ModSeq {
			gone.Add(e.uid)
		}
	}
	for u := range have.All() {
		if b.find(u) == nil {
			gone.Add(u)
		}
	}
	marks := s.a.marks(b)
	s.a.mu.Unlock()
	for _, f := range calls {
		f()
	}
	if !gone.Empty() {
		sink.Vanished(gone)
	}
	return marks, nil
}

// Fetch reads content.
func (s *Store) Fetch(ctx context.Context, asks []upstream.Ask, fn func(*upstream.Content)) error {
	for _, ask := range asks {
		b, err := s.box(ctx, ask.At.Box, ask.At.Validity)
		if err != nil {
			return err
		}
		chosen := b.chosen(ask.UIDs)
		s.a.mu.Unlock()
		for _, m := range chosen {
			fn(contentOf(ask, m))
		}
	}
	return nil
}

func contentOf(ask upstream.Ask, m *mail) *upstream.Content {
	c := &upstream.Content{Box: ask.At.Box, UID: m.uid}
	w := ask.Want
	head, _, _ := bytes.Cut(m.raw, []byte("\r\n\r\n"))
	switch {
	case w.Header:
		c.Header = append(bytes.Clone(head), "\r\n\r\n"...)
	case len(w.Fields) > 0:
		c.Header = fieldsOf(m.raw, w.Fields)
	}
	if w.Structure {
		c.Structure = message.Parse(bytes.Clone(m.raw)).Body
	}
	if w.Body {
		c.Body = bytes.Clone(m.raw)
	}
	for _, sec := range w.Sections {
		if c.Sections == nil {
			c.Sections = make(map[string][]byte)
		}
		data := sectionOf(m.raw, sec.ID)
		if sec.Limit > 0 && len(data) > sec.Limit {
			data = data[:sec.Limit]
		}
		c.Sections[sec.ID] = data
	}
	return c
}

// sectionOf are the bytes of a part as they stand in the mail.
func sectionOf(raw []byte, section string) []byte {
	raw = bytes.Clone(raw)
	if section == "" {
		return raw
	}
	var out []byte
	message.Parse(raw).Body.Walk(func(p *message.Part) {
		if p.Section == section {
			out = p.Encoded()
		}
	})
	return out
}

// Chunk reads a piece of a section.
func (s *Store) Chunk(ctx context.Context, at upstream.Place, uid upstream.UID, section string, offset int64, n int) ([]byte, error) {
	b, err := s.box(ctx, at.Box, at.Validity)
	if err != nil {
		return nil, err
	}
	m := b.find(uid)
	s.a.mu.Unlock()
	if m == nil {
		return nil, upstream.ErrGone
	}
	data := sectionOf(m.raw, section)
	if offset >= int64(len(data)) {
		return nil, nil
	}
	return data[offset:min(offset+int64(n), int64(len(data)))], nil
}

// Watch tells what happens.
func (s *Store) Watch(ctx context.Context, ready func(), emit func(upstream.Event)) error {
	if err := s.err(ctx); err != nil {
		return err
	}
	s.a.mu.Lock()
	id := s.a.next
	s.a.next++
	s.a.watchers[id] = emit
	s.a.mu.Unlock()
	defer func() {
		s.a.mu.Lock()
		delete(s.a.watchers, id)
		s.a.mu.Unlock()
	}()
	ready()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed.Done():
		return upstream.ErrClosed
	}
}

// read takes a message's bytes.
func read(m upstream.Message) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(m.Body, m.Size+1))
	if err == nil && int64(len(raw)) != m.Size {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}
