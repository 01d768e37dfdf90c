package jmapserver

import (
	"slices"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// PushSubscriber has the PushSubscriptions of one session (RFC 8620, section 7.2).
type PushSubscriber interface {
	// PushGet returns all of them.
	PushGet() []jmap.PushSubscription

	// PushCreate makes one and pushes its verification, which it does not wait for.
	// Errors: invalidProperties, overQuota, rateLimit, forbidden.
	PushCreate(*jmap.PushSubscriptionCreate) (*jmap.PushSubscription, *jmap.SetError)

	// PushUpdate changes one, wholly or not at all. Errors: notFound,
	// invalidProperties (a wrong verificationCode among them).
	PushUpdate(jmap.PushSubscriptionID, *jmap.PushSubscriptionUpdate) *jmap.SetError

	// PushDestroy reports false if there is no such one.
	PushDestroy(jmap.PushSubscriptionID) bool
}

// pushGet is PushSubscription/get (RFC 8620, section 7.2.1).
func pushGet(c *call) error {
	if c.person.Push == nil {
		return jmap.UnknownMethod
	}
	ids, all, err := getIDs[jmap.PushSubscriptionID](c)
	if err != nil {
		return err
	}
	if list, _ := stringsOf(c.args.nullable("properties")); slices.Contains(list, "url") || slices.Contains(list, "keys") {
		return &jmap.MethodError{Type: jmap.Forbidden, Description: "url and keys are private to the device"}
	}
	want := c.properties("deviceClientId", "verificationCode", "expires", "types")
	if err := c.args.done(); err != nil {
		return err
	}
	have := c.person.Push.PushGet()
	list, notFound := have, []jmap.PushSubscriptionID{}
	if !all {
		list, notFound = pick(have, ids)
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.B = append(o.Key("list"), '[')
		for i := range list {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			o.B = list[i].AppendJSON(o.B, want)
		}
		o.B = append(o.B, ']')
		o.B = ijson.AppendStrings(o.Key("notFound"), notFound)
	})
	return nil
}

func pick(have []jmap.PushSubscription, ids []jmap.PushSubscriptionID) (list []jmap.PushSubscription, notFound []jmap.PushSubscriptionID) {
	notFound = []jmap.PushSubscriptionID{}
	for _, id := range ids {
		i := slices.IndexFunc(have, func(s jmap.PushSubscription) bool { return s.ID == id })
		if i < 0 {
			notFound = append(notFound, id)
			continue
		}
		list = append(list, have[i])
	}
	return list, notFound
}

// pushSet is PushSubscription/set (RFC 8620, section 7.2.2).
func pushSet(c *call) error {
	if c.person.Push == nil {
		return jmap.UnknownMethod
	}
	if c.args.get("ifInState").Kind() != ijson.Absent {
		return invalidArguments("ifInState: no such argument")
	}
	s, err := readSet(c)
	if err == nil {
		err = c.args.done()
	}
	if err != nil {
		return err
	}
	r := newResult[jmap.PushSubscriptionID, pushCreated]()
	for _, m := range s.create {
		c.createPush(m, &r)
	}
	remember(c, r.Created, func(p *pushCreated) string { return string(p.ID) })
	destroy := c.pushDestroys(&s, &r)
	for _, m := range s.update {
		c.updatePush(m, destroy, &r)
	}
	for _, id := range destroy {
		if c.person.Push.PushDestroy(id) {
			r.Destroyed = append(r.Destroyed, id)
		} else {
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
		}
	}
	c.respond(c.name, func(o *ijson.Out) {
		appendMap(o, "created", r.Created, appendPushCreated)
		appendMap(o, "updated", r.Updated, appendPushCreated)
		if len(r.Destroyed) == 0 {
			o.Null("destroyed")
		} else {
			o.B = ijson.AppendStrings(o.Key("destroyed"), r.Destroyed)
		}
		appendMap(o, "notCreated", r.NotCreated, appendSetError)
		appendMap(o, "notUpdated", r.NotUpdated, appendSetError)
		appendMap(o, "notDestroyed", r.NotDestroyed, appendSetError)
	})
	return nil
}

// pushCreated is a new subscription with what the client left to the server.
type pushCreated struct {
	jmap.PushSubscription
	given map[string]bool
}

func appendPushCreated(dst []byte, p *pushCreated) []byte {
	dst = p.AppendJSON(dst, func(name string) bool { return !p.given[name] })
	if p.given["keys"] {
		return dst
	}
	return append(dst[:len(dst)-1], `,"keys":null}`...)
}

// pushResult is what a PushSubscription/set did.
type pushResult = jmap.SetResult[jmap.PushSubscriptionID, pushCreated]

func (c *call) createPush(v ijson.Value, r *pushResult) {
	cid := jmap.CreationID(v.Name())
	made := &pushCreated{given: map[string]bool{}}
	var create jmap.PushSubscriptionCreate
	var wrong []string
	for _, m := range v.Elems() {
		made.given[m.Name()] = true
		if !readPushProperty(m, &create) {
			wrong = append(wrong, m.Name())
		}
	}
	for _, name := range []string{"deviceClientId", "url"} {
		if !made.given[name] {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		r.NotCreated[cid] = invalid(wrong...)
		return
	}
	sub, bad := c.person.Push.PushCreate(&create)
	if bad != nil {
		r.NotCreated[cid] = bad
		return
	}
	made.PushSubscription = *sub
	r.Created[cid] = made
}

// readPushProperty reads one property of a subscription to be made.
func readPushProperty(m ijson.Value, into *jmap.PushSubscriptionCreate) (ok bool) {
	switch m.Name() {
	case "deviceClientId":
		into.DeviceClientID, ok = m.Str()
	case "url":
		into.URL, ok = m.Str()
	case "keys":
		into.Keys, ok = readPushKeys(m)
	case "verificationCode":
		ok = m.Kind() == ijson.Null
	case "expires":
		into.Expires, ok = readExpiry(m)
	case "types":
		into.Types, ok = readTypes(m)
	}
	return ok
}

func readPushKeys(v ijson.Value) (*jmap.PushKeys, bool) {
	if v.Kind() == ijson.Null {
		return nil, true
	}
	point, ok1 := v.Get("p256dh").Str()
	auth, ok2 := v.Get("auth").Str()
	return &jmap.PushKeys{P256DH: point, Auth: auth}, ok1 && ok2 && only(v, "p256dh", "auth")
}

// readExpiry reads a UTCDate|null; null is the zero time.
func readExpiry(v ijson.Value) (time.Time, bool) {
	var at *time.Time
	if !readUTCDateOrNull(v, &at) || at == nil {
		return time.Time{}, v.Kind() == ijson.Null
	}
	return *at, true
}

// readTypes reads the names of types: those that are not known here, too.
func readTypes(v ijson.Value) ([]jmap.Type, bool) {
	if v.Kind() == ijson.Null {
		return nil, true
	}
	list, ok := stringsOf(v)
	types := make([]jmap.Type, len(list))
	for i, t := range list {
		types[i] = jmap.Type(t)
	}
	return types, ok
}

// pushDestroys are the ids to destroy.
func (c *call) pushDestroys(s *setArgs, r *pushResult) (out []jmap.PushSubscriptionID) {
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		if !ok {
			r.NotDestroyed[jmap.PushSubscriptionID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		} else if !slices.Contains(out, jmap.PushSubscriptionID(id)) {
			out = append(out, jmap.PushSubscriptionID(id))
		}
	}
	return out
}

func (c *call) updatePush(m ijson.Value, destroy []jmap.PushSubscriptionID, r *pushResult) {
	given, ok := c.reference(m.Name())
	id := jmap.PushSubscriptionID(given)
	_, before := r.Updated[id]
	switch {
	case !ok:
		r.NotUpdated[jmap.PushSubscriptionID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
		return
	case before || r.NotUpdated[id] != nil:
		r.NotUpdated[jmap.PushSubscriptionID(m.Name())] = invalidPatch("patched twice")
		return
	}
	have := c.person.Push.PushGet()
	i := slices.IndexFunc(have, func(s jmap.PushSubscription) bool { return s.ID == id })
	switch {
	case i < 0:
		r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetNotFound}
		return
	case slices.Contains(destroy, id):
		r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
		return
	}
	update, bad := readPushPatch(m, &have[i])
	if bad == nil {
		bad = c.person.Push.PushUpdate(id, update)
	}
	if bad != nil {
		r.NotUpdated[id] = bad
		return
	}
	r.Updated[id] = nil
}

// readPushPatch reads a PatchObject. What cannot change may be given as it is.
func readPushPatch(patch ijson.Value, now *jmap.PushSubscription) (*jmap.PushSubscriptionUpdate, *jmap.SetError) {
	u := &jmap.PushSubscriptionUpdate{}
	var wrong []string
	for _, m := range patch.Elems() {
		ok := false
		text, isText := m.Str()
		switch m.Name() {
		case "verificationCode":
			if ok = isText || m.Kind() == ijson.Null && now.VerificationCode == ""; isText {
				u.VerificationCode = &text
			}
		case "expires":
			var at time.Time
			at, ok = readExpiry(m)
			u.Expires = &at
		case "types":
			var types []jmap.Type
			types, ok = readTypes(m)
			u.Types = &types
		case "id":
			ok = isText && text == string(now.ID)
		case "deviceClientId":
			ok = isText && text == now.DeviceClientID
		default:
			if strings.Contains(m.Name(), "/") {
				return nil, invalidPatch("a path leads into a property that is changed as a whole")
			}
		}
		if !ok {
			wrong = append(wrong, m.Name())
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return u, nil
}
