package account

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// previewless is a mail whose preview the store could not give: the server has
// none (RFC 8970), or said NIL, as Cyrus 3.6.1 does for mail that was appended.
type previewless struct {
	meta  *replica.Meta
	email *jmap.Email
	known *knownHeader
}

// computePreviews makes the previews in two exchanges for all mails together:
// the structures, then the beginnings of the first text parts.
func (g *getter) computePreviews(ctx context.Context) error {
	list := g.noText
	g.noText = nil
	msgs, err := g.structures(ctx, list)
	if err != nil {
		return err
	}
	var asks []upstream.Ask
	for i, p := range list {
		if msgs[i] == nil {
			continue
		}
		if b := msgs[i].Bodies(); len(b.Text) > 0 {
			c := g.choose(p.meta)
			asks = append(asks, upstream.Ask{At: c.At, UIDs: one(c.UID),
				Want: upstream.Want{Sections: []upstream.Section{{ID: b.Text[0].Section, Limit: previewBytes}}}})
		}
	}
	byPlace := g.places(list)
	err = g.a.cfg.Store.Fetch(ctx, asks, func(c *upstream.Content) {
		if i, ok := byPlace[placed{c.Box, c.UID}]; ok {
			takeSections(msgs[i], c)
		}
	})
	if err != nil {
		return err
	}
	for i, p := range list {
		if msgs[i] != nil {
			p.known.preview = g.a.previewOf(msgs[i])
			p.email.Preview = p.known.preview
		}
		g.a.headers.put(p.meta.ID, p.known)
		if err := g.emit(p.email); err != nil {
			return err
		}
	}
	return nil
}

func (g *getter) places(list []*previewless) map[placed]int {
	out := make(map[placed]int, len(list))
	for i, p := range list {
		c := g.choose(p.meta)
		out[placed{c.At.Box, c.UID}] = i
	}
	return out
}

// structures reads the structures of mails; nil where the server has none.
func (g *getter) structures(ctx context.Context, list []*previewless) ([]*message.Message, error) {
	msgs := make([]*message.Message, len(list))
	byPlace := g.places(list)
	byBox := make(map[upstream.Place]*upstream.Ask)
	var asks []*upstream.Ask
	for _, p := range list {
		c := g.choose(p.meta)
		if byBox[c.At] == nil {
			byBox[c.At] = &upstream.Ask{At: c.At, Want: upstream.Want{Structure: true}}
			asks = append(asks, byBox[c.At])
		}
		byBox[c.At].UIDs.Add(c.UID)
	}
	var all []upstream.Ask
	for _, a := range asks {
		all = append(all, *a)
	}
	err := g.a.cfg.Store.Fetch(ctx, all, func(c *upstream.Content) {
		if i, ok := byPlace[placed{c.Box, c.UID}]; ok && c.Structure != nil {
			msgs[i] = &message.Message{Body: c.Structure}
		}
	})
	return msgs, err
}
