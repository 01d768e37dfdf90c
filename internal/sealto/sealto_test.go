package sealto

import (
	"bytes"
	"crypto/hpke"
	"errors"
	"strings"
	"testing"
)

func newPair(t *testing.T) (hpke.PrivateKey, PublicKey) {
	t.Helper()
	sk, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	pk, err := ParsePublicKey(sk.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return sk, pk
}

// open is what the holder of the private key does; the room itself cannot.
func open(sk hpke.PrivateKey, label Label, aad, box []byte) ([]byte, error) {
	enc, ct := box[1+KeyIDSize:1+KeyIDSize+EncSize], box[1+KeyIDSize+EncSize:]
	r, err := hpke.NewRecipient(enc, sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), Info(label))
	if err != nil {
		return nil, err
	}
	return r.Open(aad, ct)
}

func TestSealOpensForItsReaderAlone(t *testing.T) {
	sk, pk := newPair(t)
	other, _ := newPair(t)
	box, err := Seal(pk, "test/v1", []byte("aad"), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if len(box) != len("hello")+Overhead || box[0] != Version {
		t.Errorf("box of %d bytes, version %d", len(box), box[0])
	}
	if kid := pk.KeyID(); !bytes.Equal(box[1:1+KeyIDSize], kid[:]) {
		t.Error("the box does not name its key")
	}
	got, err := open(sk, "test/v1", []byte("aad"), box)
	if err != nil || string(got) != "hello" {
		t.Fatalf("opened %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"other key":   func() ([]byte, error) { return open(other, "test/v1", []byte("aad"), box) },
		"other label": func() ([]byte, error) { return open(sk, "test/v2", []byte("aad"), box) },
		"other aad":   func() ([]byte, error) { return open(sk, "test/v1", nil, box) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: the box opened", name)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	_, pk := newPair(t)
	if _, err := Seal(PublicKey{}, "test/v1", nil, nil); !errors.Is(err, ErrBadKey) {
		t.Errorf("zero key: %v, want ErrBadKey", err)
	}
	for _, label := range []Label{"", Label(strings.Repeat("x", MaxLabel+1))} {
		if _, err := Seal(pk, label, nil, nil); !errors.Is(err, ErrTooLarge) {
			t.Errorf("label %q: %v, want ErrTooLarge", label, err)
		}
	}
	if _, err := Seal(pk, "test/v1", nil, make([]byte, MaxPlaintext+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v, want ErrTooLarge", err)
	}
	if (PublicKey{}).Bytes() != nil {
		t.Error("the zero key has bytes")
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 32), make([]byte, PublicKeySize+1), bytes.Repeat([]byte{0xff}, PublicKeySize)} {
		if _, err := ParsePublicKey(b); !errors.Is(err, ErrBadKey) {
			t.Errorf("%d bytes: %v, want ErrBadKey", len(b), err)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(make([]byte, PublicKeySize))
	f.Fuzz(func(t *testing.T, b []byte) {
		pk, err := ParsePublicKey(b)
		if err == nil && !bytes.Equal(pk.Bytes(), b) {
			t.Error("a key reads back differently")
		}
	})
}
