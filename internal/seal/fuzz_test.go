package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// vectorSeeds adds the vector files' bytes, so that fuzzing starts near formats.
func vectorSeeds(f *testing.F) {
	names, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(names) == 0 {
		f.Fatal("no vectors", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 512)])
	}
}

// FuzzReaders gives one input to each reader of stored bytes. None may panic,
// and nothing that was not sealed may open.
func FuzzReaders(f *testing.F) {
	vectorSeeds(f)
	umk, uid := NewUMK(), testUser(1)
	k := mustClassKey(f, umk, uid, ClassMail, 1)
	e, token, sk, v := NewEpoch(0), NewSessionToken(), PrivateKey{newKey()}, NewVaultKey()
	kek, shred := KEK{newKey()}, NewShredKey()
	f.Add(NewSlotHeader(1, 1, 1).Bytes())
	f.Add(append([]byte{1}, make([]byte, 400)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		opened := map[string]error{}
		_, opened["record"] = k.OpenRecord([]byte("id"), 1, b)
		_, opened["root"] = k.OpenRoot(1, b)
		_, opened["session"] = OpenSession(e, token, uid, b)
		_, opened["reseal"] = ResealSession(e, e, token.Hash(), uid, b)
		_, opened["box"] = sk.Open("x", nil, b)
		_, opened["wrap"] = v.UnwrapShred(1, uid, b)
		_, opened["inner"] = kek.OpenInner(uid, SlotHeader{}, b)
		_, opened["outer"] = shred.OpenOuter(uid, []byte("h"), b)
		for what, err := range opened {
			if err == nil {
				t.Errorf("%s opened %x", what, b)
			}
		}
		_, _ = SessionEpoch(b)
		_, _, _, _ = SplitSlot(b)
		if h, err := ParseSlotHeader(b); err == nil && !bytes.Equal(h.Bytes(), b) {
			t.Errorf("slot header reads back as %x", h.Bytes())
		}
	})
}

func FuzzUnpad(f *testing.F) {
	f.Add(pad([]byte("content")))
	f.Add(pad(make([]byte, 500)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := unpad(b); err == nil && !bytes.Equal(pad(got), b) {
			t.Errorf("%x is not the only padding of %x", b, got)
		}
	})
}

func FuzzDecodeCredential(f *testing.F) {
	good, err := encodeCredential(password("anna@example.org", "secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCredential(b)
		if err != nil {
			return
		}
		again, err := encodeCredential(c)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x reads back as %x, %v", b, again, err)
		}
	})
}

func FuzzDecodeSession(f *testing.F) {
	good, err := Session{UMK: NewUMK(), Credential: []byte("c"), Expiry: time.Now().Add(time.Hour)}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSession(b)
		if err == nil && len(s.Credential) > MaxCredentialBox {
			t.Errorf("credential of %d bytes", len(s.Credential))
		}
	})
}

func FuzzSigninKeyDoc(f *testing.F) {
	_, d := signinPair(f)
	text, err := d.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	vectorSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseSigninKeyDoc(b)
		if err != nil {
			return
		}
		again, err := d.JSON()
		if err != nil || !bytes.Equal(again, bytes.TrimSuffix(b, []byte("\n"))) {
			t.Errorf("%s reads back as %s, %v", b, again, err)
		}
	})
}

func FuzzParseOperator(f *testing.F) {
	op, err := NewOperatorKey()
	if err != nil {
		f.Fatal(err)
	}
	text, err := op.RevealPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ParseOperatorKey(b)
		_, _ = ParseOperatorPublic(b)
		_, _ = ParseOperatorPoint(b)
		_, _ = ParseSessionText(string(b))
	})
}
