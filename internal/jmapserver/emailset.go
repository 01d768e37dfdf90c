package jmapserver

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// emailSet is Email/set (RFC 8621, section 4.6).
func emailSet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	return c.setEmails(s)
}

// setEmails makes the changes of s and appends the response.
func (c *call) setEmails(s setArgs) error {
	r := newResult[jmap.EmailID, jmap.EmailCreated]()
	set := jmap.EmailSet{IfInState: s.ifInState}
	for _, m := range s.create {
		e, bad := c.readEmailCreate(m)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Create = append(set.Create, *e)
	}
	if refersTo(s.create, s.update, s.destroy) {
		// What is changed is made in this call: its id is not known before.
		if err := c.runEmailSet(&set, &r); err != nil {
			return err
		}
		set = jmap.EmailSet{}
	}
	folded, err := c.readEmailChanges(&s, &set, &r)
	if err == nil {
		err = c.runEmailSet(&set, &r)
	}
	if err != nil {
		return partly(err, len(r.Created))
	}
	c.respondEmailSet(&r, c.keywordsAfter(folded, &r))
	return nil
}

// partly is err, or, if something has been done already, the error that says so.
func partly(err error, done int) error {
	if done > 0 {
		return &jmap.MethodError{Type: jmap.ServerPartialFail, Description: "what was to be created was created; the rest failed"}
	}
	return err
}

// refersTo reports whether an update or destroy names something that this call
// creates.
func refersTo(create, update []ijson.Value, destroy []string) bool {
	made := func(id string) bool {
		cid, ok := strings.CutPrefix(id, "#")
		return ok && slices.ContainsFunc(create, func(m ijson.Value) bool { return m.Name() == cid })
	}
	return slices.ContainsFunc(update, func(m ijson.Value) bool { return made(m.Name()) }) ||
		slices.ContainsFunc(destroy, made)
}

// runEmailSet asks the account and adds to r.
func (c *call) runEmailSet(set *jmap.EmailSet, r *jmap.EmailSetResult) error {
	next, err := c.account.EmailSet(c.ctx, set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(e *jmap.EmailCreated) string { return string(e.ID) })
	merge(r, &next)
	return nil
}

// readEmailChanges puts the updates and destroys of s into set, and what is
// wrong with them into r. It returns the ids of Emails that get a keyword which
// the client did not write in lower case.
func (c *call) readEmailChanges(s *setArgs, set *jmap.EmailSet, r *jmap.EmailSetResult) (folded []jmap.EmailID, err error) {
	gone := map[jmap.EmailID]bool{}
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		if !ok {
			r.NotDestroyed[jmap.EmailID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		} else if !gone[jmap.EmailID(id)] {
			gone[jmap.EmailID(id)] = true
			set.Destroy = append(set.Destroy, jmap.EmailID(id))
		}
	}
	seen := map[jmap.EmailID]bool{}
	for _, m := range s.update {
		ref, ok := c.reference(m.Name())
		id := jmap.EmailID(ref)
		switch {
		case !ok:
			r.NotUpdated[jmap.EmailID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
			continue
		case gone[id]:
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
			continue
		case seen[id]: // once by its id, once by its creation id
			r.NotUpdated[jmap.EmailID(m.Name())] = &jmap.SetError{Type: jmap.SetInvalidPatch, Description: "patched twice"}
			continue
		}
		seen[id] = true
		p, bad, err := c.readEmailPatch(id, m)
		switch {
		case err != nil:
			return nil, err
		case bad != nil:
			r.NotUpdated[id] = bad
			continue
		}
		set.Update = append(set.Update, p.update)
		if p.folded {
			folded = append(folded, id)
		}
	}
	return folded, nil
}

// emailPatch is a PatchObject for an Email while it is read.
type emailPatch struct {
	update jmap.EmailUpdate
	folded bool          // a keyword was put into lower case
	same   []ijson.Value // properties that must be what they are already
}

// readEmailPatch reads a PatchObject (RFC 8620, section 5.3) for the Email id.
func (c *call) readEmailPatch(id jmap.EmailID, patch ijson.Value) (*emailPatch, *jmap.SetError, error) {
	p := &emailPatch{update: jmap.EmailUpdate{ID: id}}
	if bad := checkPaths(patch); bad != nil {
		return nil, bad, nil
	}
	var wrong []string
	for _, m := range patch.Elems() {
		path, ok := ijson.SplitPointer(m.Name())
		if !ok {
			return nil, invalidPatch("a path is not a JSON Pointer"), nil
		}
		ok = true
		switch path[0] {
		case "keywords":
			if len(path) > 2 {
				return nil, invalidPatch("a path leads into a Boolean"), nil
			}
			ok = p.keywords(path[1:], m)
		case "mailboxIds":
			if len(path) > 2 {
				return nil, invalidPatch("a path leads into a Boolean"), nil
			}
			ok = p.mailboxIDs(c, path[1:], m)
		default:
			if len(path) > 1 {
				return nil, invalidPatch("a path leads into a property that cannot change"), nil
			}
			p.same = append(p.same, m.Named(path[0]))
		}
		if !ok {
			wrong = append(wrong, m.Name())
		}
	}
	differ, err := c.differing(id, p.same)
	if err != nil {
		return nil, nil, err
	}
	if wrong = append(wrong, differ...); len(wrong) > 0 {
		return nil, invalid(wrong...), nil
	}
	p.settle()
	return p, nil, nil
}

func invalidPatch(why string) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetInvalidPatch, Description: why}
}

// checkPaths refuses a patch in which one path is the prefix of another, and one
// that is larger than any sensible one.
func checkPaths(patch ijson.Value) *jmap.SetError {
	if patch.Len() > maxPaths {
		return invalidPatch("too many paths")
	}
	whole := map[string]bool{}
	for _, m := range patch.Elems() {
		if len(m.Name()) > maxPathOctets {
			return invalidPatch("a path is too long")
		}
		whole[m.Name()] = true
	}
	for _, m := range patch.Elems() {
		for i := 0; i < len(m.Name()); i++ {
			if m.Name()[i] == '/' && whole[m.Name()[:i]] {
				return invalidPatch("a path is the prefix of another")
			}
		}
	}
	return nil
}

// settle gives an update that changes nothing a patch that changes nothing.
func (p *emailPatch) settle() {
	if p.update.Keywords == nil && p.update.MailboxIDs == nil {
		p.update.Keywords = &jmap.SetPatch[jmap.Keyword]{}
	}
}

// keywords reads one patch of keywords: the whole set, or one of its members.
func (p *emailPatch) keywords(member []string, v ijson.Value) bool {
	if p.update.Keywords == nil {
		p.update.Keywords = &jmap.SetPatch[jmap.Keyword]{}
	}
	return readSetPatch(p.update.Keywords, member, v, func(s string) (jmap.Keyword, bool) {
		k, ok := jmap.ParseKeyword(s)
		p.folded = p.folded || string(k) != s
		return k, ok
	})
}

// mailboxIDs reads one patch of mailboxIds. It has no default, so that null for
// the whole of it is no value.
func (p *emailPatch) mailboxIDs(c *call, member []string, v ijson.Value) bool {
	if p.update.MailboxIDs == nil {
		p.update.MailboxIDs = &jmap.SetPatch[jmap.MailboxID]{}
	}
	if len(member) == 0 && v.Kind() != ijson.Object {
		return false
	}
	return readSetPatch(p.update.MailboxIDs, member, v, func(s string) (jmap.MailboxID, bool) {
		id, ok := c.reference(s)
		return jmap.MailboxID(id), ok
	})
}

// readSetPatch reads a patch of a property that is a set.
func readSetPatch[T ~string](p *jmap.SetPatch[T], member []string, v ijson.Value, parse func(string) (T, bool)) bool {
	if len(member) == 0 {
		p.Replace = true
		values, ok := readSetOf(v, parse)
		p.Values = values
		return ok || v.Kind() == ijson.Null
	}
	x, ok := parse(member[0])
	on, isBool := v.True()
	switch {
	case !ok:
		return false
	case v.Kind() == ijson.Null && !slices.Contains(p.Add, x):
		p.Remove = append(p.Remove, x)
	case isBool && on && !slices.Contains(p.Remove, x) && !slices.Contains(p.Add, x):
		p.Add = append(p.Add, x)
	default:
		return false
	}
	return true
}

// readSetOf reads an object whose values are true.
func readSetOf[T ~string](v ijson.Value, parse func(string) (T, bool)) (set []T, ok bool) {
	if v.Kind() != ijson.Object || v.Len() > maxPaths {
		return nil, false
	}
	for _, m := range v.Elems() {
		x, ok := parse(m.Name())
		if on, _ := m.True(); !ok || !on {
			return nil, false
		}
		if !slices.Contains(set, x) {
			set = append(set, x)
		}
	}
	return set, true
}

// differing returns the names of those properties that do not exist or are not
// what the Email has: server-set and immutable properties may be sent back as
// they are (RFC 8620, section 5.3).
func (c *call) differing(id jmap.EmailID, same []ijson.Value) (names []string, err error) {
	if len(same) == 0 {
		return nil, nil
	}
	want := &jmap.EmailFields{Props: jmap.EmailPropID, BodyProps: jmap.DefaultBodyProps}
	for _, m := range same {
		if p := jmap.ParseEmailProp(m.Name()); p != 0 {
			want.Props |= p
		} else if p, ok := jmap.ParseHeaderProp(m.Name()); ok {
			want.Headers = append(want.Headers, p)
		}
	}
	var now ijson.Value
	_, _, err = c.account.EmailGet(c.ctx, []jmap.EmailID{id}, want, func(e *jmap.Email) (err error) {
		now, err = ijson.Parse(string(e.AppendJSON(nil, want)), ijson.Limits{Depth: 1000, Values: maxValuesInRequest})
		return err
	})
	if err != nil || now.Kind() == ijson.Absent {
		return nil, err // the account says notFound
	}
	for _, m := range same {
		if !ijson.Equal(m, now.Get(m.Name())) {
			names = append(names, m.Name())
		}
	}
	return names, nil
}

// keywordsAfter reads the keywords of Emails whose keywords are not what the
// client has asked for to the letter (RFC 8620, section 5.3: the response tells
// of any property that changed in another way).
func (c *call) keywordsAfter(folded []jmap.EmailID, r *jmap.EmailSetResult) map[jmap.EmailID][]jmap.Keyword {
	folded = slices.DeleteFunc(folded, func(id jmap.EmailID) bool {
		_, ok := r.Updated[id]
		return !ok
	})
	if len(folded) == 0 {
		return nil
	}
	now := make(map[jmap.EmailID][]jmap.Keyword, len(folded))
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropKeywords}
	// The change is made and must not be reported as failed: after an error here
	// the client is told less, and learns the rest by its next Email/get.
	_, _, _ = c.account.EmailGet(c.ctx, folded, want, func(e *jmap.Email) error {
		now[e.ID] = slices.Clone(e.Keywords)
		return nil
	})
	return now
}

// respondEmailSet appends the response to an Email/set.
func (c *call) respondEmailSet(r *jmap.EmailSetResult, keywords map[jmap.EmailID][]jmap.Keyword) {
	out := newResult[jmap.EmailID, emailReply]()
	out.OldState, out.NewState = r.OldState, r.NewState
	for cid, e := range r.Created {
		out.Created[cid] = &emailReply{created: e}
	}
	for id := range r.Updated {
		out.Updated[id] = nil
		if k, ok := keywords[id]; ok {
			out.Updated[id] = &emailReply{keywords: k}
		}
	}
	out.NotCreated, out.NotUpdated, out.NotDestroyed = r.NotCreated, r.NotUpdated, r.NotDestroyed
	out.Destroyed = r.Destroyed
	respondSet(c, "Email/set", &out, appendEmailReply)
}

// emailReply is what a client is told of an Email that it has changed.
type emailReply struct {
	created  *jmap.EmailCreated
	keywords []jmap.Keyword
}

func appendEmailReply(dst []byte, e *emailReply) []byte {
	if e.created != nil {
		return e.created.AppendJSON(dst)
	}
	email := jmap.Email{Keywords: e.keywords}
	return email.AppendJSON(dst, &jmap.EmailFields{Props: jmap.EmailPropKeywords})
}
