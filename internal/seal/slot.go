package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"cofferdam/internal/user"
)

// SlotKind says what opens a slot. The numbers are part of the format.
type SlotKind uint8

// Kinds of a slot. Only SlotPassword is read and written so far; the others are
// specified in docs/formats/slot.md and refused with ErrSlotKind.
const (
	SlotPassword SlotKind = 1
	SlotPasskey  SlotKind = 2
	SlotRecovery SlotKind = 3
	SlotSSO      SlotKind = 4
	SlotEscrow   SlotKind = 5
)

const (
	slotVersion = 0x01
	// slotPrefix is version, kind, slot number, generation.
	slotPrefix = 1 + 1 + 4 + 8
	// SlotHeaderSize is the length of a password slot's header in bytes.
	SlotHeaderSize = slotPrefix + 4 + 4 + 1 + SaltSize + 4
	// SlotInnerSize and SlotOuterSize are the lengths of the two layers.
	SlotInnerSize = KeySize + boxOverhead
	SlotOuterSize = SlotInnerSize + boxOverhead
	// SlotSize is the length of a whole password slot.
	SlotSize = SlotHeaderSize + SlotOuterSize
)

// SlotHeader is the clear part of a password slot; both layers are bound to all
// of it.
type SlotHeader struct {
	Number     uint32 // of the slot, unique within the person
	Generation int64  // of the user master key
	Stretch    StretchParams
	Salt       [SaltSize]byte
	Pepper     uint32 // version of vault's pepper
}

// NewSlotHeader makes a header with a fresh salt and default parameters.
func NewSlotHeader(number uint32, generation int64, pepper uint32) SlotHeader {
	h := SlotHeader{Number: number, Generation: generation, Stretch: DefaultStretch(), Pepper: pepper}
	rand.Read(h.Salt[:]) // never fails (crypto/rand)
	return h
}

// Kind returns SlotPassword.
func (h SlotHeader) Kind() SlotKind { return SlotPassword }

// Bytes returns the header's SlotHeaderSize bytes, which vault is given as AAD.
func (h SlotHeader) Bytes() []byte {
	b := make([]byte, 0, SlotHeaderSize)
	b = append(b, slotVersion, byte(SlotPassword))
	b = binary.BigEndian.AppendUint32(b, h.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Generation))
	b = binary.BigEndian.AppendUint32(b, h.Stretch.Memory)
	b = binary.BigEndian.AppendUint32(b, h.Stretch.Time)
	b = append(b, h.Stretch.Threads)
	b = append(b, h.Salt[:]...)
	return binary.BigEndian.AppendUint32(b, h.Pepper)
}

// ParseSlotHeader reads a header. Other kinds than the password slot give
// ErrSlotKind; parameters outside of the limits ErrLimit.
func ParseSlotHeader(b []byte) (SlotHeader, error) {
	if len(b) < 2 || b[0] != slotVersion {
		return SlotHeader{}, fmt.Errorf("slot version: %w", ErrFormat)
	}
	if kind := SlotKind(b[1]); kind != SlotPassword {
		return SlotHeader{}, fmt.Errorf("slot of kind %d: %w", kind, ErrSlotKind)
	}
	if len(b) != SlotHeaderSize {
		return SlotHeader{}, fmt.Errorf("slot header of %d bytes: %w", len(b), ErrFormat)
	}
	h := SlotHeader{
		Number:     binary.BigEndian.Uint32(b[2:]),
		Generation: int64(binary.BigEndian.Uint64(b[6:])),
	}
	p := b[slotPrefix:]
	h.Stretch = StretchParams{Memory: binary.BigEndian.Uint32(p), Time: binary.BigEndian.Uint32(p[4:]), Threads: p[8]}
	h.Salt = [SaltSize]byte(p[9:])
	h.Pepper = binary.BigEndian.Uint32(p[9+SaltSize:])
	if h.Generation < 1 || h.Pepper < 1 {
		return SlotHeader{}, fmt.Errorf("slot generation %d, pepper %d: %w", h.Generation, h.Pepper, ErrFormat)
	}
	return h, h.Stretch.Validate()
}

// JoinSlot puts a stored slot together: header | outer layer.
func JoinSlot(h SlotHeader, outer []byte) ([]byte, error) {
	if len(outer) != SlotOuterSize {
		return nil, fmt.Errorf("outer layer of %d bytes: %w", len(outer), ErrFormat)
	}
	return append(h.Bytes(), outer...), nil
}

// SplitSlot takes a stored slot apart. The slices share its memory.
func SplitSlot(slot []byte) (h SlotHeader, header, outer []byte, err error) {
	if len(slot) >= 2 && slot[0] == slotVersion && SlotKind(slot[1]) != SlotPassword {
		return SlotHeader{}, nil, nil, fmt.Errorf("slot of kind %d: %w", slot[1], ErrSlotKind)
	}
	if len(slot) != SlotSize {
		return SlotHeader{}, nil, nil, fmt.Errorf("slot of %d bytes: %w", len(slot), ErrFormat)
	}
	header, outer = slot[:SlotHeaderSize:SlotHeaderSize], slot[SlotHeaderSize:]
	h, err = ParseSlotHeader(header)
	return h, header, outer, err
}

// SealInner is keeper's half of making a slot: KEK_AEAD(UMK).
func (k KEK) SealInner(uid user.ID, h SlotHeader, umk UMK) ([]byte, error) {
	b, err := umk.usable()
	if err != nil {
		return nil, err
	}
	return k.sealBox(slotAAD("cofferdam/slot-inner/v1", uid, h.Bytes()), b)
}

// OpenInner is keeper's half of opening a slot. ErrOpen means another password
// than the one the slot was made with (or a damaged row).
func (k KEK) OpenInner(uid user.ID, h SlotHeader, inner []byte) (UMK, error) {
	b, err := k.openBox(slotAAD("cofferdam/slot-inner/v1", uid, h.Bytes()), inner)
	if err != nil {
		return UMK{}, err
	}
	defer clear(b)
	return ParseUMK(b)
}

// ShredKey is SHRED_u, the one key without which none of a person's slots opens.
// It never leaves vault.
type ShredKey struct{ key }

// NewShredKey makes a random key.
func NewShredKey() ShredKey { return ShredKey{newKey()} }

// SealOuter is vault's half of making a slot: SHRED_AEAD(inner layer). header
// is SlotHeader.Bytes; vault does not read it.
func (k ShredKey) SealOuter(uid user.ID, header, inner []byte) ([]byte, error) {
	if len(inner) != SlotInnerSize || len(header) == 0 || len(header) > maxSlotHeader {
		return nil, fmt.Errorf("slot header of %d bytes, inner layer of %d: %w", len(header), len(inner), ErrFormat)
	}
	return k.sealBox(slotAAD("cofferdam/slot-outer/v1", uid, header), inner)
}

// OpenOuter is vault's half of opening a slot.
func (k ShredKey) OpenOuter(uid user.ID, header, outer []byte) ([]byte, error) {
	if len(outer) != SlotOuterSize || len(header) == 0 || len(header) > maxSlotHeader {
		return nil, fmt.Errorf("slot header of %d bytes, outer layer of %d: %w", len(header), len(outer), ErrFormat)
	}
	return k.openBox(slotAAD("cofferdam/slot-outer/v1", uid, header), outer)
}

// maxSlotHeader bounds the header of any kind of slot, in bytes (slot.md).
const maxSlotHeader = 128

func slotAAD(label string, uid user.ID, header []byte) transcript {
	return newTranscript(label).fixed(uid[:]).short(header)
}
