package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
)

// blobInner is the kind of a part of a message that is itself in a blob: of an
// attached mail, or of an uploaded one. Its id is
//
//	kind | encoding | packed Email id or upload | kind of the outermost blob | path | MAC
//
// and its path has, for each message on the way, a count of section numbers and
// the numbers; the first step of an outermost blobPart is its own section.
const blobInner = 4

// blobUnnamed is the kind of a part that lies too deep for an id to say where. It
// cannot be opened.
const blobUnnamed = 5

const innerHead = blobHead + 1

// inside names the parts of the message in a blob.
type inside struct {
	a     *Account
	email jmap.EmailID // the message is that of an Email; else:
	head  []byte       // what the ids begin with
}

// insideOf returns the namer for a blob whose id is known to be ours.
func (a *Account) insideOf(id jmap.BlobID) inside {
	b, _ := a.blobs.open(id)
	in := inside{a: a}
	switch b[0] {
	case blobMessage:
		in.email, _ = a.mail.Unpack([replica.PackedSize]byte(b[2:blobHead]))
	case blobPart:
		in.head = append([]byte{blobInner}, b[1:blobHead]...)
		in.head = appendStep(append(in.head, blobPart), section(b[blobHead:]))
	case blobUpload:
		in.head = append(append([]byte{blobInner}, b[1:blobHead]...), blobUpload)
	default:
		in.head = b
	}
	return in
}

// blob is the id of a part.
func (in inside) blob(p *message.Part) jmap.BlobID {
	if in.head == nil {
		return in.a.partBlob(in.email, p)
	}
	b := appendStep(bytes.Clone(in.head), p.Section)
	if len(b) > maxInnerID {
		sum := sha256.Sum256(b)
		b = append([]byte{blobUnnamed, encodingNone}, sum[:replica.PackedSize]...)
	}
	return in.a.blobs.seal(b)
}

// appendStep appends a section as a count and its numbers.
func appendStep(b []byte, section string) []byte {
	return appendSection(binary.AppendUvarint(b, uint64(strings.Count(section, ".")+1)), section)
}

func appendSection(b []byte, section string) []byte {
	for s := range strings.SplitSeq(section, ".") {
		n, _ := strconv.ParseUint(s, 10, 32)
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// nextStep reads what appendStep wrote.
func nextStep(b []byte) (step string, rest []byte, ok bool) {
	count, size := binary.Uvarint(b)
	if size <= 0 || count > maxInnerID {
		return "", nil, false
	}
	b = b[size:]
	parts := make([]string, count)
	for i := range parts {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return "", nil, false
		}
		parts[i], b = strconv.FormatUint(n, 10), b[size:]
	}
	return strings.Join(parts, "."), b, true
}

// openInner opens a part of a message in a blob. b is its id without the MAC.
func (a *Account) openInner(ctx context.Context, b []byte, r jmap.ByteRange) (*jmap.Blob, error) {
	release, err := a.mayParse(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	data, err := a.innerBytes(ctx, b)
	if err != nil {
		return nil, err
	}
	return bytesBlob(bytes.Clone(data), r) // the message around it is let go
}

// innerBytes are the bytes of a part of a message in a blob. It needs the turn of
// mayParse.
func (a *Account) innerBytes(ctx context.Context, b []byte) ([]byte, error) {
	if len(b) < innerHead {
		return nil, jmap.ErrNotFound
	}
	outer, path := append([]byte{b[blobHead]}, b[1:blobHead]...), b[innerHead:]
	if b[blobHead] == blobPart {
		own, rest, ok := nextStep(path)
		if !ok {
			return nil, jmap.ErrNotFound
		}
		outer, path = appendSection(outer, own), rest
	}
	data, err := a.readBlob(ctx, a.blobs.seal(outer))
	if err != nil {
		return nil, err
	}
	for len(path) > 0 {
		step, rest, ok := nextStep(path)
		if !ok {
			return nil, jmap.ErrNotFound
		}
		p := message.Parse(data).Body.Find(step)
		if p == nil {
			return nil, jmap.ErrNotFound
		}
		data, _ = p.Decoded()
		path = rest
	}
	return data, nil
}

// bytesBlob is a blob of bytes in memory.
func bytesBlob(data []byte, r jmap.ByteRange) (*jmap.Blob, error) {
	offset, length, err := resolve(r, int64(len(data)))
	if err != nil {
		return nil, err
	}
	return &jmap.Blob{Body: io.NopCloser(bytes.NewReader(data[offset : offset+length])), Size: int64(len(data)), Offset: offset, Length: length}, nil
}

// errTooLong is the error for a message that is not parsed as a whole.
var errTooLong = errors.New("message too long to be parsed")

// wholeBlob reads a whole blob into memory. It needs the turn of mayParse.
func (a *Account) wholeBlob(ctx context.Context, id jmap.BlobID) ([]byte, error) {
	if b, ok := a.blobs.open(id); ok && b[0] == blobInner {
		return a.innerBytes(ctx, b)
	}
	return a.readBlob(ctx, id)
}

// readBlob is wholeBlob for what is not in another blob.
func (a *Account) readBlob(ctx context.Context, id jmap.BlobID) ([]byte, error) {
	blob, err := a.BlobOpen(ctx, id, jmap.ByteRange{})
	if err != nil {
		return nil, err
	}
	defer blob.Body.Close()
	if blob.Size > maxParsed {
		return nil, errTooLong
	}
	var buf bytes.Buffer
	buf.Grow(int(max(blob.Size, 0)) + bytes.MinRead) // ReadFrom wants room behind the end
	n, err := buf.ReadFrom(io.LimitReader(blob.Body, maxParsed+1))
	if err != nil {
		return nil, fmt.Errorf("reading a blob: %w", err)
	}
	if n > maxParsed {
		return nil, errTooLong
	}
	return buf.Bytes(), nil
}

// mayParse waits until this account holds no other message whole.
func (a *Account) mayParse(ctx context.Context) (release func(), err error) {
	select {
	case a.parsing <- struct{}{}:
		return func() { <-a.parsing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
