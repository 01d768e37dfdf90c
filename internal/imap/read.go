package imap

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// readConn is the bottom of the reader: it sets the deadline before each read.
func (c *Client) readConn(p []byte) (int, error) {
	c.mu.Lock()
	conn := c.conn
	c.armStall()
	c.mu.Unlock()
	return conn.Read(p)
}

// armStall sets the read deadline by whether the server owes an answer. The
// caller holds mu.
func (c *Client) armStall() {
	if c.opts.StallTimeout < 0 || c.err != nil {
		return
	}
	var at time.Time
	if n := len(c.inflight); n > 0 && !(n == 1 && c.inflight[0] == c.idling && c.idleQuiet) {
		at = time.Now().Add(c.opts.StallTimeout)
	}
	_ = c.conn.SetReadDeadline(at)
}

func (c *Client) readLoop() {
	defer close(c.readEnd)
	defer c.parser.leave()
	for {
		r, err := c.parser.next()
		if err != nil {
			c.fail(readError(err))
			return
		}
		if err := c.dispatch(r); err != nil {
			if !errors.Is(err, errDetached) {
				c.fail(err)
			}
			return
		}
	}
}

// readError gives a fault of the connection its type.
func readError(err error) error {
	var limit *LimitError
	if errors.As(err, &limit) {
		return err
	}
	doing := "reading"
	if errors.Is(err, os.ErrDeadlineExceeded) {
		doing = "waiting for an answer"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = io.ErrUnexpectedEOF
	}
	return &ConnError{Doing: doing, Err: err}
}

// dispatch brings a response to where it belongs.
func (c *Client) dispatch(r *Response) error {
	switch {
	case !c.hasGreeted:
		return c.greeting(r)
	case r.cont:
		c.continuation(r.Text)
		return nil
	case r.Tag != "":
		return c.tagged(r)
	}
	c.absorb(r)
	if !c.claimed(r) {
		c.unsolicited(r)
	}
	return nil
}

// greeting takes the first response of the connection.
func (c *Client) greeting(r *Response) error {
	if r.Tag != "" || r.cont || r.Kind == StatusNone {
		return &ProtocolError{Reason: "the first line is not an IMAP greeting"}
	}
	c.hasGreeted = true
	c.absorb(r)
	c.greeted <- r.Clone()
	return nil
}

// continuation hands "+" to the writer if it waits for one; any other is an
// odd habit of the server and dropped.
func (c *Client) continuation(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wantCont {
		c.wantCont = false
		select {
		case c.cont <- text:
		default:
		}
	}
}

// absorb updates what the client knows of the connection.
func (c *Client) absorb(r *Response) {
	switch {
	case r.Word == "CAPABILITY":
		c.setCaps(r.args)
	case r.Word == "ENABLED":
		c.setEnabled(r)
	case r.Code.Name == CodeCapability:
		c.setCaps(r.Code.args)
	case r.Code.Name == CodeClosed:
		c.mu.Lock()
		c.closedBox = true
		c.mu.Unlock()
	}
	if r.Kind == StatusBYE {
		c.mu.Lock()
		c.bye = &StatusError{Command: "connection", Kind: StatusBYE, Code: r.Code, Text: r.Text}
		c.mu.Unlock()
	}
}

func (c *Client) setCaps(list Node) {
	var names []string
	for n := range list.Children() {
		if len(names) < maxCaps {
			names = append(names, n.Text())
		}
	}
	caps := NewCaps(names...)
	c.mu.Lock()
	c.caps = caps
	c.capsFresh = true
	// A server of rev2 alone has UTF-8 in names from the start (RFC 9051,
	// section 5.1); one of both needs ENABLE (appendix A).
	if caps.Rev2() && !caps.Has(CapIMAP4rev1) {
		c.utf8.Store(true)
	}
	c.mu.Unlock()
	c.opts.Handler(CapsEvent{caps})
}

func (c *Client) setEnabled(r *Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range r.Args() {
		if len(c.enabled) >= maxCaps {
			return
		}
		name := upperString(n.Raw()[:min(len(n.Raw()), maxCapName)])
		c.enabled[name] = true
		if name == CapUTF8Accept || name == CapIMAP4rev2 {
			c.utf8.Store(true)
		}
	}
}

// claimed offers an untagged response to the commands in flight, oldest first.
func (c *Client) claimed(r *Response) bool {
	c.mu.Lock()
	waiting := c.inflight
	c.mu.Unlock()
	for _, cmd := range waiting {
		if cmd.claim == nil {
			continue
		}
		cmd.mu.Lock()
		ok := cmd.claim(r, !cmd.abandoned)
		cmd.mu.Unlock()
		if ok {
			return true
		}
	}
	return false
}

// chooseSink asks the commands in flight where a literal goes.
func (c *Client) chooseSink(lit LiteralInfo) sinkAnswer {
	c.mu.Lock()
	waiting := c.inflight
	c.mu.Unlock()
	for _, cmd := range waiting {
		if cmd.sink != nil {
			if ans := cmd.sink(lit); ans.mine {
				return ans
			}
		}
	}
	return sinkAnswer{}
}

// tagged completes a command.
func (c *Client) tagged(r *Response) error {
	cmd := c.take(r.Tag)
	if cmd == nil || r.Kind == StatusNone {
		// No command of ours, or no status: an odd line. A few harm nothing.
		if c.odd++; c.odd > maxOddLines {
			return &ProtocolError{Reason: "too many lines that are no responses"}
		}
		if cmd == nil {
			return nil
		}
	}
	c.absorb(r)
	if cmd.settle != nil {
		cmd.settle(r)
	}
	cmd.mu.Lock()
	if cmd.finish != nil && !cmd.abandoned {
		cmd.finish(r)
	}
	cmd.mu.Unlock()
	var err error
	switch {
	case r.Kind == StatusOK && cmd.upgrade != nil:
		err = cmd.upgrade()
	case r.Kind != StatusOK:
		cmd.complete(&StatusError{Command: cmd.name, Kind: r.Kind, Code: r.Code, Text: r.Text})
	}
	if err != nil && !errors.Is(err, errDetached) {
		cmd.complete(err)
		return err
	}
	cmd.complete(cmd.trouble)
	return err
}

// take removes the command with the tag from those in flight.
func (c *Client) take(tag string) *command {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, cmd := range c.inflight {
		if cmd.tag != tag {
			continue
		}
		if i == 0 {
			c.inflight[0] = nil
			c.inflight = c.inflight[1:]
		} else {
			// A new slice: the writer may be appending behind the old one.
			c.inflight = append(append([]*command(nil), c.inflight[:i]...), c.inflight[i+1:]...)
		}
		if len(c.inflight) == 0 {
			c.inflight = nil
		}
		if len(c.queue) > 0 || len(c.inflight) == 0 {
			c.poke()
		}
		return cmd
	}
	return nil
}

// unsolicited makes an event of what no command claimed.
func (c *Client) unsolicited(r *Response) {
	box := c.Mailbox()
	emit := c.opts.Handler
	switch {
	case r.Kind == StatusBYE:
		emit(ByeEvent{r.Code, r.Text})
	case r.Kind != StatusNone:
		c.unsolicitedCode(r, box)
	case r.Word == "EXISTS" && r.hasNum:
		emit(ExistsEvent{box, r.Num})
	case r.Word == "RECENT" && r.hasNum:
		emit(RecentEvent{box, r.Num})
	case r.Word == "EXPUNGE" && r.hasNum:
		emit(ExpungeEvent{box, SeqNum(r.Num)})
	case r.Word == "FETCH" && c.fresh.load(r, c.flags):
		emit(FetchEvent{box, &c.fresh})
	case r.Word == "FLAGS":
		emit(FlagsEvent{Mailbox: box, Flags: flagList(r.Arg(0), c.flags)})
	case r.Word == "CAPABILITY", r.Word == "ENABLED":
	default:
		c.unsolicitedRare(r, box)
	}
}

func (c *Client) unsolicitedCode(r *Response, box string) {
	if r.Code.Name == CodePermanentFlags {
		c.opts.Handler(FlagsEvent{Mailbox: box, Flags: r.Code.Flags(), Permanent: true})
		return
	}
	if r.Code.Name != CodeCapability && r.Code.Name != CodeClosed {
		c.opts.Handler(StatusLineEvent{r.Kind, r.Code, r.Text})
	}
}

func (c *Client) unsolicitedRare(r *Response, box string) {
	emit := c.opts.Handler
	switch r.Word {
	case "VANISHED":
		if set, earlier, ok := vanishedOf(r); ok {
			emit(VanishedEvent{box, set, earlier})
			return
		}
	case "STATUS":
		emit(StatusEvent{decodeStatus(r, c.utf8On())})
		return
	case "LIST", "LSUB":
		emit(ListEvent{decodeList(r, c.utf8On())})
		return
	case "METADATA":
		e := MetadataEvent{Mailbox: decodeMailbox(r.Arg(0).Raw(), c.utf8On())}
		cur := r.args.cursor()
		cur.next()
		for n := cur.next(); n.Present() && len(e.Entries) < maxFlags; n = cur.next() {
			e.Entries = append(e.Entries, n.Text())
		}
		emit(e)
		return
	case "ESEARCH":
		emit(SearchUpdateEvent{decodeESearch(r)})
		return
	}
	emit(UnknownEvent{r})
}
