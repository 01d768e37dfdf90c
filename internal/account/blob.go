package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// Kinds of blobs, the first byte of an id.
const (
	blobMessage = 1
	blobPart    = 2
	blobUpload  = 3
)

// How the bytes of a part stand in the mail, the second byte of its id.
const (
	encodingNone = iota
	encodingBase64
	encodingQuoted
	encodingUU
)

// transferNames are the encodings as message knows them.
var transferNames = [...]string{encodingBase64: "base64", encodingQuoted: "quoted-printable", encodingUU: "uuencode"}

// decoder undoes the encoding that stands in an id.
func decoder(r io.Reader, encoding byte) io.Reader {
	return message.TransferReader(transferNames[min(int(encoding), len(transferNames)-1)], r)
}

// blobNamer makes and reads blob ids: kind | encoding | packed Email id |
// section numbers | 8 bytes of MAC, in base64url. The MAC keeps a client from
// making up ids, so that what a server is asked for is what a mail has.
type blobNamer struct{ key []byte }

const (
	blobMAC  = 8
	blobHead = 2 + replica.PackedSize
)

func (n blobNamer) seal(body []byte) jmap.BlobID {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte("blob\x00"))
	h.Write(body)
	return jmap.BlobID(base64.RawURLEncoding.EncodeToString(append(body, h.Sum(nil)[:blobMAC]...)))
}

func (n blobNamer) open(id jmap.BlobID) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(id))
	if err != nil || len(b) < blobHead+blobMAC {
		return nil, false
	}
	body := b[:len(b)-blobMAC]
	return body, hmac.Equal([]byte(n.seal(append([]byte(nil), body...))), []byte(id))
}

// messageBlob is the id of a whole mail.
func (a *Account) messageBlob(id jmap.EmailID) jmap.BlobID {
	packed, _ := a.mail.Pack(id)
	return a.blobs.seal(append([]byte{blobMessage, encodingNone}, packed[:]...))
}

// partBlob is the id of a part: its bytes after transfer decoding.
func (a *Account) partBlob(id jmap.EmailID, p *message.Part) jmap.BlobID {
	packed, _ := a.mail.Pack(id)
	encoding := byte(encodingNone)
	switch p.Encoding {
	case "base64":
		encoding = encodingBase64
	case "quoted-printable":
		encoding = encodingQuoted
	case "uuencode", "x-uuencode", "x-uue":
		encoding = encodingUU
	}
	b := append([]byte{blobPart, encoding}, packed[:]...)
	for s := range strings.SplitSeq(p.Section, ".") {
		n, _ := strconv.ParseUint(s, 10, 32)
		b = binary.AppendUvarint(b, n)
	}
	return a.blobs.seal(b)
}

// section reads the section numbers behind the head of an id.
func section(b []byte) string {
	var parts []string
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			break
		}
		parts = append(parts, strconv.FormatUint(n, 10))
		b = b[size:]
	}
	return strings.Join(parts, ".")
}

// BlobPut stores an upload.
func (a *Account) BlobPut(ctx context.Context, r io.Reader) (jmap.BlobInfo, error) {
	id, size, err := a.cfg.Uploads.Put(ctx, r)
	if err != nil {
		return jmap.BlobInfo{}, err
	}
	return jmap.BlobInfo{ID: a.uploadBlob(id), Size: size}, nil
}

func (a *Account) uploadBlob(id UploadID) jmap.BlobID {
	return a.blobs.seal(append([]byte{blobUpload, encodingNone}, id[:]...))
}

// BlobOpen opens a mail, a part or an upload.
func (a *Account) BlobOpen(ctx context.Context, id jmap.BlobID, r jmap.ByteRange) (*jmap.Blob, error) {
	b, ok := a.blobs.open(id)
	if !ok {
		return nil, jmap.ErrNotFound
	}
	switch b[0] {
	case blobUpload:
		return a.openUpload(ctx, UploadID(b[2:blobHead]), r)
	case blobScript:
		return a.openScript(ctx, id, r)
	case blobInner:
		blob, err := a.openInner(ctx, b, r)
		return blob, failure(err)
	}
	email, ok := a.mail.Unpack([replica.PackedSize]byte(b[2:blobHead]))
	if !ok {
		return nil, jmap.ErrNotFound
	}
	metas, _, _, err := a.metas(ctx, []jmap.EmailID{email})
	if err != nil {
		return nil, failure(err)
	}
	if len(metas) == 0 {
		return nil, jmap.ErrNotFound
	}
	switch b[0] {
	case blobMessage:
		return a.openMessage(ctx, email, metas[0].Size, r)
	case blobPart:
		if metas[0].Size <= wholeMessage {
			return a.cutPart(ctx, &metas[0], section(b[blobHead:]), r)
		}
		return a.openPart(ctx, email, section(b[blobHead:]), b[1])
	}
	return nil, jmap.ErrNotFound
}

// resolve works out where a range begins and how long it is.
func resolve(r jmap.ByteRange, size int64) (offset, length int64, err error) {
	offset = r.Offset
	if offset < 0 {
		offset = max(size+offset, 0)
		r.Length = 0
	}
	if offset >= size && size > 0 || offset > 0 && size == 0 {
		return 0, 0, jmap.ErrRange
	}
	length = size - offset
	if r.Length > 0 {
		length = min(length, r.Length)
	}
	return offset, length, nil
}

func (a *Account) openUpload(ctx context.Context, id UploadID, r jmap.ByteRange) (*jmap.Blob, error) {
	body, size, err := a.cfg.Uploads.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	offset, length, err := resolve(r, size)
	if err == nil && offset > 0 {
		_, err = io.CopyN(io.Discard, body, offset)
	}
	if err != nil {
		body.Close()
		return nil, err
	}
	return &jmap.Blob{Body: limited{io.LimitReader(body, length), body}, Size: size, Offset: offset, Length: length}, nil
}

type limited struct {
	io.Reader
	io.Closer
}

func (a *Account) openMessage(ctx context.Context, id jmap.EmailID, size int64, r jmap.ByteRange) (*jmap.Blob, error) {
	offset, length, err := resolve(r, size)
	if err != nil {
		return nil, err
	}
	s := &stream{ctx: ctx, a: a, email: id, at: offset, left: length}
	if err := s.more(); err != nil && err != io.EOF {
		return nil, failure(err)
	}
	return &jmap.Blob{Body: s, Size: size, Offset: offset, Length: length}, nil
}

// cutPart opens a part of a mail that is parsed here whole, as Email/get parsed it.
// The server may see other parts in a broken mail, or none, so that its section of
// this number would be empty, or a part that nobody was shown.
func (a *Account) cutPart(ctx context.Context, m *replica.Meta, section string, r jmap.ByteRange) (*jmap.Blob, error) {
	body, err := a.wholes.Get(ctx, context.WithoutCancel(ctx), m.ID, func(ctx context.Context) ([]byte, error) { return a.fetchWhole(ctx, m) })
	if err != nil {
		return nil, failure(err)
	}
	p := message.Parse(body).Body.Find(section)
	if p == nil {
		return nil, jmap.ErrNotFound
	}
	data, _ := p.Decoded() // what of a broken encoding can be read
	return bytesBlob(data, r)
}

// openPart opens a part of a large mail from its beginning: what it is long after decoding is
// known only when it has been read.
func (a *Account) openPart(ctx context.Context, id jmap.EmailID, section string, encoding byte) (*jmap.Blob, error) {
	s := &stream{ctx: ctx, a: a, email: id, section: section, left: 1<<63 - 1}
	if err := s.more(); err != nil && err != io.EOF {
		return nil, failure(err)
	}
	return &jmap.Blob{Body: io.NopCloser(decoder(s, encoding)), Size: -1, Length: -1}, nil
}

// stream reads a section chunk by chunk. It finds the mail anew if it moves.
type stream struct {
	ctx     context.Context
	a       *Account
	email   jmap.EmailID
	section string
	at      int64
	left    int64
	buf     []byte
	end     bool
}

// Close implements io.Closer.
func (s *stream) Close() error { return nil }

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.buf) == 0 {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// more reads the next chunk.
func (s *stream) more() error {
	if s.end || s.left <= 0 {
		return io.EOF
	}
	want := int(min(streamChunk, s.left))
	data, err := s.chunk(want)
	if err != nil {
		return fmt.Errorf("reading a blob: %w", err)
	}
	s.at += int64(len(data))
	s.left -= int64(len(data))
	s.buf, s.end = data, len(data) < want
	if len(data) == 0 {
		return io.EOF
	}
	return nil
}

func (s *stream) chunk(n int) ([]byte, error) {
	for try := 0; ; try++ {
		metas, _, _ := s.a.mail.Emails([]jmap.EmailID{s.email})
		if len(metas) == 0 {
			return nil, jmap.ErrNotFound
		}
		c := metas[0].Copies[0]
		data, err := s.a.cfg.Store.Chunk(s.ctx, c.At, c.UID, s.section, s.at, n)
		moved := errors.Is(err, upstream.ErrGone) || errors.Is(err, upstream.ErrStale) || errors.Is(err, upstream.ErrNoBox)
		if !moved || try > 0 {
			return data, err
		}
		if err := s.a.mail.Refresh(s.ctx); err != nil {
			return nil, err
		}
	}
}
