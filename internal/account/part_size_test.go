package account_test

import (
	"bytes"
	"encoding/base64"
	"strings"

	"cofferdam/internal/jmap"
)

// testPartSizes: the size of a part is what its blob has, also of a mail that is
// not fetched whole (RFC 8621, section 4.1.4).
func testPartSizes(r *rig) {
	encode := func(n, width int) string {
		text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), n))
		var b strings.Builder
		for ; len(text) > width; text = text[width:] {
			b.WriteString(text[:width] + "\n")
		}
		return b.String() + text + "\n"
	}
	half := encode(20_000, 76)
	parts := []struct {
		encoding, body string
		size           int
	}{
		{"base64", encode(100_000, 76), 100_000},
		{"base64", encode(100_001, 76), 100_001},
		{"base64", encode(100_002, 60) + "\n", 100_002},
		{"base64", half + half, 40_000},                        // padding in the middle
		{"base64", "QUJD\n" + half, 20_003},                    // a line of another length
		{"quoted-printable", strings.Repeat("=41=\n", 99), 99}, // no text: it is not fetched
		{"x-uuencode", "begin 644 f\n%2&5L;&\\\n`\nend\n", 5},
		{"binary", "as is", 5},
	}
	var mail strings.Builder
	mail.WriteString("Subject: large\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for _, p := range parts {
		mail.WriteString("--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: " + p.encoding + "\n\n" + p.body + "\n")
	}
	r.deliver("INBOX", crlf(mail.String()+"--b--\n"))
	id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
	fields := &jmap.EmailFields{Props: jmap.EmailPropBodyStructure, BodyProps: jmap.BodyPropBlobID | jmap.BodyPropSize}
	for range 2 { // read, and remembered
		for i, got := range r.get(fields, id)[id].BodyStructure.SubParts {
			blob, err := r.a.BlobOpen(r.ctx, got.BlobID, jmap.ByteRange{})
			r.must(err)
			var data bytes.Buffer
			_, err = data.ReadFrom(blob.Body)
			r.must(err)
			blob.Body.Close()
			if want := parts[i]; int(got.Size) != want.size || data.Len() != want.size {
				r.Errorf("part %d, %s: size %d, its blob has %d bytes, want %d", i, want.encoding, got.Size, data.Len(), want.size)
			}
		}
	}
}
