package cell

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/iotest"

	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/seal"
)

// shelf is keeper, as uploads see it.
type shelf struct {
	mu     sync.Mutex // guards the rest
	sealed map[string][]byte
	owner  string // session that uploads come in
	answer error
}

func (k *shelf) put(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		err = k.answer
	}
	if err != nil {
		ipc.WriteError(w, err)
		return
	}
	k.sealed[r.Header.Get(ipc.HeaderUpload)] = data
	_, _ = io.WriteString(w, `{"size":`+strconv.Itoa(len(data))+`}`)
}

func (k *shelf) get(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, ok := k.sealed[r.Header.Get(ipc.HeaderUpload)]
	if !ok {
		ipc.WriteError(w, ipc.Errorf(ipc.CodeNotFound, "no such upload"))
		return
	}
	sum := sha256.Sum256([]byte(k.owner))
	w.Header().Set(ipc.HeaderUploadSession, seal.EncodeBase64(sum[:]))
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

// uploading is a person with two sessions, "one" and "two", and keeper beside.
func uploading(t *testing.T) (uploads, *shelf) {
	t.Helper()
	ps, p, req := visitor(t, nil)
	for _, name := range []string{"one", "two"} {
		sum := sha256.Sum256([]byte(name))
		req.Session, req.Capability, req.Resume = sum[:], []byte(name), true
		req.UploadKey = bytes.Repeat([]byte(name[:1]), seal.KeySize)
		if taken, err := ps.take(t.Context(), req); err != nil || !taken.Held {
			t.Fatalf("taken %+v, %v", taken, err)
		}
	}
	k := &shelf{sealed: map[string][]byte{}, owner: "one"}
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	m.Raw("POST "+ipc.KeeperUploadPut, http.HandlerFunc(k.put))
	m.Raw("POST "+ipc.KeeperUploadGet, http.HandlerFunc(k.get))
	t.Cleanup(func() { ps.closeAll(context.Background()) })
	return uploads{&Cell{people: ps, lane: newLane(), keeper: ipc.NewClient(line(t, "keeper", m)), log: slog.New(slog.DiscardHandler)}, p}, k
}

// in is a request of a session.
func (u uploads) in(t *testing.T, session string) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), grantKey{}, u.p.grants[sha256.Sum256([]byte(session))])
}

func TestUploadIsSealedAndReadBack(t *testing.T) {
	u, k := uploading(t)
	for _, size := range []int{0, 1, seal.UploadChunk - 1, seal.UploadChunk, seal.UploadChunk + 1, 3*seal.UploadChunk + 7} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.N(256))
		}
		id, got, err := u.Put(u.in(t, "one"), iotest.OneByteReader(bytes.NewReader(want)))
		if err != nil || got != int64(size) {
			t.Fatalf("%d bytes: stored %d, %v", size, got, err)
		}
		stored := k.sealed[seal.EncodeBase64(id[:])]
		if size > 16 && bytes.Contains(stored, want[:16]) {
			t.Errorf("%d bytes lie there as they are", size)
		}
		r, n, err := u.Open(t.Context(), id)
		if err != nil || n != int64(size) {
			t.Fatalf("%d bytes: opened %d, %v", size, n, err)
		}
		if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, want) {
			t.Errorf("%d bytes: read back %d, %v", size, len(back), err)
		}
		r.Close()
		// What keeper changes or cuts off is noticed.
		if size > 0 {
			stored[len(stored)-1] ^= 1
			if r, _, err := u.Open(t.Context(), id); err != nil {
				t.Error(err)
			} else if _, err := io.ReadAll(r); !errors.Is(err, seal.ErrOpen) {
				t.Errorf("%d bytes: changed, and read: %v", size, err)
			}
		}
	}
}

func TestUploadsEndWithTheirSession(t *testing.T) {
	u, _ := uploading(t)
	id, _, err := u.Put(u.in(t, "one"), bytes.NewReader([]byte("hello")))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, err := u.Open(u.in(t, "two"), id); err != nil {
		t.Errorf("a person's other session: %v", err)
	} else {
		r.Close()
	}
	sum := sha256.Sum256([]byte("one"))
	if _, err := u.c.people.end(t.Context(), ipc.EndRequest{Sessions: [][]byte{sum[:]}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.Open(u.in(t, "two"), id); !errors.Is(err, jmap.ErrNotFound) {
		t.Errorf("after sign-out, with keeper's file still there: %v", err)
	}
}

func TestUploadRefusals(t *testing.T) {
	u, k := uploading(t)
	broken := errors.New("the browser went away")
	if _, _, err := u.Put(u.in(t, "one"), io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(broken))); !errors.Is(err, broken) || len(k.sealed) > 0 {
		t.Errorf("an upload that broke off: %v, %d stored", err, len(k.sealed))
	}
	for code, want := range map[*ipc.Error]jmap.SetErrorType{
		{Code: ipc.CodeThrottled}:                jmap.SetOverQuota,
		{Code: ipc.CodeThrottled, RetryAfter: 1}: jmap.SetRateLimit,
		{Code: ipc.CodeInvalid}:                  jmap.SetTooLarge,
	} {
		k.mu.Lock()
		k.answer = code
		k.mu.Unlock()
		_, _, err := u.Put(u.in(t, "one"), bytes.NewReader([]byte("hello")))
		var no *jmap.SetError
		if !errors.As(err, &no) || no.Type != want || no.RetryAfter != code.RetryAfter {
			t.Errorf("%v: %v, want %s", code, err, want)
		}
	}
	if _, _, err := u.Open(t.Context(), [16]byte{9}); !errors.Is(err, jmap.ErrNotFound) {
		t.Errorf("an upload that is not there: %v", err)
	}
}
