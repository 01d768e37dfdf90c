package imapup

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

// asking is one Ask under way.
type asking struct {
	ask   upstream.Ask
	items wanted
	sel   *selecting
	rows  *imap.Future[imap.FetchDone]
	got   []*upstream.Content
	seen  upstream.UIDSet
}

// Fetch reads content of any number of mailboxes in one exchange. A mail that a
// kept connection did not see may be new to it: it is asked for once more.
func (s *Store) Fetch(ctx context.Context, asks []upstream.Ask, fn func(*upstream.Content)) error {
	t, err := s.traits(ctx)
	if err != nil || len(asks) == 0 {
		return err
	}
	done := make(map[placed]bool)
	return s.read(ctx, "reading mails", asks[0].At.Box, func(ctx context.Context, c *session) error {
		take := func(content *upstream.Content) {
			if at := (placed{content.Box, content.UID}); !done[at] {
				done[at] = true
				fn(content)
			}
		}
		missing, err := t.fetch(ctx, c, asks, take, false)
		if err == nil && len(missing) > 0 {
			_, err = t.fetch(ctx, c, missing, take, true)
		}
		return err
	})
}

type placed struct {
	box string
	uid upstream.UID
}

// fetch runs asks in one pipeline and returns those that were not answered and
// might be by a connection that looks anew.
func (t *traits) fetch(ctx context.Context, c *session, asks []upstream.Ask, fn func(*upstream.Content), again bool) ([]upstream.Ask, error) {
	list := make([]*asking, len(asks))
	for i, ask := range asks {
		a := &asking{ask: ask, items: t.itemsFor(ask.Want)}
		list[i] = a
		if i > 0 && asks[i-1].At == ask.At {
			a.sel = list[i-1].sel
		} else {
			a.sel = c.selectBox(ask.At, false)
			if again {
				if err := a.sel.catchUp(ctx, all); err != nil {
					return nil, err
				}
			}
		}
		a.rows = c.client.Fetch(ask.UIDs, a.items.items, imap.FetchOptions{}, func(r *imap.FetchRow) {
			if a.ask.UIDs.Contains(r.UID()) && !a.seen.Contains(r.UID()) && a.items.whole(r) && a.sel.live() {
				a.got = append(a.got, a.items.content(a.ask.At.Box, r))
				a.seen.Add(r.UID())
			}
		})
	}
	var missing []upstream.Ask
	var first error
	for _, a := range list {
		if err := both(ctx, a.sel, a.rows); err != nil {
			first = cmp.Or(first, err)
			continue
		}
		for _, content := range a.got {
			fn(content)
		}
		if left := minus(a.ask.UIDs, a.seen); !left.Empty() && a.sel.future == nil && !again {
			missing = append(missing, upstream.Ask{At: a.ask.At, UIDs: left, Want: a.ask.Want})
		}
	}
	return missing, first
}

func minus(a, b upstream.UIDSet) (out upstream.UIDSet) {
	if a.Count() == b.Count() {
		return out
	}
	for u := range a.All() {
		if !b.Contains(u) {
			out.Add(u)
		}
	}
	return out
}

// wanted is a Want in IMAP's words.
type wanted struct {
	items    []imap.FetchItem
	header   imap.FetchItem
	sections map[string]imap.FetchItem
	want     upstream.Want
	preview  bool
}

const wholeMail = imap.FetchItem("BODY.PEEK[]")

func (t *traits) itemsFor(w upstream.Want) wanted {
	out := wanted{want: w, items: []imap.FetchItem{imap.ItemUID}, sections: make(map[string]imap.FetchItem)}
	switch {
	case w.Header || slices.ContainsFunc(w.Fields, oddName):
		out.header = imap.BodyPeek("HEADER", imap.Span{})
	case len(w.Fields) > 0:
		out.header = imap.HeaderFields("", w.Fields...)
	}
	if out.header != "" {
		out.items = append(out.items, out.header)
	}
	if w.Structure {
		out.items = append(out.items, imap.ItemBodyStructure)
	}
	if out.preview = w.Preview && t.caps.Has(imap.CapPreview); out.preview {
		out.items = append(out.items, imap.ItemPreview)
	}
	if w.Body {
		out.items = append(out.items, wholeMail)
	}
	for _, sec := range w.Sections {
		item := imap.BodyPeek(sec.ID, imap.Span{Length: int64(sec.Limit)})
		out.sections[sec.ID] = item
		if !slices.Contains(out.items, item) {
			out.items = append(out.items, item)
		}
	}
	return out
}

// oddName reports whether a field name has characters that not every server
// takes in HEADER.FIELDS.
func oddName(name string) bool {
	return strings.ContainsAny(name, `"\(){}[]%*`)
}

// whole reports whether a row is an answer and not merely new flags.
func (w *wanted) whole(r *imap.FetchRow) bool {
	n := 0
	for range r.Items() {
		n++
	}
	return n >= len(w.items)
}

func (w *wanted) content(box string, r *imap.FetchRow) *upstream.Content {
	c := &upstream.Content{Box: box, UID: r.UID()}
	if w.header != "" {
		b, _ := r.Section(w.header) // what is too large is taken for empty
		c.Header = slices.Clone(b)
	}
	if w.want.Structure {
		if bs, ok := r.BodyStructure(); ok {
			c.Structure = partOf(bs)
		}
	}
	if w.preview {
		c.Preview, c.HasPreview = r.Preview()
	}
	if w.want.Body {
		b, _ := r.Section(wholeMail)
		c.Body = append([]byte{}, b...)
	}
	for id, item := range w.sections {
		if b, err := r.Section(item); err == nil {
			if c.Sections == nil {
				c.Sections = make(map[string][]byte)
			}
			c.Sections[id] = slices.Clone(b)
		}
	}
	return c
}

// Chunk reads a piece of a section.
func (s *Store) Chunk(ctx context.Context, at upstream.Place, uid upstream.UID, section string, offset int64, n int) (data []byte, err error) {
	if _, err := s.traits(ctx); err != nil {
		return nil, err
	}
	item := imap.BodyPeek(section, imap.Span{Offset: offset, Length: int64(n)})
	err = s.read(ctx, "reading a part", at.Box, func(ctx context.Context, c *session) error {
		for try := 0; ; try++ {
			found := false
			sel := c.selectBox(at, false)
			if try > 0 {
				if err := sel.catchUp(ctx, all); err != nil {
					return err
				}
			}
			f := c.client.Fetch(imap.UIDs(uid), []imap.FetchItem{imap.ItemUID, item}, imap.FetchOptions{}, func(r *imap.FetchRow) {
				if r.UID() != uid || !sel.live() {
					return
				}
				if b, err := r.Section(item); err == nil {
					found, data = true, slices.Clone(b)
				}
			})
			if err := both(ctx, sel, f); err != nil {
				return err
			}
			if found {
				return nil
			}
			if sel.future != nil || try > 0 {
				return upstream.ErrGone
			}
		}
	})
	return data, err
}
