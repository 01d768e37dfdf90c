package imap

import (
	"context"
	"fmt"
	"time"
)

// Idle keeps the connection in IDLE (RFC 2177) until ctx is done, so that the
// server may speak to the handler. Other commands may be started meanwhile:
// they interrupt IDLE, and it starts again after them. IDLE is renewed as
// Options.IdleRefresh says. Idle returns nil when ctx ended and the server has
// left IDLE, and an error when the connection failed or the server refuses.
func (c *Client) Idle(ctx context.Context) error {
	if !c.Caps().Supports(CapIdle) {
		return fmt.Errorf("%w: IDLE", ErrUnsupported)
	}
	c.mu.Lock()
	c.idlers++
	c.idleErr = nil
	refused := make(chan struct{})
	c.refused = append(c.refused, refused)
	c.poke()
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return c.leaveIdle(refused)
	case <-c.dead:
		return c.Err()
	case <-refused:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idlers--
		return c.idleErr
	}
}

// leaveIdle waits for the end of the IDLE under way if this was the last
// caller. The stall timeout bounds the wait.
func (c *Client) leaveIdle(refused chan struct{}) error {
	c.mu.Lock()
	c.idlers--
	for i, r := range c.refused {
		if r == refused {
			c.refused = append(c.refused[:i:i], c.refused[i+1:]...)
			break
		}
	}
	cmd := c.idling
	if c.idlers > 0 {
		cmd = nil
	}
	c.poke()
	c.mu.Unlock()
	if cmd == nil {
		return nil
	}
	select {
	case <-cmd.done:
		return nil
	case <-c.dead:
		return c.Err()
	}
}

// enterIdle runs on the writing goroutine: it sends IDLE and waits until the
// server has accepted it, because DONE must not come before.
func (c *Client) enterIdle() error {
	cmd := &command{name: "IDLE", enc: c.encode("IDLE"), done: make(chan struct{}), since: time.Now()}
	cmd.enc.end()
	cmd.tag = cmd.enc.tag
	cmd.settle = c.idleAnswered
	c.mu.Lock()
	c.idling, c.idleQuiet, c.idleDone = cmd, false, false
	c.mu.Unlock()
	c.launch(cmd)
	c.expect(true)
	if err := c.write(cmd.enc.buf); err != nil {
		return err
	}
	_, ok := c.await(cmd)
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok && c.idling == cmd {
		c.idleQuiet = true
		c.armStall()
	}
	return nil
}

// idleAnswered sees the tagged answer, on the reading goroutine. A server that
// ends IDLE by itself with OK is asked again, but not in a hurry.
func (c *Client) idleAnswered(r *Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idleRest = idleSettle
	if !c.idleDone && time.Since(c.idling.since) < idleBackoff {
		c.idleRest = idleBackoff // the server ended it by itself, and at once
	}
	c.idling, c.idleQuiet = nil, false
	if r.Kind != StatusOK {
		c.idleErr = &StatusError{Command: "IDLE", Kind: r.Kind, Code: r.Code, Text: r.Text}
		for _, ch := range c.refused {
			close(ch)
		}
		c.refused = nil
	}
	c.poke()
}
