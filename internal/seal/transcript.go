package seal

import "encoding/binary"

// transcript is the injective encoding of what a box is bound to: a label, a
// zero byte, then fields that are of fixed length or carry it.
type transcript []byte

func newTranscript(label string) transcript {
	return append(transcript(label), 0)
}

// fixed appends a field whose length the label fixes.
func (t transcript) fixed(b []byte) transcript { return append(t, b...) }

// short appends a field of up to 255 bytes with its length in one byte. Longer
// ones are a broken invariant: callers check their limits first.
func (t transcript) short(b []byte) transcript {
	if len(b) > 255 {
		panic("seal: transcript field too long")
	}
	return append(append(t, byte(len(b))), b...)
}

// long appends the last field with its length in four bytes.
func (t transcript) long(b []byte) transcript {
	return append(binary.BigEndian.AppendUint32(t, uint32(len(b))), b...)
}

// number appends a non-negative integer in eight bytes, big-endian.
func (t transcript) number(n int64) transcript {
	return binary.BigEndian.AppendUint64(t, uint64(n))
}
