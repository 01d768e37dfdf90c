package records

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"cofferdam/internal/seal"
)

// Labels of docs/formats/record.md.
const (
	idKeyLabel = "cofferdam/record-id-key/v1\x00"
	idLabel    = "cofferdam/record-id/v1\x00"
)

// noteID is the logical id of the class's own record (faults.go). No id of a
// caller begins with a zero byte.
const noteID = "\x00faults"

// ids turns logical ids into what keeper sees.
type ids struct {
	key [sha256.Size]byte
}

func newIDs(k seal.ClassKey) ids {
	return ids{key: mac(k.Reveal(), idKeyLabel, "")}
}

// stored is MAC(id key, label | logical id).
func (i ids) stored(id string) []byte {
	sum := mac(i.key[:], idLabel, id)
	return sum[:]
}

func mac(key []byte, label, text string) [sha256.Size]byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label))
	h.Write([]byte(text))
	return [sha256.Size]byte(h.Sum(nil))
}

func checkID(id string) error {
	if id == "" || len(id) > MaxID || id[0] == 0 {
		return fmt.Errorf("record id of %d bytes: %w", len(id), seal.ErrLimit)
	}
	return nil
}

// body is what is sealed: len8(id) | data.
func body(id string, data []byte) []byte {
	out := make([]byte, 0, 1+len(id)+len(data))
	out = append(out, byte(len(id)))
	return append(append(out, id...), data...)
}

// parseBody reads a body and checks that it belongs under its stored id.
func (i ids) parseBody(stored, plain []byte) (id string, data []byte, err error) {
	if len(plain) == 0 || len(plain) < 1+int(plain[0]) {
		return "", nil, fmt.Errorf("record body of %d bytes: %w", len(plain), seal.ErrFormat)
	}
	end := 1 + int(plain[0])
	id = string(plain[1:end])
	if id != noteID {
		err = checkID(id)
	}
	if err != nil || !bytes.Equal(i.stored(id), stored) {
		return "", nil, fmt.Errorf("record under another id than its own: %w", seal.ErrFormat)
	}
	return id, plain[end:], nil
}
