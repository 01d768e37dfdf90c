package imap

import (
	"fmt"
	"io"
	"time"
)

// AppendMessage is one message of an APPEND.
type AppendMessage struct {
	Body  io.Reader // read on the client's writing goroutine until Size bytes came
	Size  int64     // exact size in bytes
	Flags []Flag
	Date  time.Time // INTERNALDATE; zero lets the server choose
	// Literal8 sends the body as literal8, for NULs (RFC 3516).
	Literal8 bool
	// UTF8 wraps the body in UTF8 (...), for headers in UTF-8 (RFC 6855,
	// section 4). Needs UTF8=ACCEPT enabled.
	UTF8 bool
}

// Appended is the end of an APPEND.
type Appended struct {
	UIDValidity uint32 // zero without UIDPLUS
	UIDs        []UID  // one a message, in order; nil without UIDPLUS
	Code        Code
}

// Append appends messages. More than one needs MULTIAPPEND (RFC 3502) and is
// all or nothing. A body that ends early, or a caller who goes away while the
// body is being written, ends the connection: there is no other way to take
// back an announced literal. The body must not block longer than the caller's
// context. A missing mailbox is refused with CodeTryCreate.
func (c *Client) Append(mailbox string, msgs ...AppendMessage) *Future[*Appended] {
	if len(msgs) == 0 {
		return failed[*Appended](fmt.Errorf("%w: APPEND of no message", ErrBadArgument))
	}
	e := c.encode("APPEND")
	e.sp().mailbox(mailbox)
	for i := range msgs {
		encodeAppend(e, &msgs[i])
	}
	v := new(Appended)
	return start(c, &v, &command{name: "APPEND", enc: e, finish: func(r *Response) {
		v.Code = r.Code
		v.UIDValidity, v.UIDs, _ = r.Code.AppendUID()
	}})
}

func encodeAppend(e *encoder, m *AppendMessage) {
	if m.Size < 0 || m.Body == nil {
		e.fail("message without body or size")
	}
	if len(m.Flags) > 0 {
		e.sp().flags(m.Flags)
	}
	if !m.Date.IsZero() {
		e.sp().dateTime(m.Date)
	}
	prefix := ""
	if m.Literal8 || m.UTF8 {
		prefix = "~"
	}
	if m.UTF8 {
		e.raw(" UTF8 (").stream(prefix, m.Body, m.Size).raw(")")
		return
	}
	e.sp().stream(prefix, m.Body, m.Size)
}
