package jmapserver

import (
	"maps"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// getIDs reads the ids of a /get (RFC 8620, section 5.1). all is true for null.
func getIDs[ID ~string](c *call) (ids []ID, all bool, err error) {
	v := c.args.nullable("ids")
	if v.Kind() == ijson.Absent {
		return nil, true, nil
	}
	if v.Kind() == ijson.Array && v.Len() > c.h.limits.MaxObjectsInGet {
		return nil, false, jmap.RequestTooLarge
	}
	ids, ok := idsOf[ID](v)
	if !ok {
		c.args.fail("ids", "Id[]|null")
	}
	return ids, false, nil
}

// properties reads the argument of that name: those of known, or all of known if
// it is null. "id" is always among them.
func (c *call) properties(known ...string) func(string) bool {
	list, given := c.args.stringsOrNull("properties")
	if !given {
		return func(string) bool { return true }
	}
	for _, p := range list {
		if p != "id" && !slices.Contains(known, p) && c.args.err == nil {
			c.args.err = invalidArguments("properties: no property %s", clip(p))
		}
	}
	return func(p string) bool { return slices.Contains(list, p) }
}

// respondGet appends the response to a /get.
func respondGet[ID ~string, Obj any](c *call, state jmap.State, list []Obj, notFound []ID, appendOne func([]byte, *Obj) []byte) error {
	if len(list) > c.h.limits.MaxObjectsInGet {
		return jmap.RequestTooLarge // ids was null, and there are more than that
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.Str("state", string(state))
		o.B = append(o.Key("list"), '[')
		for i := range list {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			o.B = appendOne(o.B, &list[i])
		}
		o.B = append(o.B, ']')
		o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return nil
}

// changesOf is the /changes of a type (RFC 8620, section 5.2).
func changesOf(t jmap.Type) func(*call) error {
	return func(c *call) error {
		ch, err := readChanges(c, t)
		if err != nil {
			return err
		}
		c.respond(c.name, func(o *ijson.Out) { appendChanges(o, c, &ch) })
		return nil
	}
}

// readChanges reads the arguments of a /changes and asks the account.
func readChanges(c *call, t jmap.Type) (jmap.Changes, error) {
	since := c.args.str("sinceState")
	most, given := c.args.uintOrNull("maxChanges")
	if given && most == 0 {
		c.args.fail("maxChanges", "a positive integer")
	}
	if err := c.args.done(); err != nil {
		return jmap.Changes{}, err
	}
	// Created and updated ids go straight into a /get as a rule: no more of them
	// than a /get takes.
	limit := int64(c.h.limits.MaxObjectsInGet)
	if given {
		limit = min(limit, most)
	}
	if since == "" {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	ch, err := c.account.Changes(c.ctx, t, jmap.State(since), int(limit))
	ch.OldState = jmap.State(since)
	return ch, err
}

func appendChanges(o *ijson.Out, c *call, ch *jmap.Changes) {
	o.Str("accountId", string(c.info.ID))
	o.Str("oldState", string(ch.OldState))
	o.Str("newState", string(ch.NewState))
	o.Bool("hasMoreChanges", ch.HasMore)
	o.B = ijson.AppendStrings(o.Key("created"), ch.Created)
	o.B = ijson.AppendStrings(o.Key("updated"), ch.Updated)
	o.B = ijson.AppendStrings(o.Key("destroyed"), ch.Destroyed)
}

// setArgs are the arguments that every /set has (RFC 8620, section 5.3).
type setArgs struct {
	ifInState jmap.State
	create    []ijson.Value // named by creation ids
	update    []ijson.Value // named by ids, or "#" and a creation id
	destroy   []string      // the same
}

// readSet reads them. The caller reads what else there is, then calls done.
func readSet(c *call) (setArgs, error) {
	s := setArgs{ifInState: jmap.State(c.args.strOrNull("ifInState"))}
	s.create = c.args.objectOrNull("create")
	s.update = c.args.objectOrNull("update")
	destroy, _ := c.args.stringsOrNull("destroy")
	if len(s.create)+len(s.update)+len(destroy) > c.h.limits.MaxObjectsInSet {
		return s, jmap.RequestTooLarge
	}
	for _, m := range s.create {
		if !jmap.ValidID(m.Name()) {
			c.args.fail("create", "an Id as each creation id")
		}
		if m.Kind() != ijson.Object {
			c.args.fail("create", "objects")
		}
	}
	for _, m := range s.update {
		if !validReference(m.Name()) || m.Kind() != ijson.Object {
			c.args.fail("update", "Id[PatchObject]|null")
		}
	}
	for _, id := range destroy {
		if !validReference(id) {
			c.args.fail("destroy", "Id[]|null")
		}
		if !slices.Contains(s.destroy, id) {
			s.destroy = append(s.destroy, id)
		}
	}
	return s, nil
}

// validReference reports whether s is an Id, or "#" and an Id.
func validReference(s string) bool {
	if s != "" && s[0] == '#' {
		s = s[1:]
	}
	return jmap.ValidID(s)
}

// newResult returns a SetResult with all its maps.
func newResult[ID ~string, Obj any]() jmap.SetResult[ID, Obj] {
	return jmap.SetResult[ID, Obj]{
		Created: map[jmap.CreationID]*Obj{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[ID]*Obj{}, NotUpdated: map[ID]*jmap.SetError{},
		NotDestroyed: map[ID]*jmap.SetError{},
	}
}

// merge adds what next has done to r. r's OldState stays, unless somebody else
// changed something between the two: then a client must not believe that it has
// seen everything.
func merge[ID ~string, Obj any](r, next *jmap.SetResult[ID, Obj]) {
	if r.NewState != "" && r.NewState != next.OldState {
		r.OldState = ""
	} else if r.NewState == "" {
		r.OldState = next.OldState
	}
	r.NewState = next.NewState
	maps.Copy(r.Created, next.Created)
	maps.Copy(r.NotCreated, next.NotCreated)
	maps.Copy(r.Updated, next.Updated)
	maps.Copy(r.NotUpdated, next.NotUpdated)
	r.Destroyed = append(r.Destroyed, next.Destroyed...)
	maps.Copy(r.NotDestroyed, next.NotDestroyed)
}

// remember keeps the ids of what was created for later references.
func remember[Obj any](c *call, created map[jmap.CreationID]*Obj, id func(*Obj) string) {
	for cid, obj := range created {
		c.created[cid] = id(obj)
	}
}

// respondSet appends the response to a /set.
func respondSet[ID ~string, Obj any](c *call, name string, r *jmap.SetResult[ID, Obj], appendObj func([]byte, *Obj) []byte) {
	c.respond(name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		if r.OldState == "" {
			o.Null("oldState")
		} else {
			o.Str("oldState", string(r.OldState))
		}
		o.Str("newState", string(r.NewState))
		appendMap(o, "created", r.Created, appendObj)
		appendMap(o, "updated", r.Updated, appendObj)
		if len(r.Destroyed) == 0 {
			o.Null("destroyed")
		} else {
			o.B = ijson.AppendStrings(o.Key("destroyed"), r.Destroyed)
		}
		appendMap(o, "notCreated", r.NotCreated, appendSetError)
		appendMap(o, "notUpdated", r.NotUpdated, appendSetError)
		appendMap(o, "notDestroyed", r.NotDestroyed, appendSetError)
	})
}

func appendSetError(dst []byte, e *jmap.SetError) []byte { return e.AppendJSON(dst) }

// appendMap appends a map in the order of its keys, or null if it is empty.
func appendMap[K ~string, V any](o *ijson.Out, name string, m map[K]*V, appendOne func([]byte, *V) []byte) {
	if len(m) == 0 {
		o.Null(name)
		return
	}
	in := ijson.Open(o.Key(name))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] == nil {
			in.Null(string(k))
		} else {
			in.B = appendOne(in.Key(string(k)), m[k])
		}
	}
	o.B = in.Close()
}

// invalid is the SetError for properties that cannot be as they are.
func invalid(properties ...string) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: properties}
}
