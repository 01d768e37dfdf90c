package seal

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func b64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := DecodeBase64(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	pushUA   = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	pushAuth = "BTBZMqHH6r4Tts7J_aSIgg"
)

// The example of RFC 8291, section 5 and appendix A.
func TestPushVector(t *testing.T) {
	k, err := ParsePushKeys(pushUA, pushAuth)
	if err != nil {
		t.Fatal(err)
	}
	as, err := ecdh.P256().NewPrivateKey(b64(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.encrypt([]byte("When I grow up, I want to be a watermelon"), 0, as, b64(t, "DGv6ra1nlYgDCS1FRnbzlw"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
		"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if EncodeBase64(got) != want {
		t.Errorf("got %s\nwant %s", EncodeBase64(got), want)
	}
}

// What we encrypt and sign, Node opens and verifies.
func TestPushInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the RFC's vector is the only judge here")
	}
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := priv.Bytes()
	point, _ := priv.PublicKey.Bytes()
	auth := make([]byte, 16)
	rand.Read(auth)
	keys, err := ParsePushKeys(EncodeBase64(point)+"=", EncodeBase64(auth)+"==") // padded, as RFC 4648 writes it
	if err != nil {
		t.Fatal(err)
	}
	vapid, err := NewVAPIDKey()
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	header, err := vapid.Authorization("https://push.example.net", "https://mail.example.org", until)
	if err != nil {
		t.Fatal(err)
	}
	public, err := vapid.Public()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 60, 511, 512, MaxPush - 1, MaxPush} {
		text := strings.Repeat("ä", n/2) + strings.Repeat("x", n%2)
		body, err := keys.Encrypt([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		in, _ := json.Marshal(map[string]any{"body": EncodeBase64(body), "auth": EncodeBase64(auth), "authorization": header,
			"jwk": map[string]string{"kty": "EC", "crv": "P-256", "d": EncodeBase64(raw), "x": EncodeBase64(point[1:33]), "y": EncodeBase64(point[33:])}})
		out, err := exec.Command(node, "testdata/push.mjs", string(in)).CombinedOutput()
		if err != nil {
			t.Fatalf("%d bytes: %v: %s", n, err, out)
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"text": text, "zeros": true, "rs": 4096.0, "length": float64(PushSize), "signed": true, "k": public,
			"head": map[string]any{"typ": "JWT", "alg": "ES256"}, "claims": map[string]any{"aud": "https://push.example.net", "exp": float64(until.Unix()), "sub": "https://mail.example.org"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", n, diff)
		}
	}
}

func TestPushKeysRefused(t *testing.T) {
	for name, c := range map[string][2]string{
		"no point":           {"", pushAuth},
		"short point":        {pushUA[:40], pushAuth},
		"not on the curve":   {"BAAA" + pushUA[4:], pushAuth},
		"compressed":         {"Ai" + pushUA[2:44], pushAuth},
		"standard alphabet":  {strings.ReplaceAll(pushUA, "_", "/"), pushAuth},
		"line break":         {pushUA[:10] + "\n" + pushUA[10:], pushAuth},
		"no auth":            {pushUA, ""},
		"auth of 15 bytes":   {pushUA, "BTBZMqHH6r4Tts7J_aSI"},
		"auth is no base64":  {pushUA, "!!!!"},
		"padding in the mid": {pushUA, "BTBZ=MqHH6r4Tts7J_aSIgg"},
	} {
		if _, err := ParsePushKeys(c[0], c[1]); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k, err := ParsePushKeys(pushUA, pushAuth)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Encrypt(make([]byte, MaxPush+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("too long: %v", err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(got, "4") {
		t.Errorf("printed: %s", got)
	}
	bytes := Secret(k).Reveal()
	k.Wipe()
	for _, b := range bytes {
		if b != 0 {
			t.Fatal("the keys are still in memory after Wipe")
		}
	}
	if _, err := k.Encrypt(nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("wiped: %v", err)
	}
}

func TestVAPIDKeyRoundTrip(t *testing.T) {
	k, err := NewVAPIDKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := k.Reveal()
	if err != nil || len(raw) != 32 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	again, err := ParseVAPIDKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := k.Public()
	if b, _ := again.Public(); a != b || len(a) != 87 {
		t.Errorf("public %q became %q", a, b)
	}
	for _, bad := range [][]byte{nil, raw[:31], make([]byte, 32), append(raw, 0)} {
		if _, err := ParseVAPIDKey(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	if _, err := (VAPIDKey{}).Authorization("https://x", "", time.Now()); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
}
