package account

import (
	"context"
	"strconv"

	"cofferdam/internal/jmap"
	"cofferdam/internal/vacation"
)

// SieveSet makes, changes, destroys and activates SieveScripts (RFC 9661, section
// 2.4).
func (a *Account) SieveSet(ctx context.Context, set *jmap.SieveSet) (jmap.SieveSetResult, error) {
	fs, done, err := a.openFilters(ctx)
	if err != nil {
		return jmap.SieveSetResult{}, err
	}
	defer done()
	s := sieveSetter{fs: fs, r: jmap.SieveSetResult{OldState: a.scriptState(fs.list),
		Created: map[jmap.CreationID]*jmap.SieveChanged{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.ScriptID]*jmap.SieveChanged{}, NotUpdated: map[jmap.ScriptID]*jmap.SetError{},
		NotDestroyed: map[jmap.ScriptID]*jmap.SetError{}}}
	if set.IfInState != "" && set.IfInState != s.r.OldState {
		return jmap.SieveSetResult{}, jmap.StateMismatch
	}
	away := find(fs.list, vacation.ScriptName)
	if err := s.run(ctx, set); err != nil {
		if len(s.r.Created)+len(s.r.Updated)+len(s.r.Destroyed) > 0 {
			err = jmap.ServerPartialFail
		}
		return jmap.SieveSetResult{}, err
	}
	if now := find(fs.list, vacation.ScriptName); away != nil && now != nil && now.Content != away.Content {
		s.updated(fs.idOf(now.Name), jmap.SievePropBlobID).BlobID = a.scriptBlob(now.Content) // it includes another script
	}
	s.r.NewState = a.scriptState(fs.list)
	if fs.foreign {
		s.r.OldState = ""
	}
	return s.r, nil
}

// sieveSetter is one SieveScript/set.
type sieveSetter struct {
	fs *filterSet
	r  jmap.SieveSetResult
}

func (s *sieveSetter) run(ctx context.Context, set *jmap.SieveSet) error {
	for i := range set.Create {
		if err := s.create(ctx, &set.Create[i]); err != nil {
			return err
		}
	}
	for i := range set.Update {
		if err := s.update(ctx, &set.Update[i]); err != nil {
			return err
		}
	}
	for _, id := range set.Destroy {
		if err := s.destroy(ctx, id); err != nil {
			return err
		}
	}
	if len(s.r.NotCreated)+len(s.r.NotUpdated)+len(s.r.NotDestroyed) > 0 {
		return nil // "if and only if all of the creations, modifications, and destructions succeed"
	}
	if set.Deactivate {
		if err := s.activate(ctx, ""); err != nil {
			return err
		}
	}
	if name := s.fs.byID(set.Activate); name != "" {
		return s.activate(ctx, name)
	}
	return nil
}

func (s *sieveSetter) create(ctx context.Context, c *jmap.SieveCreate) error {
	content, refused, err := s.fs.a.scriptContent(ctx, c.BlobID, s.fs.list)
	name := ""
	if refused == nil && err == nil {
		refused, err = s.fs.change(ctx, func(list []Filter) ([]FilterStep, *jmap.SetError) {
			if name = freeName(list); c.Name != nil {
				name = *c.Name
			}
			if bad := s.fs.checkName(list, name, ""); bad != nil {
				return nil, bad
			}
			if uint64(len(list)) >= s.fs.a.info.Load().Sieve.MaxNumberScripts {
				return nil, &jmap.SetError{Type: jmap.SetOverQuota, Description: "there are as many scripts as there may be"}
			}
			return []FilterStep{{Verb: FilterPut, Name: name, Content: content}}, nil
		})
	}
	if err != nil {
		return err
	}
	if refused != nil {
		s.r.NotCreated[c.CreationID] = refused
		return nil
	}
	made := &jmap.SieveChanged{Props: jmap.SievePropID | jmap.SievePropBlobID | jmap.SievePropIsActive,
		SieveScript: jmap.SieveScript{ID: s.fs.idOf(name), Name: name, BlobID: s.fs.a.scriptBlob(content)}}
	if c.Name == nil {
		made.Props |= jmap.SievePropName
	}
	s.r.Created[c.CreationID] = made
	return nil
}

// freeName is a name for a script whose owner gave it none.
func freeName(list []Filter) string {
	for n := 1; ; n++ {
		if name := "script-" + strconv.Itoa(n); find(list, name) == nil {
			return name
		}
	}
}

func (s *sieveSetter) update(ctx context.Context, u *jmap.SieveUpdate) error {
	content, refused, err := "", (*jmap.SetError)(nil), error(nil)
	if u.BlobID != nil {
		content, refused, err = s.fs.a.scriptContent(ctx, *u.BlobID, s.fs.list)
	}
	from := ""
	if refused == nil && err == nil {
		refused, err = s.fs.change(ctx, func(list []Filter) ([]FilterStep, *jmap.SetError) {
			from = s.fs.byID(u.ID)
			return s.fs.planUpdate(list, from, u, content)
		})
	}
	if err != nil {
		return err
	}
	if refused != nil {
		s.r.NotUpdated[u.ID] = refused
		return nil
	}
	s.r.Updated[u.ID] = nil
	if u.Name != nil && *u.Name != from {
		s.fs.a.keepID(u.ID, from, *u.Name)
		s.fs.a.seenFilters(s.fs.list)
	}
	if u.BlobID != nil && s.fs.a.scriptBlob(content) != *u.BlobID {
		s.updated(u.ID, jmap.SievePropBlobID).BlobID = s.fs.a.scriptBlob(content)
	}
	return nil
}

// updated is what the client is told of an updated script, with one property more.
func (s *sieveSetter) updated(id jmap.ScriptID, p jmap.SieveProps) *jmap.SieveChanged {
	if s.r.Updated[id] == nil {
		s.r.Updated[id] = &jmap.SieveChanged{}
	}
	s.r.Updated[id].Props |= p
	return s.r.Updated[id]
}

// planUpdate changes the content under the old name first: that is what a server
// may refuse.
func (fs *filterSet) planUpdate(list []Filter, from string, u *jmap.SieveUpdate, content string) (steps []FilterStep, refused *jmap.SetError) {
	f := find(list, from)
	if f == nil {
		return nil, &jmap.SetError{Type: jmap.SetNotFound}
	}
	write, rename := u.BlobID != nil && content != f.Content, u.Name != nil && *u.Name != from
	if from == vacation.ScriptName && (write || rename) {
		return nil, &jmap.SetError{Type: jmap.SetForbidden, Description: onlyByVacation}
	}
	if write {
		if bad := fs.wouldConflict(list, from, content); bad != nil {
			return nil, bad
		}
		steps = append(steps, FilterStep{Verb: FilterPut, Name: from, Content: content})
	}
	if rename {
		if bad := fs.checkName(list, *u.Name, from); bad != nil {
			return nil, bad
		}
		steps = append(steps, FilterStep{Verb: FilterRename, Name: from, To: *u.Name})
		steps = append(steps, fs.followRename(list, from, *u.Name)...)
	}
	return steps, nil
}

// onlyByVacation is RFC 9661, section 4.
const onlyByVacation = "this script is the vacation response: it is changed by VacationResponse/set"

func (s *sieveSetter) destroy(ctx context.Context, id jmap.ScriptID) error {
	refused, err := s.fs.change(ctx, func(list []Filter) ([]FilterStep, *jmap.SetError) {
		f := find(list, s.fs.byID(id))
		switch {
		case f == nil:
			return nil, &jmap.SetError{Type: jmap.SetNotFound}
		case f.Name == vacation.ScriptName:
			return nil, &jmap.SetError{Type: jmap.SetForbidden, Description: onlyByVacation}
		case f.Active:
			return nil, &jmap.SetError{Type: jmap.SetSieveIsActive}
		}
		return []FilterStep{{Verb: FilterDelete, Name: f.Name}}, nil
	})
	switch {
	case err != nil:
		return err
	case refused != nil:
		s.r.NotDestroyed[id] = refused
	default:
		s.r.Destroyed = append(s.r.Destroyed, id)
	}
	return nil
}

// activate makes a script the active one, "" none. The vacation response includes
// the one that was active before it, as if VacationResponse/set had enabled it.
func (s *sieveSetter) activate(ctx context.Context, name string) error {
	was := ""
	refused, err := s.fs.change(ctx, func(list []Filter) ([]FilterStep, *jmap.SetError) {
		was = active(list)
		switch {
		case was == name:
			return nil, nil
		case name == vacation.ScriptName:
			return s.fs.planEnable(list)
		}
		return []FilterStep{{Verb: FilterActivate, Name: name}}, nil
	})
	switch id := s.fs.idOf(name); {
	case err != nil:
		return err
	case refused != nil && id != "":
		delete(s.r.Updated, id)
		s.r.NotUpdated[id] = refused
		return nil
	case refused != nil || was == name:
		return nil
	}
	if id := s.fs.idOf(was); was != "" && id != "" {
		s.updated(id, jmap.SievePropIsActive).IsActive = false
	}
	if name == "" {
		return nil
	}
	id := s.fs.idOf(name)
	for _, made := range s.r.Created {
		if made.ID == id {
			made.IsActive = true
			return nil
		}
	}
	s.updated(id, jmap.SievePropIsActive).IsActive = true
	return nil
}
