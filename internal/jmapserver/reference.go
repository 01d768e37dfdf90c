package jmapserver

import (
	"fmt"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// resolveReferences puts results of earlier calls in place of the arguments
// whose names begin with "#" (RFC 8620, section 3.7).
func (c *call) resolveReferences(members []ijson.Value) ([]ijson.Value, error) {
	if !slices.ContainsFunc(members, isReference) {
		return members, nil
	}
	out := make([]ijson.Value, 0, len(members))
	refs := 0
	for _, m := range members {
		if !isReference(m) {
			out = append(out, m)
			continue
		}
		if refs++; refs > maxReferencesInCall {
			return nil, invalidArguments("more than %d result references", maxReferencesInCall)
		}
		name := m.Name()[1:]
		if slices.ContainsFunc(members, func(o ijson.Value) bool { return o.Name() == name }) {
			return nil, invalidArguments("%s is given twice, once as a reference", clip(name))
		}
		v, err := c.resolveReference(m)
		if err != nil {
			return nil, &jmap.MethodError{Type: jmap.InvalidResultReference,
				Description: fmt.Sprintf("%s: %v", clip(name), err)}
		}
		out = append(out, v.Named(name))
	}
	return out, nil
}

func isReference(m ijson.Value) bool { return strings.HasPrefix(m.Name(), "#") }

// resolveReference evaluates one ResultReference.
func (c *call) resolveReference(ref ijson.Value) (ijson.Value, error) {
	of, ok1 := ref.Get("resultOf").Str()
	name, ok2 := ref.Get("name").Str()
	path, ok3 := ref.Get("path").Str()
	if !ok1 || !ok2 || !ok3 {
		return ijson.Value{}, fmt.Errorf("not a ResultReference")
	}
	for i := range c.done {
		r := &c.done[i]
		if r.id != of {
			continue
		}
		// The first response with this id decides, whatever its name.
		if r.name != name {
			return ijson.Value{}, fmt.Errorf("the response to it is not a %s", clip(name))
		}
		v, err := c.parse(r)
		if err != nil {
			return ijson.Value{}, err
		}
		return v.Resolve(path, &c.walk)
	}
	return ijson.Value{}, fmt.Errorf("no response to such a call yet")
}

// parse reads a response of ours again, once.
func (c *call) parse(r *response) (ijson.Value, error) {
	if r.parsed.Kind() != ijson.Absent {
		return r.parsed, nil
	}
	// Responses hold objects that are nested as deep as MIME allows; what they
	// cost is bounded by their count.
	v, n, err := ijson.ParseCounted(string(c.out[r.from:r.to]), ijson.Limits{Depth: 1000, Values: c.refs})
	if err != nil {
		return ijson.Value{}, fmt.Errorf("the response is too large to refer to")
	}
	c.refs -= n
	r.parsed = v
	return v, nil
}

// reference returns the id that an id stands for: itself, or what was created
// under the creation id that follows a "#" (RFC 8620, section 5.3).
func (x *exchange) reference(id string) (string, bool) {
	if cid, ok := strings.CutPrefix(id, "#"); ok {
		real, found := x.created[jmap.CreationID(cid)]
		return real, found
	}
	return id, jmap.ValidID(id)
}
