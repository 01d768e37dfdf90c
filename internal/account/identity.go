package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"cofferdam/internal/jmap"
)

// IdentityGet returns Identities: one for each address that the platform lets
// the person send as. They cannot be changed.
func (a *Account) IdentityGet(ctx context.Context, ids []jmap.IdentityID) (list []jmap.Identity, notFound []jmap.IdentityID, state jmap.State, err error) {
	all := a.identities()
	if ids == nil {
		return all, nil, a.identityState(), nil
	}
	for _, id := range ids {
		if i, ok := findIdentity(all, id); ok {
			list = append(list, i)
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, a.identityState(), nil
}

func findIdentity(all []jmap.Identity, id jmap.IdentityID) (jmap.Identity, bool) {
	for _, i := range all {
		if i.ID == id {
			return i, true
		}
	}
	return jmap.Identity{}, false
}

func (a *Account) identities() []jmap.Identity { return Identities(a.cfg.DisplayName, a.cfg.Addresses) }

// Identities are the identities of addresses. Their ids depend on the address
// alone.
func Identities(name string, addrs []string) []jmap.Identity {
	list := make([]jmap.Identity, 0, len(addrs))
	for _, addr := range addrs {
		sum := sha256.Sum256([]byte("identity\x00" + strings.ToLower(addr)))
		list = append(list, jmap.Identity{
			ID:   jmap.IdentityID("i" + base64.RawURLEncoding.EncodeToString(sum[:9])),
			Name: name, Email: addr,
		})
	}
	return list
}

func (a *Account) identityState() jmap.State {
	sum := sha256.Sum256([]byte(a.cfg.DisplayName + "\x00" + strings.Join(a.cfg.Addresses, "\x00")))
	return jmap.State(base64.RawURLEncoding.EncodeToString(sum[:9]))
}
