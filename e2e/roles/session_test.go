package roles_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/ipc"
)

func TestSignInAndSessions(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	if ada.Grant.Login != h.platform.Users[0].Address || len(ada.Grant.Capability) == 0 || ada.Grant.Locked || len(ada.Device) == 0 {
		t.Fatalf("grant %+v", ada.Grant)
	}
	again, err := h.openSession(ada.Key, nil)
	if err != nil || !bytes.Equal(again.Capability, ada.Grant.Capability) {
		t.Fatalf("opening the session again: %v", err)
	}
	second := h.mustSignIn(0)
	if second.Grant.Cell != ada.Grant.Cell || bytes.Equal(second.Grant.Capability, ada.Grant.Capability) {
		t.Errorf("a second session: cell %s and %s, same capability %v", ada.Grant.Cell, second.Grant.Cell, bytes.Equal(second.Grant.Capability, ada.Grant.Capability))
	}
	list, err := ipc.Call[ipc.SessionList](t.Context(), h.gate, ipc.KeeperSessions, ada.Key)
	if err != nil || len(list.Sessions) != 2 {
		t.Fatalf("sessions %+v, %v", list, err)
	}
	for _, s := range list.Sessions {
		if s.Agent != "test" || s.Network != "192.0.2.1" || s.Current != bytes.Equal(s.ID, ada.Grant.Session) || s.LastSeen < s.Created {
			t.Errorf("session in the list: %+v", s)
		}
	}
	forged := ada.Key
	forged.SKey = bytes.Repeat([]byte{7}, 32)
	_, err = h.openSession(forged, nil)
	wantCode(t, "right sid with a wrong skey", err, ipc.CodeUnknown)

	if _, err := h.pipe(ada.Grant.Cell, ada.Grant.Capability); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := ipc.Call[ipc.None](t.Context(), h.gate, ipc.KeeperRevoke, ipc.RevokeRequest{Key: second.Key, Others: true}); err != nil {
		t.Fatal(err)
	}
	_, err = h.openSession(ada.Key, nil)
	wantCode(t, "a revoked session", err, ipc.CodeUnknown)
	_, err = h.pipe(ada.Grant.Cell, ada.Grant.Capability)
	wantCode(t, "a pipe with a revoked session's capability", err, ipc.CodeUnknown)
	wantCode(t, "a record with a revoked session's capability", h.put(ada.Grant.Cell, ada.Grant.Capability, "x", 1), ipc.CodeUnknown)
	h.mu.Lock()
	ended := len(h.ended)
	_, there := h.people[ada.Grant.Cell+string(ada.Grant.Session)]
	h.mu.Unlock()
	if ended != 1 || there {
		t.Errorf("gate was told of %d ended sessions; cell still has it: %v", ended, there)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("a revoked session lived on for %s", d)
	}
	if _, err := h.openSession(second.Key, nil); err != nil {
		t.Errorf("the revoking session itself: %v", err)
	}
}

func TestWrongPasswordWaitsAndOwnerDoesNot(t *testing.T) {
	h := newHouse(t)
	u := h.platform.Users[0]
	ok := h.mustSignIn(0)
	throttled := 0
	for range 9 {
		_, err := h.signIn(u.Address, "wrong", nil)
		if ipc.CodeOf(err) == ipc.CodeThrottled {
			throttled++
			continue
		}
		wantCode(t, "wrong password", err, ipc.CodeRefused)
	}
	if throttled == 0 {
		t.Error("guesses were never slowed down")
	}
	if _, err := h.signIn(u.Address, u.Password, nil); ipc.CodeOf(err) != ipc.CodeThrottled {
		t.Errorf("an unknown browser from the guessing network: %v, want throttled", err)
	}
	if _, err := h.signIn(u.Address, u.Password, ok.Device); err != nil {
		t.Errorf("the owner's own browser was locked out: %v", err)
	}
	if _, err := h.signIn(h.platform.Users[1].Address, h.platform.Users[1].Password, ok.Device); err != nil {
		t.Errorf("somebody else's device token did harm: %v", err)
	}
}

// DESIGN section 5: vault hands the epoch key to keeper's successor.
func TestKeeperRestartKeepsSessions(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	if err := h.put(ada.Grant.Cell, ada.Grant.Capability, "before", 1); err != nil {
		t.Fatal(err)
	}
	h.restart("keeper")
	if err := h.put(ada.Grant.Cell, ada.Grant.Capability, "after", 1); err != nil {
		t.Errorf("the cell's capability after keeper's restart: %v", err)
	}
	g, err := h.openSession(ada.Key, nil)
	if err != nil {
		t.Fatalf("session after keeper's restart: %v", err)
	}
	if g.Login != ada.Grant.Login || g.Cell != ada.Grant.Cell {
		t.Errorf("got %s in %s, want %s in %s", g.Login, g.Cell, ada.Grant.Login, ada.Grant.Cell)
	}
	if _, err := h.pipe(g.Cell, g.Capability); err != nil {
		t.Errorf("pipe with the new capability: %v", err)
	}
	if _, err := h.pipe(g.Cell, ada.Grant.Capability); err != nil {
		t.Errorf("the cell kept the person under the same fence, and its old capability ended: %v", err)
	}
	if _, err := ipc.Call[ipc.None](t.Context(), h.gate, ipc.KeeperSignOut, ada.Key); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]byte{g.Capability, ada.Grant.Capability} {
		_, err := h.pipe(g.Cell, c)
		wantCode(t, "a capability of before or after the restart, after sign-out", err, ipc.CodeUnknown)
	}
}

func TestPorterRestartKeepsSessions(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	h.restart("porter", "keeper")
	deadline := time.Now().Add(5 * time.Second)
	for {
		greeting, err := h.pipe(ada.Grant.Cell, ada.Grant.Capability)
		if err == nil && strings.HasPrefix(greeting, "* PREAUTH [CAPABILITY ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no pipe after porter's restart: %q, %v", greeting, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := h.signIn(h.platform.Users[1].Address, h.platform.Users[1].Password, nil); err != nil {
		t.Errorf("sign-in at the new porter: %v", err)
	}
}

func TestVaultRestartKeepsSessions(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	h.restart("vault", "keeper")
	time.Sleep(100 * time.Millisecond)
	h.restart("keeper")
	if _, err := h.openSession(ada.Key, nil); err != nil {
		t.Errorf("vault and keeper restarted one after the other: %v", err)
	}
	h.mustSignIn(0)
}

// Keeper and vault dying together may end sessions, and must not do worse.
func TestKeeperAndVaultTogetherEndSessions(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	h.stops["keeper"]()
	h.stops["vault"]()
	h.start("vault")
	h.start("keeper")
	_, err := h.openSession(ada.Key, nil)
	wantCode(t, "a session whose epoch key is nowhere", err, ipc.CodeUnknown)
	if s := h.mustSignIn(0); s.Grant.Locked {
		t.Error("the person's sealed data does not open any more")
	}
}

// What lies on disk names nobody (R18, R22).
func TestNothingReadableOnDisk(t *testing.T) {
	h := newHouse(t)
	s := h.mustSignIn(0)
	if err := h.put(s.Grant.Cell, s.Grant.Capability, "x", 1); err != nil {
		t.Fatal(err)
	}
	u := h.platform.Users[0]
	local, _, _ := strings.Cut(u.Address, "@")
	found := 0
	err := filepath.WalkDir(h.dir, func(f string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if bytes.Contains(data, []byte("sealed")) {
			found++ // the probe works: this much is in clear, put there by the test
		}
		for _, canary := range []string{u.Address, local + "@", u.Password, "192.0.2.1", "test-agent"} {
			if bytes.Contains(data, []byte(canary)) {
				t.Errorf("%s holds %q", filepath.Base(f), canary)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("the probe does not find what is there")
	}
}
