package jmapserver

import (
	"errors"
	"net/http"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// request is a decoded Request object (RFC 8620, section 3.3).
type request struct {
	using   []string
	calls   []invocation
	created map[jmap.CreationID]string // nil: createdIds was not given
}

// invocation is one call (RFC 8620, section 3.2).
type invocation struct {
	name, id string
	args     ijson.Value // an object
}

// decodeRequest reads a Request. The problem is nil if it is one.
func decodeRequest(text string, lim *Limits) (*request, *problem) {
	v, bad := parseObject(text)
	if bad != nil {
		return nil, bad
	}
	return requestOf(v, lim)
}

// parseObject reads one JSON object within the limits of a request.
func parseObject(text string) (ijson.Value, *problem) {
	v, err := ijson.Parse(text, ijson.Limits{Depth: maxDepthInRequest, Values: maxValuesInRequest})
	switch {
	case errors.Is(err, ijson.ErrDepth):
		return v, overLimit(http.StatusBadRequest, "maxDepthInRequest", "the request is nested too deep")
	case errors.Is(err, ijson.ErrValues):
		return v, overLimit(http.StatusBadRequest, "maxValuesInRequest", "the request has too many values")
	case err != nil:
		return v, &problem{kind: problemNotJSON, status: http.StatusBadRequest, detail: err.Error()}
	case v.Kind() != ijson.Object:
		return v, notRequest("not an object")
	}
	return v, nil
}

// requestOf reads a Request out of an object.
func requestOf(v ijson.Value, lim *Limits) (*request, *problem) {
	req := &request{}
	if p := req.readUsing(v.Get("using")); p != nil {
		return nil, p
	}
	if p := req.readCreated(v.Get("createdIds")); p != nil {
		return nil, p
	}
	return req, req.readCalls(v.Get("methodCalls"), lim)
}

func (r *request) readUsing(v ijson.Value) *problem {
	if v.Kind() != ijson.Array {
		return notRequest("using is not an array of strings")
	}
	core := false
	for _, e := range v.Elems() {
		s, ok := e.Str()
		if !ok {
			return notRequest("using is not an array of strings")
		}
		core = core || s == jmap.CapabilityCore
		r.using = append(r.using, s)
	}
	if !core {
		return notRequest("using does not include " + jmap.CapabilityCore) // RFC 8620, section 3.3: MUST
	}
	return nil
}

func (r *request) readCreated(v ijson.Value) *problem {
	switch v.Kind() {
	case ijson.Absent:
		return nil
	case ijson.Object:
	default:
		return notRequest("createdIds is not an object")
	}
	r.created = make(map[jmap.CreationID]string, v.Len())
	for _, m := range v.Elems() {
		id, ok := m.Str()
		if !ok || !jmap.ValidID(id) || !jmap.ValidID(m.Name()) {
			return notRequest("createdIds does not map ids to ids")
		}
		r.created[jmap.CreationID(m.Name())] = id
	}
	return nil
}

func (r *request) readCalls(v ijson.Value, lim *Limits) *problem {
	if v.Kind() != ijson.Array {
		return notRequest("methodCalls is not an array")
	}
	if v.Len() > lim.MaxCallsInRequest {
		return overLimit(http.StatusBadRequest, "maxCallsInRequest", "the request has too many calls")
	}
	r.calls = make([]invocation, 0, v.Len())
	for _, e := range v.Elems() {
		if e.Kind() != ijson.Array || e.Len() != 3 {
			return notRequest("a call is not an array of three")
		}
		name, ok1 := e.Elems()[0].Str()
		id, ok2 := e.Elems()[2].Str()
		if !ok1 || !ok2 || e.Elems()[1].Kind() != ijson.Object {
			return notRequest("a call is not a name, an object and an id")
		}
		r.calls = append(r.calls, invocation{name: name, id: id, args: e.Elems()[1]})
	}
	return nil
}
