package seal

import (
	"testing"
	"time"

	"cofferdam/internal/sealto"
)

// BenchmarkOpen5000Contacts is what a person's address book costs at sign-in.
func BenchmarkOpen5000Contacts(b *testing.B) {
	k := mustClassKey(b, NewUMK(), testUser(1), ClassContacts, 1)
	box, err := k.SealRecord([]byte("id"), 1, make([]byte, 200))
	must(b, err)
	for b.Loop() {
		for range 5000 {
			if _, err := k.OpenRecord([]byte("id"), 1, box); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkOpenSession(b *testing.B) {
	e, token, uid := NewEpoch(0), NewSessionToken(), testUser(1)
	box, err := SealSession(e, token, uid, Session{UMK: NewUMK(), Credential: make([]byte, 1401), Expiry: time.Now().Add(time.Hour)})
	must(b, err)
	for b.Loop() {
		if _, err := OpenSession(e, token, uid, box); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenSignin(b *testing.B) {
	k, d := signinPair(b)
	box, err := SealSignin(d, make([]byte, ChallengeSize), password("anna@example.org", "secret"))
	must(b, err)
	for b.Loop() {
		if _, err := k.Open(box); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealToPublicKey(b *testing.B) {
	sk, err := NewPrivateKey()
	must(b, err)
	pk := sk.Public()
	for b.Loop() {
		if _, err := sealto.Seal(pk, "bench/v1", nil, make([]byte, 256)); err != nil {
			b.Fatal(err)
		}
	}
}
