package account

import (
	"context"
	"errors"

	"cofferdam/internal/jmap"
	"cofferdam/internal/memo"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// wholes are the mails that were fetched whole a moment ago, or are being fetched:
// who opens a mail asks for its details and for its document at the same time. A
// mail never changes; that it exists is for the index to say.
type wholes = memo.Memo[jmap.EmailID, []byte]

func newWholes() *wholes {
	return &wholes{Time: wholeTime, Keep: keepWhole, Max: maxWholes, Fits: func(b []byte) bool { return len(b) <= maxWholeKept }}
}

// oneWhole emits a single mail whose body is wanted, if it is of the size that is
// fetched whole. It reports whether it did, and whether the mail turned out to be
// gone.
func (g *getter) oneWhole(ctx context.Context, missing []*replica.Meta) (done, gone bool, err error) {
	if len(missing) != 1 || !g.wantsBody() || missing[0].Size > wholeMessage {
		return false, false, nil
	}
	m := missing[0]
	body, err := g.a.wholes.Get(ctx, context.WithoutCancel(ctx), m.ID, func(ctx context.Context) ([]byte, error) {
		return g.a.fetchWhole(ctx, m)
	})
	if errors.Is(err, jmap.ErrNotFound) {
		return true, true, nil
	}
	if err != nil {
		return true, false, err
	}
	e := g.base(m)
	g.fillWhole(e, message.Parse(body), m)
	return true, false, g.give(e)
}

// fetchWhole reads the bytes of a mail, and looks once more where it is if it is
// not where the index had it.
func (a *Account) fetchWhole(ctx context.Context, m *replica.Meta) ([]byte, error) {
	for range 2 {
		at := m.Copies[0]
		var body []byte
		err := a.cfg.Store.Fetch(ctx, []upstream.Ask{{At: at.At, UIDs: one(at.UID), Want: upstream.Want{Body: true}}},
			func(c *upstream.Content) { body = c.Body })
		if err != nil && !errors.Is(err, upstream.ErrStale) && !errors.Is(err, upstream.ErrNoBox) {
			return nil, err
		}
		if body != nil {
			return body, nil
		}
		if err := a.mail.Refresh(ctx); err != nil {
			return nil, err
		}
		metas, _, _ := a.mail.Emails([]jmap.EmailID{m.ID})
		if len(metas) == 0 {
			return nil, jmap.ErrNotFound
		}
		m = &metas[0]
	}
	return nil, jmap.ServerUnavailable
}
