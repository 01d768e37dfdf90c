package seal

import (
	"encoding/binary"
	"fmt"

	"cofferdam/internal/user"
)

// Class is a kind of sealed records with a key of its own.
type Class string

// The classes there are. Cells get the keys of the first four; ClassAuth (second
// factors, grants, the labels of sessions) never leaves keeper.
const (
	ClassMail     Class = "mail"
	ClassContacts Class = "contacts"
	ClassSettings Class = "settings"
	ClassOutbox   Class = "outbox"
	ClassAuth     Class = "auth"
)

// CellClasses returns the classes whose keys a cell is given.
func CellClasses() []Class {
	return []Class{ClassMail, ClassContacts, ClassSettings, ClassOutbox}
}

// ParseClass reads a class that there is; another name gives ErrFormat.
func ParseClass(s string) (Class, error) {
	switch c := Class(s); c {
	case ClassMail, ClassContacts, ClassSettings, ClassOutbox, ClassAuth:
		return c, nil
	}
	return "", fmt.Errorf("record class of %d bytes is not known: %w", len(s), ErrFormat)
}

// ClassKey seals and opens one person's records of one class and generation. It
// carries what it is bound to, so that callers cannot mix it up.
type ClassKey struct {
	key
	uid        user.ID
	class      Class
	generation int64
}

// ClassKey derives HKDF-Expand(UMK, "cofferdam/<class>/v1" | generation), the
// generation in eight bytes, big-endian. It is at least 1.
func (u UMK) ClassKey(uid user.ID, class Class, generation int64) (ClassKey, error) {
	if err := checkClass(uid, class, generation); err != nil {
		return ClassKey{}, err
	}
	info := binary.BigEndian.AppendUint64([]byte("cofferdam/"+string(class)+"/v1"), uint64(generation))
	k, err := u.expand(string(info))
	return ClassKey{k, uid, class, generation}, err
}

// ParseClassKey reads a class key as keeper hands it to a cell.
func ParseClassKey(uid user.ID, class Class, generation int64, b []byte) (ClassKey, error) {
	if err := checkClass(uid, class, generation); err != nil {
		return ClassKey{}, err
	}
	k, err := keyFrom(b)
	return ClassKey{k, uid, class, generation}, err
}

func checkClass(uid user.ID, class Class, generation int64) error {
	if _, err := ParseClass(string(class)); err != nil {
		return err
	}
	if uid.IsZero() || generation < 1 {
		return fmt.Errorf("class key of generation %d: %w", generation, ErrFormat)
	}
	return nil
}

// UID returns whose records the key is for.
func (k ClassKey) UID() user.ID { return k.uid }

// Class returns the class the key is for.
func (k ClassKey) Class() Class { return k.class }

// Generation returns the key's generation, which is stored beside each record.
func (k ClassKey) Generation() int64 { return k.generation }
