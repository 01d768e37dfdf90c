package jmap

import "cofferdam/internal/jmap/ijson"

// writer appends one JSON object.
type writer struct {
	b    []byte
	more bool // a member is there already
}

func object(dst []byte) writer { return writer{b: append(dst, '{')} }

func (o *writer) end() []byte { return append(o.b, '}') }

// key appends a name and its colon, and returns where the value is to be
// appended; the caller stores what comes of it in o.b.
func (o *writer) key(name string) []byte {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = ijson.AppendString(o.b, name)
	return append(o.b, ':')
}

// The methods below append a member if on is true.

func (o *writer) null(name string) { o.b = append(o.key(name), "null"...) }

func (o *writer) str(on bool, name, v string) {
	if on {
		o.b = ijson.AppendString(o.key(name), v)
	}
}

func (o *writer) strOrNull(on bool, name, v string) {
	switch {
	case on && v == "":
		o.null(name)
	case on:
		o.b = ijson.AppendString(o.key(name), v)
	}
}

func (o *writer) optional(on bool, name string, v *string) {
	switch {
	case on && v == nil:
		o.null(name)
	case on:
		o.b = ijson.AppendString(o.key(name), *v)
	}
}

func (o *writer) uint(on bool, name string, v uint64) {
	if on {
		o.b = ijson.AppendUint(o.key(name), v)
	}
}

func (o *writer) bool(on bool, name string, v bool) {
	if on {
		o.b = ijson.AppendBool(o.key(name), v)
	}
}

func (o *writer) strings(on bool, name string, v []string) {
	switch {
	case on && v == nil:
		o.null(name)
	case on:
		o.b = ijson.AppendStrings(o.key(name), v)
	}
}

func (o *writer) addresses(on bool, name string, v []Address) {
	switch {
	case on && v == nil:
		o.null(name)
	case on:
		o.b = appendAddresses(o.key(name), v)
	}
}
