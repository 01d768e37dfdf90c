package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"cofferdam/internal/user"
)

const (
	// IndexChunk is how many plaintext bytes every chunk of a sealed index has.
	IndexChunk = 64 << 10
	// IndexStep is how many bytes a chunk has when it is sealed. A file is a number
	// of them behind indexHead.
	IndexStep = IndexChunk + boxOverhead
	// MaxIndex bounds a sealed index, in bytes.
	MaxIndex  = indexHead + 1024*IndexStep
	indexHead = 16 // the file's random name
)

// IndexKey seals the index of one person's mail (docs/formats/index.md). It follows
// from the key of class mail, and so ends with its generation.
type IndexKey struct {
	key
	uid        user.ID
	generation int64
}

// IndexKey is HKDF-Expand(class key, "cofferdam/index-key/v1"), of class mail alone.
func (k ClassKey) IndexKey() (IndexKey, error) {
	if k.class != ClassMail {
		return IndexKey{}, fmt.Errorf("index key of class %s: %w", k.class, ErrFormat)
	}
	out, err := k.expand("cofferdam/index-key/v1")
	return IndexKey{out, k.uid, k.generation}, err
}

// Seal writes an index. Its length shows in steps of IndexChunk. ErrLimit: it would
// be more than MaxIndex.
func (k IndexKey) Seal(w io.Writer, index []byte) error {
	var id [indexHead]byte
	rand.Read(id[:]) // never fails (crypto/rand)
	return k.sealAs(w, id, index)
}

func (k IndexKey) sealAs(w io.Writer, id [indexHead]byte, index []byte) error {
	chunks := (8 + len(index) + IndexChunk - 1) / IndexChunk
	if indexHead+chunks*IndexStep > MaxIndex {
		return fmt.Errorf("index of %d bytes: %w", len(index), ErrLimit)
	}
	if _, err := w.Write(id[:]); err != nil {
		return err
	}
	chunk := make([]byte, IndexChunk)
	defer clear(chunk)
	binary.BigEndian.PutUint64(chunk, uint64(len(index)))
	at := 8
	for n := range chunks {
		size := copy(chunk[at:], index)
		index = index[size:]
		clear(chunk[at+size:])
		at = 0
		box, err := k.sealBox(k.chunkAAD(id, n, n == chunks-1), chunk)
		if err != nil {
			return err
		}
		if _, err := w.Write(box); err != nil {
			return err
		}
	}
	return nil
}

// Open reads what Seal wrote, of size bytes. ErrFormat: no index has that size or
// is so written. ErrOpen: of another person or generation, or changed.
func (k IndexKey) Open(r io.Reader, size int64) ([]byte, error) {
	chunks := int((size - indexHead) / IndexStep)
	if size > MaxIndex || chunks < 1 || size != indexHead+int64(chunks)*IndexStep {
		return nil, fmt.Errorf("sealed index of %d bytes: %w", size, ErrFormat)
	}
	var id [indexHead]byte
	if _, err := io.ReadFull(r, id[:]); err != nil {
		return nil, fmt.Errorf("reading an index: %w", err)
	}
	out := make([]byte, 0, chunks*IndexChunk)
	box := make([]byte, IndexStep)
	for n := range chunks {
		if _, err := io.ReadFull(r, box); err != nil {
			return nil, fmt.Errorf("reading an index: %w", err)
		}
		chunk, err := k.openBox(k.chunkAAD(id, n, n == chunks-1), box)
		if err != nil {
			return nil, fmt.Errorf("chunk %d of an index: %w", n, err)
		}
		out = append(out, chunk...)
	}
	length := binary.BigEndian.Uint64(out)
	if out = out[8:]; length > uint64(len(out)) || len(out)-int(length) >= IndexChunk {
		return nil, fmt.Errorf("length of an index: %w", ErrFormat)
	}
	for _, b := range out[length:] {
		if b != 0 {
			return nil, fmt.Errorf("padding of an index: %w", ErrFormat)
		}
	}
	return out[:length], nil
}

func (k IndexKey) chunkAAD(id [indexHead]byte, n int, last bool) transcript {
	end := byte(0)
	if last {
		end = 1
	}
	return newTranscript("cofferdam/index-chunk/v1").fixed(k.uid[:]).number(k.generation).fixed(id[:]).number(int64(n)).fixed([]byte{end})
}
