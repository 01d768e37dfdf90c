package differential

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/unicode/norm"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// The classes of values that rules match by: what exactly differs, and not where.

// fieldOf is the raw field of the mail that a path stands for, the last of its
// name, without folding.
func fieldOf(d difference) (string, bool) {
	name := strings.SplitN(strings.TrimPrefix(d.path, "header:"), "/", 2)[0]
	name, _, _ = strings.Cut(name, ":")
	if n := map[string]string{"replyTo": "Reply-To", "messageId": "Message-ID", "inReplyTo": "In-Reply-To", "sentAt": "Date"}[name]; n != "" {
		name = n
	}
	var found string
	ok := false
	for _, f := range fields(d.raw) {
		if n, v, _ := strings.Cut(f, ":"); strings.EqualFold(strings.TrimSpace(n), name) {
			found, ok = v, true
		}
	}
	return found, ok
}

// fields are the header fields of a mail, unfolded.
func fields(raw []byte) (out []string) {
	for line := range strings.SplitSeq(string(head(raw)), "\r\n") {
		if len(out) > 0 && strings.HasPrefix(strings.ReplaceAll(line, "\t", " "), " ") {
			out[len(out)-1] += line
		} else {
			out = append(out, line)
		}
	}
	return out
}

// plainly is a raw field with its encoded words decoded, by another decoder.
func plainly(raw string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(r), nil
	}}
	if text, err := d.DecodeHeader(raw); err == nil {
		return norm.NFC.String(text)
	}
	return raw
}

// squeeze leaves out what layout and quoting add.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f && r <= 0xa0 || r == 0xad || r == 0x3000 || strings.ContainsRune(`"\<>()`, r) {
			return -1
		}
		return r
	}, s)
}

// stands says that every text in a value stands in the field that it is of.
func stands(d difference, v any) bool {
	raw, ok := fieldOf(d)
	if !ok {
		return false
	}
	text := squeeze(plainly(raw)) + squeeze(raw)
	good := true
	walkTexts(v, func(s string) { good = good && strings.Contains(text, squeeze(s)) })
	return good
}

func walkTexts(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, e := range v {
			walkTexts(e, f)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walkTexts(v[k], f)
		}
	}
}

var word = regexp.MustCompile(`=\?[^?]*\?[^?]*\?[^?]*\?=`)

// decodedIn says that one text is the other with encoded words in it decoded.
func decodedIn(encoded, decoded string) bool {
	if !word.MatchString(encoded) {
		return false
	}
	var parts []string
	for _, p := range word.Split(encoded, -1) {
		parts = append(parts, regexp.QuoteMeta(squeeze(p)))
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, `.*`) + `$`).MatchString(squeeze(decoded))
}

// replacedIn says that one text is the other, with U+FFFD in place of runs of its
// characters.
func replacedIn(broken, whole string) bool {
	if !strings.Contains(broken, "\uFFFD") {
		return false
	}
	var parts []string
	for _, p := range regexp.MustCompile("\uFFFD+").Split(broken, -1) {
		parts = append(parts, regexp.QuoteMeta(p))
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, `.*`) + `$`).MatchString(whole)
}

// brokenFrom says that one text is the other up to a U+FFFD that the other does
// not have there: a decoder that lost its place.
func brokenFrom(broken, whole string) bool {
	before, _, ok := strings.Cut(broken, "\uFFFD")
	rest, same := strings.CutPrefix(whole, before)
	return ok && same && !strings.HasPrefix(rest, "\uFFFD")
}

// part is the part that a difference lies in, with its properties: by our view.
func (d difference) part() map[string]any {
	for i := len(d.within) - 1; i >= 0; i-- {
		if p, ok := d.within[i].ours.(map[string]any); ok && p["type"] != nil {
			return p
		}
	}
	if strings.HasPrefix(d.path, "bodyValues/") && len(d.within) > 1 {
		for i := range d.within {
			values, _ := d.within[i].ours.(map[string]any)
			for at, v := range values {
				if reflect.DeepEqual(v, d.within[len(d.within)-1].ours) || reflect.DeepEqual(v, d.ours) {
					if p := d.placed(at); p != nil {
						return p
					}
				}
			}
		}
	}
	return nil
}

// email is our whole Email.
func (d difference) email() map[string]any {
	if len(d.within) == 0 {
		return nil
	}
	e, _ := d.within[0].ours.(map[string]any)
	return e
}

// placed is the part at a place in our tree.
func (d difference) placed(at string) (found map[string]any) {
	walkParts(d.email()["bodyStructure"], "0", func(p map[string]any, here string) {
		if here == at {
			found = p
		}
	})
	return found
}

// own is a header field of the part itself.
func own(p map[string]any, name string) string {
	headers, _ := p["headers"].([]any)
	for _, h := range headers {
		f := h.(map[string]any)
		if strings.EqualFold(f["name"].(string), name) {
			return strings.ToLower(strings.TrimSpace(f["value"].(string)))
		}
	}
	return ""
}

// encoding is the part's transfer encoding.
func encoding(p map[string]any) string {
	e, _, _ := strings.Cut(own(p, "Content-Transfer-Encoding"), ";")
	return strings.TrimSpace(e)
}

var knownEncodings = []string{"", "7bit", "8bit", "binary", "base64", "quoted-printable"}

// onlyDiffer says that one of the parts that one list of places names, and another
// does not, is of some types.
func (d difference) onlyDiffer(types *regexp.Regexp) bool {
	count := map[string]int{}
	tally := func(v any, n int) {
		if s, ok := v.(string); ok {
			count[s] += n
		}
		list, _ := v.([]any)
		for _, e := range list {
			if s, ok := e.(string); ok {
				count[s] += n
			}
		}
	}
	tally(d.ours, 1)
	tally(d.theirs, -1)
	some := false
	for at, n := range count {
		if n == 0 {
			continue
		}
		if p := d.placed(at); p != nil {
			kind, _ := p["type"].(string)
			some = some || types.MatchString(kind)
		}
	}
	return some
}

// malformed says that a mail's MIME breaks the rules of RFC 2045 and 2046, by
// another parser: fields that are missing, doubled or cannot be read, boundaries
// that do not end, parts without a header that can be read, base64 that is none.
func malformed(raw []byte) bool {
	h, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return true
	}
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(slices.Clone(h), "\r\n\r\n"...)))).ReadMIMEHeader()
	return err != nil || malformedEntity(header, body, 0)
}

func malformedEntity(h textproto.MIMEHeader, body []byte, depth int) bool {
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"} {
		if len(h.Values(name)) > 1 {
			return true
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "--") { // a boundary, among the fields
			return true
		}
	}
	encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding")))
	// A name that is a known one with something to it; others are treated as none.
	if depth > 20 || !slices.Contains(knownEncodings, encoding) && regexp.MustCompile(`bit|binary|base64|quoted|printable`).MatchString(encoding) {
		return true
	}
	kind, params := "text/plain", map[string]string(nil)
	if ct := h.Get("Content-Type"); ct != "" {
		var err error
		if kind, params, err = mime.ParseMediaType(ct); err != nil || !strings.Contains(kind, "/") || strings.Contains(strings.ToLower(ct), "boundary*") {
			return true
		}
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return encoding == "base64" || encoding == "quoted-printable" || malformedParts(params["boundary"], body, depth)
	case kind == "message/rfc822":
		return encoding != "base64" && encoding != "quoted-printable" && malformed(body)
	case encoding == "base64":
		_, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' {
				return -1
			}
			return r
		}, string(body)))
		return err != nil
	}
	return false
}

func malformedParts(boundary string, body []byte, depth int) bool {
	if boundary == "" || len(boundary) > 70 || strings.ContainsAny(boundary, "\r\n") || strings.HasSuffix(boundary, " ") {
		return true
	}
	// The end is there once, and nothing that looks like a boundary of it behind.
	ends := regexp.MustCompile(`(?m)^--`+regexp.QuoteMeta(boundary)+`--[ \t]*\r?$`).FindAllIndex(body, -1)
	if len(ends) != 1 || bytes.Contains(body[ends[0][1]:], []byte("\r\n--"+boundary)) {
		return true
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return n == 0
		}
		if err != nil {
			return true
		}
		inner, err := io.ReadAll(p)
		if err != nil || malformedEntity(p.Header, inner, depth+1) {
			return true
		}
	}
}
