package vault

import (
	"context"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// startRole runs vault on a line and returns keeper's end of it.
func startRole(t *testing.T, v *Vault) *ipc.Client {
	t.Helper()
	ours, theirs, err := ipc.NewPair()
	must(t, err)
	defer ours.Close()
	defer theirs.Close()
	server, err := ipc.NewLine("keeper", ours)
	must(t, err)
	line, err := ipc.NewLine("vault", theirs)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx, server) }()
	c := ipc.NewClient(line)
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.Close()
		line.Close()
	})
	return c
}

func call[Out, In any](t *testing.T, c *ipc.Client, path string, in In) Out {
	t.Helper()
	out, err := ipc.Call[Out](t.Context(), c, path, in)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out
}

func TestSignInOverTheLine(t *testing.T) {
	v := mustOpen(t, Config{})
	c := startRole(t, v)
	uid := user.NewID()
	if id := call[ipc.LoginID](t, c, ipc.VaultLoginID, ipc.LoginIDRequest{Login: "anna@example.org"}); len(id.ID) != seal.LoginIDSize {
		t.Errorf("login id of %d bytes", len(id.ID))
	}
	call[ipc.None](t, c, ipc.VaultNewUser, ipc.NewUserRequest{UID: uid[:]})
	p := call[ipc.Pepper](t, c, ipc.VaultPepper, ipc.PepperRequest{UID: uid[:], Proof: proof(t, "pw").Reveal()})
	peppered, err := seal.ParsePeppered(p.P)
	must(t, err)
	header, umk := seal.NewSlotHeader(1, 1, uint32(p.Version)), seal.NewUMK()
	inner, err := kek(t, "pw", peppered).SealInner(uid, header, umk)
	must(t, err)
	box := call[ipc.ShredBox](t, c, ipc.VaultWrap, ipc.ShredRequest{UID: uid[:], AAD: header.Bytes(), Inner: inner})
	open := call[ipc.Unwrapped](t, c, ipc.VaultUnwrap, ipc.UnwrapRequest{UID: uid[:], Proof: proof(t, "pw").Reveal(), Version: p.Version, AAD: header.Bytes(), Outer: box.Outer})
	peppered, err = seal.ParsePeppered(open.P)
	must(t, err)
	got, err := kek(t, "pw", peppered).OpenInner(uid, header, open.Inner)
	if err != nil || !seal.Equal(got, umk) {
		t.Errorf("another key came back: %v", err)
	}
}

func TestEpochsAndRootsOverTheLine(t *testing.T) {
	v := mustOpen(t, Config{})
	c := startRole(t, v)
	uid := newPerson(t, v)
	if got := call[ipc.Epochs](t, c, ipc.VaultEpochGet, ipc.None{}); len(got.Keys) != 0 {
		t.Errorf("%d epochs in a fresh vault", len(got.Keys))
	}
	e := seal.NewEpoch(0)
	call[ipc.None](t, c, ipc.VaultEpochPut, ipc.Epochs{Keys: []ipc.Epoch{{Number: e.Number, Key: e.Key.Reveal(), Created: e.Created.Unix()}}})
	got := call[ipc.Epochs](t, c, ipc.VaultEpochGet, ipc.None{})
	if len(got.Keys) != 1 || got.Keys[0].Number != e.Number || string(got.Keys[0].Key) != string(e.Key.Reveal()) || got.Keys[0].Created != e.Created.Unix() {
		t.Errorf("epochs came back as %+v", got.Keys)
	}
	if r := call[ipc.RootVerdict](t, c, ipc.VaultRootCheck, ipc.RootRequest{UID: uid[:], Class: "mail", Counter: 3, Advance: true}); r.RolledBack || r.Highest != 3 {
		t.Errorf("verdict %+v", r)
	}
	if r := call[ipc.RootVerdict](t, c, ipc.VaultRootCheck, ipc.RootRequest{UID: uid[:], Class: "mail", Counter: 2}); !r.RolledBack || r.Highest != 3 {
		t.Errorf("verdict on an older one %+v", r)
	}
}

func TestErrorsOverTheLine(t *testing.T) {
	v := mustOpen(t, Config{PerUser: Rate{1, time.Hour}})
	c := startRole(t, v)
	uid, closed := newPerson(t, v), newPerson(t, v)
	must(t, v.CloseUser(t.Context(), closed, 0))
	must(t, v.PutEpochs([]seal.Epoch{seal.NewEpoch(0)}))
	pepper := func(uid, proof []byte) error {
		_, err := ipc.Call[ipc.Pepper](t.Context(), c, ipc.VaultPepper, ipc.PepperRequest{UID: uid, Proof: proof})
		return err
	}
	good := proof(t, "pw").Reveal()
	nobody := user.NewID()
	for name, f := range map[string]struct {
		err  error
		want ipc.Code
	}{
		"short uid": {pepper(uid[:15], good), ipc.CodeInvalid},
		"short V":   {pepper(uid[:], good[:31]), ipc.CodeInvalid},
		"nobody":    {pepper(nobody[:], good), ipc.CodeNotFound},
		"closed":    {pepper(closed[:], good), ipc.CodeRefused},
	} {
		if got := ipc.CodeOf(f.err); got != f.want {
			t.Errorf("%s: %v, want code %s", name, f.err, f.want)
		}
	}
	unwrap := ipc.UnwrapRequest{UID: uid[:], Proof: good, Version: 1, AAD: []byte("header"), Outer: make([]byte, seal.SlotOuterSize)}
	if _, err := ipc.Call[ipc.Unwrapped](t.Context(), c, ipc.VaultUnwrap, unwrap); ipc.CodeOf(err) != ipc.CodeLocked {
		t.Errorf("a slot of zeros: %v, want code %s", err, ipc.CodeLocked)
	}
	err := pepper(uid[:], proof(t, "another guess").Reveal())
	if e, ok := err.(*ipc.Error); !ok || e.Code != ipc.CodeThrottled || e.RetryAfter < 59*time.Minute {
		t.Errorf("second attempt: %v, want throttled for an hour", err)
	}
	old := ipc.Epochs{Keys: []ipc.Epoch{{Number: 1, Key: good, Created: 1}}}
	if _, err := ipc.Call[ipc.None](t.Context(), c, ipc.VaultEpochPut, old); ipc.CodeOf(err) != ipc.CodeConflict {
		t.Errorf("an old epoch: %v, want code %s", err, ipc.CodeConflict)
	}
	if _, err := ipc.Call[ipc.LoginID](t.Context(), c, ipc.VaultLoginID, ipc.LoginIDRequest{}); ipc.CodeOf(err) != ipc.CodeInvalid {
		t.Errorf("an empty login: %v, want code %s", err, ipc.CodeInvalid)
	}
}
