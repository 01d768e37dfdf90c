package jmapserver

import (
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// identityProps are the properties of an Identity (RFC 8621, section 6).
func identityProps() []string {
	return []string{"name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete"}
}

// identitySet is Identity/set (RFC 8621, section 6.3).
func identitySet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	set := jmap.IdentitySet{IfInState: s.ifInState}
	r := newResult[jmap.IdentityID, jmap.Identity]()
	for _, m := range s.create {
		create, bad := readIdentityCreate(m)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Create = append(set.Create, *create)
	}
	if refersTo(s.create, s.update, s.destroy) {
		if err := c.runIdentitySet(&set, &r); err != nil {
			return err
		}
		set = jmap.IdentitySet{}
	}
	err = c.readIdentityChanges(&s, &set, &r)
	if err == nil {
		err = c.runIdentitySet(&set, &r)
	}
	if err != nil {
		return partly(err, len(r.Created))
	}
	respondSet(c, c.name, &r, func(dst []byte, i *jmap.Identity) []byte {
		if i.ID != "" {
			return i.AppendJSON(dst, func(string) bool { return true })
		}
		o := ijson.Open(dst)
		o.Str("htmlSignature", i.HTMLSignature)
		return o.Close()
	})
	return nil
}

func (c *call) runIdentitySet(set *jmap.IdentitySet, r *jmap.IdentitySetResult) error {
	next, err := c.account.(IdentitySetter).IdentitySet(c.ctx, set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(i *jmap.Identity) string { return string(i.ID) })
	merge(r, &next)
	return nil
}

func readIdentityCreate(v ijson.Value) (*jmap.IdentityCreate, *jmap.SetError) {
	i := &jmap.IdentityCreate{CreationID: jmap.CreationID(v.Name())}
	var wrong []string
	for _, p := range v.Elems() {
		if p.Name() == "email" {
			i.Email, _ = p.Str()
		} else if !readIdentityProperty(p.Name(), p, &i.IdentityUpdate) {
			wrong = append(wrong, p.Name())
		}
	}
	if i.Email == "" {
		wrong = append(wrong, "email")
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return i, nil
}

// readIdentityProperty reads one property that a client may set. null is the
// default.
func readIdentityProperty(name string, v ijson.Value, u *jmap.IdentityUpdate) bool {
	null := v.Kind() == ijson.Null
	text := func(into **string) bool {
		s, ok := v.Str()
		*into = &s
		return null || ok
	}
	addresses := func(into **[]jmap.Address) bool {
		*into = new([]jmap.Address)
		if null {
			return true
		}
		list, ok := readAddresses(v)
		**into = list
		return ok
	}
	switch name {
	case "name":
		return text(&u.Name)
	case "replyTo":
		return addresses(&u.ReplyTo)
	case "bcc":
		return addresses(&u.Bcc)
	case "textSignature":
		return text(&u.TextSignature)
	case "htmlSignature":
		return text(&u.HTMLSignature)
	}
	return false
}

// readIdentityChanges puts updates and destroys into set, and what is wrong with
// them into r.
func (c *call) readIdentityChanges(s *setArgs, set *jmap.IdentitySet, r *jmap.IdentitySetResult) error {
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		switch iid := jmap.IdentityID(id); {
		case !ok:
			r.NotDestroyed[jmap.IdentityID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		case !slices.Contains(set.Destroy, iid):
			set.Destroy = append(set.Destroy, iid)
		}
	}
	for _, m := range s.update {
		ref, ok := c.reference(m.Name())
		id := jmap.IdentityID(ref)
		switch {
		case !ok:
			r.NotUpdated[jmap.IdentityID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
		case slices.Contains(set.Destroy, id):
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
		case slices.ContainsFunc(set.Update, func(u jmap.IdentityUpdate) bool { return u.ID == id }):
			r.NotUpdated[jmap.IdentityID(m.Name())] = invalidPatch("patched twice")
		default:
			u, bad, err := c.readIdentityPatch(id, m)
			if err != nil {
				return err
			}
			if bad != nil {
				r.NotUpdated[id] = bad
				continue
			}
			set.Update = append(set.Update, *u)
		}
	}
	return nil
}

// readIdentityPatch reads a patch. No property is an object, so that no path has
// more than one step: into an array none may lead (RFC 8620, section 5.3).
func (c *call) readIdentityPatch(id jmap.IdentityID, patch ijson.Value) (*jmap.IdentityUpdate, *jmap.SetError, error) {
	if bad := checkPaths(patch); bad != nil {
		return nil, bad, nil
	}
	u := &jmap.IdentityUpdate{ID: id}
	var wrong []string
	var same []ijson.Value // server-set or immutable: may be sent as it is
	for _, m := range patch.Elems() {
		path, ok := ijson.SplitPointer(m.Name())
		switch {
		case !ok || len(path) > 1:
			return nil, invalidPatch("no such path"), nil
		case path[0] == "id" || path[0] == "email" || path[0] == "mayDelete":
			same = append(same, m.Named(path[0]))
		case !readIdentityProperty(path[0], m, u):
			wrong = append(wrong, m.Name())
		}
	}
	if len(same) > 0 {
		list, _, _, err := c.account.(IdentityReader).IdentityGet(c.ctx, []jmap.IdentityID{id})
		if err != nil {
			return nil, nil, err
		}
		if len(list) == 1 { // else the account says notFound
			now, err := ijson.Parse(string(list[0].AppendJSON(nil, func(p string) bool { return p == "email" || p == "mayDelete" })),
				ijson.Limits{Depth: 4, Values: 100})
			if err != nil {
				return nil, nil, err
			}
			for _, m := range same {
				if !ijson.Equal(m, now.Get(m.Name())) {
					wrong = append(wrong, m.Name())
				}
			}
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...), nil
	}
	return u, nil, nil
}
