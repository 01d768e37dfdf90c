package settings

import (
	"fmt"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
)

// TestLimits: an identity as large as it may be is stored, and one more changes
// nothing.
func TestLimits(t *testing.T) {
	long := func(n int) *string { return ptr(strings.Repeat("x", n)) }
	many := func(n int) *[]jmap.Address {
		list := make([]jmap.Address, n)
		for i := range list {
			list[i].Email = fmt.Sprintf("a%d@example.org", i)
		}
		return &list
	}
	address := func(n int) *[]jmap.Address {
		const domain = "@example.org"
		return &[]jmap.Address{{Email: strings.Repeat("a", n-len(domain)) + domain}}
	}
	for limit, c := range map[string]struct {
		most   int
		update func(n int) jmap.IdentityUpdate
	}{
		"MaxName":          {MaxName, func(n int) jmap.IdentityUpdate { return jmap.IdentityUpdate{Name: long(n)} }},
		"MaxTextSignature": {MaxTextSignature, func(n int) jmap.IdentityUpdate { return jmap.IdentityUpdate{TextSignature: long(n)} }},
		"MaxHTMLSignature": {MaxHTMLSignature, func(n int) jmap.IdentityUpdate { return jmap.IdentityUpdate{HTMLSignature: long(n)} }},
		"MaxAddresses":     {MaxAddresses, func(n int) jmap.IdentityUpdate { return jmap.IdentityUpdate{Bcc: many(n)} }},
		"maxAddress":       {maxAddress, func(n int) jmap.IdentityUpdate { return jmap.IdentityUpdate{ReplyTo: address(n)} }},
	} {
		w := open(t, newDisk())
		list, _ := w.Identities()
		change := func(n int) *jmap.SetError {
			u := c.update(n)
			u.ID = list[0].ID
			return w.set(jmap.IdentitySet{Update: []jmap.IdentityUpdate{u}}).NotUpdated[u.ID]
		}
		if why := change(c.most); why != nil {
			t.Errorf("%s: %+v", limit, why)
		}
		_, state := w.Identities()
		if why := change(c.most + 1); why == nil || why.Type != jmap.SetInvalidProperties {
			t.Errorf("%s and one more: %+v", limit, why)
		}
		if _, now := w.Identities(); now != state {
			t.Errorf("%s: what was refused is stored", limit)
		}
	}
	w := open(t, newDisk())
	orders := map[jmap.MailboxID]uint32{}
	for i := range MaxOrders {
		orders[jmap.MailboxID(fmt.Sprint(i))] = 1
	}
	all := func(jmap.MailboxID) bool { return true }
	if why := w.SetOrders(t.Context(), orders, all); why != nil {
		t.Errorf("MaxOrders: %v", why)
	}
	if why := w.SetOrders(t.Context(), map[jmap.MailboxID]uint32{"more": 1}, all); why == nil || why.Type != jmap.SetOverQuota || len(w.Orders()) != MaxOrders {
		t.Errorf("MaxOrders and one more: %v, %d are kept", why, len(w.Orders()))
	}
}
