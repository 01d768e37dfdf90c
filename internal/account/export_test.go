package account

import (
	"context"
	"io"

	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
)

// ForgetHeaders empties the memory of parsed headers.
func ForgetHeaders(a *Account) { a.headers.forget() }

func (c *headerCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.byID {
		c.drop(e)
	}
}

// NewMender is what an import is read through.
func NewMender(r io.Reader) io.Reader { return newMender(r) }

// MaxParsed is the longest message that is parsed, in bytes.
const MaxParsed = maxParsed

// MaxCompared is maxCompared.
const MaxCompared = maxCompared

// OutboxMail opens a mail as the outbox does.
func OutboxMail(ctx context.Context, a *Account, id jmap.EmailID) (*outbox.Mail, error) {
	return outboxMails{a}.OpenMail(ctx, id)
}
