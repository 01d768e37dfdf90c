package ipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// errDepth says that a value is nested deeper than MaxCallDepth.
var errDepth = errors.New("nested too deep")

// Decode reads exactly one JSON value from data into v: no unknown field, no
// second value, no nesting deeper than MaxCallDepth.
func Decode(data []byte, v any) error {
	if depth(data) > MaxCallDepth {
		return errDepth
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the value")
	}
	return nil
}

// depth is how deep arrays and objects are nested in data, counted without
// recursion, before a decoder that recurses sees it.
func depth(data []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}
