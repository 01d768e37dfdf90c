package account

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/settings"
)

// IdentityGet returns Identities: one at least for each address that the platform
// lets the person send as.
func (a *Account) IdentityGet(ctx context.Context, ids []jmap.IdentityID) (list []jmap.Identity, notFound []jmap.IdentityID, state jmap.State, err error) {
	all, state := a.cfg.Settings.Identities()
	if ids == nil {
		return all, nil, state, nil
	}
	for _, id := range ids {
		if i, ok := findIdentity(all, id); ok {
			list = append(list, i)
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, state, nil
}

func findIdentity(all []jmap.Identity, id jmap.IdentityID) (jmap.Identity, bool) {
	for _, i := range all {
		if i.ID == id {
			return i, true
		}
	}
	return jmap.Identity{}, false
}

// IdentitySet makes, changes and destroys Identities.
func (a *Account) IdentitySet(ctx context.Context, set *jmap.IdentitySet) (jmap.IdentitySetResult, error) {
	return a.cfg.Settings.SetIdentities(ctx, set)
}

// Identities are the identities of addresses of which nobody has changed
// anything.
func Identities(name string, addrs []string) []jmap.Identity {
	return settings.Unchanged(name, addrs)
}
