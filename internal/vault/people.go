package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// LoginID computes the keyed hash under which the database maps a canonical
// login to a person. It is limited in total like attempts: whoever may ask
// without limit can find out which addresses have an account.
func (v *Vault) LoginID(ctx context.Context, login string) (seal.LoginID, error) {
	if login == "" || len(login) > maxLogin {
		return seal.LoginID{}, fmt.Errorf("login of %d bytes: %w", len(login), seal.ErrLimit)
	}
	if err := v.lookup(ctx); err != nil {
		return seal.LoginID{}, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.login.LoginID(login)
}

// NewUser makes SHRED_u for a person. Repeating it changes nothing; a person who
// was destroyed stays so (ErrClosed).
func (v *Vault) NewUser(ctx context.Context, uid user.ID) error {
	if uid.IsZero() {
		return fmt.Errorf("making a shred key for nobody: %w", user.ErrBadID)
	}
	err := v.db.Write(ctx, func(tx *sql.Tx) error {
		var gone int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM destroyed WHERE uid = ?", uid[:]).Scan(&gone); err != nil {
			return err
		}
		if gone > 0 {
			return ErrClosed
		}
		// Within the transaction, so that a rekey sees either no row or a new one.
		k, shred := v.wrapKey(), seal.NewShredKey()
		defer shred.Wipe()
		wrapped, err := k.key.WrapShred(k.number, uid, shred)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO people (uid, key_number, wrapped, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			uid[:], k.number, wrapped, time.Now().Unix())
		return err
	})
	if err != nil {
		return fmt.Errorf("making a shred key for %s: %w", uid, err)
	}
	return nil
}

// shred reads a person's shred key; the caller wipes it. A closed account gives
// ErrClosed, one that is not there ErrUnknown.
func (v *Vault) shred(ctx context.Context, uid user.ID) (seal.ShredKey, error) {
	// A rekey may drop the key between the two steps; then the row has moved.
	k, err := v.readShred(ctx, uid)
	if errors.Is(err, seal.ErrNoKey) {
		k, err = v.readShred(ctx, uid)
	}
	if err != nil {
		return seal.ShredKey{}, fmt.Errorf("shred key of %s: %w", uid, err)
	}
	return k, nil
}

func (v *Vault) readShred(ctx context.Context, uid user.ID) (seal.ShredKey, error) {
	var number int64
	var wrapped []byte
	var closed sql.NullInt64
	err := v.db.Read().QueryRowContext(ctx, "SELECT key_number, wrapped, closed FROM people WHERE uid = ?", uid[:]).Scan(&number, &wrapped, &closed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return seal.ShredKey{}, ErrUnknown
	case err != nil:
		return seal.ShredKey{}, err
	case closed.Valid:
		return seal.ShredKey{}, ErrClosed
	}
	return v.unwrapShred(uid, number, wrapped)
}

// unwrapShred holds the lock while it uses the vault key, which endRekey wipes.
func (v *Vault) unwrapShred(uid user.ID, number int64, wrapped []byte) (seal.ShredKey, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, k := range v.keys {
		if k.number == number {
			return k.key.UnwrapShred(number, uid, wrapped)
		}
	}
	return seal.ShredKey{}, fmt.Errorf("vault key %d: %w", number, seal.ErrNoKey)
}

// Pepper answers P and the pepper's version, to make a slot. Version 0 means the
// newest. It counts as an attempt, unless this proof was shown lately
// (recent.go): P is half of what a guess needs.
func (v *Vault) Pepper(ctx context.Context, uid user.ID, proof seal.Proof, version uint32) (seal.Peppered, uint32, error) {
	shred, err := v.shred(ctx, uid)
	if err != nil {
		return seal.Peppered{}, 0, err
	}
	shred.Wipe() // only to know that the person is there and not closed
	if version == 0 {
		version = v.newestPepper()
	}
	if err := v.charge(ctx, uid, proof, version); err != nil {
		return seal.Peppered{}, 0, err
	}
	return v.peppered(uid, proof, version)
}

func (v *Vault) newestPepper() uint32 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.newest
}

func (v *Vault) peppered(uid user.ID, proof seal.Proof, version uint32) (seal.Peppered, uint32, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	k, ok := v.pepper[version]
	if !ok {
		return seal.Peppered{}, 0, fmt.Errorf("pepper version %d: %w", version, seal.ErrFormat)
	}
	p, err := k.Pepper(uid, proof)
	return p, version, err
}

// Wrap adds the outer layer to a slot that keeper made. It needs no limit: it
// gives nothing away.
func (v *Vault) Wrap(ctx context.Context, uid user.ID, header, inner []byte) ([]byte, error) {
	shred, err := v.shred(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer shred.Wipe()
	return shred.SealOuter(uid, header, inner)
}

// Unwrap takes the outer layer off a slot and answers P with it: one call for
// each sign-in, counted as an attempt unless this proof was shown lately
// (recent.go). A slot that does not open gives
// seal.ErrOpen; whether the password was right, vault does not learn.
func (v *Vault) Unwrap(ctx context.Context, uid user.ID, proof seal.Proof, version uint32, header, outer []byte) ([]byte, seal.Peppered, error) {
	shred, err := v.shred(ctx, uid)
	if err != nil {
		return nil, seal.Peppered{}, err
	}
	defer shred.Wipe()
	if err := v.charge(ctx, uid, proof, version); err != nil {
		return nil, seal.Peppered{}, err
	}
	inner, err := shred.OpenOuter(uid, header, outer)
	if err != nil {
		v.counters.Refused.Add(1)
		return nil, seal.Peppered{}, fmt.Errorf("opening a slot of %s: %w", uid, err)
	}
	p, _, err := v.peppered(uid, proof, version)
	if err != nil {
		return nil, seal.Peppered{}, err
	}
	v.counters.Opened.Add(1)
	return inner, p, nil
}
