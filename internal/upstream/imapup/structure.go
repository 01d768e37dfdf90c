package imapup

import (
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/message"
)

// partOf turns a BODYSTRUCTURE into a tree of message's, without bytes. It does
// not look into message/rfc822 parts, as RFC 8621, section 4.1.4 does not.
func partOf(b *imap.BodyPart) *message.Part {
	p := partFields(b)
	p.Section, p.Encoding, p.EncodedSize = b.Section, strings.ToLower(b.Encoding), b.Size
	p.Language, p.Location = b.Language, b.Location
	if b.IsMultipart() {
		for _, c := range b.Children {
			p.SubParts = append(p.SubParts, partOf(c))
		}
		return p
	}
	p.PartID = b.Section
	p.Size = decodedSize(p.Encoding, b.Size)
	p.CID = strings.Trim(strings.TrimSpace(b.ID), "<>")
	return p
}

// partFields works out what depends on parameters. Where they are encoded (RFC
// 2231, RFC 2047), message reads them from a header that says the same.
func partFields(b *imap.BodyPart) *message.Part {
	if !needsParser(b.Params) && !needsParser(b.DispParams) {
		p := &message.Part{Type: b.Type + "/" + b.Subtype, Disposition: b.Disposition, Name: b.Filename(),
			Params: make(map[string]string, len(b.Params))}
		for _, param := range b.Params {
			if _, ok := p.Params[param.Name]; !ok {
				p.Params[param.Name] = param.Value
			}
		}
		if p.Charset = p.Params["charset"]; p.Charset == "" && b.Type == "text" {
			p.Charset = "us-ascii"
		}
		return p
	}
	var h strings.Builder
	h.WriteString("Content-Type: " + b.Type + "/" + b.Subtype)
	writeParams(&h, b.Params)
	if b.Disposition != "" {
		h.WriteString("Content-Disposition: " + b.Disposition)
		writeParams(&h, b.DispParams)
	}
	h.WriteString("\r\n")
	got := message.Parse([]byte(h.String())).Body
	return &message.Part{Type: b.Type + "/" + b.Subtype, Disposition: b.Disposition, Name: got.Name, Params: got.Params, Charset: got.Charset}
}

func needsParser(params []imap.Param) bool {
	for _, p := range params {
		if strings.HasSuffix(p.Name, "*") || strings.Contains(p.Name, "*") || strings.Contains(p.Value, "=?") {
			return true
		}
		for i := 0; i < len(p.Value); i++ {
			if p.Value[i] >= 0x80 {
				return true
			}
		}
	}
	return false
}

// writeParams writes parameters so that they are read as they were.
func writeParams(h *strings.Builder, params []imap.Param) {
	clean := strings.NewReplacer("\r", "", "\n", "", `\`, `\\`, `"`, `\"`)
	for _, p := range params {
		h.WriteString("; " + clean.Replace(p.Name) + "=")
		if strings.HasSuffix(p.Name, "*") {
			h.WriteString(strings.NewReplacer("\r", "", "\n", "", ";", "%3B", " ", "%20", `"`, "%22").Replace(p.Value))
			continue
		}
		h.WriteString(`"` + clean.Replace(p.Value) + `"`)
	}
	h.WriteString("\r\n")
}

// decodedSize is the size of a part after decoding as far as the encoded size
// tells: exact where nothing is encoded, within two bytes for base64 in lines of
// 76, a little too high for quoted-printable.
func decodedSize(encoding string, encoded int64) int64 {
	if encoding != "base64" {
		return encoded
	}
	lines := encoded / 78
	letters := encoded - 2*lines
	if rest := encoded % 78; rest > 2 {
		letters -= 2
	}
	return letters / 4 * 3
}
