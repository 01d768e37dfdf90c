package seal

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-7f3a9c"

// holder has secrets in unexported fields, where fmt does not ask them.
type holder struct {
	Public  Secret
	private Secret
	key     UMK
	Key     ClassKey
	token   SessionToken
	op      OperatorKey
}

func TestSecretsPrintNothing(t *testing.T) {
	raw := []byte(canary + strings.Repeat("x", KeySize-len(canary)))
	umk, err := ParseUMK(raw)
	must(t, err)
	token, err := ParseSessionToken(raw[:SIDSize], raw)
	must(t, err)
	ck, err := ParseClassKey(uidOf(t, seq(1, 16)), ClassMail, 1, raw)
	must(t, err)
	op, err := NewOperatorKey()
	must(t, err)
	h := holder{NewSecret([]byte(canary)), NewSecret([]byte(canary)), umk, ck, token, op}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("x", "secret", h.Public, "key", umk, "token", token, "holder", h)
	}
	out := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
		for _, v := range []any{h, &h, h.Public, &h.private, umk, ck, token, op, []any{umk}, map[string]UMK{"k": umk}} {
			out += fmt.Sprintf(verb, v) + "\n"
		}
	}
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), "99 97 110 97 114 121", "0x63, 0x61, 0x6e", "Y2FuYXJ5"} {
		if strings.Contains(out, leak) {
			t.Errorf("printed: %q", leak)
		}
	}
	if !strings.Contains(out, redactedText) {
		t.Error("nothing says that something was left out")
	}
}

func TestSecretsHaveNoEncodedForm(t *testing.T) {
	s, k := NewSecret([]byte(canary)), NewUMK()
	for _, v := range []any{s, &s, k, NewSessionToken(), holder{Public: s}, []Secret{s}} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%T became JSON: %s", v, b)
		}
	}
	if err := gob.NewEncoder(new(bytes.Buffer)).Encode(s); err == nil {
		t.Error("a secret became gob")
	}
	for _, text := range []string{`"x"`, `{}`, `{"p":"x"}`} {
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("JSON %s became a secret", text)
		}
	}
}

func TestWipe(t *testing.T) {
	b := append(make([]byte, 0, 32), "password"...)
	s := NewSecret(b)
	twin := s
	s.Wipe()
	s.Wipe()
	if !allZero(b[:cap(b)]) || twin.Len() != 0 || twin.Reveal() != nil {
		t.Error("a copy still has the password")
	}
	Secret{}.Wipe()
	k := NewUMK()
	kept := k
	k.Wipe()
	k.Wipe()
	if !kept.IsZero() || !allZero(kept.Reveal()) {
		t.Error("a copy still has the key")
	}
	UMK{}.Wipe()
	token := NewSessionToken()
	sid, skey := token.Reveal()
	token.Wipe()
	SessionToken{}.Wipe()
	if !allZero(sid) || !allZero(skey) {
		t.Error("the token is still there")
	}
}

func TestCompare(t *testing.T) {
	a, b := NewUMK(), NewUMK()
	again, err := ParseUMK(a.Reveal())
	must(t, err)
	if !Equal(a, again) || Equal(a, b) || Equal(UMK{}, UMK{}) {
		t.Error("keys compare wrongly")
	}
	a.Wipe()
	if Equal(a, a) {
		t.Error("a wiped key equals itself")
	}
	x, y := NewSecret([]byte("one")), NewSecret([]byte("one"))
	if !x.Equal(y) || x.Equal(NewSecret([]byte("two"))) || x.Equal(Secret{}) {
		t.Error("secrets compare wrongly")
	}
}

func TestWipedAndZeroKeysDoNothing(t *testing.T) {
	uid := uidOf(t, seq(1, 16))
	for name, umk := range map[string]UMK{"zero": {}, "wiped": wiped()} {
		_, err := umk.ClassKey(uid, ClassMail, 1)
		wantErr(t, name+": class key", err, ErrNoKey)
		_, _, err = umk.SealPair(uid, 1)
		wantErr(t, name+": pair", err, ErrNoKey)
		_, err = KEK(umk).SealInner(uid, NewSlotHeader(1, 1, 1), NewUMK())
		wantErr(t, name+": slot", err, ErrNoKey)
		_, err = KEK{newKey()}.SealInner(uid, NewSlotHeader(1, 1, 1), umk)
		wantErr(t, name+": in a slot", err, ErrNoKey)
		_, err = ShredKey(umk).OpenOuter(uid, seq(1, SlotHeaderSize), make([]byte, SlotOuterSize))
		wantErr(t, name+": outer layer", err, ErrNoKey)
		_, err = VaultKey(umk).WrapShred(1, uid, NewShredKey())
		wantErr(t, name+": wrap", err, ErrNoKey)
		_, err = PepperKey(umk).Pepper(uid, Proof{newKey()})
		wantErr(t, name+": pepper", err, ErrNoKey)
		_, err = PasswordKEK(Stretched(umk), Peppered{newKey()})
		wantErr(t, name+": A", err, ErrNoKey)
		_, err = PasswordKEK(Stretched{newKey()}, Peppered(umk))
		wantErr(t, name+": P", err, ErrNoKey)
		_, err = PrivateKey(umk).Open("x", nil, make([]byte, 2000))
		wantErr(t, name+": private key", err, ErrFormat)
		_, err = LoginKey(umk).LoginID("x")
		wantErr(t, name+": login key", err, ErrNoKey)
	}
	for _, b := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
		_, err := ParseUMK(b)
		wantErr(t, "wrong length", err, ErrFormat)
	}
	_, err := ParseUMK(make([]byte, 32))
	wantErr(t, "zeros", err, ErrNoKey)
}

func wiped() UMK {
	k := NewUMK()
	k.Wipe()
	return k
}
