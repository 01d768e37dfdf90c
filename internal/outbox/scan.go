package outbox

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// content is what must be known of a mail before the first command: SMTP wants
// its size (RFC 1870) and nature in MAIL FROM.
type content struct {
	size     int64 // bytes as they go over the wire
	eightBit bool  // it has bytes above 127 (RFC 6152)
	foretold bool  // neither was read here
}

// errTooLarge says that a mail is larger than maxSize.
var errTooLarge = fmt.Errorf("mail is larger than %d bytes", maxSize)

// scan reads a mail to its end.
func scan(r io.Reader, newID string) (*head, content, error) {
	h, err := readHead(r, newID)
	if err != nil {
		return nil, content{}, err
	}
	var c content
	if err := c.read(io.MultiReader(strings.NewReader(string(h.out)), h.rest)); err != nil {
		return nil, content{}, err
	}
	return h, c, nil
}

// foretell is scan of a mail that is known: its header alone is read.
func foretell(m *Mail, newID string) (*head, content, error) {
	h, err := readHead(m.Body, newID)
	if err != nil {
		return nil, content{}, err
	}
	c := content{size: m.Size - int64(h.read) + int64(len(h.out)), eightBit: m.EightBit || !asciiOnly(h.out), foretold: true}
	if c.size > maxSize {
		return nil, content{}, errTooLarge
	}
	return h, c, nil
}

// wrong says that what a mail was foretold to be is not what it is. Its size is an
// estimate by RFC 1870, section 5, as long as it is not too large.
func (c content) wrong(is content) bool { return is.eightBit && !c.eightBit || is.size > c.size }

func (c *content) read(r io.Reader) error {
	b := make([]byte, 32<<10)
	for {
		n, err := r.Read(b)
		c.add(b[:n])
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

func (c *content) add(b []byte) {
	c.size += int64(len(b))
	c.eightBit = c.eightBit || !asciiOnly(b)
}

// asciiOnly is isASCII for the whole of a mail, eight bytes at a time.
func asciiOnly(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	return isASCII(b)
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] > 127 {
			return false
		}
	}
	return true
}

// parameters are those of MAIL FROM: the person's own, but for size and nature of
// the mail, which are not theirs to state.
//
// SMTPUTF8 (RFC 6531) is asked for when an envelope address needs it, which the
// submission client sees, and when the person asks. UTF-8 in a header alone does
// not ask for it: servers pass it on as they do 8-bit text, whereas a mail that
// asked comes to nobody whose server lacks the extension. Postfix 3.7 returns it
// when Dovecot 2.3's LMTP is next, and the notice, which quotes the header, too.
func (c content) parameters(own map[string]*string) map[string]*string {
	out := map[string]*string{}
	for name, value := range own {
		switch strings.ToUpper(name) {
		case "BODY", "SIZE", "HOLDFOR", "HOLDUNTIL":
		default:
			out[name] = value
		}
	}
	if c.eightBit {
		body := "8BITMIME"
		out["BODY"] = &body
	}
	return out
}

// addressed is the envelope as it is sent, to be held by the server until later.
func (c content) addressed(e *jmap.Envelope, later time.Time) *jmap.Envelope {
	e.MailFrom.Parameters = c.parameters(e.MailFrom.Parameters)
	if !later.IsZero() {
		until := later.Format(time.RFC3339)
		e.MailFrom.Parameters["HOLDUNTIL"] = &until
	}
	return e
}
