package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/sealto"
)

func signinPair(t testing.TB) (SigninKey, SigninKeyDoc) {
	t.Helper()
	k, err := NewSigninKey()
	must(t, err)
	op, err := NewOperatorKey()
	must(t, err)
	d, err := SignSigninKey(op, k.Public(), time.Unix(docFrom, 0), time.Unix(docTo, 0))
	must(t, err)
	return k, d
}

func password(login, secret string) Credential {
	return Credential{KindPassword, login, NewSecret([]byte(secret))}
}

func TestSigninOpensAtPorterAlone(t *testing.T) {
	k, d := signinPair(t)
	challenge := NewChallenges().Issue()
	box, err := SealSignin(d, challenge, password("anna@example.org", "correct horse"))
	must(t, err)
	c, err := k.Open(box)
	if err != nil || c.Login != "anna@example.org" || string(c.Secret.Reveal()) != "correct horse" {
		t.Fatalf("opened as %q, %v", c.Login, err)
	}
	everyBit(t, "sign-in", box.CT, func(ct []byte) error { _, err := k.Open(SigninBox{box.KID, box.Enc, ct, box.Challenge}); return err })
	other := bytes.Clone(challenge)
	other[9] ^= 1
	_, err = k.Open(SigninBox{box.KID, box.Enc, box.CT, other})
	wantErr(t, "another challenge", err, ErrOpen)
	stranger, _ := signinPair(t)
	_, err = stranger.Open(box)
	wantErr(t, "another key", err, ErrOpen)
	kid := KID(stranger.Public())
	_, err = stranger.Open(SigninBox{kid[:], box.Enc, box.CT, box.Challenge})
	wantErr(t, "another key under its own id", err, ErrOpen)
	_, err = k.Open(SigninBox{box.KID, append([]byte{4}, make([]byte, 64)...), box.CT, box.Challenge})
	wantErr(t, "not a point", err, ErrOpen)
	for name, b := range map[string]SigninBox{
		"kid": {nil, box.Enc, box.CT, challenge}, "enc": {box.KID, box.Enc[:64], box.CT, challenge},
		"challenge": {box.KID, box.Enc, box.CT, challenge[:23]}, "ct": {box.KID, box.Enc, make([]byte, maxSigninCT+1), challenge},
	} {
		_, err := k.Open(b)
		wantErr(t, name, err, ErrFormat)
	}
}

func TestSigninSizesDoNotTell(t *testing.T) {
	_, d := signinPair(t)
	challenge := NewChallenges().Issue()
	sizes := map[int]bool{}
	for _, n := range []int{1, 8, 40, 200} {
		box, err := SealSignin(d, challenge, password("anna@example.org", strings.Repeat("p", n)))
		must(t, err)
		sizes[len(box.CT)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("passwords of 1 to 200 bytes give sizes %v", sizes)
	}
}

func TestCredentialLimits(t *testing.T) {
	_, d := signinPair(t)
	challenge := make([]byte, ChallengeSize)
	for name, c := range map[string]Credential{
		"no login":    password("", "x"),
		"no secret":   password("a", ""),
		"long login":  password(strings.Repeat("a", MaxLogin+1), "x"),
		"long secret": password("a", strings.Repeat("x", MaxSecret+1)),
	} {
		_, err := SealSignin(d, challenge, c)
		wantErr(t, name, err, ErrLimit)
	}
	_, err := SealSignin(d, challenge, Credential{9, "a", NewSecret([]byte("x"))})
	wantErr(t, "kind", err, ErrFormat)
	_, err = SealSignin(d, challenge[:23], password("a", "x"))
	wantErr(t, "challenge", err, ErrFormat)
	_, err = SealSignin(SigninKeyDoc{}, challenge, password("a", "x"))
	wantErr(t, "no key", err, ErrFormat)
}

func TestCredentialBox(t *testing.T) {
	sk, err := NewPrivateKey()
	must(t, err)
	for _, kind := range []CredentialKind{KindPassword, KindToken} {
		box, err := SealCredential(sk.Public(), Credential{kind, "anna", NewSecret([]byte("secret"))})
		must(t, err)
		c, err := sk.OpenCredential("anna", box)
		if err != nil || c.Kind != kind || c.Login != "anna" || string(c.Secret.Reveal()) != "secret" {
			t.Errorf("opened as %v of %q, %v", c.Kind, c.Login, err)
		}
		_, err = sk.OpenCredential("bert", box)
		wantErr(t, "for another login", err, ErrOpen)
		if len(box) > MaxCredentialBox {
			t.Errorf("a box of %d bytes does not fit an envelope", len(box))
		}
	}
	large, err := SealCredential(sk.Public(), password(strings.Repeat("l", MaxLogin), strings.Repeat("s", MaxSecret)))
	if err != nil || len(large) > MaxCredentialBox {
		t.Errorf("the largest credential has a box of %d bytes, %v; an envelope takes %d", len(large), err, MaxCredentialBox)
	}
	box, err := sealto.Seal(sk.Public(), "other/v1", nil, pad(nil))
	must(t, err)
	_, err = sk.OpenCredential("anna", box)
	wantErr(t, "a box of another purpose", err, ErrOpen)
}

func TestSealedBoxIsStrict(t *testing.T) {
	sk, err := NewPrivateKey()
	must(t, err)
	box, err := sealto.Seal(sk.Public(), "test/v1", nil, []byte("x"))
	must(t, err)
	// Not every byte: an opening takes a decapsulation.
	for i := 0; i < len(box); i += 1 + i/32 {
		bad := bytes.Clone(box)
		bad[i] ^= 0x10
		if _, err := sk.Open("test/v1", nil, bad); err == nil {
			t.Fatalf("byte %d changed and it opens", i)
		}
	}
	other, err := NewPrivateKey()
	must(t, err)
	_, err = other.Open("test/v1", nil, box)
	wantErr(t, "another key", err, ErrOpen)
	_, err = sk.Open("test/v1", nil, box[:sealto.Overhead-1])
	wantErr(t, "short", err, ErrFormat)
}

func TestChallenges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewChallenges()
		n := byte(0)
		box := func(challenge []byte) SigninBox {
			n++
			return SigninBox{Enc: append(seq(n, 1), make([]byte, pointSize-1)...), Challenge: challenge}
		}
		first := box(c.Issue())
		must(t, c.Accept(first))
		wantErr(t, "shown twice", c.Accept(first), ErrReplayed)
		must(t, c.Accept(box(first.Challenge))) // a second sign-in on one challenge

		time.Sleep(ChallengeLife)
		wantErr(t, "shown twice, at the end of its life", c.Accept(first), ErrReplayed)
		must(t, c.Accept(box(first.Challenge)))
		time.Sleep(time.Second)
		wantErr(t, "over its time", c.Accept(box(first.Challenge)), ErrExpired)
		wantErr(t, "over its time, and seen", c.Accept(first), ErrExpired)

		wantErr(t, "of another process", c.Accept(box(NewChallenges().Issue())), ErrExpired)
		later := c.issue(time.Now().Add(time.Minute).Unix())
		wantErr(t, "of the future", c.Accept(box(later)), ErrExpired)
		forged := c.Issue()
		forged[7]++
		wantErr(t, "with another time", c.Accept(box(forged)), ErrExpired)
		wantErr(t, "cut", c.Accept(SigninBox{Enc: make([]byte, pointSize), Challenge: forged[:23]}), ErrFormat)
		wantErr(t, "no key", c.Accept(SigninBox{Challenge: forged}), ErrFormat)
	})
}

// However calls fall, a box is refused a second time for as long as its
// challenge lives.
func TestChallengesNeverForgetTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewChallenges()
		for step := 0; step < 40; step++ {
			time.Sleep(time.Duration(step%7) * 47 * time.Second)
			box := SigninBox{Enc: append(seq(byte(step), 1), make([]byte, pointSize-1)...), Challenge: c.Issue()}
			must(t, c.Accept(box))
			for range 5 {
				time.Sleep(59 * time.Second)
				_ = c.Accept(SigninBox{Enc: append([]byte{0xff}, make([]byte, pointSize-1)...), Challenge: c.Issue()})
				if err := c.Accept(box); err == nil {
					t.Fatalf("step %d: a box was accepted twice", step)
				}
			}
		}
	})
}

func TestChallengesAreBounded(t *testing.T) {
	c := NewChallenges()
	for i := range MaxChallengesSeen {
		c.now[seenKey{byte(i), byte(i >> 8), byte(i >> 16)}] = struct{}{}
	}
	err := c.Accept(SigninBox{Enc: make([]byte, pointSize), Challenge: c.Issue()})
	wantErr(t, "one too many", err, ErrBusy)
}

func TestOperatorKeys(t *testing.T) {
	op, err := NewOperatorKey()
	must(t, err)
	text, err := op.RevealPEM()
	must(t, err)
	again, err := ParseOperatorKey(text)
	must(t, err)
	same(t, "operator key", again.Public().Point(), op.Public().Point())
	public, err := op.Public().PEM()
	must(t, err)
	if _, err := ParseOperatorPublic(public); err != nil {
		t.Error(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	must(t, err)
	for name, bad := range map[string][]byte{
		"nothing": nil, "not PEM": []byte("x"), "public for private": public, "two keys": append(text, text...),
		"RSA": pem.EncodeToMemory(&pem.Block{Type: operatorPrivateType, Bytes: der}), "not DER": pem.EncodeToMemory(&pem.Block{Type: operatorPrivateType, Bytes: []byte("x")}),
		"headers": pem.EncodeToMemory(&pem.Block{Type: operatorPrivateType, Headers: map[string]string{"a": "b"}, Bytes: der}),
	} {
		_, err := ParseOperatorKey(bad)
		wantErr(t, name, err, ErrFormat)
	}
	rsaDER, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	must(t, err)
	for name, bad := range map[string][]byte{"private for public": text, "RSA": pem.EncodeToMemory(&pem.Block{Type: operatorPublicType, Bytes: rsaDER})} {
		_, err := ParseOperatorPublic(bad)
		wantErr(t, name, err, ErrFormat)
	}
	_, err = ParseOperatorPoint(seq(4, 65))
	wantErr(t, "not a point", err, ErrFormat)
	_, err = OperatorKey{}.RevealPEM()
	wantErr(t, "zero key", err, ErrNoKey)
	_, err = OperatorPublic{}.PEM()
	wantErr(t, "zero public key", err, ErrNoKey)
	if (OperatorKey{}).Public().Point() != nil {
		t.Error("the zero key has a point")
	}
}

func TestSigninKeyDocLimits(t *testing.T) {
	op, err := NewOperatorKey()
	must(t, err)
	k, err := NewSigninKey()
	must(t, err)
	now := time.Unix(docFrom, 0)
	for name, life := range map[string]time.Duration{"none": 0, "negative": -time.Hour, "too long": MaxSigninKeyLife + time.Second} {
		_, err := SignSigninKey(op, k.Public(), now, now.Add(life))
		wantErr(t, name, err, ErrLimit)
	}
	_, err = SignSigninKey(op, seq(4, 65), now, now.Add(time.Hour))
	wantErr(t, "not a point", err, ErrFormat)
	_, err = SignSigninKey(OperatorKey{}, k.Public(), now, now.Add(time.Hour))
	wantErr(t, "no operator key", err, ErrNoKey)
	_, err = ParseSigninKeyDoc(bytes.Repeat([]byte(" "), MaxSigninKeyDoc+1))
	wantErr(t, "too long", err, ErrLimit)
	_, err = ParseSigninKey(bytes.Repeat([]byte{0xff}, 32))
	wantErr(t, "a scalar beyond the order", err, ErrFormat)
	d, err := SignSigninKey(op, k.Public(), now, now.Add(MaxSigninKeyLife))
	must(t, err)
	text, err := d.JSON()
	must(t, err)
	if _, err := ParseSigninKeyDoc(append(text, '\n')); err != nil {
		t.Errorf("with a final line break: %v", err)
	}
	wantErr(t, "no operator", d.Verify(OperatorPublic{}, now), ErrNoKey)
}

func TestBase64IsStrict(t *testing.T) {
	for _, s := range []string{"A", "AB" /* stray bits at the end */, "AA==", "AA\n", "A\nA", "+/AA", "AA AA"} {
		if b, err := DecodeBase64(s); err == nil {
			t.Errorf("%q was read as %x", s, b)
		}
	}
	b, err := DecodeBase64(EncodeBase64([]byte{0xff, 0xfe, 0}))
	if err != nil || fmt.Sprintf("%x", b) != "fffe00" {
		t.Errorf("%x, %v", b, err)
	}
}

// The RFC's suite as package hpke has it must be ours, or the page's boxes would
// not open: KEM 0x0010, KDF 0x0001, AEAD 0x0002 (RFC 9180, section 7).
func TestSigninSuite(t *testing.T) {
	kem, kdf, aead := signinSuite()
	if kem.ID() != 0x0010 || kdf.ID() != 0x0001 || aead.ID() != 0x0002 {
		t.Errorf("suite %#x %#x %#x", kem.ID(), kdf.ID(), aead.ID())
	}
}
