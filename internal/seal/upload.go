package seal

import (
	"fmt"

	"cofferdam/internal/user"
)

const (
	// UploadIDSize is the length of an upload's name, in bytes.
	UploadIDSize = 16
	// UploadChunk is how many plaintext bytes every chunk of an upload has but
	// the last: what a cell holds of an upload at a time.
	UploadChunk = 64 << 10
	// UploadOverhead is what sealing adds to a chunk, in bytes.
	UploadOverhead = boxOverhead
)

// UploadID names an upload of a person; it is random.
type UploadID [UploadIDSize]byte

// UploadKey seals what was uploaded in one session (docs/formats/upload.md). It
// follows from the session's cookie alone, so that it lives as long as the
// session, is nowhere at rest, and needs no root key.
type UploadKey struct {
	key
	uid user.ID
}

// UploadKey is HKDF(skey, "cofferdam/upload/v1"), bound to the session's person.
func (t SessionToken) UploadKey(uid user.ID) (UploadKey, error) {
	_, skey := t.Reveal()
	if skey == nil {
		return UploadKey{}, ErrNoKey
	}
	k, err := extract("cofferdam/upload/v1", skey)
	return UploadKey{k, uid}, err
}

// ParseUploadKey reads an upload key as keeper hands it to a cell.
func ParseUploadKey(uid user.ID, b []byte) (UploadKey, error) {
	if uid.IsZero() {
		return UploadKey{}, fmt.Errorf("upload key of nobody: %w", ErrFormat)
	}
	k, err := keyFrom(b)
	return UploadKey{k, uid}, err
}

// SealChunk seals chunk n, from 0, of an upload. Every chunk but the last has
// UploadChunk bytes; the last has 0 to UploadChunk, and there is always one.
func (k UploadKey) SealChunk(id UploadID, n int64, last bool, plaintext []byte) ([]byte, error) {
	if !chunkFits(n, last, len(plaintext)) {
		return nil, fmt.Errorf("chunk %d of an upload, %d bytes: %w", n, len(plaintext), ErrLimit)
	}
	return k.sealBox(k.chunkAAD(id, n, last), plaintext)
}

// OpenChunk opens what SealChunk sealed for the same place. ErrOpen means another
// session, person, upload or place, or changed bytes: chunks cannot be swapped,
// left out or cut off.
func (k UploadKey) OpenChunk(id UploadID, n int64, last bool, sealed []byte) ([]byte, error) {
	if !chunkFits(n, last, len(sealed)-UploadOverhead) {
		return nil, fmt.Errorf("sealed chunk %d of an upload, %d bytes: %w", n, len(sealed), ErrOpen)
	}
	return k.openBox(k.chunkAAD(id, n, last), sealed)
}

func chunkFits(n int64, last bool, size int) bool {
	return n >= 0 && (size == UploadChunk || last && size >= 0 && size < UploadChunk)
}

func (k UploadKey) chunkAAD(id UploadID, n int64, last bool) transcript {
	end := byte(0)
	if last {
		end = 1
	}
	return newTranscript("cofferdam/upload-chunk/v1").fixed(k.uid[:]).fixed(id[:]).number(n).fixed([]byte{end})
}

// SealedUpload is how many bytes an upload of size bytes has when it is sealed.
// An upload of no bytes is one empty chunk.
func SealedUpload(size int64) int64 {
	return size + UploadOverhead*max(1, (size+UploadChunk-1)/UploadChunk)
}

// UploadSize is the inverse of SealedUpload; false: no upload has so many bytes.
func UploadSize(sealed int64) (size int64, ok bool) {
	const whole = UploadChunk + UploadOverhead
	chunks := max(1, (sealed+whole-1)/whole)
	size = sealed - chunks*UploadOverhead
	return size, size >= 0 && SealedUpload(size) == sealed
}
