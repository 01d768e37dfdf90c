package differential

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// difference is one value that the two servers answer differently.
type difference struct {
	method string // Email/get ...
	path   string // of the value, with * for each place in a list
	name   string // of the mail, mailbox or query, for people
	raw    []byte // the mail
	// The values, absent where a server gave none.
	ours, theirs any
	// Whole objects that the values stand in, inmost last.
	within []pair
	view   *view // ours
	// A query and our whole answer.
	query  *query
	answer map[string]any
}

// pair is the same object on both sides.
type pair struct{ ours, theirs any }

// absent stands for a property that was not there.
type absentValue struct{}

func (absentValue) String() string { return "absent" }

var absent = absentValue{}

// compare calls f for every difference of two values of JSON.
func compare(d difference, f func(difference)) {
	a, okA := d.ours.(map[string]any)
	b, okB := d.theirs.(map[string]any)
	if okA && okB {
		for _, k := range slices.Sorted(maps.Keys(union(a, b))) {
			compare(d.into(member(d, k), get(a, k), get(b, k)), f)
		}
		return
	}
	x, okX := d.ours.([]any)
	y, okY := d.theirs.([]any)
	if okX && okY && len(x) == len(y) {
		for i := range x {
			compare(d.into("*", x[i], y[i]), f)
		}
		return
	}
	if !reflect.DeepEqual(d.ours, d.theirs) {
		f(d)
	}
}

// member is a property's name in a path: keys that are data become a star.
func member(d difference, k string) string {
	if d.path == "bodyValues" || d.path == "keywords" || d.path == "mailboxIds" {
		return "*"
	}
	return k
}

func (d difference) into(step string, ours, theirs any) difference {
	in := d
	in.within = append(slices.Clone(d.within), pair{d.ours, d.theirs})
	in.ours, in.theirs = ours, theirs
	if in.path != "" {
		step = in.path + "/" + step
	}
	in.path = strings.Replace(strings.Replace(step, "part/subParts/*", "part", 1), "bodyStructure", "part", 1)
	return in
}

func union(a, b map[string]any) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

func get(m map[string]any, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return absent
}

// show is a value as a person reads it.
func show(v any) string {
	s := fmt.Sprintf("%v", v)
	if t, ok := v.(string); ok {
		s = strconv.Quote(t)
	}
	if len(s) > 160 {
		s = s[:160] + "..."
	}
	return s
}
