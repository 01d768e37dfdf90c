package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

var errWithdrawn = errors.New("imap: command withdrawn before it was written")

// task is what the writing goroutine does next.
type task struct {
	done   bool       // DONE first: something interrupts IDLE
	idle   bool       // start IDLE
	cmds   []*command // write these
	closed bool
}

func (c *Client) writeLoop() {
	defer close(c.writeEnd)
	var rest time.Time // when the connection fell silent
	for {
		t := c.nextTask(&rest)
		if t.closed {
			return
		}
		if err := c.perform(t); err != nil {
			c.fail(err)
			return
		}
	}
}

// nextTask blocks until there is something to write.
func (c *Client) nextTask(rest *time.Time) task {
	for {
		t, wait := c.plan(rest)
		if wait < 0 {
			return t
		}
		if wait == 0 {
			wait = time.Hour // nothing is due: a wake-up will come first
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-c.dead:
		}
		timer.Stop()
	}
}

// plan decides under the lock. wait < 0 means: do the task now; 0: wait to be
// woken; else wait so long at most.
func (c *Client) plan(rest *time.Time) (task, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.detached {
		return task{closed: true}, -1
	}
	c.withdraw()
	switch {
	case len(c.queue) > 0:
		*rest = time.Time{}
		return c.planQueue()
	case c.idling != nil:
		return c.planIdling()
	case c.idlers > 0 && len(c.inflight) == 0 && c.idleErr == nil:
		if rest.IsZero() {
			*rest = time.Now()
		}
		if left := c.idleRest - time.Since(*rest); left > 0 {
			return task{}, left
		}
		*rest = time.Time{}
		return task{idle: true}, -1
	}
	return task{}, 0
}

// withdraw drops abandoned commands that were not written. The caller holds mu.
func (c *Client) withdraw() {
	for len(c.queue) > 0 && c.queue[0].isAbandoned() {
		c.queue[0].complete(errWithdrawn)
		c.queue = c.queue[1:]
	}
}

func (c *Client) planQueue() (task, time.Duration) {
	t := task{done: c.idling != nil && c.idleQuiet}
	first := c.queue[0]
	if first.alone {
		switch {
		case t.done:
			return t, -1
		case len(c.inflight) > 0:
			return task{}, 0
		}
		t.cmds = []*command{first}
		c.queue = c.queue[1:]
	} else {
		n := c.writable()
		if n == 0 {
			return task{}, 0
		}
		t.cmds = append(t.cmds, c.queue[:n]...)
		c.queue = c.queue[n:]
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
	return t, -1
}

// writable counts the commands at the head of the queue that may be in flight
// together with those that are. The caller holds mu.
func (c *Client) writable() int {
	busy := map[string]bool{}
	for _, cmd := range c.inflight {
		busy[cmd.kind] = true
	}
	n := 0
	for n < len(c.queue) && n < maxBatch {
		cmd := c.queue[n]
		if cmd.alone || cmd.kind != "" && busy[cmd.kind] {
			break
		}
		busy[cmd.kind] = true
		n++
	}
	return n
}

// planIdling ends IDLE when nobody wants it, or when it is time to renew it.
func (c *Client) planIdling() (task, time.Duration) {
	if !c.idleQuiet { // DONE is under way
		return task{}, 0
	}
	left := c.opts.IdleRefresh - time.Since(c.idling.since)
	if c.idlers == 0 || left <= 0 {
		return task{done: true}, -1
	}
	return task{}, left
}

func (c *Client) perform(t task) error {
	var pending []byte
	if t.done {
		c.mu.Lock()
		c.idleQuiet, c.idleDone = false, true
		c.armStall()
		c.mu.Unlock()
		pending = append(pending, "DONE\r\n"...)
	}
	if t.idle {
		return c.enterIdle()
	}
	for _, cmd := range t.cmds {
		if cmd.isAbandoned() {
			cmd.complete(errWithdrawn)
			continue
		}
		if len(cmd.enc.cuts) == 0 && !cmd.secret && !cmd.alone {
			c.launch(cmd)
			pending = append(pending, cmd.enc.buf...)
			continue
		}
		if err := c.write(pending); err != nil {
			return err
		}
		pending = pending[:0]
		if err := c.writeParts(cmd); err != nil {
			return err
		}
	}
	return c.write(pending)
}

// launch counts a command as in flight, before its first byte is written.
func (c *Client) launch(cmd *command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		cmd.complete(c.err)
		return
	}
	c.inflight = append(c.inflight, cmd)
	c.armStall()
}

// write sends bytes and flushes.
func (c *Client) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	c.mu.Lock()
	conn, out := c.conn, c.out
	c.mu.Unlock()
	_ = conn.SetWriteDeadline(time.Now().Add(c.opts.WriteTimeout))
	_, err := out.Write(b)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return &ConnError{Doing: "writing", Err: err}
	}
	return nil
}

// writeParts sends a command with literals, or one that is alone.
func (c *Client) writeParts(cmd *command) error {
	if cmd.secret {
		defer cmd.enc.wipe()
	}
	c.launch(cmd)
	at := 0
	for _, k := range cmd.enc.cuts {
		c.expect(k.sync)
		if err := c.write(cmd.enc.buf[at:k.at]); err != nil {
			return err
		}
		at = k.at
		if k.sync {
			if _, ok := c.await(cmd); !ok {
				return nil // refused, or the connection is gone
			}
		}
		if k.body != nil {
			if err := c.writeBody(cmd, k); err != nil {
				return err
			}
		}
	}
	c.expect(cmd.challenge != nil)
	if err := c.write(cmd.enc.buf[at:]); err != nil {
		return err
	}
	if cmd.challenge != nil {
		return c.converse(cmd)
	}
	if cmd.alone {
		c.awaitDone(cmd)
	}
	return nil
}

// expect announces that the next continuation request is waited for.
func (c *Client) expect(on bool) {
	if !on {
		return
	}
	c.mu.Lock()
	c.wantCont = true
	c.mu.Unlock()
}

// await waits for the continuation request. It is false when the command was
// answered instead.
func (c *Client) await(cmd *command) (string, bool) {
	select {
	case text := <-c.cont:
		return text, true
	case <-cmd.done:
	case <-c.dead:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wantCont = false
	select {
	case <-c.cont: // came together with the answer
	default:
	}
	return "", false
}

func (c *Client) awaitDone(cmd *command) {
	select {
	case <-cmd.done:
	case <-c.dead:
	}
}

// writeBody streams a literal. It holds the command's lock while it is in the
// caller's reader, so that a caller who went away is not called any more.
func (c *Client) writeBody(cmd *command, k cut) error {
	buf := make([]byte, 32<<10)
	for left := k.size; left > 0; {
		n, err := readPart(cmd, k.body, buf[:min(left, int64(len(buf)))])
		if n > 0 {
			if err := c.write(buf[:n]); err != nil {
				return err
			}
			left -= int64(n)
		}
		if err != nil && left > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			cmd.complete(fmt.Errorf("imap: reading a message to append: %w", err))
			return &ConnError{Doing: "writing a message that its source did not deliver", Err: err}
		}
	}
	return nil
}

func readPart(cmd *command, r io.Reader, buf []byte) (int, error) {
	cmd.mu.Lock()
	defer cmd.mu.Unlock()
	if cmd.abandoned {
		return 0, context.Canceled
	}
	return io.ReadAtLeast(r, buf, 1)
}

// converse answers the challenges of AUTHENTICATE until it is answered.
func (c *Client) converse(cmd *command) error {
	for {
		text, ok := c.await(cmd)
		if !ok {
			return nil
		}
		reply, err := cmd.challenge(text)
		if err != nil {
			reply = []byte("*") // RFC 9051, section 6.2.2: cancel
			cmd.trouble = err
		}
		line := append(make([]byte, 0, len(reply)+2), reply...)
		line = append(line, '\r', '\n')
		c.expect(true)
		werr := c.write(line)
		clear(line)
		clear(reply)
		if werr != nil {
			return werr
		}
	}
}
