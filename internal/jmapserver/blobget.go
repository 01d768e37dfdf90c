package jmapserver

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// digestNames are the algorithms of Blob/get, the best first. SHA-1 is there to
// find a file, not to trust one.
func digestNames() []string { return []string{"sha-256", "sha-512", "sha"} }

func newDigest(name string) hash.Hash {
	switch name {
	case "sha-256":
		return sha256.New()
	case "sha-512":
		return sha512.New()
	}
	return sha1.New()
}

// blobFields is what a Blob/get asks for.
type blobFields struct {
	text, base64, either, size bool
	digests                    []string
	offset, length             int64 // length -1: to the end
}

// data reports whether the bytes are wanted.
func (f *blobFields) data() bool { return f.text || f.base64 || f.either }

// blobGet is Blob/get (RFC 9404, section 4.2).
func blobGet(c *call) error {
	ids, err := c.blobIDs("ids")
	if err != nil {
		return err
	}
	f := c.blobFields()
	if err := c.args.done(); err != nil {
		return err
	}
	var notFound []jmap.BlobID
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = append(o.Key("list"), '[')
		first := true
		for _, id := range ids {
			from := len(o.B)
			if !first {
				o.B = append(o.B, ',')
			}
			var found bool
			if found, err = c.appendBlob(o, id, f); err != nil {
				return
			}
			if !found {
				o.B, notFound = o.B[:from], append(notFound, id)
				continue
			}
			first = false
		}
		o.B = append(o.B, ']')
		o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
	})
	return err
}

func (c *call) blobFields() *blobFields {
	f := &blobFields{length: -1}
	names, given := c.args.stringsOrNull("properties")
	if !given {
		names = []string{"data", "size"}
	}
	for _, n := range names {
		digest, isDigest := strings.CutPrefix(n, "digest:")
		switch {
		case n == "id":
		case n == "data":
			f.either = true
		case n == "data:asText":
			f.text = true
		case n == "data:asBase64":
			f.base64 = true
		case n == "size":
			f.size = true
		case isDigest && slices.Contains(digestNames(), digest):
			if !slices.Contains(f.digests, digest) {
				f.digests = append(f.digests, digest)
			}
		default:
			if c.args.err == nil {
				c.args.err = invalidArguments("properties: no property %s", clip(n))
			}
		}
	}
	f.offset, _ = c.args.uintOrNull("offset")
	if n, given := c.args.uintOrNull("length"); given {
		f.length = n
	}
	return f
}

// selected is a range of a blob that was read.
type selected struct {
	data    []byte
	digests []hash.Hash
	size    int64 // of the whole blob
	short   bool  // the range is not all there
}

// appendBlob appends one blob; false: there is none.
func (c *call) appendBlob(o *ijson.Out, id jmap.BlobID, f *blobFields) (bool, error) {
	s, err := c.selectRange(id, f)
	if errors.Is(err, jmap.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in := ijson.Open(o.B)
	in.Str("id", string(id))
	isText := utf8.Valid(s.data)
	if (f.text || f.either) && !isText {
		in.Bool("isEncodingProblem", true)
	}
	if s.short {
		in.Bool("isTruncated", true)
	}
	switch {
	case (f.text || f.either) && isText:
		in.Str("data:asText", string(s.data))
	case f.text:
		in.Null("data:asText")
	}
	if f.base64 || f.either && !isText {
		in.Str("data:asBase64", base64.StdEncoding.EncodeToString(s.data))
	}
	for i, name := range f.digests {
		in.Str("digest:"+name, base64.StdEncoding.EncodeToString(s.digests[i].Sum(nil)))
	}
	if f.size {
		in.Uint("size", uint64(s.size))
	}
	if o.B = in.Close(); len(o.B) > maxResponseOctets {
		return false, tooLarge()
	}
	return true, nil
}

// selectRange reads what is asked for of a blob, and no more than is needed: the
// size alone is known without the bytes as a rule.
func (c *call) selectRange(id jmap.BlobID, f *blobFields) (*selected, error) {
	if !jmap.ValidID(string(id)) {
		return nil, jmap.ErrNotFound
	}
	reads := f.data() || len(f.digests) > 0
	want := jmap.ByteRange{Offset: f.offset, Length: max(f.length, 0)}
	if !reads {
		want = jmap.ByteRange{Length: 1}
	}
	blob, err := c.account.BlobOpen(c.ctx, id, want)
	if errors.Is(err, jmap.ErrRange) { // the offset is past the end
		blob, err = c.account.BlobOpen(c.ctx, id, jmap.ByteRange{Length: 1})
	}
	if err != nil {
		return nil, err
	}
	defer blob.Body.Close()
	s := &selected{size: blob.Size}
	for _, name := range f.digests {
		s.digests = append(s.digests, newDigest(name))
	}
	body := &counted{r: blob.Body, n: blob.Offset}
	if reads {
		if err := s.read(body, f); err != nil {
			return nil, err
		}
	}
	if s.size < 0 { // a part: how long it is shows when it has been decoded
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, err
		}
		s.size = body.n
	}
	s.short = f.offset > s.size || f.length >= 0 && f.offset+f.length > s.size
	return s, nil
}

// read reads the range from a blob that is open at its offset or before.
func (s *selected) read(body *counted, f *blobFields) error {
	if _, err := io.CopyN(io.Discard, body, f.offset-body.n); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	var r io.Reader = body
	if f.length >= 0 {
		r = io.LimitReader(r, f.length)
	}
	var sinks []io.Writer
	for _, d := range s.digests {
		sinks = append(sinks, d)
	}
	var buf bytes.Buffer
	if f.data() {
		sinks = append(sinks, &buf)
		r = &bounded{r: r, left: maxResponseOctets}
	}
	_, err := io.Copy(io.MultiWriter(sinks...), r)
	if errors.Is(err, errTooLong) {
		return tooLarge()
	}
	s.data = buf.Bytes()
	return err
}

// counted counts what was read.
type counted struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
