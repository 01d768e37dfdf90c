package outbox

import (
	"fmt"
	"io"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// content is what must be known of a mail before the first command: SMTP wants
// its size (RFC 1870) and nature in MAIL FROM.
type content struct {
	size     int64 // bytes as they go over the wire
	eightBit bool  // it has bytes above 127 (RFC 6152)
	utf8     bool  // its header has an address that only SMTPUTF8 can carry (RFC 6531)
}

// errTooLarge says that a mail is larger than maxSize.
var errTooLarge = fmt.Errorf("mail is larger than %d bytes", maxSize)

// scan reads a mail to its end.
func scan(r io.Reader, newID string) (*head, content, error) {
	h, err := readHead(r, newID)
	if err != nil {
		return nil, content{}, err
	}
	c := content{utf8: hasUTF8Address(h.fields)}
	if err := c.read(io.MultiReader(strings.NewReader(string(h.out)), h.rest)); err != nil {
		return nil, content{}, err
	}
	return h, c, nil
}

func (c *content) read(r io.Reader) error {
	b := make([]byte, 32<<10)
	for {
		n, err := r.Read(b)
		c.size += int64(n)
		c.eightBit = c.eightBit || !isASCII(b[:n])
		switch {
		case c.size > maxSize:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] > 127 {
			return false
		}
	}
	return true
}

// hasUTF8Address says that a field of addresses names one outside of ASCII. Other
// UTF-8 in a header does not ask for SMTPUTF8 here: servers pass it on as they do
// 8-bit text, and asking would make them refuse every recipient whose server
// lacks the extension (Postfix 3.7 before Dovecot 2.3's LMTP does).
func hasUTF8Address(h message.Header) bool {
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc"} {
		for _, a := range addresses(h, name) {
			if !isASCII(a) {
				return true
			}
		}
	}
	return false
}

// parameters are those of MAIL FROM: the person's own, and what the mail's
// content asks for, which is not theirs to state.
func (c content) parameters(own map[string]*string) map[string]*string {
	out := map[string]*string{}
	for name, value := range own {
		switch strings.ToUpper(name) {
		case "BODY", "SMTPUTF8", "SIZE":
		default:
			out[name] = value
		}
	}
	if c.eightBit || c.utf8 {
		body := "8BITMIME"
		out["BODY"] = &body
	}
	if c.utf8 {
		out["SMTPUTF8"] = nil
	}
	return out
}

// addressed is the envelope as it is sent.
func (c content) addressed(e *jmap.Envelope) *jmap.Envelope {
	e.MailFrom.Parameters = c.parameters(e.MailFrom.Parameters)
	return e
}
