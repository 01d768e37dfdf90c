package imap

// Copied is the end of a COPY or MOVE.
type Copied struct {
	// UIDs tells the new uids (COPYUID); empty when the server has no UIDPLUS
	// or the destination does not tell.
	UIDs CopyUID
	Code Code // of the last tagged answer
}

// Copy starts a UID COPY. One command is all or nothing (RFC 9051, section
// 6.4.7); a set too long for one line is several commands, and then the value
// tells of those that succeeded, with an error too. A missing destination is
// refused with CodeTryCreate.
func (c *Client) Copy(uids UIDSet, mailbox string) *Future[Copied] {
	return c.transfer("UID COPY", uids, mailbox)
}

// Move starts a UID MOVE (RFC 6851). There is no fallback here: without MOVE,
// copy, wait, and only then mark and UIDExpunge.
func (c *Client) Move(uids UIDSet, mailbox string) *Future[Copied] {
	return c.transfer("UID MOVE", uids, mailbox)
}

func (c *Client) transfer(verb string, uids UIDSet, mailbox string) *Future[Copied] {
	v := new(Copied)
	if uids.Empty() {
		return &Future[Copied]{value: v}
	}
	var cmds []*command
	for _, part := range uids.chunks(c.room(3*len(mailbox) + 100)) {
		e := c.encode(verb)
		e.sp().raw(part.String()).sp().mailbox(mailbox)
		cmds = append(cmds, &command{name: verb, enc: e, claim: copyClaim(v), finish: func(r *Response) {
			v.Code = r.Code
			if u, ok := r.Code.CopyUID(); ok {
				v.UIDs.merge(u)
			}
		}})
	}
	return start(c, v, cmds...)
}

// copyClaim takes the untagged OK [COPYUID ...] that MOVE sends before its
// EXPUNGEs (RFC 6851, section 4.3).
func copyClaim(v *Copied) func(*Response, bool) bool {
	return func(r *Response, deliver bool) bool {
		if r.Kind != StatusOK || r.Code.Name != CodeCopyUID {
			return false
		}
		if u, ok := r.Code.CopyUID(); ok && deliver {
			v.UIDs.merge(u)
		}
		return true
	}
}

// UIDExpunge removes those of the given messages that are marked \Deleted, and
// no others (RFC 4315, section 2.1). The uids vanish by the handler's
// VanishedEvent or ExpungeEvent.
func (c *Client) UIDExpunge(uids UIDSet) *Future[None] {
	v := new(None)
	if uids.Empty() {
		return &Future[None]{value: v}
	}
	var cmds []*command
	for _, part := range uids.chunks(c.room(50)) {
		e := c.encode("UID EXPUNGE")
		e.sp().raw(part.String())
		cmds = append(cmds, &command{name: "UID EXPUNGE", enc: e})
	}
	return start(c, v, cmds...)
}

// ExpungeAllUnsafe sends a plain EXPUNGE: every message marked \Deleted goes,
// also what another client marked and means to keep for now.
func (c *Client) ExpungeAllUnsafe() *Future[None] { return c.simple("EXPUNGE") }
