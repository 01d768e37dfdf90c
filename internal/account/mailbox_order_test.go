package account_test

import (
	"context"
	"errors"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// kept keeps records of class settings in memory.
type kept struct {
	records
	fail error
}

func (k *kept) Put(ctx context.Context, id string, revision int64, data []byte) error {
	if k.fail != nil {
		return k.fail
	}
	return k.records.Put(ctx, id, revision, data)
}

func (k *kept) All(ctx context.Context) (out []settings.Stored, err error) {
	list, err := k.records.All(ctx)
	for _, r := range list {
		out = append(out, settings.Stored(r))
	}
	return out, err
}

func ordered(t *testing.T, mem *memup.Account, k *kept) *rig {
	t.Helper()
	set, err := settings.Open(t.Context(), settings.Config{Records: k})
	if err != nil {
		t.Fatal(err)
	}
	a, err := account.New(t.Context(), account.Config{ID: "a1", Addresses: []string{"ann@example.org"}, Settings: set, Store: mem.Open(),
		Key: testKey, Uploads: account.NewMemoryUploads()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; a.Close() })
	r := &rig{T: t, ctx: t.Context(), a: a}
	r.must(a.Ready(ctx))
	return r
}

// RFC 8621, section 2: a sortOrder that a person gives is kept, told as a change,
// and there in the next process.
func TestSortOrder(t *testing.T) {
	mem := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	k := &kept{}
	k.rows = map[string]outbox.Stored{}
	r := ordered(t, mem, k)
	made := r.set(jmap.MailboxSet{Create: []jmap.MailboxCreate{{CreationID: "c", Name: "Taxes", SortOrder: 7}, {CreationID: "d", Name: "Zoo"}}}).Created
	if made["c"] == nil || made["c"].SortOrder != 7 || made["d"] == nil || made["d"].SortOrder != 0 {
		t.Fatalf("made %+v and %+v", made["c"], made["d"])
	}
	id, zoo, state := made["c"].ID, made["d"].ID, r.state(jmap.TypeMailbox)
	res := r.set(jmap.MailboxSet{IfInState: state, Update: []jmap.MailboxUpdate{{ID: id, SortOrder: new(uint32(3))}, {ID: zoo, SortOrder: new(uint32(5))}}})
	if len(res.NotUpdated) != 0 || res.Updated[id] != nil || res.OldState != state || r.mailbox(id).SortOrder != 3 {
		t.Errorf("updated: %+v, now %d", res, r.mailbox(id).SortOrder)
	}
	r.wantChanges(jmap.TypeMailbox, state, nil, []string{string(id), string(zoo)}, nil)
	// An update that is refused for another reason leaves the order as it was.
	name := "Zoo"
	res = r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: id, SortOrder: new(uint32(9)), Name: &name}}})
	if res.NotUpdated[id] == nil || r.mailbox(id).SortOrder != 3 {
		t.Errorf("refused: %+v, now %d", res.NotUpdated[id], r.mailbox(id).SortOrder)
	}
	// One that cannot be stored is refused whole.
	other := "Renamed"
	k.fail = errors.New("away")
	res = r.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: id, SortOrder: new(uint32(9)), Name: &other}}})
	if res.NotUpdated[id] == nil || r.mailbox(id).Name != "Taxes" || r.mailbox(id).SortOrder != 3 {
		t.Errorf("not stored: %+v, now %+v", res.NotUpdated[id], r.mailbox(id))
	}
	k.fail = nil
	r.set(jmap.MailboxSet{Destroy: []jmap.MailboxID{zoo}})
	next := ordered(t, mem, k)
	if got := next.mailbox(id).SortOrder; got != 3 {
		t.Errorf("in the next process it is %d", got)
	}
	next.set(jmap.MailboxSet{Update: []jmap.MailboxUpdate{{ID: id, SortOrder: new(uint32(4))}}})
	if data := string(k.rows["mailboxes"].Data); data != `{"v":1,"orders":{"`+string(id)+`":4}}` {
		t.Errorf("stored: %s", data)
	}
}
