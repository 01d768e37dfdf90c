package settings

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cofferdam/internal/jmap"
)

// SetIdentities makes, changes and deletes identities (RFC 8621, section 6.3).
// jmap.StateMismatch: nothing was done. Each object succeeds or fails alone.
func (s *Settings) SetIdentities(ctx context.Context, set *jmap.IdentitySet) (jmap.IdentitySetResult, error) {
	res := jmap.IdentitySetResult{
		Created: map[jmap.CreationID]*jmap.Identity{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.IdentityID]*jmap.Identity{}, NotUpdated: map[jmap.IdentityID]*jmap.SetError{},
		NotDestroyed: map[jmap.IdentityID]*jmap.SetError{},
	}
	if err := s.begin(ctx); err != nil {
		return res, err
	}
	defer s.end()
	res.OldState = s.IdentityState()
	if set.IfInState != "" && set.IfInState != res.OldState {
		return res, jmap.StateMismatch
	}
	for i := range set.Create {
		c := &set.Create[i]
		if made, why := s.create(ctx, c); why != nil {
			res.NotCreated[c.CreationID] = why
		} else {
			res.Created[c.CreationID] = made
		}
	}
	for i := range set.Update {
		u := &set.Update[i]
		if other, why := s.update(ctx, u); why != nil {
			res.NotUpdated[u.ID] = why
		} else {
			res.Updated[u.ID] = other
		}
	}
	for _, id := range set.Destroy {
		if why := s.destroy(ctx, id); why != nil {
			res.NotDestroyed[id] = why
		} else {
			res.Destroyed = append(res.Destroyed, id)
		}
	}
	res.NewState = s.IdentityState()
	return res, nil
}

func (s *Settings) create(ctx context.Context, c *jmap.IdentityCreate) (*jmap.Identity, *jmap.SetError) {
	if !s.own(c.Email) {
		return nil, &jmap.SetError{Type: jmap.SetForbiddenFrom, Description: "You cannot send as this address."}
	}
	list, _ := s.Identities()
	if len(list)-len(s.cfg.Addresses) >= MaxIdentities {
		return nil, &jmap.SetError{Type: jmap.SetOverQuota, Description: "There are too many identities."}
	}
	i := &identity{V: 1, ID: jmap.IdentityID("I" + strings.ToLower(rand.Text()[:20])), Made: s.next(), Email: c.Email}
	if why := s.apply(ctx, i, &c.IdentityUpdate); why != nil {
		return nil, why
	}
	if why := s.write(ctx, i); why != nil {
		return nil, why
	}
	made := i.jmap()
	return &made, nil
}

// update returns what was stored in another way than asked, or nil.
func (s *Settings) update(ctx context.Context, u *jmap.IdentityUpdate) (*jmap.Identity, *jmap.SetError) {
	s.mu.Lock()
	now := s.find(u.ID)
	s.mu.Unlock()
	if now == nil {
		return nil, &jmap.SetError{Type: jmap.SetNotFound}
	}
	i := *now
	if why := s.apply(ctx, &i, u); why != nil {
		return nil, why
	}
	if why := s.write(ctx, &i); why != nil {
		return nil, why
	}
	if u.HTMLSignature != nil && *u.HTMLSignature != i.HTML {
		return &jmap.Identity{HTMLSignature: i.HTML}, nil
	}
	return nil, nil
}

func (s *Settings) destroy(ctx context.Context, id jmap.IdentityID) *jmap.SetError {
	s.mu.Lock()
	now := s.find(id)
	s.mu.Unlock()
	switch {
	case now == nil:
		return &jmap.SetError{Type: jmap.SetNotFound}
	case now.Made == 0:
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "Every address that you may send as has an identity."}
	}
	if why := s.write(ctx, &identity{V: 1, ID: id, Made: now.Made, Deleted: true, revision: now.revision}); why != nil {
		return why
	}
	s.forgetMarks(ctx)
	return nil
}

// forgetMarks removes marks that are too many. One that stays is no harm. It
// needs the turn.
func (s *Settings) forgetMarks(ctx context.Context) {
	s.mu.Lock()
	marks := s.marks()
	s.mu.Unlock()
	for _, m := range marks[:max(0, len(marks)-maxDeleted)] {
		if err := s.cfg.Records.Delete(ctx, m.recordID(), m.revision); err != nil {
			s.cfg.Log.Warn("mark of a deleted identity not removed", "err", err)
			return
		}
		s.mu.Lock()
		delete(s.identities, m.ID)
		s.mu.Unlock()
	}
}

// next is the number of the next change.
func (s *Settings) next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq + 1
}

// write stores an identity and makes it known. It needs the turn.
func (s *Settings) write(ctx context.Context, i *identity) *jmap.SetError {
	i.Seq = s.next()
	data, err := json.Marshal(i)
	if err != nil {
		return s.failed(ctx, err)
	}
	if why := s.put(ctx, i.recordID(), i.revision+1, data); why != nil {
		return why
	}
	i.revision++
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identities[i.ID], s.seq = i, i.Seq
	s.changed()
	return nil
}

// apply checks what is to change and enters it into i.
func (s *Settings) apply(ctx context.Context, i *identity, u *jmap.IdentityUpdate) *jmap.SetError {
	if u.Name != nil {
		if !plainText(*u.Name, MaxName) {
			return invalid("name", "The name is too long, or not one line of text.")
		}
		i.Name = *u.Name
	}
	for _, part := range []struct {
		property string
		from     *[]jmap.Address
		to       *[]address
	}{{"replyTo", u.ReplyTo, &i.ReplyTo}, {"bcc", u.Bcc, &i.Bcc}} {
		if part.from == nil {
			continue
		}
		if len(*part.from) > MaxAddresses || slices.ContainsFunc(*part.from, badAddress) {
			return invalid(part.property, "These are too many addresses, or one is none.")
		}
		*part.to = addressesIn(*part.from)
	}
	if u.TextSignature != nil {
		if len(*u.TextSignature) > MaxTextSignature || !utf8.ValidString(*u.TextSignature) || strings.ContainsRune(*u.TextSignature, 0) {
			return invalid("textSignature", "The signature is too long, or not text.")
		}
		i.Text = *u.TextSignature
	}
	if u.HTMLSignature != nil {
		return s.applyHTML(ctx, i, *u.HTMLSignature)
	}
	return nil
}

// applyHTML has a signature made harmless: whoever shows it puts it into a page.
func (s *Settings) applyHTML(ctx context.Context, i *identity, html string) *jmap.SetError {
	const long = "The signature is too long."
	switch {
	case html == "":
		i.HTML = ""
		return nil
	case len(html) > 2*MaxHTMLSignature:
		return invalid("htmlSignature", long)
	case s.cfg.Snippet == nil:
		return invalid("htmlSignature", "Signatures in HTML cannot be kept here.")
	}
	clean, err := s.cfg.Snippet(ctx, html)
	switch {
	case errors.Is(err, ErrNoSnippet):
		return invalid("htmlSignature", "This cannot stand in the body of a mail.")
	case err != nil:
		s.cfg.Log.Warn("signature not made harmless", "err", err)
		return &jmap.SetError{Type: jmap.SetServerFail, Description: "The signature could not be checked. Please try again."}
	case len(clean) > MaxHTMLSignature:
		return invalid("htmlSignature", long)
	}
	i.HTML = clean
	return nil
}

// plainText says whether s is one line of text.
func plainText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func badAddress(a jmap.Address) bool {
	at := strings.LastIndexByte(a.Email, '@')
	return at <= 0 || at == len(a.Email)-1 || !plainText(a.Email, maxAddress) || strings.ContainsAny(a.Email[at:], " <>,;") ||
		a.Name != nil && !plainText(*a.Name, MaxName)
}
