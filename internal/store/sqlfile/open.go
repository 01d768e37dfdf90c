package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"
)

var (
	// ErrNewer says that a file was made by a newer version of the program.
	ErrNewer = errors.New("file has a newer schema than this program knows")
	// ErrForeign says that a file belongs to another program or another store.
	ErrForeign = errors.New("file is not one of this store")
)

// Schema is what a store's file must look like.
type Schema struct {
	// ApplicationID marks the file as one of this store (SQLite header).
	ApplicationID int32
	// Migrations holds the numbered SQL files, and nothing else.
	Migrations fs.FS
}

// DB is an open file.
type DB struct {
	write *sql.DB // one connection
	read  *sql.DB
}

// Open opens or creates the file at path with mode 0600 and brings its schema
// forward. The folder must exist.
func Open(ctx context.Context, path string, schema Schema) (*DB, error) {
	steps, err := loadSteps(schema.Migrations)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("creating database %s: %w", path, err)
	}
	write, err := connect(path, false)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write, schema.ApplicationID, steps); err != nil {
		write.Close()
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	read, err := connect(path, true)
	if err != nil {
		write.Close()
		return nil, err
	}
	read.SetMaxOpenConns(readers)
	return &DB{write: write, read: read}, nil
}

// createPrivate makes the file before SQLite would, with a mode that does not
// hang on the umask. SQLite gives the log beside it the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path string, readOnly bool) (*sql.DB, error) {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")")
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_pragma", "secure_delete(1)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "temp_store(MEMORY)") // nothing of ours in temporary files
	q.Add("_pragma", "trusted_schema(0)")
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "wal_autocheckpoint("+strconv.Itoa(walPages)+")")
		q.Add("_pragma", "journal_size_limit("+strconv.Itoa(walLimit)+")")
		q.Set("_txlock", "immediate")
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	if !os.IsPathSeparator(path[0]) {
		dsn.Path, dsn.Opaque = "", (&url.URL{Path: path}).EscapedPath()
	}
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	return sql.OpenDB(c), nil
}

// Read returns the pool of reading connections.
func (d *DB) Read() *sql.DB { return d.read }

// Write runs f in one writing transaction: committed if f returns nil, else
// rolled back. Writers take turns; the wait ends with ctx.
func (d *DB) Write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning to write: %w", err)
	}
	defer tx.Rollback() // without effect after Commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// Checkpoint copies the whole log into the file and empties it, so that deleted
// content does not linger there. It fails if a reader stays in its way.
func (d *DB) Checkpoint(ctx context.Context) error {
	var busy, log, done int
	err := d.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	if err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	if busy != 0 {
		return errors.New("emptying the write-ahead log: a reader holds it")
	}
	return nil
}

// Close closes the file. It may be called twice.
func (d *DB) Close() error {
	return errors.Join(d.read.Close(), d.write.Close())
}
