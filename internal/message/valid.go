package message

import (
	"strings"
	"time"
)

// IsMessage says whether a header block can be that of a mail: it has at least
// one of the fields that RFC 5322 section 3.6 and RFC 2045 define. It tells mail
// from other files, which may have lines with colons too; mail that breaks every
// other rule is still mail.
func (h Header) IsMessage() bool {
	for _, f := range h {
		switch strings.ToLower(f.Name) {
		case "from", "sender", "reply-to", "to", "cc", "bcc", "date", "subject", "message-id", "in-reply-to", "references",
			"received", "return-path", "resent-from", "resent-date", "mime-version", "content-type":
			return true
		}
	}
	return false
}

// ReceivedAt is the time in the topmost Received field that has one: when the
// last server took the mail (RFC 5321, section 4.4). It is false if none has.
func (h Header) ReceivedAt() (time.Time, bool) {
	for _, f := range h.All("Received") {
		if at := strings.LastIndexByte(f.Value, ';'); at >= 0 {
			if t, ok := ParseDate(f.Value[at+1:]); ok {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
