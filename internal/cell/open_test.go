package cell

import (
	"bytes"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/user"
)

// RFC 8620, section 1.6.2: where the server names mails in another way than before,
// all ids are others, and the account is another one.
func TestAccountOfOtherIDs(t *testing.T) {
	uid, err := user.IDFromBytes(bytes.Repeat([]byte{7}, 16))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[jmap.AccountID]upstream.Identity{}
	for _, by := range []upstream.Identity{upstream.IdentityNone, upstream.IdentityObject, upstream.IdentityGUID, upstream.IdentityGmail} {
		id := accountID(uid, by)
		if other, twice := seen[id]; twice || id != accountID(uid, by) {
			t.Errorf("%v and %v share the account %s", by, other, id)
		}
		seen[id] = by
	}
}
