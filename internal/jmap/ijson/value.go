package ijson

import (
	"math"
	"strconv"
)

// Kind is the kind of a Value.
type Kind uint8

// The kinds. The zero Value is Absent: a member that is not there.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is a JSON value.
type Value struct {
	raw  string  // as it stands in the text; "" if it was put together by us
	name string  // decoded, if this is a member of an object
	kids []Value // elements or members
	kind Kind
	esc  bool // a String with escapes in it
}

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.kind }

// Name returns the name of a member of an object.
func (v Value) Name() string { return v.name }

// Named returns v as a member called name.
func (v Value) Named(name string) Value {
	v.name = name
	return v
}

// Len is the number of elements or members.
func (v Value) Len() int { return len(v.kids) }

// Elems returns the elements of an Array or the members of an Object; they must
// not be changed.
func (v Value) Elems() []Value { return v.kids }

// Get returns the member called name, or an Absent value.
func (v Value) Get(name string) Value {
	if v.kind == Object {
		for i := range v.kids {
			if v.kids[i].name == name {
				return v.kids[i]
			}
		}
	}
	return Value{}
}

// Str returns a String decoded, and whether v is one.
func (v Value) Str() (string, bool) {
	if v.kind != String {
		return "", false
	}
	body := v.raw[1 : len(v.raw)-1]
	if !v.esc {
		return body, true
	}
	return unescape(body), true
}

// True reports the value of a Bool, and whether v is one.
func (v Value) True() (value, ok bool) { return v.kind == Bool && v.raw == "true", v.kind == Bool }

// Int returns a Number that is an integer within the safe range of a double
// (RFC 8620, section 1.3). 1.0 and 1e2 are integers.
func (v Value) Int() (int64, bool) {
	if v.kind != Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.raw, 10, 64); err == nil {
		return n, n >= -maxSafe && n <= maxSafe
	}
	f, err := strconv.ParseFloat(v.raw, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxSafe {
		return 0, false
	}
	return int64(f), true
}

// maxSafe is the largest integer that a double holds exactly with all below it.
const maxSafe = 1<<53 - 1

// NewArray puts elements together.
func NewArray(elems []Value) Value { return Value{kind: Array, kids: elems} }

// NewObject puts members together; their names must differ.
func NewObject(members []Value) Value { return Value{kind: Object, kids: members} }

// Append appends v as JSON.
func (v Value) Append(dst []byte) []byte {
	if v.raw != "" {
		return append(dst, v.raw...)
	}
	if v.kind == Absent {
		return append(dst, "null"...)
	}
	opening, closing := byte('['), byte(']')
	if v.kind == Object {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	for i, kid := range v.kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind == Object {
			dst = append(AppendString(dst, kid.name), ':')
		}
		dst = kid.Append(dst)
	}
	return append(dst, closing)
}

// Equal reports whether a and b are the same value: objects regardless of
// order, numbers by value.
func Equal(a, b Value) bool {
	if a.kind != b.kind || len(a.kids) != len(b.kids) {
		return false
	}
	switch a.kind {
	case Bool:
		return a.raw == b.raw
	case Number:
		x, _ := strconv.ParseFloat(a.raw, 64)
		y, _ := strconv.ParseFloat(b.raw, 64)
		return x == y
	case String:
		x, _ := a.Str()
		y, _ := b.Str()
		return x == y
	}
	for i := range a.kids {
		other := Value{}
		if a.kind == Array {
			other = b.kids[i]
		} else {
			other = b.Get(a.kids[i].name)
		}
		if !Equal(a.kids[i], other) {
			return false
		}
	}
	return true
}
