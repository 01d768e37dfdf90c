package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
)

// disk is Records in memory.
type disk struct {
	mu     sync.Mutex
	rows   map[string]Stored
	locked bool
	fail   error
}

func (d *disk) Put(_ context.Context, id string, revision int64, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.fail != nil:
		return d.fail
	case d.rows[id].Revision != revision-1:
		return ErrConflict
	}
	d.rows[id] = Stored{id, revision, data}
	return nil
}

func (d *disk) Delete(_ context.Context, id string, revision int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rows[id].Revision != revision {
		return ErrConflict
	}
	delete(d.rows, id)
	return nil
}

func (d *disk) All(context.Context) (out []Stored, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, ErrLocked
	}
	for _, s := range d.rows {
		out = append(out, s)
	}
	return out, nil
}

func newDisk() *disk { return &disk{rows: map[string]Stored{}} }

// world is a person's settings.
type world struct {
	*testing.T
	*Settings
	disk *disk
}

func open(t *testing.T, d *disk, addrs ...string) *world {
	t.Helper()
	if addrs == nil {
		addrs = []string{"ann@example.org", "info@example.org"}
	}
	s, err := Open(t.Context(), Config{Addresses: addrs, Records: d, Snippet: func(_ context.Context, s string) (string, error) {
		if strings.Contains(s, "<frameset") {
			return "", ErrNoSnippet
		}
		return strings.ReplaceAll(s, "<script>", ""), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, s, d}
}

func (w *world) set(set jmap.IdentitySet) jmap.IdentitySetResult {
	w.Helper()
	r, err := w.SetIdentities(w.Context(), &set)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// make makes one identity and returns its id.
func (w *world) make(email, name string) jmap.IdentityID {
	w.Helper()
	r := w.set(jmap.IdentitySet{Create: []jmap.IdentityCreate{{CreationID: "c", Email: email, IdentityUpdate: jmap.IdentityUpdate{Name: &name}}}})
	if r.Created["c"] == nil {
		w.Fatalf("not made: %+v", r.NotCreated["c"])
	}
	return r.Created["c"].ID
}

func ptr[T any](v T) *T { return &v }

// What was set is there when another process opens the records.
func TestIdentitiesAreKept(t *testing.T) {
	w := open(t, newDisk())
	before, first := w.Identities()
	if len(before) != 2 || before[0].Email != "ann@example.org" || before[0].MayDelete || before[0].Name != "" {
		t.Fatalf("at first: %+v", before)
	}
	name := "Ann's shop"
	made := w.make("Info@example.org", name)
	r := w.set(jmap.IdentitySet{IfInState: w.IdentityState(), Update: []jmap.IdentityUpdate{{ID: before[0].ID, Name: ptr("Ann"),
		ReplyTo: &[]jmap.Address{{Name: &name, Email: "shop@example.org"}}, Bcc: &[]jmap.Address{{Email: "log@example.org"}},
		TextSignature: ptr("-- \nAnn"), HTMLSignature: ptr("<b>Ann</b><script>")}}})
	if diff := cmp.Diff(map[jmap.IdentityID]*jmap.Identity{before[0].ID: {HTMLSignature: "<b>Ann</b>"}}, r.Updated); diff != "" {
		t.Errorf("the update (-want +got)\n%s", diff)
	}
	want := []jmap.Identity{
		{ID: before[0].ID, Name: "Ann", Email: "ann@example.org", ReplyTo: []jmap.Address{{Name: &name, Email: "shop@example.org"}},
			Bcc: []jmap.Address{{Email: "log@example.org"}}, TextSignature: "-- \nAnn", HTMLSignature: "<b>Ann</b>"},
		before[1],
		{ID: made, Name: name, Email: "Info@example.org", MayDelete: true},
	}
	later := open(t, w.disk)
	got, state := later.Identities()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a restart (-want +got)\n%s", diff)
	}
	if state != r.NewState {
		t.Errorf("state %s after a restart, %s before", state, r.NewState)
	}
	// Also the log is: a client that was away for the restart asks from its state.
	ch, err := later.IdentityChanges(first, 0)
	wantCh := jmap.Changes{OldState: first, NewState: state, Created: []string{string(made)}, Updated: []string{string(before[0].ID)}}
	if diff := cmp.Diff(wantCh, ch); err != nil || diff != "" {
		t.Errorf("changes: %v (-want +got)\n%s", err, diff)
	}
}

func TestWhatIsRefused(t *testing.T) {
	w := open(t, newDisk())
	list, state := w.Identities()
	id := list[0].ID
	long := strings.Repeat("x", 2*MaxHTMLSignature+1)
	for name, c := range map[string]struct {
		u    jmap.IdentityUpdate
		want jmap.SetErrorType
	}{
		"nobody":        {jmap.IdentityUpdate{ID: "nobody"}, jmap.SetNotFound},
		"two lines":     {jmap.IdentityUpdate{ID: id, Name: ptr("Ann\r\nBcc: x")}, jmap.SetInvalidProperties},
		"long name":     {jmap.IdentityUpdate{ID: id, Name: ptr(long[:MaxName+1])}, jmap.SetInvalidProperties},
		"no address":    {jmap.IdentityUpdate{ID: id, ReplyTo: &[]jmap.Address{{Email: "ann"}}}, jmap.SetInvalidProperties},
		"a line in it":  {jmap.IdentityUpdate{ID: id, Bcc: &[]jmap.Address{{Email: "a@b.example\n"}}}, jmap.SetInvalidProperties},
		"many":          {jmap.IdentityUpdate{ID: id, Bcc: ptr(make([]jmap.Address, MaxAddresses+1))}, jmap.SetInvalidProperties},
		"long text":     {jmap.IdentityUpdate{ID: id, TextSignature: ptr(long[:MaxTextSignature+1])}, jmap.SetInvalidProperties},
		"long HTML":     {jmap.IdentityUpdate{ID: id, HTMLSignature: &long}, jmap.SetInvalidProperties},
		"long, cleaned": {jmap.IdentityUpdate{ID: id, HTMLSignature: ptr(long[:MaxHTMLSignature+1])}, jmap.SetInvalidProperties},
		"frames":        {jmap.IdentityUpdate{ID: id, HTMLSignature: ptr("<frameset>")}, jmap.SetInvalidProperties},
	} {
		r := w.set(jmap.IdentitySet{Update: []jmap.IdentityUpdate{c.u}})
		if got := r.NotUpdated[c.u.ID]; got == nil || got.Type != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	r := w.set(jmap.IdentitySet{Create: []jmap.IdentityCreate{{CreationID: "c", Email: "boss@example.org"}}, Destroy: []jmap.IdentityID{id, "nobody"}})
	if r.NotCreated["c"] == nil || r.NotCreated["c"].Type != jmap.SetForbiddenFrom {
		t.Errorf("an address of another: %+v", r.NotCreated["c"])
	}
	if r.NotDestroyed[id].Type != jmap.SetForbidden || r.NotDestroyed["nobody"].Type != jmap.SetNotFound {
		t.Errorf("destroyed: %+v", r.NotDestroyed)
	}
	if _, err := w.SetIdentities(t.Context(), &jmap.IdentitySet{IfInState: "old"}); !errors.Is(err, jmap.StateMismatch) {
		t.Errorf("another state: %v", err)
	}
	if _, now := w.Identities(); now != state || len(w.disk.rows) != 0 {
		t.Errorf("something was stored: %v", w.disk.rows)
	}
}

func TestTooManyIdentities(t *testing.T) {
	w := open(t, newDisk())
	for i := range MaxIdentities {
		w.make("ann@example.org", fmt.Sprint(i))
	}
	r := w.set(jmap.IdentitySet{Create: []jmap.IdentityCreate{{CreationID: "c", Email: "ann@example.org"}}})
	if r.NotCreated["c"] == nil || r.NotCreated["c"].Type != jmap.SetOverQuota {
		t.Errorf("%+v", r)
	}
}

// A lock, or a keeper that is away, changes nothing and says so.
func TestNothingIsHalfStored(t *testing.T) {
	d := newDisk()
	w := open(t, d)
	list, state := w.Identities()
	rename := jmap.IdentitySet{Update: []jmap.IdentityUpdate{{ID: list[0].ID, Name: ptr("Ann")}}}
	d.fail = errors.New("away")
	if r := w.set(rename); r.NotUpdated[list[0].ID] == nil || r.NotUpdated[list[0].ID].Type != jmap.SetServerFail {
		t.Errorf("keeper is away: %+v", r)
	}
	d.fail = nil
	// Another process has written since.
	other := open(t, d)
	other.set(rename)
	if r := w.set(rename); r.NotUpdated[list[0].ID] == nil {
		t.Errorf("after a conflict: %+v", r)
	}
	if r := w.set(rename); len(r.NotUpdated) != 0 || r.NewState == state {
		t.Errorf("the next try: %+v", r.NotUpdated[list[0].ID])
	}
	d.locked = true
	locked := open(t, d)
	if r := locked.set(rename); r.NotUpdated[list[0].ID] == nil || r.NotUpdated[list[0].ID].Type != jmap.SetForbidden {
		t.Errorf("locked: %+v", r)
	}
	if list, _ := locked.Identities(); len(list) != 2 || list[0].Name != "" {
		t.Errorf("a locked session sees %+v", list)
	}
}

func TestDeletedIdentities(t *testing.T) {
	w := open(t, newDisk())
	gone, stays := w.make("ann@example.org", "gone"), w.make("ann@example.org", "stays")
	state := w.IdentityState()
	if r := w.set(jmap.IdentitySet{Destroy: []jmap.IdentityID{gone}}); len(r.Destroyed) != 1 {
		t.Fatalf("%+v", r)
	}
	w.make("ann@example.org", "new")
	later := open(t, w.disk)
	ch, err := later.IdentityChanges(state, 1)
	if err != nil || !ch.HasMore || len(ch.Destroyed) != 1 || ch.Destroyed[0] != string(gone) {
		t.Errorf("the first change: %+v, %v", ch, err)
	}
	ch, err = later.IdentityChanges(ch.NewState, 1)
	if err != nil || ch.HasMore || len(ch.Created) != 1 || ch.NewState != later.IdentityState() {
		t.Errorf("the second: %+v, %v", ch, err)
	}
	// Of many that were deleted the oldest are forgotten, and a client that was
	// away since then begins anew.
	for range maxDeleted {
		later.set(jmap.IdentitySet{Destroy: []jmap.IdentityID{later.make("ann@example.org", "x")}})
	}
	if _, err := later.IdentityChanges(state, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
		t.Errorf("from before what is forgotten: %v", err)
	}
	if n := len(later.marks()); n != maxDeleted {
		t.Errorf("%d marks are kept, want %d", n, maxDeleted)
	}
	list, _ := open(t, w.disk).Identities()
	if len(list) != 4 || list[2].ID != stays {
		t.Errorf("left: %+v", list)
	}
}

// An address that is taken from the person takes its identities along, until it
// comes back.
func TestAddressesThatGo(t *testing.T) {
	d := newDisk()
	w := open(t, d)
	made := w.make("info@example.org", "Shop")
	state := w.IdentityState()
	less := open(t, d, "ann@example.org")
	if list, _ := less.Identities(); len(list) != 1 {
		t.Errorf("without the address: %+v", list)
	}
	if _, err := less.IdentityChanges(state, 0); !errors.Is(err, jmap.CannotCalculateChanges) {
		t.Errorf("changes over another list of addresses: %v", err)
	}
	if r := less.set(jmap.IdentitySet{Update: []jmap.IdentityUpdate{{ID: made, Name: ptr("x")}}}); r.NotUpdated[made] == nil {
		t.Error("an identity of somebody else's address was changed")
	}
	if list, now := open(t, d).Identities(); len(list) != 3 || list[2].Name != "Shop" || now != state {
		t.Errorf("with it again: %+v, %s", list, now)
	}
}

func TestOrdersAreKept(t *testing.T) {
	w := open(t, newDisk())
	all := func(jmap.MailboxID) bool { return true }
	if why := w.SetOrders(t.Context(), map[jmap.MailboxID]uint32{"a": 7, "b": 9}, all); why != nil {
		t.Fatal(why)
	}
	if why := w.SetOrders(t.Context(), map[jmap.MailboxID]uint32{"c": 1}, func(id jmap.MailboxID) bool { return id != "b" }); why != nil {
		t.Fatal(why)
	}
	if diff := cmp.Diff(map[jmap.MailboxID]uint32{"a": 7, "c": 1}, open(t, w.disk).Orders()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	many := map[jmap.MailboxID]uint32{}
	for i := range MaxOrders + 1 {
		many[jmap.MailboxID(fmt.Sprint(i))] = 1
	}
	if why := w.SetOrders(t.Context(), many, all); why == nil || why.Type != jmap.SetOverQuota {
		t.Errorf("too many: %v", why)
	}
}

// For how long a mail can be taken back is kept, and forgotten.
func TestUndoSendIsKept(t *testing.T) {
	d := newDisk()
	w := open(t, d)
	if got := w.UndoSend(); got != nil {
		t.Errorf("chosen from the beginning: %d", *got)
	}
	for _, want := range []*uint64{ptr(uint64(0)), ptr(uint64(30)), nil, ptr(uint64(60))} {
		if why := w.SetUndoSend(t.Context(), want); why != nil {
			t.Fatal(why)
		}
		if diff := cmp.Diff(want, open(t, d).UndoSend()); diff != "" || !cmp.Equal(want, w.UndoSend()) {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	}
	d.locked = true
	if why := open(t, d).SetUndoSend(t.Context(), ptr(uint64(5))); why == nil || why.Type != jmap.SetForbidden {
		t.Errorf("locked: %v", why)
	}
	d.locked = false
	d.rows["sending"] = Stored{"sending", 9, []byte(`{"v":2,"undo":5}`)}
	if got := open(t, d).UndoSend(); got != nil {
		t.Errorf("a record of a newer version was read as %d", *got)
	}
}

// Whoever waits hears of a change.
func TestMoved(t *testing.T) {
	w := open(t, newDisk())
	moved := w.Moved()
	w.make("ann@example.org", "x")
	select {
	case <-moved:
	default:
		t.Error("nothing moved")
	}
}

// A record that this version cannot read is left alone.
func FuzzRecords(f *testing.F) {
	f.Add("identity/iabc", []byte(`{"v":1,"id":"iabc","seq":3,"email":"a@b.example"}`))
	f.Add("identity/iabc", []byte(`{"v":1,"id":"iabc","seq":3,"made":2,"deleted":true}`))
	f.Add("mailboxes", []byte(`{"v":1,"orders":{"a":3}}`))
	f.Add("sending", []byte(`{"v":1,"undo":3}`))
	f.Fuzz(func(t *testing.T, id string, data []byte) {
		d := &disk{rows: map[string]Stored{id: {ID: id, Revision: 3, Data: data}}}
		w := open(t, d, "a@b.example")
		list, state := w.Identities()
		if len(list) == 0 {
			t.Error("no identity")
		}
		if ch, err := w.IdentityChanges(state, 0); err != nil || len(ch.Created)+len(ch.Updated)+len(ch.Destroyed) > 0 {
			t.Errorf("%+v, %v", ch, err)
		}
		if i, err := decodeIdentity(d.rows[id]); err == nil {
			again, _ := json.Marshal(i)
			if back, err := decodeIdentity(Stored{id, 3, again}); err != nil || !cmp.Equal(i, back, cmp.AllowUnexported(identity{})) {
				t.Errorf("%s is read as %s: %v", data, again, err)
			}
		}
	})
}
