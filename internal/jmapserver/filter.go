package jmapserver

import (
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// filter reads the argument "filter" (RFC 8620, section 5.5). leaf reads one
// property of a FilterCondition into its third argument; it returns false for a
// value of the wrong type, and errUnknown for a property that does not exist.
func readFilter[C any](a *args, leaf func(name string, v ijson.Value, into *C) (bool, error)) *jmap.Filter[C] {
	v := a.nullable("filter")
	if v.Kind() == ijson.Absent {
		return nil
	}
	r := filterReader[C]{args: a, leaf: leaf}
	return r.read(v)
}

type filterReader[C any] struct {
	*args
	leaf   func(string, ijson.Value, *C) (bool, error)
	leaves int
}

// keep keeps the first error.
func (r *filterReader[C]) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *filterReader[C]) read(v ijson.Value) *jmap.Filter[C] {
	if v.Kind() != ijson.Object {
		r.fail("filter", "FilterOperator|FilterCondition|null")
		return nil
	}
	if r.leaves++; r.leaves > maxFilterConditions {
		r.keep(&jmap.MethodError{Type: jmap.UnsupportedFilter, Description: "the filter has too many conditions"})
		return nil
	}
	if v.Get("operator").Kind() == ijson.Absent {
		return r.condition(v)
	}
	return r.operator(v)
}

func (r *filterReader[C]) operator(v ijson.Value) *jmap.Filter[C] {
	op, _ := v.Get("operator").Str()
	f := &jmap.Filter[C]{Op: jmap.FilterOp(op)}
	switch f.Op {
	case jmap.OpAnd, jmap.OpOr, jmap.OpNot:
	default:
		r.fail("filter", "AND, OR or NOT as operator")
	}
	conditions := v.Get("conditions")
	if conditions.Kind() != ijson.Array || v.Len() != 2 {
		r.fail("filter", "an operator to have conditions and nothing else")
		return nil
	}
	for _, e := range conditions.Elems() {
		if n := r.read(e); n != nil {
			f.Nodes = append(f.Nodes, n)
		}
		if r.err != nil {
			return nil
		}
	}
	return f
}

func (r *filterReader[C]) condition(v ijson.Value) *jmap.Filter[C] {
	c := new(C)
	for _, m := range v.Elems() {
		ok, err := r.leaf(m.Name(), m, c)
		if err != nil {
			r.keep(err)
		} else if !ok {
			r.keep(invalidArguments("filter: %s has the wrong type", clip(m.Name())))
		}
	}
	return &jmap.Filter[C]{Leaf: c}
}

// noCondition is the error of a leaf function for a property that does not
// exist.
func noCondition(name string) error { return invalidArguments("filter: no condition %s", clip(name)) }

// Readers of one value; ok is false for another type.

func readID[ID ~string](v ijson.Value, into *ID) bool {
	s, ok := v.Str()
	*into = ID(s)
	return ok && jmap.ValidID(s)
}

func readIDs[ID ~string](v ijson.Value, into *[]ID) (ok bool) {
	*into, ok = idsOf[ID](v)
	return ok
}

func readText(v ijson.Value, into *string) (ok bool) {
	*into, ok = v.Str()
	return ok
}

func readKeyword(v ijson.Value, into *jmap.Keyword) bool {
	s, ok := v.Str()
	if ok {
		*into, ok = jmap.ParseKeyword(s)
	}
	return ok
}

func readUint(v ijson.Value, into *uint64) bool {
	n, ok := v.Int()
	*into = uint64(n)
	return ok && n >= 0
}

func readBool(v ijson.Value, into **bool) bool {
	b, ok := v.True()
	*into = &b
	return ok
}

func readUTCDate(v ijson.Value, into *time.Time) bool {
	s, ok := v.Str()
	if ok {
		*into, ok = jmap.ParseUTCDate(s)
	}
	return ok
}

// readIDOrNull reads an Id|null, where null is a value of its own: "".
func readIDOrNull[ID ~string](v ijson.Value, into **ID) bool {
	id := new(ID)
	*into = id
	return v.Kind() == ijson.Null || readID(v, id)
}

// readSort reads the argument "sort". known says which properties may be sorted
// by; keyword which of them need a keyword beside them.
func readSort(a *args, known func(jmap.SortProperty) bool, keyword func(jmap.SortProperty) bool) []jmap.Comparator {
	v := a.nullable("sort")
	if v.Kind() == ijson.Absent {
		return nil
	}
	if v.Kind() != ijson.Array {
		a.fail("sort", "Comparator[]|null")
		return nil
	}
	var list []jmap.Comparator
	var unsupported error
	for _, e := range v.Elems() {
		c, ok := readComparator(e, keyword)
		if !ok {
			a.fail("sort", "Comparator[]|null")
			return nil
		}
		if !known(c.Property) || c.Collation != "" && c.Collation != Collation || len(list) == maxComparators {
			unsupported = jmap.UnsupportedSort
		}
		list = append(list, c)
	}
	// The whole sort must be well formed before it is called unsupported.
	if a.err == nil {
		a.err = unsupported
	}
	return list
}

func readComparator(v ijson.Value, keyword func(jmap.SortProperty) bool) (c jmap.Comparator, ok bool) {
	if v.Kind() != ijson.Object {
		return c, false
	}
	for _, m := range v.Elems() {
		ok := true
		switch m.Name() {
		case "property":
			var s string
			s, ok = m.Str()
			c.Property = jmap.SortProperty(s)
		case "isAscending":
			var up bool
			up, ok = m.True()
			c.Descending = !up
		case "collation":
			c.Collation, ok = m.Str()
		case "keyword":
			ok = readKeyword(m, &c.Keyword)
		default:
			ok = false
		}
		if !ok {
			return c, false
		}
	}
	// RFC 8621, section 4.4.2: these three MUST have a keyword.
	return c, c.Property != "" && keyword(c.Property) == (c.Keyword != "")
}
