package jmapserver

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// mailboxSet is Mailbox/set (RFC 8621, section 2.5).
func mailboxSet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	set := jmap.MailboxSet{IfInState: s.ifInState, OnDestroyRemoveEmails: c.args.boolean("onDestroyRemoveEmails")}
	if err := c.args.done(); err != nil {
		return err
	}
	r := newResult[jmap.MailboxID, jmap.Mailbox]()
	for _, m := range parentsFirst(s.create) {
		create, bad := c.readMailboxCreate(m, s.create)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Create = append(set.Create, *create)
	}
	if refersTo(s.create, s.update, s.destroy) || parentRefers(s.create, s.update) {
		if err := c.runMailboxSet(&set, &r); err != nil {
			return err
		}
		set = jmap.MailboxSet{OnDestroyRemoveEmails: set.OnDestroyRemoveEmails}
	}
	err = c.readMailboxChanges(&s, &set, &r)
	if err == nil {
		err = c.runMailboxSet(&set, &r)
	}
	if err != nil {
		return partly(err, len(r.Created))
	}
	respondSet(c, c.name, &r, func(dst []byte, m *jmap.Mailbox) []byte {
		return m.AppendJSON(dst, jmap.AllMailboxProps)
	})
	return nil
}

func (c *call) runMailboxSet(set *jmap.MailboxSet, r *jmap.MailboxSetResult) error {
	next, err := c.account.(MailboxSetter).MailboxSet(c.ctx, set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(m *jmap.Mailbox) string { return string(m.ID) })
	merge(r, &next)
	return nil
}

// parentsFirst orders creations so that a parent comes before its children (RFC
// 8620, section 5.3). A loop is left as it is: there the parent is not found.
func parentsFirst(create []ijson.Value) []ijson.Value {
	waiting := make(map[string]ijson.Value, len(create))
	for _, m := range create {
		waiting[m.Name()] = m
	}
	out := make([]ijson.Value, 0, len(create))
	for _, m := range create {
		var line []ijson.Value // m, its parent, the parent of that ...
		for next, ok := waiting[m.Name()]; ok; {
			line = append(line, next)
			delete(waiting, next.Name())
			parent, _ := next.Get("parentId").Str()
			next, ok = waiting[strings.TrimPrefix(parent, "#")]
			ok = ok && strings.HasPrefix(parent, "#")
		}
		slices.Reverse(line)
		out = append(out, line...)
	}
	return out
}

// parentRefers reports whether an update moves a Mailbox below one that this
// call creates.
func parentRefers(create, update []ijson.Value) bool {
	for _, m := range update {
		parent, _ := m.Get("parentId").Str()
		if refersTo(create, nil, []string{parent}) {
			return true
		}
	}
	return false
}

func (c *call) readMailboxCreate(v ijson.Value, all []ijson.Value) (*jmap.MailboxCreate, *jmap.SetError) {
	m := &jmap.MailboxCreate{CreationID: jmap.CreationID(v.Name()), IsSubscribed: true}
	var wrong []string
	if v.Get("name").Kind() == ijson.Absent {
		wrong = append(wrong, "name")
	}
	for _, p := range v.Elems() {
		var u jmap.MailboxUpdate
		ok := false
		parent, _ := p.Str()
		if cid, is := strings.CutPrefix(parent, "#"); is && p.Name() == "parentId" &&
			slices.ContainsFunc(all, func(o ijson.Value) bool { return o.Name() == cid }) {
			m.ParentCreation, ok = jmap.CreationID(cid), true
		} else if ok = c.readMailboxProperty(p.Name(), p, &u); ok {
			takeMailbox(m, &u)
		}
		if !ok {
			wrong = append(wrong, p.Name())
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return m, nil
}

// takeMailbox sets what u has.
func takeMailbox(m *jmap.MailboxCreate, u *jmap.MailboxUpdate) {
	if u.Name != nil {
		m.Name = *u.Name
	}
	if u.ParentID != nil {
		m.ParentID = *u.ParentID
	}
	if u.Role != nil {
		m.Role = *u.Role
	}
	if u.SortOrder != nil {
		m.SortOrder = *u.SortOrder
	}
	if u.IsSubscribed != nil {
		m.IsSubscribed = *u.IsSubscribed
	}
}

// readMailboxProperty reads one property that a client may set. null is the
// default where there is one.
func (c *call) readMailboxProperty(name string, v ijson.Value, u *jmap.MailboxUpdate) bool {
	null := v.Kind() == ijson.Null
	switch name {
	case "name":
		s, ok := v.Str()
		u.Name = &s
		return ok && c.validMailboxName(s)
	case "parentId":
		u.ParentID = new(jmap.MailboxID)
		return null || c.readReference(v, (*string)(u.ParentID))
	case "role":
		s, ok := v.Str()
		u.Role = (*jmap.Role)(&s)
		return null || ok && s != "" && s == strings.ToLower(s)
	case "sortOrder":
		n, ok := v.Int()
		order := uint32(n)
		u.SortOrder = &order
		return null || ok && n >= 0 && n <= jmap.MaxSortOrder
	case "isSubscribed":
		on, ok := v.True()
		u.IsSubscribed = &on
		return ok
	}
	return false
}

// validMailboxName checks what RFC 8621, section 2 and Net-Unicode (RFC 5198)
// ask of a name.
func (c *call) validMailboxName(s string) bool {
	return s != "" && uint64(len(s)) <= c.info.Mail.MaxSizeMailboxName && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// readMailboxChanges puts updates and destroys into set, and what is wrong with
// them into r.
func (c *call) readMailboxChanges(s *setArgs, set *jmap.MailboxSet, r *jmap.MailboxSetResult) error {
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		switch mid := jmap.MailboxID(id); {
		case !ok:
			r.NotDestroyed[jmap.MailboxID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		case !slices.Contains(set.Destroy, mid):
			set.Destroy = append(set.Destroy, mid)
		}
	}
	for _, m := range s.update {
		ref, ok := c.reference(m.Name())
		id := jmap.MailboxID(ref)
		switch {
		case !ok:
			r.NotUpdated[jmap.MailboxID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
		case slices.Contains(set.Destroy, id):
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
		case slices.ContainsFunc(set.Update, func(u jmap.MailboxUpdate) bool { return u.ID == id }):
			r.NotUpdated[jmap.MailboxID(m.Name())] = invalidPatch("patched twice")
		default:
			u, bad, err := c.readMailboxPatch(id, m)
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

func (c *call) readMailboxPatch(id jmap.MailboxID, patch ijson.Value) (*jmap.MailboxUpdate, *jmap.SetError, error) {
	u := &jmap.MailboxUpdate{ID: id}
	var wrong []string
	var same []ijson.Value
	for _, m := range patch.Elems() {
		path, ok := ijson.SplitPointer(m.Name())
		switch {
		case !ok || len(path) > 1:
			return nil, invalidPatch("no such path"), nil
		case c.readMailboxProperty(path[0], m, u):
		case jmap.ParseMailboxProp(path[0])&settableMailboxProps == 0:
			same = append(same, m.Named(path[0]))
		default:
			wrong = append(wrong, m.Name())
		}
	}
	if len(same) > 0 {
		list, _, _, err := c.account.MailboxGet(c.ctx, []jmap.MailboxID{id})
		if err != nil {
			return nil, nil, err
		}
		if len(list) == 1 {
			now, err := ijson.Parse(string(list[0].AppendJSON(nil, jmap.AllMailboxProps)), ijson.Limits{Depth: 4, Values: 100})
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

const settableMailboxProps = jmap.MailboxPropName | jmap.MailboxPropParentID | jmap.MailboxPropRole |
	jmap.MailboxPropSortOrder | jmap.MailboxPropIsSubscribed
