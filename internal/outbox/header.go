package outbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"cofferdam/internal/message"
)

// errHeader says that a header block is larger than maxHeader.
var errHeader = fmt.Errorf("header block is larger than %d bytes", maxHeader)

// head is a mail's header block, ready to be sent, and what was read from it.
type head struct {
	out       []byte // without Bcc, with a Message-ID, blank line included if there is one
	fields    message.Header
	messageID string    // without angle brackets; "" if the mail's own cannot be read
	read      int       // bytes of the block as it was, on line ends of the wire
	rest      io.Reader // the body, as it goes over the wire
}

// readHead reads the header block of a mail and takes the Bcc fields out of what
// is sent (RFC 8621 section 7.5); the copy in the mailbox keeps them. A mail
// without a Message-ID gets newID. Nothing else is changed but line ends.
func readHead(r io.Reader, newID string) (*head, error) {
	br := bufio.NewReader(newWire(r))
	var raw bytes.Buffer
	for begun := false; ; {
		line, err := br.ReadSlice('\n')
		raw.Write(line)
		if raw.Len() > maxHeader {
			return nil, errHeader
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if !begun && isBlank(line) || errors.Is(err, io.EOF) {
			break
		}
		begun = errors.Is(err, bufio.ErrBufferFull) // the rest of a long line follows
	}
	h := &head{out: withoutBcc(raw.Bytes()), fields: message.ParseHeader(raw.Bytes()), read: raw.Len(), rest: br}
	f, has := h.fields.Last("Message-ID")
	switch ids := f.MessageIDs(); {
	case !has:
		h.messageID = newID
		h.out = append([]byte("Message-ID: <"+newID+">\r\n"), h.out...)
	case len(ids) > 0:
		h.messageID = ids[0]
	}
	return h, nil
}

func isBlank(line []byte) bool { return string(line) == "\r\n" }

// withoutBcc drops the fields Bcc and Resent-Bcc with their folded lines.
func withoutBcc(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	dropping := false
	for line := range bytes.Lines(raw) {
		if line[0] != ' ' && line[0] != '\t' {
			dropping = isBcc(line)
		}
		if !dropping {
			out = append(out, line...)
		}
	}
	return out
}

func isBcc(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	field := string(bytes.TrimRight(name, " \t")) // RFC 5322, section 4.5: obsolete white space before the colon
	return found && (strings.EqualFold(field, "bcc") || strings.EqualFold(field, "resent-bcc"))
}
