package jmapserver

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// sieveSet is SieveScript/set (RFC 9661, section 2.4).
func sieveSet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	activate := c.args.strOrNull("onSuccessActivateScript")
	deactivate := c.args.boolean("onSuccessDeactivateScript")
	if err := c.args.done(); err != nil {
		return err
	}
	r := newResult[jmap.ScriptID, jmap.SieveChanged]()
	set := jmap.SieveSet{IfInState: s.ifInState}
	for _, m := range s.create {
		create, bad := c.readScript(m)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Create = append(set.Create, *create)
	}
	if refersTo(s.create, s.update, s.destroy) || refersTo(s.create, nil, []string{activate}) {
		if err := c.runSieveSet(&set, &r); err != nil {
			return err
		}
		set = jmap.SieveSet{}
	}
	err = c.readScriptChanges(&s, &set, &r)
	if err == nil && len(r.NotCreated)+len(r.NotUpdated)+len(r.NotDestroyed) == 0 {
		set.Deactivate = deactivate
		if id, ok := c.reference(activate); ok { // one that is not there MUST be ignored
			set.Activate = jmap.ScriptID(id)
		}
	}
	if err == nil {
		err = c.runSieveSet(&set, &r)
	}
	if err != nil {
		return partly(err, len(r.Created))
	}
	c.foldActivated(&s, &r)
	respondSet(c, c.name, &r, func(dst []byte, s *jmap.SieveChanged) []byte { return s.AppendJSON(dst) })
	return nil
}

func (c *call) runSieveSet(set *jmap.SieveSet, r *jmap.SieveSetResult) error {
	next, err := c.account.(SieveScripter).SieveSet(c.ctx, set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(s *jmap.SieveChanged) string { return string(s.ID) })
	merge(r, &next)
	return nil
}

// foldActivated reports a script that was created and then activated in "created";
// in "updated" it stays if it was updated as well.
func (c *call) foldActivated(s *setArgs, r *jmap.SieveSetResult) {
	for _, made := range r.Created {
		u := r.Updated[made.ID]
		if u == nil || u.Props&jmap.SievePropIsActive == 0 {
			continue
		}
		made.IsActive = u.IsActive
		asked := slices.ContainsFunc(s.update, func(m ijson.Value) bool {
			id, ok := c.reference(m.Name())
			return ok && jmap.ScriptID(id) == made.ID
		})
		if u.Props &^= jmap.SievePropIsActive; !asked {
			delete(r.Updated, made.ID)
		} else if u.Props == 0 {
			r.Updated[made.ID] = nil
		}
	}
}

func (c *call) readScript(v ijson.Value) (*jmap.SieveCreate, *jmap.SetError) {
	s := &jmap.SieveCreate{CreationID: jmap.CreationID(v.Name())}
	var wrong []string
	if v.Get("blobId").Kind() == ijson.Absent {
		wrong = append(wrong, "blobId")
	}
	for _, m := range v.Elems() {
		ok := false
		switch m.Name() {
		case "name":
			ok = readStringOrNull(m, &s.Name)
		case "blobId":
			ok = c.readReference(m, (*string)(&s.BlobID))
		}
		if !ok {
			wrong = append(wrong, m.Name())
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return s, nil
}

// readScriptChanges puts updates and destroys into set, and what is wrong with
// them into r.
func (c *call) readScriptChanges(s *setArgs, set *jmap.SieveSet, r *jmap.SieveSetResult) error {
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		switch sid := jmap.ScriptID(id); {
		case !ok:
			r.NotDestroyed[jmap.ScriptID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		case !slices.Contains(set.Destroy, sid):
			set.Destroy = append(set.Destroy, sid)
		}
	}
	for _, m := range s.update {
		ref, ok := c.reference(m.Name())
		id := jmap.ScriptID(ref)
		switch {
		case !ok:
			r.NotUpdated[jmap.ScriptID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
		case slices.Contains(set.Destroy, id):
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
		case slices.ContainsFunc(set.Update, func(u jmap.SieveUpdate) bool { return u.ID == id }):
			r.NotUpdated[jmap.ScriptID(m.Name())] = invalidPatch("patched twice")
		default:
			u, bad, err := c.readScriptPatch(id, m)
			switch {
			case err != nil:
				return err
			case bad != nil:
				r.NotUpdated[id] = bad
			default:
				set.Update = append(set.Update, *u)
			}
		}
	}
	return nil
}

func (c *call) readScriptPatch(id jmap.ScriptID, patch ijson.Value) (*jmap.SieveUpdate, *jmap.SetError, error) {
	u := &jmap.SieveUpdate{ID: id}
	var wrong []string
	var same []ijson.Value
	for _, m := range patch.Elems() {
		path, ok := ijson.SplitPointer(m.Name())
		if !ok || len(path) > 1 {
			return nil, invalidPatch("no such path"), nil
		}
		switch path[0] {
		case "name":
			name, ok := m.Str()
			if u.Name = &name; !ok && m.Kind() == ijson.Null {
				u.Name = nil // the default is what it has
			} else if !ok {
				wrong = append(wrong, "name")
			}
		case "blobId":
			if u.BlobID = new(jmap.BlobID); !c.readReference(m, (*string)(u.BlobID)) {
				wrong = append(wrong, "blobId")
			}
		case "id", "isActive":
			same = append(same, m.Named(path[0]))
		default:
			wrong = append(wrong, strings.Clone(m.Name()))
		}
	}
	if len(same) > 0 {
		list, _, _, err := c.account.(SieveScripter).SieveGet(c.ctx, []jmap.ScriptID{id})
		if err != nil {
			return nil, nil, err
		}
		for _, m := range same {
			if len(list) == 1 && !sameScript(m, &list[0]) {
				wrong = append(wrong, m.Name())
			}
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...), nil
	}
	return u, nil, nil
}

// sameScript reports whether a property that only the server sets is as the client
// says (RFC 8620, section 5.3).
func sameScript(m ijson.Value, s *jmap.SieveScript) bool {
	if m.Name() == "id" {
		id, ok := m.Str()
		return ok && id == string(s.ID)
	}
	on, ok := m.True()
	return ok && on == s.IsActive
}
