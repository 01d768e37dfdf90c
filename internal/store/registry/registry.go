// Package registry reads docs/data-registry.toml, which lists class, purpose and
// retention of each column and file that Cofferdam writes, and finds what a
// database has that the registry has not (R19, R23), and the other way round.
//
// It is used by tests and by doctor. It reads names alone, never a row.
package registry

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Class says what a reader of the stored value learns.
type Class string

// Classes of a column or file, from what tells nothing to what needs most care.
const (
	Structural Class = "structural" // versions, counters, states
	Time       Class = "time"       // when something happened
	RandomID   Class = "random-id"  // a name made at random
	KeyedHash  Class = "keyed-hash" // needs a key held elsewhere to test a guess
	PublicKey  Class = "public-key"
	Sealed     Class = "sealed"   // ciphertext whose key is elsewhere
	Wrapped    Class = "wrapped"  // a key under another key
	KeyFile    Class = "key-file" // a key in the clear, in a file of its own
)

func classes() []Class {
	return []Class{Structural, Time, RandomID, KeyedHash, PublicKey, Sealed, Wrapped, KeyFile}
}

// Registry is the whole document.
type Registry struct {
	Files   []File   `toml:"file"`
	Columns []Column `toml:"column"`
}

// File is one declared file.
type File struct {
	Name      string `toml:"name"`
	Role      string `toml:"role"` // who opens it
	Class     Class  `toml:"class"`
	Purpose   string `toml:"purpose"`
	Retention string `toml:"retention"`
	Threat    string `toml:"threat"` // what whoever reads or changes it gains
}

// Column is one declared column.
type Column struct {
	Store     string `toml:"store"` // name of the declared file it is in
	Table     string `toml:"table"`
	Column    string `toml:"column"`
	Class     Class  `toml:"class"`
	Purpose   string `toml:"purpose"`
	Retention string `toml:"retention"`
}

func (c Column) name() string { return c.Table + "." + c.Column }

// Load reads and checks a registry: no unknown field, no empty one, no double,
// no column of an undeclared file.
func Load(path string) (Registry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Registry{}, fmt.Errorf("reading the data registry: %w", err)
	}
	r, err := parse(text)
	if err != nil {
		return Registry{}, fmt.Errorf("reading the data registry %s: %w", path, err)
	}
	return r, nil
}

func parse(text []byte) (Registry, error) {
	var r Registry
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return Registry{}, fmt.Errorf("unknown field:\n%s", unknown.String())
		}
		return Registry{}, err
	}
	var errs []error
	seen := map[string]bool{}
	once := func(name string) {
		if seen[name] {
			errs = append(errs, fmt.Errorf("%s is declared twice", name))
		}
		seen[name] = true
	}
	for _, f := range r.Files {
		once(f.Name)
		errs = append(errs, complete(f.Name, f.Class, f.Name, f.Role, f.Purpose, f.Retention, f.Threat))
	}
	for _, c := range r.Columns {
		name := c.Store + ": " + c.name()
		once(name)
		errs = append(errs, complete(name, c.Class, c.Store, c.Table, c.Column, c.Purpose, c.Retention))
		if !slices.ContainsFunc(r.Files, func(f File) bool { return f.Name == c.Store }) {
			errs = append(errs, fmt.Errorf("%s is in a file that is not declared", name))
		}
	}
	return r, errors.Join(errs...)
}

func complete(name string, class Class, fields ...string) error {
	if slices.Contains(fields, "") {
		return fmt.Errorf("%s lacks a field", name)
	}
	if !slices.Contains(classes(), class) {
		return fmt.Errorf("%s is of class %q, which there is not", name, class)
	}
	return nil
}

// Check compares a SQLite database with what is declared for a file. The error
// names each column that only one of them has.
func (r Registry) Check(ctx context.Context, db *sql.DB, store string) error {
	have, err := columns(ctx, db)
	if err != nil {
		return fmt.Errorf("reading the schema of %s: %w", store, err)
	}
	var want []string
	for _, c := range r.Columns {
		if c.Store == store {
			want = append(want, c.name())
		}
	}
	var errs []error
	for _, c := range have {
		if !slices.Contains(want, c) {
			errs = append(errs, fmt.Errorf("%s: column %s is not declared in the data registry", store, c))
		}
	}
	for _, c := range want {
		if !slices.Contains(have, c) {
			errs = append(errs, fmt.Errorf("%s: column %s is declared but does not exist", store, c))
		}
	}
	return errors.Join(errs...)
}

func columns(ctx context.Context, db *sql.DB) (all []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

// Declared reports whether a file name is declared; SQLite's files beside a
// database (-wal, -shm) go with it.
func (r Registry) Declared(file string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(file, "-wal"), "-shm")
	return slices.ContainsFunc(r.Files, func(f File) bool { return f.Name == base })
}
