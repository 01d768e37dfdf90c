package message

// Part is one MIME entity: EmailBodyPart of RFC 8621, section 4.1.4. Strings
// that are null there are "" here. It can be filled by Parse, or by another room
// from an IMAP BODYSTRUCTURE.
type Part struct {
	PartID      string // IMAP section number; "" if and only if Type is multipart/*
	BlobID      string // left to others
	Size        int64  // bytes after transfer decoding; of a multipart: 0
	Headers     Header
	Name        string // file name, decoded; as the sender wrote it: never use it as a path
	Type        string // lower case, without parameters
	Charset     string // as the mail says it; "us-ascii" when a text part says nothing
	Disposition string // lower case: "inline", "attachment", or anything
	CID         string // without angle brackets
	Language    []string
	Location    string
	SubParts    []*Part // of a multipart

	// Section is the IMAP section of any part, also of a multipart; "" is the
	// message itself when that is a multipart.
	Section string
	// Encoding is the Content-Transfer-Encoding in lower case, "" when not given.
	Encoding string
	// EncodedSize is the size in bytes as it stands in the message.
	EncodedSize int64
	// Params are the parameters of Content-Type, names in lower case, values
	// decoded, the first of each name.
	Params map[string]string
	// Embedded is the message inside of a message/rfc822 or message/global part.
	// RFC 8621 does not recurse into it; readers of signatures and reports do.
	Embedded *Message

	body []byte // encoded body; nil when only the structure is known
}

// IsMultipart says whether the part has parts instead of a body.
func (p *Part) IsMultipart() bool { return hasPrefix(p.Type, "multipart/") }

// IsText says whether the part has a BodyValue.
func (p *Part) IsText() bool { return hasPrefix(p.Type, "text/") }

// SetBody gives a part that was filled from a structure the bytes of its IMAP
// section, still transfer-encoded. If these are all, its size is exact from then on.
func (p *Part) SetBody(encoded []byte) {
	p.body = encoded
	if int64(len(encoded)) == p.EncodedSize {
		p.Size = decodedSize(p.Encoding, encoded)
	}
}

// IsEncoded says whether the part's encoding changes its bytes.
func (p *Part) IsEncoded() bool { return isEncoded(p.Encoding) }

// Encoded is the body as it stands in the message, nil if it is not known.
func (p *Part) Encoded() []byte { return p.body }

// Decoded is the body after transfer decoding. When problem is true, the
// encoding is unknown (then the bytes are as they stand) or was malformed.
func (p *Part) Decoded() (data []byte, problem bool) {
	return DecodeTransfer(p.Encoding, p.body)
}

// Walk calls f for p and each part under it, depth first, not entering embedded
// messages.
func (p *Part) Walk(f func(*Part)) {
	f(p)
	for _, sub := range p.SubParts {
		sub.Walk(f)
	}
}

// Find is the part of that id under p, or nil.
func (p *Part) Find(partID string) *Part {
	if partID == "" {
		return nil
	}
	var found *Part
	p.Walk(func(q *Part) {
		if q.PartID == partID && found == nil {
			found = q
		}
	})
	return found
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }
