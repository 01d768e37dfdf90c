package seal

import "fmt"

const recordVersion = 0x01

// RecordOverhead is what sealing adds to the padded plaintext, in bytes.
const RecordOverhead = 1 + boxOverhead

// SealRecord seals one revision of one record. id is 1 to MaxRecordID bytes that
// the caller chose without meaning (random or keyed), never used again after a
// deletion; revision counts from 1. The plaintext may have up to MaxRecord bytes
// and is padded, so that only its bucket shows.
//
// Layout: 0x01 | box of the padded plaintext; AAD uid, class, id, revision,
// generation (docs/formats/record.md).
func (k ClassKey) SealRecord(id []byte, revision int64, plaintext []byte) ([]byte, error) {
	if err := checkRecord(id, revision); err != nil {
		return nil, err
	}
	if len(plaintext) > MaxRecord {
		return nil, fmt.Errorf("record of %d bytes, at most %d: %w", len(plaintext), MaxRecord, ErrLimit)
	}
	padded := pad(plaintext)
	defer clear(padded)
	return k.appendBox([]byte{recordVersion}, k.recordAAD(id, revision), padded)
}

// OpenRecord opens what SealRecord sealed for the same id and revision. ErrOpen
// means another key, person, class, id, revision or generation, or changed
// bytes.
func (k ClassKey) OpenRecord(id []byte, revision int64, sealed []byte) ([]byte, error) {
	if err := checkRecord(id, revision); err != nil {
		return nil, err
	}
	if len(sealed) > RecordOverhead+bucket(padHeader+MaxRecord) {
		return nil, fmt.Errorf("sealed record of %d bytes: %w", len(sealed), ErrLimit)
	}
	box, err := versioned(sealed, recordVersion)
	if err != nil {
		return nil, err
	}
	padded, err := k.openBox(k.recordAAD(id, revision), box)
	if err != nil {
		return nil, err
	}
	return unpad(padded)
}

func checkRecord(id []byte, revision int64) error {
	if len(id) == 0 || len(id) > MaxRecordID || revision < 1 {
		return fmt.Errorf("record id of %d bytes, revision %d: %w", len(id), revision, ErrLimit)
	}
	return nil
}

func (k ClassKey) recordAAD(id []byte, revision int64) transcript {
	return newTranscript("cofferdam/record/v1").fixed(k.uid[:]).short([]byte(k.class)).short(id).number(revision).number(k.generation)
}
