package keeper

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// TestLabel: what the session list shows is readable to its owner's keeper alone,
// and not under another session's name.
func TestLabel(t *testing.T) {
	s := &session{uid: user.NewID(), hash: seal.NewSessionToken().Hash(), umk: seal.NewUMK()}
	want := label{Agent: "Firefox", Network: "192.0.2.7", Name: "phone", Shared: true}
	sealed, err := sealLabel(s, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Firefox", "192.0.2.7", "phone"} {
		if bytes.Contains(sealed, []byte(secret)) {
			t.Errorf("%q lies in the database", secret)
		}
	}
	if got := openLabel(s.umk, s.uid, store.SessionHash(s.hash), sealed); got != want {
		t.Errorf("got %+v", got)
	}
	short, _ := sealLabel(s, label{})
	if len(short) != len(sealed) {
		t.Errorf("its length tells: %d and %d bytes", len(short), len(sealed))
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, got := range map[string]label{
		"another key":     openLabel(seal.NewUMK(), s.uid, store.SessionHash(s.hash), sealed),
		"another person":  openLabel(s.umk, user.NewID(), store.SessionHash(s.hash), sealed),
		"another session": openLabel(s.umk, s.uid, store.SessionHash(seal.NewSessionToken().Hash()), sealed),
		"changed":         openLabel(s.umk, s.uid, store.SessionHash(s.hash), changed),
		"none":            openLabel(s.umk, s.uid, store.SessionHash(s.hash), nil),
	} {
		if got != (label{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLabelLocked(t *testing.T) {
	s := &session{uid: user.NewID(), umk: seal.NewUMK(), locked: true}
	if sealed, err := sealLabel(s, label{Agent: "Firefox"}); sealed != nil || err != nil {
		t.Errorf("%x, %v", sealed, err)
	}
}

// TestLabelLimits: a browser may say what it likes of itself.
func TestLabelLimits(t *testing.T) {
	s := &session{uid: user.NewID(), umk: seal.NewUMK()}
	sealed, err := sealLabel(s, label{Agent: strings.Repeat("\u00e9", 10_000), Name: strings.Repeat("n", 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	got := openLabel(s.umk, s.uid, store.SessionHash(s.hash), sealed)
	if len(got.Agent) == 0 || len(got.Agent) > maxAgent || len(got.Name) != maxName || !utf8.ValidString(got.Agent) {
		t.Errorf("agent of %d bytes, name of %d", len(got.Agent), len(got.Name))
	}
}
