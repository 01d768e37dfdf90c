package jmapserver

import (
	"context"
	"slices"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// Vacationer is the optional ability to answer mail while the person is away. It
// is announced where the account's Info says so.
type Vacationer interface {
	VacationGet(ctx context.Context) (jmap.Vacation, jmap.State, error)
	// VacationSet makes a change, or none if u is nil, unless ifInState is given
	// and not the state: jmap.StateMismatch. old is "" if somebody else changed
	// something meanwhile.
	VacationSet(ctx context.Context, ifInState jmap.State, u *jmap.VacationUpdate) (old, now jmap.State, refused *jmap.SetError, err error)
}

// vacationGet is VacationResponse/get (RFC 8621, section 8.1): there is exactly
// one.
func vacationGet(c *call) error {
	ids, all, err := getIDs[string](c)
	if err != nil {
		return err
	}
	want := jmap.AllVacationProps
	if names, given := c.args.stringsOrNull("properties"); given {
		want = jmap.VacationPropID
		for _, n := range names {
			p := jmap.ParseVacationProp(n)
			if p == 0 && c.args.err == nil {
				c.args.err = invalidArguments("properties: no property %s", clip(n))
			}
			want |= p
		}
	}
	if err := c.args.done(); err != nil {
		return err
	}
	v, state, err := c.account.(Vacationer).VacationGet(c.ctx)
	if err != nil {
		return err
	}
	var list []jmap.Vacation
	if all || slices.Contains(ids, jmap.VacationID) {
		list = append(list, v)
	}
	notFound := slices.DeleteFunc(ids, func(id string) bool { return id == jmap.VacationID })
	return respondGet(c, state, list, notFound, func(dst []byte, v *jmap.Vacation) []byte { return v.AppendJSON(dst, want) })
}

// vacationSet is VacationResponse/set (RFC 8621, section 8.2). The one that there
// is can neither be made nor destroyed (RFC 8620, section 5.3: singleton).
func vacationSet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	r := newResult[string, jmap.Vacation]()
	for _, m := range s.create {
		r.NotCreated[jmap.CreationID(m.Name())] = &jmap.SetError{Type: jmap.SetSingleton}
	}
	for _, id := range s.destroy {
		r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetNotFound}
		if id == jmap.VacationID {
			r.NotDestroyed[id] = &jmap.SetError{Type: jmap.SetSingleton}
		}
	}
	var u *jmap.VacationUpdate
	for _, m := range s.update {
		if m.Name() != jmap.VacationID {
			r.NotUpdated[m.Name()] = &jmap.SetError{Type: jmap.SetNotFound}
			continue
		}
		change, bad := readVacation(m)
		if bad != nil {
			r.NotUpdated[jmap.VacationID] = bad
			continue
		}
		u = change
	}
	old, now, refused, err := c.account.(Vacationer).VacationSet(c.ctx, s.ifInState, u)
	switch {
	case err != nil:
		return err
	case refused != nil:
		r.NotUpdated[jmap.VacationID] = refused
	case u != nil:
		r.Updated[jmap.VacationID] = nil
	}
	r.OldState, r.NewState = old, now
	respondSet(c, c.name, &r, func(dst []byte, v *jmap.Vacation) []byte { return v.AppendJSON(dst, 0) })
	return nil
}

// readVacation reads a patch of the VacationResponse.
func readVacation(patch ijson.Value) (*jmap.VacationUpdate, *jmap.SetError) {
	u := &jmap.VacationUpdate{}
	var wrong []string
	for _, m := range patch.Elems() {
		path, ok := ijson.SplitPointer(m.Name())
		if !ok || len(path) > 1 {
			return nil, invalidPatch("no such path")
		}
		p := jmap.ParseVacationProp(path[0])
		u.Set |= p
		if !readVacationProperty(p, m, &u.To) {
			wrong = append(wrong, m.Name())
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return u, nil
}

func readVacationProperty(p jmap.VacationProps, v ijson.Value, to *jmap.Vacation) bool {
	switch p {
	case jmap.VacationPropID:
		id, ok := v.Str()
		return ok && id == jmap.VacationID
	case jmap.VacationPropIsEnabled:
		on, ok := v.True()
		to.IsEnabled = on
		return ok
	case jmap.VacationPropFromDate:
		return readUTCDateOrNull(v, &to.FromDate)
	case jmap.VacationPropToDate:
		return readUTCDateOrNull(v, &to.ToDate)
	case jmap.VacationPropSubject:
		return readStringOrNull(v, &to.Subject)
	case jmap.VacationPropTextBody:
		return readStringOrNull(v, &to.TextBody)
	case jmap.VacationPropHTMLBody:
		return readStringOrNull(v, &to.HTMLBody)
	}
	return false
}

func readUTCDateOrNull(v ijson.Value, into **time.Time) bool {
	if v.Kind() == ijson.Null {
		return true
	}
	*into = new(time.Time)
	return readUTCDate(v, *into)
}
