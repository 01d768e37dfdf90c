package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// part is a MIME entity: header lines and body, with CRLF.
type part struct {
	header []string
	body   []byte
}

func (p part) bytes() []byte {
	return append([]byte(strings.Join(p.header, "\r\n")+"\r\n\r\n"), p.body...)
}

// container puts parts into a multipart.
func container(kind, boundary string, parts ...part) part {
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n", boundary, p.bytes())
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return part{[]string{fmt.Sprintf("Content-Type: %s; boundary=\"%s\"", kind, boundary)}, b.Bytes()}
}

// textPart encodes text in the way that its charset is usually sent.
func textPart(kind, charset, text, more string) (part, error) {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	b, err := encodeCharset(charset, text)
	if err != nil {
		return part{}, err
	}
	var transfer string
	switch {
	case charset == "iso-2022-jp":
		transfer = "7bit"
	case charset == "koi8-r" || charset == "euc-kr" || charset == "big5":
		transfer = "8bit"
	case mostlyASCII(b):
		transfer = "quoted-printable"
		var q bytes.Buffer
		w := quotedprintable.NewWriter(&q)
		// Writing into memory cannot fail.
		_, _ = w.Write(b)
		_ = w.Close()
		b = q.Bytes()
	default:
		transfer = "base64"
		b = wrap64(b)
	}
	return part{[]string{
		fmt.Sprintf("Content-Type: %s; charset=%s%s", kind, charset, more), "Content-Transfer-Encoding: " + transfer,
	}, b}, nil
}

func mostlyASCII(b []byte) bool {
	n := 0
	for _, c := range b {
		if c >= 0x80 {
			n++
		}
	}
	return n*4 < len(b)
}

func encodeCharset(name, text string) ([]byte, error) {
	if name == "utf-8" {
		return []byte(text), nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("charset %s: %w", name, err)
	}
	b, err := encoding.ReplaceUnsupported(enc.NewEncoder()).Bytes([]byte(text))
	if name == "iso-2022-jp" && bytes.LastIndex(b, []byte("\x1b$")) > bytes.LastIndex(b, []byte("\x1b(B")) {
		b = append(b, "\x1b(B"...) // the text must end in ASCII (RFC 1468)
	}
	return b, err
}

func wrap64(b []byte) []byte {
	s := base64.StdEncoding.EncodeToString(b)
	var out bytes.Buffer
	for len(s) > 76 {
		out.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	out.WriteString(s + "\r\n")
	return out.Bytes()
}

// words encodes a header text (RFC 2047) in charset, a few characters a word.
func words(charset, s string) (string, error) {
	if strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return s, nil
	}
	if charset == "utf-8" {
		return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?"), nil
	}
	var out []string
	for chunk := range slices.Chunk([]rune(s), 12) {
		b, err := encodeCharset(charset, string(chunk))
		if err != nil {
			return "", err
		}
		out = append(out, fmt.Sprintf("=?%s?B?%s?=", charset, base64.StdEncoding.EncodeToString(b)))
	}
	return strings.Join(out, "\r\n "), nil
}

// filePart is an attachment.
func filePart(f file) part {
	params := mime.FormatMediaType("attachment", map[string]string{"filename": f.name})
	return part{[]string{
		"Content-Type: " + f.kind, "Content-Disposition: " + params, "Content-Transfer-Encoding: base64",
	}, wrap64(f.data)}
}

// body makes the letter's content.
func (l letter) body(text, boundary string, now timeline) (part, error) {
	charset := l.charset
	if charset == "" {
		charset = "utf-8"
	}
	more := ""
	if l.flowed {
		more, text = "; format=flowed", flow(text)
	}
	p, err := textPart("text/plain", charset, text, more)
	if err != nil {
		return p, err
	}
	if l.html != "" {
		if p, err = l.withHTML(p, text, boundary); err != nil {
			return p, err
		}
	}
	if l.invite != "" || l.reply != "" {
		p = l.withCalendar(p, boundary, now)
	}
	if len(l.attach) == 0 {
		return p, nil
	}
	parts := []part{p}
	for _, spec := range l.attach {
		f, err := sampleFile(spec)
		if err != nil {
			return p, err
		}
		parts = append(parts, filePart(f))
	}
	return container("multipart/mixed", boundary+"m", parts...), nil
}

// flow wraps paragraphs with soft line breaks (RFC 3676).
func flow(text string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		width := 0
		for i, word := range strings.Fields(line) {
			if i > 0 {
				out.WriteByte(' ')
				if width+len(word) > 70 && !strings.HasPrefix(line, ">") {
					out.WriteByte('\n')
					width = 0
				}
			}
			out.WriteString(word)
			width += len(word) + 1
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// withHTML adds the HTML form and its images.
func (l letter) withHTML(plain part, text, boundary string) (part, error) {
	code := l.html
	if code == "auto" {
		code = paragraphs(text)
	}
	h, err := textPart("text/html", "utf-8", code, "")
	if err != nil {
		return h, err
	}
	if len(l.inline) > 0 {
		parts := []part{h}
		for _, id := range slices.Sorted(maps.Keys(l.inline)) {
			parts = append(parts, part{[]string{
				"Content-Type: image/png", "Content-ID: <" + id + ">", "Content-Disposition: inline; filename=\"logo.png\"",
				"Content-Transfer-Encoding: base64",
			}, wrap64(l.inline[id])})
		}
		h = container("multipart/related", boundary+"r", parts...)
	}
	return container("multipart/alternative", boundary+"a", plain, h), nil
}

// paragraphs makes plain text into simple HTML, from right to left where it is.
func paragraphs(text string) string {
	dir := "ltr"
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Hebrew, unicode.Arabic) }) {
		dir = "rtl"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html dir=\"%s\"><body style=\"font-family: Georgia, serif; color: #222\">\n", dir)
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		fmt.Fprintf(&b, "<p>%s</p>\n", strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n"))
	}
	b.WriteString("</body></html>\n")
	return b.String()
}

// withCalendar adds an invitation or its answer, twice as usual: as a view of
// the text and as a file.
func (l letter) withCalendar(plain part, boundary string, now timeline) part {
	people := correspondents()
	method, event, organizer, attendee := "REQUEST", l.invite, l.from, l.to[0]
	if l.reply != "" {
		method, event, organizer, attendee = "REPLY", l.reply, l.to[0], l.from
	}
	ics := calendar(method, event, people[organizer].address, people[attendee].address, now.now)
	view := part{[]string{"Content-Type: text/calendar; charset=utf-8; method=" + method, "Content-Transfer-Encoding: 7bit"}, ics}
	alternative := container("multipart/alternative", boundary+"c", plain, view)
	return container("multipart/mixed", boundary+"i", alternative, filePart(file{"invite.ics", "application/ics", ics}))
}
