package seal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Root is what a class's sealed root says: how many live records there are,
// which revision of each, and how often that changed. Whoever serves an older
// row, or leaves one out, does not match it; whoever serves an older root does
// not match the counter that vault mirrors.
type Root struct {
	Count   int64 // live records
	Counter int64 // writes to the class so far
	// Sum is the sum modulo 2^256 of HMAC(root key, id | revision) over all live
	// records: a keyed multiset hash, so that one write changes it in O(1).
	Sum [sha256.Size]byte
}

const (
	rootVersion = 0x01
	rootSize    = 8 + 8 + sha256.Size
)

// Add accounts for a live record; Remove takes one out. A changed record is
// removed at its old revision and added at its new one.
func (k ClassKey) Add(r *Root, id []byte, revision int64) error {
	tag, err := k.rootTag(id, revision)
	if err != nil {
		return err
	}
	r.Sum = add256(r.Sum, tag)
	r.Count++
	return nil
}

// Remove is the inverse of Add.
func (k ClassKey) Remove(r *Root, id []byte, revision int64) error {
	tag, err := k.rootTag(id, revision)
	if err != nil {
		return err
	}
	if r.Count < 1 {
		return fmt.Errorf("removing from an empty class: %w", ErrLimit)
	}
	r.Sum = sub256(r.Sum, tag)
	r.Count--
	return nil
}

func (k ClassKey) rootTag(id []byte, revision int64) ([sha256.Size]byte, error) {
	if err := checkRecord(id, revision); err != nil {
		return [sha256.Size]byte{}, err
	}
	tagKey, err := k.expand("cofferdam/root-tag/v1")
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	defer tagKey.Wipe()
	return tagKey.mac(newTranscript("cofferdam/root-tag/v1").short(id).number(revision))
}

// SealRoot seals a root for the database. The counter also stands beside it in
// the clear, and is bound to it.
//
// Layout: 0x01 | box of count | counter | sum.
func (k ClassKey) SealRoot(r Root) ([]byte, error) {
	boxKey, err := k.expand("cofferdam/root-box/v1")
	if err != nil {
		return nil, err
	}
	defer boxKey.Wipe()
	plain := make([]byte, 0, rootSize)
	plain = binary.BigEndian.AppendUint64(plain, uint64(r.Count))
	plain = binary.BigEndian.AppendUint64(plain, uint64(r.Counter))
	plain = append(plain, r.Sum[:]...)
	return boxKey.appendBox([]byte{rootVersion}, k.rootAAD(r.Counter), plain)
}

// OpenRoot opens a sealed root that stands beside counter.
func (k ClassKey) OpenRoot(counter int64, sealed []byte) (Root, error) {
	box, err := versioned(sealed, rootVersion)
	if err != nil {
		return Root{}, err
	}
	boxKey, err := k.expand("cofferdam/root-box/v1")
	if err != nil {
		return Root{}, err
	}
	defer boxKey.Wipe()
	plain, err := boxKey.openBox(k.rootAAD(counter), box)
	if err != nil {
		return Root{}, err
	}
	if len(plain) != rootSize {
		return Root{}, fmt.Errorf("root of %d bytes: %w", len(plain), ErrFormat)
	}
	r := Root{Count: int64(binary.BigEndian.Uint64(plain)), Counter: int64(binary.BigEndian.Uint64(plain[8:])), Sum: [sha256.Size]byte(plain[16:])}
	if r.Count < 0 || r.Counter != counter {
		return Root{}, fmt.Errorf("root count %d, counter %d: %w", r.Count, r.Counter, ErrFormat)
	}
	return r, nil
}

func (k ClassKey) rootAAD(counter int64) transcript {
	return newTranscript("cofferdam/class-root/v1").fixed(k.uid[:]).short([]byte(k.class)).number(k.generation).number(counter)
}

// add256 adds two 256-bit big-endian numbers modulo 2^256.
func add256(a, b [sha256.Size]byte) [sha256.Size]byte {
	carry := 0
	for i := len(a) - 1; i >= 0; i-- {
		n := int(a[i]) + int(b[i]) + carry
		a[i], carry = byte(n), n>>8
	}
	return a
}

// sub256 subtracts them modulo 2^256.
func sub256(a, b [sha256.Size]byte) [sha256.Size]byte {
	borrow := 0
	for i := len(a) - 1; i >= 0; i-- {
		n := int(a[i]) - int(b[i]) - borrow
		a[i], borrow = byte(n), (n>>8)&1
	}
	return a
}
