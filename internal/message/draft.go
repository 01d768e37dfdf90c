package message

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// Draft is a message to be written (RFC 8621, section 4.6).
type Draft struct {
	// Fields are the header fields in their order, without any that begins with
	// "Content-".
	Fields []DraftField
	// Body is the structure; nil is an empty text.
	Body *DraftPart
	// Now is written as Date when Fields have none; zero is the current time.
	Now time.Time
	// Domain is the right side of the Message-ID made when Fields have none, "" is
	// "localhost.invalid". The caller takes it from the sender's address.
	Domain string
}

// DraftField is one header field to be written.
type DraftField struct {
	Property string // the client's property, for errors: "subject", "header:X-A:asText"
	Name     string // field name
	Value    FieldValue
}

// DraftPart is one part to be written. A part has SubParts when its Type is
// multipart/*, else Open when its bytes come from elsewhere, else Text.
type DraftPart struct {
	Property    string // for errors: "attachments/0"
	Type        string // default text/plain
	Charset     string // of what Open reads; text in Text is written as UTF-8
	Name        string
	Disposition string
	CID         string
	Language    []string
	Location    string
	ReportType  string       // of a multipart/report (RFC 3462, section 1)
	Fields      []DraftField // further fields
	SubParts    []*DraftPart
	Text        string
	// Open starts reading the bytes of an attachment. It is called once when the
	// draft is composed and once for each WriteTo, and must give the same bytes.
	Open func() (io.ReadCloser, error)
}

// PropertyError says which property of a draft cannot be written, and why.
type PropertyError struct {
	Property string
	Reason   string
}

func (e *PropertyError) Error() string { return fmt.Sprintf("property %s: %s", e.Property, e.Reason) }

func refuse(property, format string, args ...any) error {
	return &PropertyError{Property: property, Reason: fmt.Sprintf(format, args...)}
}

// Composed is a draft whose bytes are settled: each WriteTo writes the same.
type Composed struct {
	// MessageID is the id that was given or made, without angle brackets.
	MessageID string
	root      *node
	size      int64
}

// Compose checks a draft and settles how it is encoded. Errors are of type
// *PropertyError, except those of Open.
func Compose(d Draft) (*Composed, error) {
	fields, id, err := messageFields(d)
	if err != nil {
		return nil, err
	}
	body := d.Body
	if body == nil {
		body = &DraftPart{Property: "bodyStructure"}
	}
	b := builder{top: namesOf(d.Fields)}
	root, err := b.part(body, 0)
	if err != nil {
		return nil, err
	}
	fields = append(fields, "MIME-Version: 1.0\r\n"...)
	root.header = append(fields, root.header...)
	c := &Composed{MessageID: id, root: root}
	c.size, err = c.WriteTo(io.Discard)
	if err != nil {
		return nil, fmt.Errorf("measuring the message: %w", err)
	}
	return c, nil
}

// Size is the message's length in bytes, as an IMAP literal needs it first.
func (c *Composed) Size() int64 { return c.size }

// WriteTo writes the message. An error is the writer's or one of Open's.
func (c *Composed) WriteTo(w io.Writer) (int64, error) {
	cw := &countWriter{w: w}
	err := c.root.write(cw)
	return cw.n, err
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// namesOf maps field names in lower case to the property that sets them.
func namesOf(fields []DraftField) map[string]string {
	m := map[string]string{}
	for _, f := range fields {
		m[strings.ToLower(f.Name)] = f.Property
	}
	return m
}

// messageFields writes the fields of the message, with the Date and Message-ID
// that RFC 5322, section 3.6 asks for when they are missing.
func messageFields(d Draft) (out []byte, id string, err error) {
	out, err = appendFields(nil, d.Fields, false)
	if err != nil {
		return nil, "", err
	}
	seen := namesOf(d.Fields)
	if _, ok := seen["date"]; !ok {
		now := d.Now
		if now.IsZero() {
			now = time.Now()
		}
		out = append(out, "Date: "+now.Format(dateLayout)+"\r\n"...)
	}
	if _, ok := seen["message-id"]; ok {
		if ids := ParseMessageIDs(ParseHeader(out).rawOf("Message-ID")); len(ids) > 0 {
			id = ids[0]
		}
		return out, id, nil
	}
	id = newMessageID(d.Domain)
	return append(out, "Message-ID: <"+id+">\r\n"...), id, nil
}

func (h Header) rawOf(name string) string {
	f, _ := h.Last(name)
	return f.Value
}

// newMessageID makes an id with 128 random bits and nothing else: no time, no
// host, no process (RFC 5322, section 3.6.4).
func newMessageID(domain string) string {
	domain = asciiDomain(domain)
	if domain == "" || len(domain) > 255 || !isDotAtom(domain) || !isASCII([]byte(domain)) {
		domain = "localhost.invalid"
	}
	return randomHex(16) + "@" + domain
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// appendFields writes fields, refusing what a part or the message may not have.
func appendFields(out []byte, fields []DraftField, inPart bool) ([]byte, error) {
	if len(fields) > MaxHeaderFields {
		return nil, refuse("headers", "more than %d fields", MaxHeaderFields)
	}
	by := map[string]string{}
	for _, f := range fields {
		key := strings.ToLower(f.Name)
		if prev, ok := by[key]; ok && prev != f.Property {
			return nil, refuse(f.Property, "sets the same header field as %s", prev)
		}
		by[key] = f.Property
		if err := checkName(f, inPart); err != nil {
			return nil, err
		}
		b, err := f.append(out)
		if err != nil {
			return nil, err
		}
		out = b
	}
	return out, nil
}

func checkName(f DraftField, inPart bool) error {
	key := strings.ToLower(f.Name)
	switch {
	case f.Name == "" || !isFieldName([]byte(f.Name)) || len(f.Name) > 100:
		return refuse(f.Property, "not a header field name")
	case key == "mime-version" || key == "content-transfer-encoding":
		return refuse(f.Property, "set by the server")
	case strings.HasPrefix(key, "content-") && !inPart:
		return refuse(f.Property, "belongs to a body part")
	case f.Value == nil:
		return refuse(f.Property, "has no value")
	case !f.Value.form().AllowedFor(f.Name):
		return refuse(f.Property, "form %s is not defined for %s", f.Value.form(), f.Name)
	}
	return nil
}
