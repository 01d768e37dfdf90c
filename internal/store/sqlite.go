package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"cofferdam/internal/store/sqlfile"
	"cofferdam/internal/user"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as keeper's database: "CFD1".
const applicationID = 0x43464431

// SQLite is a Store in one file.
type SQLite struct {
	db *sqlfile.DB
}

var _ Store = (*SQLite)(nil)

// OpenSQLite opens or creates the file at path, mode 0600, and brings its schema
// forward. A file of a newer program is refused (sqlfile.ErrNewer).
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	migrations, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	db, err := sqlfile.Open(ctx, path, sqlfile.Schema{ApplicationID: applicationID, Migrations: migrations})
	if err != nil {
		return nil, err
	}
	return &SQLite{db}, nil
}

// Close implements Store.
func (s *SQLite) Close() error { return s.db.Close() }

// DB gives the registry check and doctor a look at the schema.
func (s *SQLite) DB() *sql.DB { return s.db.Read() }

// Checkpoint empties the write-ahead log, so that deleted rows are gone from the
// disk (secure_delete has overwritten them in the file).
func (s *SQLite) Checkpoint(ctx context.Context) error { return s.db.Checkpoint(ctx) }

// DeleteUser implements Store.
func (s *SQLite) DeleteUser(ctx context.Context, uid user.ID) error {
	return s.write(ctx, "deleting user "+uid.String(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE logins SET changed = ? WHERE uid = ?", time.Now().Unix(), uid[:]); err != nil {
			return err
		}
		return oneRow(ErrNotFound)(tx.ExecContext(ctx, "DELETE FROM users WHERE uid = ?", uid[:]))
	})
}

// write runs f in a transaction and says what it was for if it fails.
func (s *SQLite) write(ctx context.Context, what string, f func(*sql.Tx) error) error {
	if err := s.db.Write(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// needUser refuses to write for somebody who is not there, in words that no
// foreign key's error has.
func needUser(ctx context.Context, tx *sql.Tx, uid user.ID) error {
	var one int
	err := tx.QueryRowContext(ctx, "SELECT 1 FROM users WHERE uid = ?", uid[:]).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("person: %w", ErrNotFound)
	}
	return err
}

// oneRow turns "no row was changed" into an error of ours.
func oneRow(none error) func(sql.Result, error) error {
	return func(r sql.Result, err error) error {
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n == 0 {
			return none
		}
		return err
	}
}

// found turns "no rows" into ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// scanUID reads a uid column; NULL gives the zero ID.
type scanUID struct{ id *user.ID }

// Scan implements sql.Scanner.
func (s scanUID) Scan(v any) error {
	if v == nil {
		*s.id = user.ID{}
		return nil
	}
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("uid column holds %T", v)
	}
	id, err := user.IDFromBytes(b)
	*s.id = id
	return err
}

// scanHash reads a column of 32 bytes.
type scanHash struct{ h *[32]byte }

// Scan implements sql.Scanner.
func (s scanHash) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(s.h) {
		return fmt.Errorf("hash column holds %T", v)
	}
	*s.h = [32]byte(b)
	return nil
}

// scanTime reads Unix seconds.
type scanTime struct{ t *time.Time }

// Scan implements sql.Scanner.
func (s scanTime) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time column holds %T", v)
	}
	*s.t = time.Unix(n, 0)
	return nil
}

// collect reads all rows of a query that is bounded by its LIMIT or its nature.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// checkLimit refuses a limit that the caller did not mean.
func checkLimit(limit int) error {
	if limit < 1 || limit > MaxPage {
		return fmt.Errorf("page of %d rows, 1 to %d allowed: %w", limit, MaxPage, ErrLimit)
	}
	return nil
}

// checkSmall refuses sealed bytes that are absent or too many.
func checkSmall(what string, b []byte) error {
	if len(b) == 0 || len(b) > MaxSealedSmall {
		return fmt.Errorf("%s of %d bytes: %w", what, len(b), ErrLimit)
	}
	return nil
}
