package keeper

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/store/indexes"
	"cofferdam/internal/user"
)

// indexer is a cell that keeps its people's indexes.
type indexer struct {
	*stage
	cell *ipc.Client
}

func newIndexer(t *testing.T, l indexes.Limits) *indexer {
	t.Helper()
	i := &indexer{stage: newStage(t, Config{Cells: 1})}
	var err error
	if i.indexes, err = indexes.Open(filepath.Join(t.TempDir(), "indexes"), l); err != nil {
		t.Fatal(err)
	}
	opened := i.indexes
	t.Cleanup(func() { opened.Close() })
	i.addCell("cell/0")
	i.cell = i.client("keeper", i.cellCalls("cell/0"))
	return i
}

func (i *indexer) call(path string, capability []byte, body io.Reader) ([]byte, error) {
	i.t.Helper()
	r, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, "http://line"+path, body)
	if err != nil {
		i.t.Fatal(err)
	}
	r.Header.Set(ipc.HeaderCapability, seal.EncodeBase64(capability))
	resp, err := i.cell.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, ipc.ReadError(resp)
	}
	return io.ReadAll(resp.Body)
}

func (i *indexer) put(capability []byte, text string) error {
	_, err := i.call(ipc.KeeperIndexPut, capability, bytes.NewReader([]byte(text)))
	return err
}

func (i *indexer) want(name string, capability []byte, text string, code ipc.Code) {
	i.t.Helper()
	if got, err := i.call(ipc.KeeperIndexGet, capability, nil); string(got) != text || ipc.CodeOf(err) != code {
		i.t.Errorf("%s: got %d bytes %.20q, %v; want %q, %s", name, len(got), got, err, text, code)
	}
}

func TestIndexOfAPerson(t *testing.T) {
	i := newIndexer(t, indexes.DefaultLimits())
	uid := user.NewID()
	in, other, stranger := i.signedIn(uid), i.signedIn(uid), i.signedIn(user.NewID())
	i.want("before", in.Grant.Capability, "", ipc.CodeNotFound)
	if err := i.put(in.Grant.Capability, "one"); err != nil {
		t.Fatal(err)
	}
	if err := i.put(in.Grant.Capability, "two"); err != nil {
		t.Fatal(err)
	}
	i.want("another session of the person", other.Grant.Capability, "two", "")
	i.want("another person", stranger.Grant.Capability, "", ipc.CodeNotFound)
	i.want("a capability of one's own", []byte("made up"), "", ipc.CodeForbidden)
	forged := bytes.Clone(stranger.Grant.Capability)
	copy(forged[9:25], uid[:])
	if err := i.put(forged, "three"); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("stored with a forged capability: %v", err)
	}
	// It outlives sessions, but nobody reads or writes it without one.
	if _, err := i.signOut(t.Context(), in.Key); err != nil {
		t.Fatal(err)
	}
	if err := i.put(in.Grant.Capability, "four"); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("stored after sign-out: %v", err)
	}
	i.want("after sign-out", other.Grant.Capability, "two", "")
}

// Who has the platform's password and not the person's keys neither reads nor
// replaces it.
func TestLockedSessionHasNoIndex(t *testing.T) {
	i := newIndexer(t, indexes.DefaultLimits())
	uid := user.NewID()
	owner := i.signedIn(uid)
	if err := i.put(owner.Grant.Capability, "sealed"); err != nil {
		t.Fatal(err)
	}
	locked, err := i.begin(t.Context(), &session{uid: uid, kind: store.Cookie, login: "ada@x.test", credential: []byte("c"), umk: seal.NewUMK(), locked: true}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.put(locked.Grant.Capability, "noise"); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("replaced by a locked session: %v", err)
	}
	i.want("locked", locked.Grant.Capability, "", ipc.CodeForbidden)
	i.want("owner", owner.Grant.Capability, "sealed", "")
}

func TestIndexLimits(t *testing.T) {
	i := newIndexer(t, indexes.Limits{Total: 1 << 20})
	in := i.signedIn(user.NewID())
	if err := i.put(in.Grant.Capability, "small"); err != nil {
		t.Fatal(err)
	}
	_, err := i.call(ipc.KeeperIndexPut, in.Grant.Capability, io.LimitReader(zeros{}, 2<<20))
	if ipc.CodeOf(err) != ipc.CodeThrottled {
		t.Errorf("more than the folder takes: %v", err)
	}
	_, err = i.call(ipc.KeeperIndexPut, in.Grant.Capability, io.LimitReader(zeros{}, maxIndex+1))
	if code := ipc.CodeOf(err); code != ipc.CodeInvalid && code != ipc.CodeThrottled {
		t.Errorf("larger than an index may be: %v", err)
	}
	i.want("after both", in.Grant.Capability, "small", "")
	i.indexes = nil
	i.want("where none are kept", in.Grant.Capability, "", ipc.CodeUnavailable)
}

// One person's or cell's indexes within an hour are bounded, so that a hostile cell
// cannot wear out the disk. (A cell gets 4.5 MiB back a second.)
func TestIndexesOfAnHour(t *testing.T) {
	i := newIndexer(t, indexes.DefaultLimits())
	for _, used := range []map[string]int{{"iccell/0": indexCell}, {"ip": indexPerson}} {
		uid := user.NewID()
		in := i.signedIn(uid)
		i.sent = limit.NewQuota()
		for key, most := range used {
			if key == "ip" {
				key += string(uid[:])
			}
			if _, ok := i.sent.Take(most-1, map[string]int{key: most}); !ok {
				t.Fatal("the quota is used up already")
			}
		}
		_, err := i.call(ipc.KeeperIndexPut, in.Grant.Capability, io.LimitReader(zeros{}, 40<<20))
		if ipc.CodeOf(err) != ipc.CodeThrottled {
			t.Errorf("beyond an hour's %v: %v", used, err)
		}
		i.want("after it", in.Grant.Capability, "", ipc.CodeNotFound)
	}
}
