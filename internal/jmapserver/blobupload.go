package jmapserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// blobUpload is Blob/upload (RFC 9404, section 4.1).
func blobUpload(c *call) error {
	create, err := c.readCreations("create")
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	made, failed := map[jmap.CreationID]*uploaded{}, map[jmap.CreationID]*jmap.SetError{}
	for _, v := range create {
		id := jmap.CreationID(v.Name())
		up, err := c.makeBlob(v)
		refused := blobRefusal(err)
		switch {
		case err == nil:
			made[id] = up
			c.created[id] = string(up.ID)
		case refused != nil:
			failed[id] = refused
		default:
			return partly(err, len(made))
		}
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.Null("oldState") // blobs have none
		appendMap(o, "created", made, appendUploaded)
		appendMap(o, "notCreated", failed, appendSetError)
	})
	return nil
}

// uploaded is a blob that was made.
type uploaded struct {
	jmap.BlobInfo
	kind string
}

func appendUploaded(dst []byte, u *uploaded) []byte {
	o := ijson.Open(dst)
	o.Str("id", string(u.ID))
	o.Str("type", u.kind)
	o.Uint("size", uint64(u.Size))
	return o.Close()
}

// makeBlob makes the blob of an UploadObject. A *jmap.SetError is the client's.
func (c *call) makeBlob(v ijson.Value) (*uploaded, error) {
	if !only(v, "data", "type") {
		return nil, invalid("data")
	}
	up := &uploaded{kind: "application/octet-stream"}
	var kind *string
	if !readStringOrNull(v.Get("type"), &kind) {
		return nil, invalid("type")
	}
	if kind != nil {
		up.kind = *kind
	}
	data := v.Get("data")
	if data.Kind() != ijson.Array {
		return nil, invalid("data")
	}
	if data.Len() > maxDataSources {
		return nil, &jmap.SetError{Type: jmap.SetTooLarge, Description: fmt.Sprintf("more than %d data sources", maxDataSources)}
	}
	var sources []io.Reader
	for _, s := range data.Elems() {
		r, ok := c.dataSource(s)
		if !ok {
			return nil, invalid("data")
		}
		sources = append(sources, r)
	}
	var err error
	up.BlobInfo, err = c.account.BlobPut(c.ctx, &bounded{r: io.MultiReader(sources...), left: c.h.limits.MaxSizeUpload})
	if errors.Is(err, errSource) || errors.Is(err, jmap.ErrNotFound) {
		return nil, invalid("data")
	}
	return up, err
}

// errSource is the error of a data source that does not have what was asked of it.
var errSource = errors.New("range outside of the blob")

// dataSource reads a DataSourceObject: exactly one of text, base64 and a range of
// a blob. What is wrong is refused, and nothing is guessed.
func (c *call) dataSource(v ijson.Value) (io.Reader, bool) {
	text, b64, blob := given(v, "data:asText"), given(v, "data:asBase64"), given(v, "blobId")
	switch {
	case v.Kind() != ijson.Object:
		return nil, false
	case text.Kind() != ijson.Absent:
		s, ok := text.Str()
		return strings.NewReader(s), ok && only(v, "data:asText")
	case b64.Kind() != ijson.Absent:
		s, ok := b64.Str()
		data, err := base64.StdEncoding.Strict().DecodeString(s)
		// The decoder skips line ends, which are no characters of base64 here.
		return bytes.NewReader(data), ok && err == nil && only(v, "data:asBase64") && !strings.ContainsAny(s, "\r\n")
	}
	src := &blobSource{ctx: c.ctx, account: c.account, length: -1}
	var n uint64
	if blob.Kind() == ijson.Absent || !only(v, "blobId", "offset", "length") || !c.readReference(blob, (*string)(&src.id)) {
		return nil, false
	}
	if o := given(v, "offset"); o.Kind() != ijson.Absent {
		if !readUint(o, &n) {
			return nil, false
		}
		src.offset = int64(n)
	}
	if l := given(v, "length"); l.Kind() != ijson.Absent {
		if !readUint(l, &n) {
			return nil, false
		}
		src.length = int64(n)
	}
	return src, true
}

// blobSource reads a range of a blob that must be there whole. It opens the blob
// when it is read first, so that one is open at a time.
type blobSource struct {
	ctx            context.Context
	account        Account
	id             jmap.BlobID
	offset, length int64 // length -1: to the end
	r              io.ReadCloser
	left           int64
}

// Read implements io.Reader.
func (s *blobSource) Read(p []byte) (int, error) {
	if s.r == nil {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	if s.left >= 0 && int64(len(p)) > s.left {
		p = p[:s.left]
	}
	if s.left == 0 {
		s.r.Close()
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	if s.left > 0 {
		s.left -= int64(n)
		if s.left > 0 && errors.Is(err, io.EOF) {
			err = errSource
		}
	}
	if err != nil {
		s.r.Close()
	}
	return n, err
}

func (s *blobSource) open() error {
	body, err := openAt(s.ctx, s.account, s.id, s.offset, s.length)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errSource
	}
	if err != nil {
		return err
	}
	s.r, s.left = body, s.length
	return nil
}

// openAt opens a blob so that its body begins at offset. length, if it is not
// negative, is what will be read of it at most. io.ErrUnexpectedEOF: the blob is
// shorter than offset.
func openAt(ctx context.Context, a Account, id jmap.BlobID, offset, length int64) (io.ReadCloser, error) {
	r := jmap.ByteRange{Offset: offset, Length: max(length, 0)}
	blob, err := a.BlobOpen(ctx, id, r)
	if errors.Is(err, jmap.ErrRange) { // also of a range that begins at the very end
		if blob, err = a.BlobOpen(ctx, id, jmap.ByteRange{}); err != nil {
			return nil, err
		}
		if blob.Size != offset {
			blob.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
		blob.Body.Close()
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, blob.Body, offset-blob.Offset); err != nil {
		blob.Body.Close()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return blob.Body, nil
}
