package jmapservertest

import (
	"context"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// IdentitySet implements jmapserver.IdentitySetter. The person may send as any
// address of example.org; of a signature in HTML <script> is taken out.
func (a *Account) IdentitySet(_ context.Context, set *jmap.IdentitySet) (jmap.IdentitySetResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.state(jmap.TypeIdentity)
	if set.IfInState != "" && set.IfInState != old {
		return jmap.IdentitySetResult{}, jmap.StateMismatch
	}
	r := results[jmap.IdentityID, jmap.Identity](old)
	for i := range set.Create {
		c := &set.Create[i]
		if !strings.HasSuffix(c.Email, "@example.org") {
			r.NotCreated[c.CreationID] = &jmap.SetError{Type: jmap.SetForbiddenFrom}
			continue
		}
		made := jmap.Identity{ID: jmap.IdentityID(a.newID("I")), Email: c.Email, MayDelete: true}
		changeIdentity(&made, &c.IdentityUpdate)
		a.ids = append(a.ids, made)
		a.note(jmap.TypeIdentity, string(made.ID), created)
		r.Created[c.CreationID] = &made
	}
	for i := range set.Update {
		a.updateIdentity(&set.Update[i], &r)
	}
	for _, id := range set.Destroy {
		i := slices.IndexFunc(a.ids, func(i jmap.Identity) bool { return i.ID == id })
		switch {
		case i < 0:
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
		case !a.ids[i].MayDelete:
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetForbidden}
		default:
			a.ids = slices.Delete(a.ids, i, i+1)
			a.note(jmap.TypeIdentity, string(id), destroyed)
			r.Destroyed = append(r.Destroyed, id)
		}
	}
	r.NewState = a.state(jmap.TypeIdentity)
	return r, a.fail
}

func (a *Account) updateIdentity(u *jmap.IdentityUpdate, r *jmap.IdentitySetResult) {
	i := slices.IndexFunc(a.ids, func(i jmap.Identity) bool { return i.ID == u.ID })
	if i < 0 {
		r.NotUpdated[u.ID] = &jmap.SetError{Type: jmap.SetNotFound}
		return
	}
	changeIdentity(&a.ids[i], u)
	a.note(jmap.TypeIdentity, string(u.ID), updated)
	r.Updated[u.ID] = nil
	if u.HTMLSignature != nil && *u.HTMLSignature != a.ids[i].HTMLSignature {
		r.Updated[u.ID] = &jmap.Identity{HTMLSignature: a.ids[i].HTMLSignature}
	}
}

func changeIdentity(i *jmap.Identity, u *jmap.IdentityUpdate) {
	for _, s := range []struct{ from, to *string }{{u.Name, &i.Name}, {u.TextSignature, &i.TextSignature}, {u.HTMLSignature, &i.HTMLSignature}} {
		if s.from != nil {
			*s.to = *s.from
		}
	}
	i.HTMLSignature = strings.ReplaceAll(i.HTMLSignature, "<script>", "")
	if u.ReplyTo != nil {
		i.ReplyTo = *u.ReplyTo
	}
	if u.Bcc != nil {
		i.Bcc = *u.Bcc
	}
}
