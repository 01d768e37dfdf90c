package jmap

import (
	"time"

	"cofferdam/internal/jmap/ijson"
)

// writer appends one object, of which some members are left out.
type writer struct{ ijson.Out }

func object(dst []byte) writer { return writer{ijson.Open(dst)} }

// The methods below append a member if on is true.

func (o *writer) str(on bool, name, v string) {
	if on {
		o.B = ijson.AppendString(o.Key(name), v)
	}
}

func (o *writer) strOrNull(on bool, name, v string) {
	switch {
	case on && v == "":
		o.Null(name)
	case on:
		o.B = ijson.AppendString(o.Key(name), v)
	}
}

func (o *writer) optional(on bool, name string, v *string) {
	switch {
	case on && v == nil:
		o.Null(name)
	case on:
		o.B = ijson.AppendString(o.Key(name), *v)
	}
}

func (o *writer) uint(on bool, name string, v uint64) {
	if on {
		o.B = ijson.AppendUint(o.Key(name), v)
	}
}

func (o *writer) bool(on bool, name string, v bool) {
	if on {
		o.B = ijson.AppendBool(o.Key(name), v)
	}
}

func (o *writer) strings(on bool, name string, v []string) {
	switch {
	case on && v == nil:
		o.Null(name)
	case on:
		o.B = ijson.AppendStrings(o.Key(name), v)
	}
}

func (o *writer) utcDateOrNull(on bool, name string, t *time.Time) {
	switch {
	case on && t == nil:
		o.Null(name)
	case on:
		o.B = append(AppendUTCDate(append(o.Key(name), '"'), *t), '"')
	}
}

func (o *writer) addresses(on bool, name string, v []Address) {
	switch {
	case on && v == nil:
		o.Null(name)
	case on:
		o.B = appendAddresses(o.Key(name), v)
	}
}
