// Package web carries the built browser client inside of the binary.
//
// The files are made by `make web` (Vite) before `go build`; a checkout in which that has not run yet
// still compiles, because dist/.keep is committed. The package knows nothing of HTTP: gate serves the
// files and decides on their headers. Files below assets/ have a hash in their names and never change.
package web

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// ErrNotBuilt is returned by Files when the client has not been built into this binary.
var ErrNotBuilt = errors.New("the web client is not built: run `make web` before `go build`")

// Files returns the built client with index.html at its root.
func Files() (fs.FS, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil, ErrNotBuilt
	}
	return files, nil
}
