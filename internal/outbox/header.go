package outbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// head is a mail's header block, ready to be sent, and what was read from it.
type head struct {
	out       []byte // without Bcc, with a Message-ID, blank line included
	fields    message.Header
	messageID string
	rest      io.Reader // the body
}

// readHead reads the header block of a mail and takes the Bcc fields out of what
// is sent; the copy in the mailbox keeps them (RFC 5322 section 3.6.3). Nothing
// else is changed; a mail without a Message-ID gets newID.
func readHead(r io.Reader, newID string) (*head, error) {
	br := bufio.NewReader(r)
	var raw bytes.Buffer
	h := &head{rest: br}
	for {
		line, err := br.ReadSlice('\n')
		raw.Write(line)
		if raw.Len() > maxHeader {
			return nil, fmt.Errorf("header block is larger than %d bytes", maxHeader)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if isBlank(line) && wholeLine(raw.Bytes(), line) || err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	h.fields = message.ParseHeader(raw.Bytes())
	if f, ok := h.fields.Last("Message-ID"); ok {
		if ids := f.MessageIDs(); len(ids) > 0 {
			h.messageID = ids[0]
		}
	}
	h.out = withoutBcc(raw.Bytes())
	if h.messageID == "" {
		h.messageID = newID
		h.out = append([]byte("Message-ID: <"+newID+">\r\n"), h.out...)
	}
	return h, nil
}

func isBlank(line []byte) bool { return string(line) == "\r\n" || string(line) == "\n" }

// wholeLine says that line, the last of raw, began a line of its own.
func wholeLine(raw, line []byte) bool {
	at := len(raw) - len(line)
	return at == 0 || raw[at-1] == '\n'
}

// withoutBcc drops the fields Bcc and Resent-Bcc with their folded lines.
func withoutBcc(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	dropping := false
	for line := range bytes.Lines(raw) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			field := strings.ToLower(strings.TrimRight(string(name), " \t"))
			dropping = field == "bcc" || field == "resent-bcc"
		}
		if !dropping || isBlank(line) {
			out = append(out, line...)
		}
	}
	return out
}

// envelopeOf makes the envelope of a mail that states none (RFC 8621 section 7):
// the sender is Sender, else the first of From; recipients are To, Cc and Bcc,
// each once.
func envelopeOf(h message.Header) *jmap.Envelope {
	e := &jmap.Envelope{}
	for _, name := range []string{"Sender", "From"} {
		if list := addresses(h, name); len(list) > 0 && e.MailFrom.Email == "" {
			e.MailFrom.Email = list[0]
		}
	}
	seen := map[string]bool{}
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, a := range addresses(h, name) {
			if key := strings.ToLower(a); !seen[key] {
				seen[key] = true
				e.RcptTo = append(e.RcptTo, jmap.EnvelopeAddress{Email: a})
			}
		}
	}
	return e
}

func addresses(h message.Header, name string) []string {
	var out []string
	for _, f := range h.All(name) {
		for _, a := range f.Addresses() {
			if a.Email != "" {
				out = append(out, a.Email)
			}
		}
	}
	return out
}
