package settings

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
)

const identityPrefix = "identity/"

// identity is what is stored of an identity. Version 1.
type identity struct {
	V    int             `json:"v"`
	ID   jmap.IdentityID `json:"id"`
	Seq  int64           `json:"seq"`            // of the last change
	Made int64           `json:"made,omitempty"` // seq of its creation; 0: it stands for an address
	// Deleted: a mark that there was one. What follows is empty then.
	Deleted bool      `json:"deleted,omitempty"`
	Email   string    `json:"email,omitempty"`
	Name    string    `json:"name,omitempty"`
	ReplyTo []address `json:"replyTo,omitempty"`
	Bcc     []address `json:"bcc,omitempty"`
	Text    string    `json:"text,omitempty"`
	HTML    string    `json:"html,omitempty"`

	revision int64 // stored; 0: not yet
}

type address struct {
	Name  *string `json:"name,omitempty"`
	Email string  `json:"email"`
}

func (i *identity) recordID() string { return identityPrefix + string(i.ID) }

func decodeIdentity(s Stored) (*identity, error) {
	var i identity
	err := decode(s.Data, &i)
	switch {
	case err != nil:
	case i.V != 1:
		err = fmt.Errorf("version %d", i.V)
	case i.recordID() != s.ID || !jmap.ValidID(string(i.ID)):
		err = errors.New("it is stored under another id")
	case i.Seq < 1 || i.Made < 0 || i.Made > i.Seq:
		err = errors.New("its numbers are out of order")
	case i.Deleted != (i.Email == ""):
		err = errors.New("no address, or one too many")
	}
	if err != nil {
		return nil, fmt.Errorf("reading an identity: %w", err)
	}
	i.revision = s.Revision
	return &i, nil
}

// decode reads one JSON value of known members, and nothing behind it.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data behind the record")
	}
	return nil
}

// addressID is the id of the identity of an address.
func addressID(addr string) jmap.IdentityID {
	sum := sha256.Sum256([]byte("identity\x00" + strings.ToLower(addr)))
	return jmap.IdentityID("i" + base64.RawURLEncoding.EncodeToString(sum[:9]))
}

// own says whether the person may send as an address.
func (s *Settings) own(email string) bool {
	return slices.ContainsFunc(s.cfg.Addresses, func(a string) bool { return strings.EqualFold(a, email) })
}

// Identities returns all that there are: those of the addresses in the
// platform's order, the first of which is the person's main one, then what the
// person made, oldest first.
func (s *Settings) Identities() ([]jmap.Identity, jmap.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]jmap.Identity, 0, len(s.cfg.Addresses)+len(s.identities))
	for _, a := range s.cfg.Addresses {
		list = append(list, s.ofAddress(a).jmap())
	}
	var made []*identity
	for _, i := range s.identities {
		if i.Made > 0 && !i.Deleted && s.own(i.Email) {
			made = append(made, i)
		}
	}
	slices.SortFunc(made, func(a, b *identity) int { return int(a.Made - b.Made) })
	for _, i := range made {
		list = append(list, i.jmap())
	}
	return list, s.state(s.seq)
}

// ofAddress is the identity of an address, stored or not. It needs mu.
func (s *Settings) ofAddress(addr string) *identity {
	id := addressID(addr)
	if i := s.identities[id]; i != nil && i.Made == 0 {
		return i
	}
	return &identity{V: 1, ID: id, Email: addr, Name: s.cfg.Name}
}

// Unchanged are the identities of addresses of which nobody has changed anything.
func Unchanged(name string, addrs []string) []jmap.Identity {
	s := &Settings{cfg: Config{Addresses: addrs, Name: name}}
	list, _ := s.Identities()
	return list
}

// find is an identity that is shown, or nil. It needs mu.
func (s *Settings) find(id jmap.IdentityID) *identity {
	for _, a := range s.cfg.Addresses {
		if addressID(a) == id {
			return s.ofAddress(a)
		}
	}
	if i := s.identities[id]; i != nil && i.Made > 0 && !i.Deleted && s.own(i.Email) {
		return i
	}
	return nil
}

func (i *identity) jmap() jmap.Identity {
	return jmap.Identity{ID: i.ID, Name: i.Name, Email: i.Email, ReplyTo: addressesOut(i.ReplyTo), Bcc: addressesOut(i.Bcc),
		TextSignature: i.Text, HTMLSignature: i.HTML, MayDelete: i.Made > 0}
}

func addressesOut(list []address) []jmap.Address {
	var out []jmap.Address
	for _, a := range list {
		out = append(out, jmap.Address{Name: a.Name, Email: a.Email})
	}
	return out
}

func addressesIn(list []jmap.Address) []address {
	var out []address
	for _, a := range list {
		out = append(out, address{a.Name, a.Email})
	}
	return out
}

// state names a number of the log and the addresses that it speaks of: when
// those change, no log tells what did.
func (s *Settings) state(seq int64) jmap.State {
	sum := sha256.Sum256([]byte(s.cfg.Name + "\x00" + strings.Join(s.cfg.Addresses, "\x00")))
	return jmap.State(strconv.FormatInt(seq, 10) + "." + base64.RawURLEncoding.EncodeToString(sum[:6]))
}

// IdentityState is the state of Identity.
func (s *Settings) IdentityState() jmap.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(s.seq)
}

// IdentityChanges tells what happened since a state, of at most limit identities;
// 0 has no limit. Also a state that an earlier process gave is known.
func (s *Settings) IdentityChanges(since jmap.State, limit int) (jmap.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, _, _ := strings.Cut(string(since), ".")
	from, err := strconv.ParseInt(number, 10, 64)
	if err != nil || from > s.seq || from < s.forgotten() || s.state(from) != since {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	var later []*identity
	for _, i := range s.identities {
		// Of an address that is not the person's nothing was ever told.
		if i.Seq > from && (i.Deleted && i.Made <= from || !i.Deleted && s.own(i.Email)) {
			later = append(later, i)
		}
	}
	slices.SortFunc(later, func(a, b *identity) int { return int(a.Seq - b.Seq) })
	out := jmap.Changes{OldState: since, NewState: s.state(s.seq)}
	if limit > 0 && len(later) > limit {
		later = later[:limit]
		out.HasMore, out.NewState = true, s.state(later[limit-1].Seq)
	}
	for _, i := range later {
		switch {
		case i.Deleted:
			out.Destroyed = append(out.Destroyed, string(i.ID))
		case i.Made > from:
			out.Created = append(out.Created, string(i.ID))
		default:
			out.Updated = append(out.Updated, string(i.ID))
		}
	}
	return out, nil
}

// marks are the deleted identities, oldest first. It needs mu.
func (s *Settings) marks() []*identity {
	var out []*identity
	for _, i := range s.identities {
		if i.Deleted {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *identity) int { return int(a.Seq - b.Seq) })
	return out
}

// forgotten is the number up to which marks may have been removed: as long as
// there are fewer than are kept, none was. It needs mu.
func (s *Settings) forgotten() int64 {
	if m := s.marks(); len(m) >= maxDeleted {
		return m[0].Seq
	}
	return 0
}
