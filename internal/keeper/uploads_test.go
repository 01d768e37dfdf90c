package keeper

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/store/spool"
	"cofferdam/internal/user"
)

// uploader is a cell that uploads for its people.
type uploader struct {
	*stage
	dir  string
	cell *ipc.Client
}

func newUploader(t *testing.T, l spool.Limits) *uploader {
	t.Helper()
	u := &uploader{stage: newStage(t, Config{Cells: 1}), dir: filepath.Join(t.TempDir(), "uploads")}
	var err error
	if u.spool, err = spool.Open(u.dir, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.spool.Close() })
	u.addCell("cell/0")
	u.cell = u.client("keeper", u.cellCalls("cell/0"))
	return u
}

func (u *uploader) call(path string, capability []byte, id byte, body io.Reader) ([]byte, http.Header, error) {
	u.t.Helper()
	r, err := http.NewRequestWithContext(u.t.Context(), http.MethodPost, "http://line"+path, body)
	if err != nil {
		u.t.Fatal(err)
	}
	r.Header.Set(ipc.HeaderCapability, seal.EncodeBase64(capability))
	name := seal.UploadID{id}
	r.Header.Set(ipc.HeaderUpload, seal.EncodeBase64(name[:]))
	resp, err := u.cell.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, ipc.ReadError(resp)
	}
	data, err := io.ReadAll(resp.Body)
	return data, resp.Header, err
}

func (u *uploader) put(capability []byte, id byte, size int64) error {
	_, _, err := u.call(ipc.KeeperUploadPut, capability, id, io.LimitReader(zeros{}, seal.SealedUpload(size)))
	return err
}

func (u *uploader) get(capability []byte, id byte) ([]byte, http.Header, error) {
	return u.call(ipc.KeeperUploadGet, capability, id, nil)
}

func (u *uploader) files() int {
	u.t.Helper()
	list, err := os.ReadDir(u.dir)
	if err != nil {
		u.t.Fatal(err)
	}
	return len(list)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUploadsOfASession(t *testing.T) {
	u := newUploader(t, spool.DefaultLimits())
	uid := user.NewID()
	in, other, stranger := u.signedIn(uid), u.signedIn(uid), u.signedIn(user.NewID())
	if err := u.put(in.Grant.Capability, 1, 100_000); err != nil {
		t.Fatal(err)
	}
	got, head, err := u.get(other.Grant.Capability, 1)
	if err != nil || int64(len(got)) != seal.SealedUpload(100_000) || head.Get(ipc.HeaderUploadSession) != seal.EncodeBase64(in.Grant.Session) {
		t.Fatalf("%d bytes, session %s, %v", len(got), head.Get(ipc.HeaderUploadSession), err)
	}
	if _, _, err := u.get(stranger.Grant.Capability, 1); ipc.CodeOf(err) != ipc.CodeNotFound {
		t.Errorf("read by another person: %v", err)
	}
	if _, _, err := u.get([]byte("made up"), 1); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("read with a capability of one's own: %v", err)
	}
	forged := bytes.Clone(stranger.Grant.Capability)
	copy(forged[9:25], uid[:])
	if err := u.put(forged, 2, 1); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("stored with a forged capability: %v", err)
	}
	if err := u.put(other.Grant.Capability, 3, 10); err != nil {
		t.Fatal(err)
	}
	// At sign-out everything of that session is gone at once, and no more is taken.
	if _, err := u.signOut(t.Context(), in.Key); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.get(other.Grant.Capability, 1); ipc.CodeOf(err) != ipc.CodeNotFound || u.files() != 1 {
		t.Errorf("after sign-out: %v, %d files", err, u.files())
	}
	if err := u.put(in.Grant.Capability, 4, 10); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("stored after sign-out: %v", err)
	}
}

// Cells and keeper's successor find the same key, which is nowhere stored.
func TestUploadKeyFollowsFromTheCookie(t *testing.T) {
	u := newUploader(t, spool.DefaultLimits())
	uid := user.NewID()
	in := u.signedIn(uid)
	told := func() []byte {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.cells["cell/0"][string(in.Grant.Session)].UploadKey
	}
	first := told()
	if len(first) != seal.KeySize {
		t.Fatalf("the cell got a key of %d bytes", len(first))
	}
	u.restartCell("cell/0")
	if again := told(); !bytes.Equal(first, again) {
		t.Errorf("the cell's successor gets %x, it had %x", again, first)
	}
	token, err := seal.ParseSessionToken(in.Key.SID, in.Key.SKey)
	if err != nil {
		t.Fatal(err)
	}
	row, err := u.store.Session(t.Context(), store.SessionHash(in.Grant.Session))
	if err != nil {
		t.Fatal(err)
	}
	u.live.remove(seal.SessionHash(in.Grant.Session))
	if s, err := u.reopen(row, token, ""); err != nil || !bytes.Equal(s.uploads.Reveal(), first) {
		t.Errorf("keeper's successor opens another key: %v", err)
	}
}

func TestUploadThatBreaksOffLeavesNothing(t *testing.T) {
	u := newUploader(t, spool.DefaultLimits())
	in := u.signedIn(user.NewID())
	broken := io.MultiReader(io.LimitReader(zeros{}, 1<<20), failing{})
	if _, _, err := u.call(ipc.KeeperUploadPut, in.Grant.Capability, 1, struct{ io.Reader }{broken}); err == nil {
		t.Error("half an upload was taken")
	}
	for deadline := time.Now().Add(5 * time.Second); u.files() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d files are left", u.files())
		}
	}
	if _, _, err := u.call(ipc.KeeperUploadPut, in.Grant.Capability, 2, bytes.NewReader(make([]byte, 7))); ipc.CodeOf(err) != ipc.CodeInvalid || u.files() > 0 {
		t.Errorf("7 sealed bytes were taken for an upload: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

// What a hostile cell may take for itself.
func TestUploadBounds(t *testing.T) {
	l := spool.DefaultLimits()
	l.Person, l.Cell = 3<<20, 4<<20
	u := newUploader(t, l)
	one, two := u.signedIn(user.NewID()), u.signedIn(user.NewID())
	if err := u.put(one.Grant.Capability, 1, maxUpload); ipc.CodeOf(err) != ipc.CodeThrottled && ipc.CodeOf(err) != ipc.CodeInvalid {
		t.Errorf("more than one upload may have: %v", err)
	}
	if err := u.put(one.Grant.Capability, 2, 2<<20); err != nil {
		t.Fatal(err)
	}
	if err := u.put(two.Grant.Capability, 3, 5<<19); ipc.CodeOf(err) != ipc.CodeThrottled {
		t.Errorf("more than a cell may have: %v", err)
	}
	// The oldest of the person's own goes first (RFC 8620, section 6).
	if err := u.put(one.Grant.Capability, 4, 2<<20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.get(one.Grant.Capability, 2); ipc.CodeOf(err) != ipc.CodeNotFound {
		t.Errorf("the oldest is still there: %v", err)
	}
	for ok := true; ok; {
		_, ok = u.sent.Take(1<<10, map[string]int{"p" + string(one.Grant.Capability[9:25]): sentPerson})
	}
	err := u.put(one.Grant.Capability, 5, 1<<20)
	var e *ipc.Error
	if !errors.As(err, &e) || e.Code != ipc.CodeThrottled || e.RetryAfter == 0 {
		t.Errorf("more than a person may send in an hour: %v", err)
	}
	var leave []func()
	for {
		l, ok := u.streams.enter(string(one.Grant.Capability[9:25]), "cell/0")
		if !ok {
			break
		}
		leave = append(leave, l)
	}
	if _, _, err := u.get(one.Grant.Capability, 4); ipc.CodeOf(err) != ipc.CodeThrottled || len(leave) != streamsPerson {
		t.Errorf("beside %d streams: %v", len(leave), err)
	}
	for _, f := range leave {
		f()
	}
	if len(u.streams.by) != 0 {
		t.Errorf("places are left: %v", u.streams.by)
	}
}

// Uploads of a session whose row another process removed go with the next sweep.
func TestSweepOfUploads(t *testing.T) {
	u := newUploader(t, spool.DefaultLimits())
	kept, gone := u.signedIn(user.NewID()), u.signedIn(user.NewID())
	for _, in := range []ipc.SignedIn{kept, gone} {
		if err := u.put(in.Grant.Capability, 1, 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.store.DeleteSession(t.Context(), store.SessionHash(gone.Grant.Session)); err != nil {
		t.Fatal(err)
	}
	u.live.remove(seal.SessionHash(gone.Grant.Session))
	u.live.remove(seal.SessionHash(kept.Grant.Session)) // a keeper that was restarted does not know it yet
	if err := u.sweepUploads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := u.spool.Sessions(); len(list) != 1 || !bytes.Equal(list[0][:], kept.Grant.Session) {
		t.Errorf("%d sessions have uploads", len(list))
	}
}
