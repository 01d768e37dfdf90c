// Package config is the configuration file: its words, its defaults, and what
// is refused.
//
// The file is TOML, read strictly: an unknown key, a wrong type or a value that
// cannot work is refused with line and column, and all faults are shown at once.
// Files *.toml in the folder NAME.d beside the file are read after it, in order
// of name, and override it; Check lists each of them (R27).
//
// A setting that takes a defence away is refused unless the table [unsafe] names
// it with a reason (R27: configuration cannot make a bug worse). Unsafe names
// are listed in unsafe.go, each with what it costs.
//
// Only package server reads a file with this package; roles get the few values
// that concern them over their control line.
package config
