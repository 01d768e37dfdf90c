package seal

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	// smallestBucket is the least a padded plaintext takes: an ordinary contact,
	// setting or outbox entry fits, so that they all look alike.
	smallestBucket = 256
	// smallestStep keeps neighbouring buckets at least this far apart.
	smallestStep = 64
	// padHeader is the length field before the plaintext.
	padHeader = 4
)

// bucket returns the padded length for n bytes (header included): 256, then
// steps of an eighth of the power of two below, at least 64. So padding costs
// at most 12.5% above 512 bytes, and there are eight sizes to an octave.
func bucket(n int) int {
	if n <= smallestBucket {
		return smallestBucket
	}
	below := 1 << (bits.Len(uint(n-1)) - 1)
	step := max(smallestStep, below/8)
	return (n + step - 1) / step * step
}

// pad returns length (4 bytes, big-endian) | plaintext | zeros, a bucket long.
func pad(plaintext []byte) []byte {
	n := padHeader + len(plaintext)
	out := make([]byte, bucket(n))
	binary.BigEndian.PutUint32(out, uint32(len(plaintext)))
	copy(out[padHeader:], plaintext)
	return out
}

// unpad reads what pad made and refuses every other way to write it.
func unpad(padded []byte) ([]byte, error) {
	if len(padded) < smallestBucket {
		return nil, fmt.Errorf("padded to %d bytes: %w", len(padded), ErrFormat)
	}
	n := int64(binary.BigEndian.Uint32(padded))
	if n > int64(len(padded)-padHeader) || bucket(int(n)+padHeader) != len(padded) {
		return nil, fmt.Errorf("length %d padded to %d bytes: %w", n, len(padded), ErrFormat)
	}
	end := padHeader + int(n)
	if !allZero(padded[end:]) {
		return nil, fmt.Errorf("padding is not zero: %w", ErrFormat)
	}
	return padded[padHeader:end:end], nil
}

func allZero(b []byte) bool {
	var or byte
	for _, c := range b {
		or |= c
	}
	return or == 0
}
