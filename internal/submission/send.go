package submission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Recipient is one address and what the server said to it.
type Recipient struct {
	To    Address
	Reply Reply
}

// Accepted reports whether the server took this recipient. It means that the
// message goes there only if Send returned no error.
func (r Recipient) Accepted() bool { return r.Reply.OK() }

// Result is what is known of a transaction, also of one that failed.
type Result struct {
	// Recipients has an entry for each address in the order of the envelope; a
	// Reply with Code 0 means that none was read.
	Recipients []Recipient
	// Final is the reply to the message itself; it usually names a queue id.
	Final Reply
	// DSN says that the server takes the wish for notices.
	DSN bool
}

// Send hands one message over. A nil error means that the server took the
// responsibility for every recipient whose Accepted is true, and there is at
// least one. Otherwise the error is an *Error and its Outcome says what may have
// become of the message. The connection can be used again if Usable says so.
func (c *Conn) Send(ctx context.Context, env Envelope, body io.Reader) (Result, error) {
	res := Result{Recipients: make([]Recipient, len(env.RcptTo)), DSN: c.ext.Has("DSN")}
	for i, a := range env.RcptTo {
		res.Recipients[i].To = a
	}
	if c.broken {
		return res, notSent(StageMail, true, ErrUnusable)
	}
	if err := env.validate(); err != nil {
		return res, notSent(StageMail, false, err)
	}
	if env.Size > c.cfg.MaxMessage {
		return res, notSent(StageMail, false, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, env.Size, c.cfg.MaxMessage))
	}
	lines, err := env.commands(c.ext)
	if err != nil {
		return res, notSent(StageMail, false, err)
	}
	defer c.w.watch(ctx)()
	e := c.transaction(env, lines, body, &res)
	if e == nil {
		return res, nil
	}
	if e.Outcome == Refused && e.Stage != StageFinal {
		c.reset()
	}
	return res, because(ctx, e)
}

// transaction runs MAIL to the final reply.
func (c *Conn) transaction(env Envelope, lines []string, body io.Reader, res *Result) *Error {
	if e := c.envelope(lines, res); e != nil {
		return e
	}
	if e := judge(env, res); e != nil {
		return e
	}
	if c.ext.Has("CHUNKING") && !c.cfg.NoChunking {
		return c.chunks(body, res)
	}
	return c.data(body, res)
}

// envelope sends MAIL and RCPT, in groups where the server allows it. DATA is
// never part of a group: which recipients stand must be known first.
func (c *Conn) envelope(lines []string, res *Result) *Error {
	group := 1
	if c.ext.Has("PIPELINING") && !c.cfg.NoPipelining {
		group = pipelineGroup
	}
	var mail Reply
	for start := 0; start < len(lines); start += group {
		end := min(start+group, len(lines))
		text := strings.Join(lines[start:end], "\r\n") + "\r\n"
		if err := c.w.write([]byte(text), c.cfg.CommandTimeout); err != nil {
			c.broken = true
			return notSent(envelopeStage(start), true, fmt.Errorf("writing command: %w", err))
		}
		for i := start; i < end; i++ {
			r, err := c.readReply(c.cfg.CommandTimeout)
			if err != nil {
				return notSent(envelopeStage(i), true, err)
			}
			if i == 0 {
				mail = r
			} else {
				res.Recipients[i-1].Reply = r
			}
		}
		if !mail.OK() {
			return refused(StageMail, mail)
		}
		if c.broken {
			return notSent(envelopeStage(end-1), true, errors.New("server is closing the connection"))
		}
	}
	return nil
}

func envelopeStage(line int) Stage {
	if line == 0 {
		return StageMail
	}
	return StageRcpt
}

// judge decides whether the answers to RCPT are enough to go on. Of several
// refusals a permanent one is reported before a temporary one: as long as that
// recipient is in the envelope, trying again would fail again.
func judge(env Envelope, res *Result) *Error {
	var worst *Error
	accepted := 0
	for _, r := range res.Recipients {
		if r.Accepted() {
			accepted++
			continue
		}
		if worst == nil || worst.Temporary && r.Reply.Code/100 != 4 {
			worst = refused(StageRcpt, r.Reply)
		}
	}
	if accepted == 0 || env.AllOrNothing {
		return worst
	}
	return nil
}

// data sends the message by DATA (RFC 5321, section 4.1.1.4).
func (c *Conn) data(body io.Reader, res *Result) *Error {
	r, err := c.command("DATA")
	if err != nil {
		return notSent(StageData, true, err)
	}
	if r.Code != 354 {
		return refused(StageData, r)
	}
	out := blockWriter{c.w, c.cfg.BlockTimeout}
	err = eachBlock(body, true, c.cfg.MaxMessage, func(p []byte) error {
		_, err := out.Write(p)
		return err
	})
	if err != nil {
		// Only hanging up ends DATA without a message: a server must not
		// deliver what has no end (RFC 5321, section 4.1.1.4).
		return c.bodyFailure(err)
	}
	return c.end(".\r\n", res)
}

// chunks sends the message by BDAT (RFC 3030, section 2). The last chunk is
// empty, so that the doubt begins with one short line and not with a block.
func (c *Conn) chunks(body io.Reader, res *Result) *Error {
	window, waiting := 0, 0
	if c.ext.Has("PIPELINING") && !c.cfg.NoPipelining {
		window = chunkWindow
	}
	var refusal *Error
	settle := func(left int) error {
		for ; waiting > left; waiting-- {
			r, err := c.readReply(c.cfg.CommandTimeout)
			if err != nil {
				return err
			}
			if !r.OK() && refusal == nil {
				refusal = refused(StageBody, r)
			}
		}
		if refusal != nil {
			return refusal
		}
		return nil
	}
	err := eachBlock(body, false, c.cfg.MaxMessage, func(p []byte) error {
		if err := c.chunk(p); err != nil {
			return err
		}
		waiting++
		return settle(window)
	})
	if err == nil {
		err = settle(0)
	}
	switch {
	case refusal != nil:
		return c.settleRefusal(refusal, settle)
	case err != nil:
		return c.bodyFailure(err)
	}
	return c.end("BDAT 0 LAST\r\n", res)
}

// chunk writes one BDAT command with its octets.
func (c *Conn) chunk(p []byte) error {
	out := blockWriter{c.w, c.cfg.BlockTimeout}
	if _, err := fmt.Fprintf(out, "BDAT %d\r\n", len(p)); err != nil {
		return err
	}
	_, err := out.Write(p)
	return err
}

// settleRefusal reads the replies to chunks already on their way, so that the
// connection can be used again.
func (c *Conn) settleRefusal(refusal *Error, settle func(int) error) *Error {
	if err := settle(0); err != nil && !errors.Is(err, refusal) {
		c.broken = true
	}
	return refusal
}

// bodyFailure gives up within the message. If the server hung up it may have
// said why.
func (c *Conn) bodyFailure(err error) *Error {
	c.broken = true
	defer func() { _ = c.w.nc.Close() }()
	if re, ok := errors.AsType[*readError](err); ok {
		return notSent(StageBody, !errors.Is(err, ErrTooLarge), re)
	}
	if r, rerr := c.w.reply(lastWordTimeout); rerr == nil && r.Code >= 400 {
		return refused(StageBody, r)
	}
	return notSent(StageBody, true, fmt.Errorf("writing message: %w", err))
}

// end writes what ends the message and reads the verdict. From here on a
// failure of the way leaves the message in doubt.
func (c *Conn) end(mark string, res *Result) *Error {
	if err := c.w.within(c.cfg.FinalTimeout); err != nil {
		c.broken = true
		return notSent(StageBody, true, err)
	}
	if err := c.w.write([]byte(mark), c.cfg.FinalTimeout); err != nil {
		c.broken = true
		return uncertain(fmt.Errorf("writing the end of the message: %w", err))
	}
	r, err := c.readReply(c.cfg.FinalTimeout)
	if err != nil {
		return uncertain(err)
	}
	res.Final = r
	switch {
	case r.OK():
		return nil
	case r.Code >= 400:
		return refused(StageFinal, r)
	}
	// A 3yz here answers something we did not say.
	c.broken = true
	return uncertain(fmt.Errorf("%w: reply %d to the end of the message", ErrProtocol, r.Code))
}

// reset takes a refused transaction back, so that the next can begin.
func (c *Conn) reset() {
	if c.broken {
		return
	}
	if r, err := c.command("RSET"); err != nil || !r.OK() {
		c.broken = true
	}
}
