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

// RekeyDue reports whether the vault key is KeyLife old.
func (v *Vault) RekeyDue() bool { return time.Since(v.wrapKey().created) >= KeyLife }

// Rekey makes a new vault key, wraps everything under it and destroys the old
// one. Other calls go on meanwhile. If it is interrupted at any point, the next
// Open (or Rekey) finishes it: until the last row is moved, the key file holds
// both keys.
func (v *Vault) Rekey(ctx context.Context) error {
	v.rekeying.Lock()
	defer v.rekeying.Unlock()
	if err := v.startRekey(); err != nil {
		return fmt.Errorf("making vault's key anew: %w", err)
	}
	newest := v.wrapKey()
	for _, move := range []func(context.Context, vaultKey) (int, error){v.moveKeys, v.movePeople} {
		for n := rekeyStep; n == rekeyStep; {
			var err error
			if n, err = move(ctx, newest); err != nil {
				return fmt.Errorf("wrapping vault's keys anew: %w", err)
			}
		}
	}
	if err := v.endRekey(newest); err != nil {
		return fmt.Errorf("dropping vault's old key: %w", err)
	}
	v.log.Info("vault key made anew", "number", newest.number)
	return nil
}

// startRekey adds the next key, unless an interrupted rekey already did.
func (v *Vault) startRekey() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.keys) == 2 {
		return nil
	}
	next := newVaultKey(v.keys[0].number)
	if err := writeKeyFile(v.cfg.Dir, v.keys[0], next); err != nil {
		return err
	}
	v.keys = append(v.keys, next)
	return nil
}

// endRekey drops the old key. Nothing is wrapped under it any more: new rows
// took the newest since startRekey, in transactions that began after it.
func (v *Vault) endRekey(newest vaultKey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := writeKeyFile(v.cfg.Dir, newest); err != nil {
		return err
	}
	for _, k := range v.keys[:len(v.keys)-1] {
		k.key.Wipe()
	}
	v.keys = []vaultKey{newest}
	return nil
}

// row is one wrapped key on its way to another vault key.
type row struct {
	name    string
	version uint32
	uid     []byte
	number  int64
	wrapped []byte
}

func (v *Vault) moveKeys(ctx context.Context, to vaultKey) (n int, err error) {
	err = v.db.Write(ctx, func(tx *sql.Tx) error {
		rows, err := readRows(ctx, tx, "SELECT name, version, NULL, key_number, wrapped FROM keys WHERE key_number <> ? LIMIT ?", to.number, rekeyStep)
		if err != nil {
			return err
		}
		n = len(rows)
		for _, r := range rows {
			wrapped, err := v.rewrapKey(r, to)
			if err != nil {
				return fmt.Errorf("%s key, version %d: %w", r.name, r.version, err)
			}
			_, err = tx.ExecContext(ctx, "UPDATE keys SET key_number = ?, wrapped = ? WHERE name = ? AND version = ?", to.number, wrapped, r.name, r.version)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (v *Vault) rewrapKey(r row, to vaultKey) ([]byte, error) {
	from, err := v.keyOf(r.number)
	if err != nil {
		return nil, err
	}
	if r.name == "login" {
		k, err := from.UnwrapLogin(r.number, r.wrapped)
		if err != nil {
			return nil, err
		}
		defer k.Wipe()
		return to.key.WrapLogin(to.number, k)
	}
	k, err := from.UnwrapPepper(r.number, r.version, r.wrapped)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return to.key.WrapPepper(to.number, r.version, k)
}

func (v *Vault) movePeople(ctx context.Context, to vaultKey) (n int, err error) {
	err = v.db.Write(ctx, func(tx *sql.Tx) error {
		rows, err := readRows(ctx, tx, "SELECT '', 0, uid, key_number, wrapped FROM people WHERE key_number < ? LIMIT ?", to.number, rekeyStep)
		if err != nil {
			return err
		}
		n = len(rows)
		for _, r := range rows {
			if err := v.movePerson(ctx, tx, r, to); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (v *Vault) movePerson(ctx context.Context, tx *sql.Tx, r row, to vaultKey) error {
	uid, err := user.IDFromBytes(r.uid)
	if err != nil {
		return err
	}
	shred, err := v.unwrapShred(uid, r.number, r.wrapped)
	if err != nil {
		return err
	}
	defer shred.Wipe()
	wrapped, err := to.key.WrapShred(to.number, uid, shred)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE people SET key_number = ?, wrapped = ? WHERE uid = ?", to.number, wrapped, r.uid)
	return err
}

func readRows(ctx context.Context, tx *sql.Tx, query string, args ...any) (all []row, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.name, &r.version, &r.uid, &r.number, &r.wrapped); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// NewPepper adds a version of the pepper, which slots made from now on use.
func (v *Vault) NewPepper(ctx context.Context) (uint32, error) {
	// So that the key it is wrapped under is not dropped meanwhile, and no other
	// call takes the same version. mu is not held over the write: writers take it.
	v.rekeying.Lock()
	defer v.rekeying.Unlock()
	v.mu.RLock()
	version := v.newest + 1
	v.mu.RUnlock()
	k, pepper := v.wrapKey(), seal.NewPepperKey()
	wrapped, err := k.key.WrapPepper(k.number, version, pepper)
	if err == nil {
		err = v.db.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO keys (name, version, key_number, wrapped, created) VALUES ('pepper', ?, ?, ?, ?)", version, k.number, wrapped, time.Now().Unix())
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("making a new pepper: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pepper[version], v.newest = pepper, version
	return version, nil
}
