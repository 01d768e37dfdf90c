package demo

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// searchText is a mail as SEARCH reads it: decoded, in lower case.
type searchText struct {
	header netmail.Header
	raw    io.Reader // the body, until it is decoded
	body   *string
}

func newSearchText(mail []byte) *searchText {
	m, err := netmail.ReadMessage(bytes.NewReader(mail))
	if err != nil {
		return &searchText{header: netmail.Header{}, raw: bytes.NewReader(mail)}
	}
	return &searchText{header: m.Header, raw: m.Body}
}

// inHeader looks for value in the fields named key; "" asks whether there is one.
func (s *searchText) inHeader(key, value string) bool {
	for _, v := range s.header[textproto.CanonicalMIMEHeaderKey(key)] {
		if strings.Contains(fold(decodeWords(v)), fold(value)) {
			return true
		}
	}
	return false
}

func (s *searchText) headText() string {
	var b strings.Builder
	for _, values := range s.header {
		for _, v := range values {
			b.WriteString(fold(decodeWords(v)))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (s *searchText) bodyText() string {
	if s.body == nil {
		var b strings.Builder
		collectText(&b, textproto.MIMEHeader(s.header), s.raw, 0)
		folded := fold(b.String())
		s.body = &folded
	}
	return *s.body
}

// collectText appends all text parts. Damaged parts give what can be read.
func collectText(out *strings.Builder, h textproto.MIMEHeader, r io.Reader, depth int) {
	if depth > maxTextDepth {
		return
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil
	}
	r = decodeTransfer(h.Get("Content-Transfer-Encoding"), r)
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		mr := multipart.NewReader(r, params["boundary"])
		for {
			p, err := mr.NextRawPart()
			if err != nil {
				return
			}
			collectText(out, p.Header, p, depth+1)
		}
	case kind == "message/rfc822":
		if m, err := netmail.ReadMessage(r); err == nil {
			collectText(out, textproto.MIMEHeader(m.Header), m.Body, depth+1)
		}
	case strings.HasPrefix(kind, "text/"):
		b, _ := io.ReadAll(r)
		out.WriteString(decodeCharset(params["charset"], b))
		out.WriteByte('\n')
	}
}

func decodeTransfer(enc string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(enc)) {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	}
	return r
}

func decodeCharset(name string, b []byte) string {
	if enc, err := htmlindex.Get(name); err == nil {
		if out, err := enc.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

func decodeWords(s string) string {
	dec := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		enc, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return enc.NewDecoder().Reader(r), nil
	}}
	out, err := dec.DecodeHeader(s)
	if err != nil {
		return s
	}
	return out
}

// fold makes a search insensitive to case and line breaks.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}
