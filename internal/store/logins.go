package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// Login implements Logins.
func (s *SQLite) Login(ctx context.Context, id LoginID) (Mapping, error) {
	m, err := mapping(ctx, s.db.Read(), id)
	if err != nil {
		return Mapping{}, fmt.Errorf("looking up a login: %w", err)
	}
	if m.UID.IsZero() {
		return Mapping{}, fmt.Errorf("looking up a retired login: %w", ErrNotFound)
	}
	return m, nil
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// mapping reads a row, whose UID is zero if the login is retired.
func mapping(ctx context.Context, q queryer, id LoginID) (Mapping, error) {
	var m Mapping
	err := q.QueryRowContext(ctx, "SELECT uid, generation FROM logins WHERE login_id = ?", id[:]).Scan(scanUID{&m.UID}, &m.Generation)
	return m, found(err)
}

// AddLogin implements Logins.
func (s *SQLite) AddLogin(ctx context.Context, id LoginID, uid user.ID) (m Mapping, err error) {
	if uid.IsZero() {
		return Mapping{}, fmt.Errorf("adding a login of nobody: %w", ErrLimit)
	}
	err = s.write(ctx, "adding a login of "+uid.String(), func(tx *sql.Tx) error {
		now := time.Now().Unix()
		if _, err := tx.ExecContext(ctx, "INSERT INTO users (uid, created) VALUES (?, ?) ON CONFLICT DO NOTHING", uid[:], now); err != nil {
			return err
		}
		m, err = claim(ctx, tx, id, uid, now)
		return err
	})
	return m, err
}

// claim makes a login, which must be nobody's, that of uid.
func claim(ctx context.Context, tx *sql.Tx, id LoginID, uid user.ID, now int64) (Mapping, error) {
	before, err := mapping(ctx, tx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Mapping{}, err
	}
	if !before.UID.IsZero() {
		return Mapping{}, fmt.Errorf("login is somebody's: %w", ErrConflict)
	}
	m := Mapping{uid, before.Generation + 1}
	_, err = tx.ExecContext(ctx, `INSERT INTO logins (login_id, uid, generation, changed) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (login_id) DO UPDATE SET uid = ?2, generation = ?3, changed = ?4`, id[:], uid[:], m.Generation, now)
	return m, err
}

// MoveLogin implements Logins.
func (s *SQLite) MoveLogin(ctx context.Context, from, to LoginID) (m Mapping, err error) {
	err = s.write(ctx, "moving a login", func(tx *sql.Tx) error {
		old, err := mapping(ctx, tx, from)
		if err != nil {
			return err
		}
		if old.UID.IsZero() {
			return ErrNotFound
		}
		now := time.Now().Unix()
		if err := retire(ctx, tx, from, now); err != nil {
			return err
		}
		m, err = claim(ctx, tx, to, old.UID, now)
		return err
	})
	return m, err
}

// RetireLogin implements Logins.
func (s *SQLite) RetireLogin(ctx context.Context, id LoginID) error {
	return s.write(ctx, "retiring a login", func(tx *sql.Tx) error {
		return retire(ctx, tx, id, time.Now().Unix())
	})
}

func retire(ctx context.Context, tx *sql.Tx, id LoginID, now int64) error {
	return oneRow(ErrNotFound)(tx.ExecContext(ctx, "UPDATE logins SET uid = NULL, changed = ? WHERE login_id = ? AND uid IS NOT NULL", now, id[:]))
}
