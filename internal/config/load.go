package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxFile bounds a configuration file; a real one has a few KiB.
const maxFile = 1 << 20

// Fault is one thing wrong with a file. Line and Column count from 1; 0 means
// that the fault has no place.
type Fault struct {
	File         string
	Line, Column int
	Text         string
}

func (f Fault) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
}

// Error is all that is wrong with a configuration.
type Error []Fault

func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Loaded is a configuration with where it came from.
type Loaded struct {
	Config
	File      string
	Overrides []string // drop-in files that were read, in order
}

// Load reads file and its drop-ins, and refuses what is wrong with an Error
// that names every fault.
func Load(file string) (*Loaded, error) {
	l := &Loaded{Config: Default(), File: file}
	drops, err := filepath.Glob(filepath.Join(strings.TrimSuffix(file, ".toml")+".d", "*.toml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(drops)
	l.Overrides = drops
	for _, f := range append([]string{file}, drops...) {
		if err := l.read(f); err != nil {
			return nil, err
		}
	}
	if faults := l.Validate(); len(faults) > 0 {
		for i := range faults {
			faults[i].File = file
		}
		return nil, faults
	}
	return l, nil
}

// read decodes one file over what is there already.
func (l *Loaded) read(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading configuration: %w", err)
	}
	if len(data) > maxFile {
		return Error{{File: file, Text: fmt.Sprintf("larger than %d bytes", maxFile)}}
	}
	before := l.Platform
	l.Platform = nil
	if err := strict(data, &l.Config); err != nil {
		return locate(file, err)
	}
	if l.Platform == nil {
		l.Platform = before
	}
	for i := range l.Platform {
		l.Platform[i].fill()
	}
	return nil
}

func strict(data []byte, v any) error {
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// locate turns the decoder's errors into faults with a place.
func locate(file string, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var out Error
		for _, e := range missing.Errors {
			row, col := e.Position()
			out = append(out, Fault{file, row, col, fmt.Sprintf("unknown key %s", strings.Join(e.Key(), "."))})
		}
		return out
	}
	var one *toml.DecodeError
	if errors.As(err, &one) {
		row, col := one.Position()
		return Error{{file, row, col, strings.TrimPrefix(one.Error(), "toml: ")}}
	}
	return Error{{File: file, Text: err.Error()}}
}
