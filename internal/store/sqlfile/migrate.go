package sqlfile

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
)

// step is one migration.
type step struct {
	number int
	name   string
	sql    string
}

var stepName = regexp.MustCompile(`^([0-9]{4})-[a-z0-9-]+\.sql$`)

// loadSteps reads the migrations and refuses gaps, doubles and stray files.
func loadSteps(files fs.FS) ([]step, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	var steps []step
	for _, e := range entries {
		m := stepName.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("migration %s is not named 0001-what.sql", e.Name())
		}
		number, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", e.Name(), err)
		}
		text, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading migration %s: %w", e.Name(), err)
		}
		steps = append(steps, step{number, e.Name(), string(text)})
	}
	slices.SortFunc(steps, func(a, b step) int { return a.number - b.number })
	for i, s := range steps {
		if s.number != i+1 {
			return nil, fmt.Errorf("migration %s: expected number %d", s.name, i+1)
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("no migrations")
	}
	return steps, nil
}

// migrate applies the steps that the file has not seen.
func migrate(ctx context.Context, db *sql.DB, appID int32, steps []step) error {
	var version, id int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("reading the file's owner: %w", err)
	}
	if err := checkOwner(ctx, db, version, int32(id), appID); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("%w: version %d, known up to %d", ErrNewer, version, len(steps))
	}
	for _, s := range steps[version:] {
		if err := apply(ctx, db, appID, s); err != nil {
			return fmt.Errorf("migration %s: %w", s.name, err)
		}
	}
	return nil
}

// checkOwner refuses a file that another program, or another store of ours,
// made; only an empty file has no owner yet.
func checkOwner(ctx context.Context, db *sql.DB, version int, id, want int32) error {
	if version > 0 {
		if id != want {
			return fmt.Errorf("%w: application id %#x, want %#x", ErrForeign, id, want)
		}
		return nil
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	if tables != 0 || id != 0 {
		return fmt.Errorf("%w: it has tables but no version", ErrForeign)
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, appID int32, s step) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after Commit
	// PRAGMA takes no parameters; both numbers are ours.
	for _, q := range []string{s.sql, fmt.Sprintf("PRAGMA user_version=%d", s.number), fmt.Sprintf("PRAGMA application_id=%d", appID)} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}
