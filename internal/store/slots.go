package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// PutSlot implements Slots.
func (s *SQLite) PutSlot(ctx context.Context, slot Slot) error {
	if err := checkSmall("slot", slot.Sealed); err != nil {
		return err
	}
	if slot.Revision < 1 || slot.Generation < 1 || slot.Kind == 0 {
		return fmt.Errorf("slot kind %d, revision %d, generation %d: %w", slot.Kind, slot.Revision, slot.Generation, ErrLimit)
	}
	return s.write(ctx, "writing a slot of "+slot.UID.String(), func(tx *sql.Tx) error {
		if slot.Revision == 1 {
			return insertSlot(ctx, tx, slot)
		}
		return oneRow(ErrConflict)(tx.ExecContext(ctx,
			"UPDATE slots SET kind = ?, generation = ?, revision = ?, sealed = ?, changed = ? WHERE uid = ? AND slot = ? AND revision = ?",
			slot.Kind, slot.Generation, slot.Revision, slot.Sealed, time.Now().Unix(), slot.UID[:], slot.Number, slot.Revision-1))
	})
}

func insertSlot(ctx context.Context, tx *sql.Tx, slot Slot) error {
	if err := needUser(ctx, tx, slot.UID); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM slots WHERE uid = ?", slot.UID[:]).Scan(&n); err != nil {
		return err
	}
	if n >= MaxSlots {
		return fmt.Errorf("more than %d slots: %w", MaxSlots, ErrLimit)
	}
	return oneRow(ErrConflict)(tx.ExecContext(ctx,
		"INSERT INTO slots (uid, slot, kind, generation, revision, sealed, changed) VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING",
		slot.UID[:], slot.Number, slot.Kind, slot.Generation, slot.Sealed, time.Now().Unix()))
}

// Slots implements Slots.
func (s *SQLite) Slots(ctx context.Context, uid user.ID) ([]Slot, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT slot, kind, generation, revision, sealed, changed FROM slots WHERE uid = ? ORDER BY slot", uid[:])
	all, err := collect(rows, err, func(r *sql.Rows) (Slot, error) {
		x := Slot{UID: uid}
		return x, r.Scan(&x.Number, &x.Kind, &x.Generation, &x.Revision, &x.Sealed, scanTime{&x.Changed})
	})
	if err != nil {
		return nil, fmt.Errorf("reading slots of %s: %w", uid, err)
	}
	return all, nil
}

// DeleteSlot implements Slots.
func (s *SQLite) DeleteSlot(ctx context.Context, uid user.ID, number uint32, revision int64) error {
	return s.write(ctx, "deleting a slot of "+uid.String(), func(tx *sql.Tx) error {
		var have int64
		err := tx.QueryRowContext(ctx, "SELECT revision FROM slots WHERE uid = ? AND slot = ?", uid[:], number).Scan(&have)
		if err != nil {
			return found(err)
		}
		if have != revision {
			return ErrConflict
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM slots WHERE uid = ? AND slot = ?", uid[:], number)
		return err
	})
}

// PutUserKeys implements Slots.
func (s *SQLite) PutUserKeys(ctx context.Context, k UserKeys) error {
	if err := checkSmall("public key", k.Public); err != nil {
		return err
	}
	if err := checkSmall("sealed private key", k.SealedPrivate); err != nil {
		return err
	}
	return s.write(ctx, "writing the keys of "+k.UID.String(), func(tx *sql.Tx) error {
		if err := needUser(ctx, tx, k.UID); err != nil {
			return err
		}
		have, err := userKeys(ctx, tx, k.UID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if k.Generation < have.Generation || k.Generation == have.Generation && !bytes.Equal(k.Public, have.Public) {
			return ErrConflict
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO user_keys (uid, generation, public_key, sealed_private, changed) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (uid) DO UPDATE SET generation = ?2, public_key = ?3, sealed_private = ?4, changed = ?5`,
			k.UID[:], k.Generation, k.Public, k.SealedPrivate, time.Now().Unix())
		return err
	})
}

// UserKeys implements Slots.
func (s *SQLite) UserKeys(ctx context.Context, uid user.ID) (UserKeys, error) {
	k, err := userKeys(ctx, s.db.Read(), uid)
	if err != nil {
		return UserKeys{}, fmt.Errorf("reading the keys of %s: %w", uid, err)
	}
	return k, nil
}

func userKeys(ctx context.Context, q queryer, uid user.ID) (UserKeys, error) {
	k := UserKeys{UID: uid}
	err := q.QueryRowContext(ctx, "SELECT generation, public_key, sealed_private FROM user_keys WHERE uid = ?", uid[:]).Scan(&k.Generation, &k.Public, &k.SealedPrivate)
	if err != nil {
		return UserKeys{}, found(err)
	}
	return k, nil
}
