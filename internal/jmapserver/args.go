package jmapserver

import (
	"fmt"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// args reads the arguments of a call by name and type. The first thing that is
// wrong is kept in err; the readers go on with zero values. done reports it, or
// an argument that nobody asked for: RFC 8620, section 3.9 counts unknown
// arguments among the invalid ones.
type args struct {
	members []ijson.Value
	used    []bool
	err     error
}

func newArgs(members []ijson.Value) args {
	return args{members: members, used: make([]bool, len(members))}
}

func invalidArguments(format string, a ...any) error {
	return &jmap.MethodError{Type: jmap.InvalidArguments, Description: fmt.Sprintf(format, a...)}
}

func (a *args) fail(name, want string) {
	if a.err == nil {
		a.err = invalidArguments("%s: expected %s", name, want)
	}
}

func (a *args) done() error {
	if a.err != nil {
		return a.err
	}
	for i, used := range a.used {
		if !used {
			return invalidArguments("%s: no such argument", clip(a.members[i].Name()))
		}
	}
	return nil
}

// clip keeps what a client sent from filling its error message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// get returns an argument, Absent if it is not there.
func (a *args) get(name string) ijson.Value {
	for i := range a.members {
		if a.members[i].Name() == name {
			a.used[i] = true
			return a.members[i]
		}
	}
	return ijson.Value{}
}

// nullable returns an argument, Absent if it is not there or null.
func (a *args) nullable(name string) ijson.Value {
	v := a.get(name)
	if v.Kind() == ijson.Null {
		return ijson.Value{}
	}
	return v
}

// str reads a String that must be there.
func (a *args) str(name string) string {
	s, ok := a.get(name).Str()
	if !ok {
		a.fail(name, "String")
	}
	return s
}

// strOrNull reads a String|null; null is "".
func (a *args) strOrNull(name string) string {
	v := a.nullable(name)
	if v.Kind() == ijson.Absent {
		return ""
	}
	s, ok := v.Str()
	if !ok || s == "" {
		a.fail(name, "String|null")
	}
	return s
}

// idOrNull reads an Id|null; null is "".
func (a *args) idOrNull(name string) string {
	s := a.strOrNull(name)
	if s != "" && !jmap.ValidID(s) {
		a.fail(name, "Id|null")
	}
	return s
}

// boolean reads a Boolean whose default is false.
func (a *args) boolean(name string) bool {
	v := a.get(name)
	if v.Kind() == ijson.Absent {
		return false
	}
	b, ok := v.True()
	if !ok {
		a.fail(name, "Boolean")
	}
	return b
}

// integer reads an Int whose default is 0.
func (a *args) integer(name string) int64 {
	v := a.get(name)
	if v.Kind() == ijson.Absent {
		return 0
	}
	n, ok := v.Int()
	if !ok {
		a.fail(name, "Int")
	}
	return n
}

// uintOrNull reads an UnsignedInt|null.
func (a *args) uintOrNull(name string) (n int64, given bool) {
	v := a.nullable(name)
	if v.Kind() == ijson.Absent {
		return 0, false
	}
	n, ok := v.Int()
	if !ok || n < 0 {
		a.fail(name, "UnsignedInt|null")
	}
	return n, true
}

// stringsOrNull reads a String[]|null.
func (a *args) stringsOrNull(name string) (list []string, given bool) {
	v := a.nullable(name)
	if v.Kind() == ijson.Absent {
		return nil, false
	}
	list, ok := stringsOf(v)
	if !ok {
		a.fail(name, "String[]|null")
	}
	return list, true
}

// objectOrNull reads an object or null; null has no members.
func (a *args) objectOrNull(name string) []ijson.Value {
	v := a.nullable(name)
	if v.Kind() != ijson.Absent && v.Kind() != ijson.Object {
		a.fail(name, "Object|null")
		return nil
	}
	return v.Elems()
}

// stringsOf reads a String[].
func stringsOf(v ijson.Value) ([]string, bool) {
	if v.Kind() != ijson.Array {
		return nil, false
	}
	list := make([]string, 0, v.Len())
	for _, e := range v.Elems() {
		s, ok := e.Str()
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// idsOf reads an Id[] without those that come again.
func idsOf[ID ~string](v ijson.Value) ([]ID, bool) {
	if v.Kind() != ijson.Array {
		return nil, false
	}
	ids := make([]ID, 0, v.Len())
	seen := make(map[ID]struct{}, v.Len())
	for _, e := range v.Elems() {
		s, ok := e.Str()
		if !ok || !jmap.ValidID(s) {
			return nil, false
		}
		if _, again := seen[ID(s)]; !again {
			seen[ID(s)] = struct{}{}
			ids = append(ids, ID(s))
		}
	}
	return ids, true
}
