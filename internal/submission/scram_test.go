package submission

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// The example of RFC 7677, section 3.
const (
	rfcFirst       = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
	rfcServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcFinal       = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

func TestScramExample(t *testing.T) {
	s := scramWith("user", []byte("pencil"), "rOprNGfwEbeRWgbNEkqO")
	if got := string(s.first()); got != rfcFirst {
		t.Errorf("first message %q", got)
	}
	got, err := s.next([]byte(rfcServerFirst))
	if err != nil || string(got) != rfcFinal {
		t.Errorf("final message %q, %v", got, err)
	}
	if got, err = s.next([]byte(rfcServerFinal)); err != nil || len(got) > 0 || !s.verified {
		t.Errorf("after the server's signature: %q, %v", got, err)
	}
	if _, err = s.next(nil); !errors.Is(err, ErrProtocol) {
		t.Errorf("a third challenge: %v", err)
	}
}

func TestScramRefusesServers(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"error":          "e=other-error",
		"extension":      "m=x," + rfcServerFirst,
		"other nonce":    strings.Replace(rfcServerFirst, "r=r", "r=x", 1),
		"no own nonce":   "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"no salt":        "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
		"salt":           "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096",
		"few rounds":     strings.Replace(rfcServerFirst, "4096", "4095", 1),
		"too many":       strings.Replace(rfcServerFirst, "4096", "1000001", 1),
		"no number":      strings.Replace(rfcServerFirst, "4096", "x", 1),
		"another order":  "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=rOprNGfwEbeRWgbNEkqOx,i=4096",
		"nothing behind": "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==",
	} {
		s := scramWith("user", []byte("pencil"), "rOprNGfwEbeRWgbNEkqO")
		if got, err := s.next([]byte(text)); !errors.Is(err, ErrProtocol) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"other": "v=" + strings.Repeat("A", 43) + "=", "none": "", "error": "e=invalid-proof", "bad": "v=!"} {
		s := scramWith("user", []byte("pencil"), "rOprNGfwEbeRWgbNEkqO")
		if _, err := s.next([]byte(rfcServerFirst)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.next([]byte(text)); !errors.Is(err, ErrProtocol) || s.verified {
			t.Errorf("signature %s: %v", name, err)
		}
	}
}

// scramServer is the server's side, which may be wrong in one way.
type scramServer struct {
	s          *serverSession
	iterations int
	unsigned   bool // it says yes without a signature
	forged     bool // it signs with something else
	hashOnly   bool // it keeps the password in a form that SCRAM cannot use
	nonce      string
	auth       string // AuthMessage so far
	step       int
}

// Next implements sasl.Server.
func (v *scramServer) Next(resp []byte) ([]byte, bool, error) {
	v.step++
	switch v.step {
	case 1:
		bare, ok := strings.CutPrefix(string(resp), "n,,")
		user, nonce, _ := strings.Cut(bare, ",r=")
		if !ok || user != "n="+testUser {
			return nil, true, smtp.ErrAuthFailed
		}
		v.nonce = nonce + "server"
		first := fmt.Sprintf("r=%s,s=%s,i=%d", v.nonce, base64.StdEncoding.EncodeToString([]byte("salt")), v.iterations)
		v.auth = bare + "," + first
		return []byte(first), false, nil
	case 2:
		return v.check(string(resp))
	}
	v.s.auth = true
	return nil, true, nil
}

func (v *scramServer) check(final string) ([]byte, bool, error) {
	without, proof, _ := strings.Cut(final, ",p=")
	got, _ := base64.StdEncoding.DecodeString(proof)
	salted := hi([]byte(testPassword), []byte("salt"), v.iterations)
	message := []byte(v.auth + "," + without)
	key := sha256.Sum256(mac(salted, []byte("Client Key")))
	clientKey := mac(key[:], message)
	for i := range min(len(got), len(clientKey)) {
		clientKey[i] ^= got[i]
	}
	stored := sha256.Sum256(clientKey)
	switch {
	case v.hashOnly, without != "c=biws,r="+v.nonce, !hmac.Equal(stored[:], key[:]):
		return nil, true, smtp.ErrAuthFailed
	case v.unsigned:
		v.s.auth = true
		return nil, true, nil
	case v.forged:
		return []byte("v=" + base64.StdEncoding.EncodeToString(key[:])), false, nil
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, []byte("Server Key")), message))), false, nil
}

// RFC 8621, section 9.4: what is stronger than PLAIN is preferred, and where the
// server offers it the password never reaches a server that does not have it.
func TestScramIsPreferred(t *testing.T) {
	wrong := []byte("wrong")
	for name, c := range map[string]struct {
		server scramServer
		cred   Credentials
		want   string // the mechanisms that were asked for
		fails  bool
		other  bool // SCRAM was refused and another taken
	}{
		"right":              {server: scramServer{iterations: 4096}, want: "SCRAM-SHA-256"},
		"wrong password":     {server: scramServer{iterations: 4096}, cred: Credentials{Secret: wrong}, want: "SCRAM-SHA-256 PLAIN", fails: true},
		"server has no hash": {server: scramServer{iterations: 4096, hashOnly: true}, want: "SCRAM-SHA-256 PLAIN", other: true},
		"few rounds":         {server: scramServer{iterations: 1000}, want: "SCRAM-SHA-256 PLAIN", other: true},
		"not signed":         {server: scramServer{iterations: 4096, unsigned: true}, want: "SCRAM-SHA-256", fails: true},
		"forged":             {server: scramServer{iterations: 4096, forged: true}, want: "SCRAM-SHA-256", fails: true},
		"forced":             {server: scramServer{iterations: 4096, hashOnly: true}, cred: Credentials{Mechanism: MechScram}, want: "SCRAM-SHA-256", fails: true},
		"left out":           {server: scramServer{iterations: 4096}, cred: Credentials{NoScram: true}, want: "PLAIN"},
		"beyond ASCII":       {server: scramServer{iterations: 4096}, cred: Credentials{Secret: []byte("pässwort")}, want: "PLAIN", fails: true},
		"forced beyond":      {server: scramServer{iterations: 4096}, cred: Credentials{Secret: []byte("pässwort"), Mechanism: MechScram}, want: "", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			b, cfg := startServer(t, true)
			b.scram = &c.server
			conn, err := Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c.cred.User = testUser
			if c.cred.Secret == nil {
				c.cred.Secret = []byte(testPassword)
			}
			secret := bytes.Clone(c.cred.Secret)
			err = conn.Authenticate(t.Context(), c.cred)
			b.mu.Lock()
			got := strings.Join(b.asked, " ")
			b.mu.Unlock()
			if (err != nil) != c.fails || got != c.want || conn.ScramRefused() != c.other {
				t.Errorf("asked for %q, refused %v, %v; want %q", got, conn.ScramRefused(), err, c.want)
			}
			if !bytes.Equal(secret, c.cred.Secret) {
				t.Error("the caller's secret was touched")
			}
		})
	}
}

var _ sasl.Server = (*scramServer)(nil)
