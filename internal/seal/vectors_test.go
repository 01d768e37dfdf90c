package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/sealto"
	"cofferdam/internal/user"

	"golang.org/x/crypto/argon2"
)

var update = flag.Bool("update", false, "write docs/formats/vectors anew")

const vectorDir = "../../docs/formats/vectors"

// hexBytes is a byte string that the vector files write in hexadecimal.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// load reads a vector file; with -update it writes it first.
func load[T any](t *testing.T, name string, make func() T) T {
	t.Helper()
	path := filepath.Join(vectorDir, name)
	if *update {
		text, err := json.MarshalIndent(make(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var v T
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// seq makes n bytes that tell their place: start, start+1 ...
func seq(start byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = start + byte(i)
	}
	return b
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uidOf(t *testing.T, b []byte) user.ID {
	t.Helper()
	uid, err := user.IDFromBytes(b)
	must(t, err)
	return uid
}

// --- HPKE, P-256

type hpkeVector struct {
	Source      string           `json:"source"`
	AEAD        int              `json:"aead"` // 1 AES-128-GCM, 2 AES-256-GCM
	Info        hexBytes         `json:"info"`
	IkmE        hexBytes         `json:"ikmE"`
	SkEm        hexBytes         `json:"skEm"`
	IkmR        hexBytes         `json:"ikmR"`
	SkRm        hexBytes         `json:"skRm"`
	PkRm        hexBytes         `json:"pkRm"`
	Enc         hexBytes         `json:"enc"`
	Key         hexBytes         `json:"key"`
	BaseNonce   hexBytes         `json:"base_nonce"`
	Encryptions []hpkeEncryption `json:"encryptions"`
}

type hpkeEncryption struct {
	AAD hexBytes `json:"aad"`
	PT  hexBytes `json:"pt"`
	CT  hexBytes `json:"ct"`
}

// TestHPKEVectors checks the reference sender against the base vectors of RFC
// 9180 for DHKEM(P-256, HKDF-SHA256), HKDF-SHA256; the file is not made by us
// and -update leaves it alone.
func TestHPKEVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(vectorDir, "hpke-p256.json"))
	must(t, err)
	var vectors []hpkeVector
	must(t, json.Unmarshal(text, &vectors))
	if len(vectors) != 2 {
		t.Fatalf("%d vectors, want 2", len(vectors))
	}
	for _, v := range vectors {
		h := newRefHPKE(t, v.AEAD)
		skE := h.deriveKeyPair(v.IkmE)
		same(t, "skEm", skE.Bytes(), v.SkEm)
		same(t, "skRm", h.deriveKeyPair(v.IkmR).Bytes(), v.SkRm)
		enc, key, nonce := h.sender(skE, v.PkRm, v.Info, 16*v.AEAD)
		same(t, "enc", enc, v.Enc)
		same(t, "key", key, v.Key)
		same(t, "base_nonce", nonce, v.BaseNonce)
		for i, e := range v.Encryptions {
			same(t, fmt.Sprintf("ct %d", i), h.seal(key, nonce, i, e.AAD, e.PT), e.CT)
		}
	}
}

// --- the sign-in key document

type signinKeyVectors struct {
	Comment       string       `json:"comment"`
	OperatorPoint hexBytes     `json:"operatorPoint"`
	OperatorPEM   string       `json:"operatorPem"`
	Document      string       `json:"document"`
	SignedBytes   hexBytes     `json:"signedBytes"`
	KID           hexBytes     `json:"kid"`
	ValidAt       []int64      `json:"validAt"`
	InvalidAt     []int64      `json:"invalidAt"`
	OtherOperator hexBytes     `json:"otherOperatorPoint"` // whose signature it is not
	Bad           []badDocItem `json:"bad"`
}

type badDocItem struct {
	Why      string `json:"why"`
	Document string `json:"document"`
}

const docFrom, docTo = 1_760_000_000, 1_770_000_000

func makeSigninKeyVectors(t *testing.T) signinKeyVectors {
	op, err := NewOperatorKey()
	must(t, err)
	other, err := NewOperatorKey()
	must(t, err)
	pk := refSigninKey(t).PublicKey().Bytes()
	doc, err := SignSigninKey(op, pk, time.Unix(docFrom, 0), time.Unix(docTo, 0))
	must(t, err)
	text, err := doc.JSON()
	must(t, err)
	pem, err := op.Public().PEM()
	must(t, err)
	kid := sha256.Sum256(pk)
	return signinKeyVectors{
		Comment:       "operatorPoint verifies document; each of bad is refused by it at validAt[0]",
		OperatorPoint: op.Public().Point(), OperatorPEM: string(pem), Document: string(text),
		SignedBytes: cat([]byte("cofferdam/signin-key/v1\x00"), kid[:8], pk, u64(docFrom), u64(docTo)), KID: kid[:8],
		ValidAt: []int64{docFrom, docTo - 1}, InvalidAt: []int64{docFrom - 1, docTo, 0},
		OtherOperator: other.Public().Point(), Bad: badDocs(t, string(text), doc, other),
	}
}

func badDocs(t *testing.T, text string, doc SigninKeyDoc, other OperatorKey) []badDocItem {
	replace := func(why, from, to string) badDocItem {
		out := strings.Replace(text, from, to, 1)
		if out == text {
			t.Fatalf("%s: %q is not in the document", why, from)
		}
		return badDocItem{why, out}
	}
	foreign, err := SignSigninKey(other, doc.PublicKey, doc.NotBefore, doc.NotAfter)
	must(t, err)
	foreignText, err := foreign.JSON()
	must(t, err)
	sig := EncodeBase64(doc.Signature)
	flipped := bytes.Clone(doc.Signature)
	flipped[40] ^= 1
	key := func(b byte) string { return EncodeBase64(append([]byte{b}, doc.PublicKey[1:]...)) }
	return []badDocItem{
		{"empty", ""},
		{"not an object", "[]"},
		{"signed by another operator", string(foreignText)},
		replace("one bit of the signature", sig, EncodeBase64(flipped)),
		replace("signature cut", sig, sig[:84]),
		replace("signature padded", sig, sig+"=="),
		replace("line break in the signature", sig, sig[:40]+"\\n"+sig[40:]),
		replace("later end", `"notAfter":1770000000`, `"notAfter":1780000000`),
		replace("earlier start", `"notBefore":1760000000`, `"notBefore":1750000000`),
		replace("end before start", `"notAfter":1770000000`, `"notAfter":1760000000`),
		replace("other version", `"v":1`, `"v":2`),
		replace("other KEM", `"kem":"P-256"`, `"kem":"X25519"`),
		replace("no KEM", `"kem":"P-256",`, ``),
		replace("key id of another key", `"kid":"`+EncodeBase64(doc.kidBytes()), `"kid":"`+EncodeBase64(seq(1, 8))),
		replace("compressed point", EncodeBase64(doc.PublicKey), key(2)),
		replace("point not on the curve", EncodeBase64(doc.PublicKey), EncodeBase64(append([]byte{4}, seq(1, 64)...))),
		replace("fraction", `"notBefore":1760000000`, `"notBefore":1760000000.5`),
		replace("number as text", `"notBefore":1760000000`, `"notBefore":"1760000000"`),
		{"two documents", text + text},
	}
}

func (d SigninKeyDoc) kidBytes() []byte { kid := d.KID(); return kid[:] }

// refSigninKey is porter's key in the vectors.
func refSigninKey(t *testing.T) *ecdh.PrivateKey {
	sk, err := ecdh.P256().NewPrivateKey(seq(0x11, 32))
	must(t, err)
	return sk
}

func TestSigninKeyVectors(t *testing.T) {
	v := load(t, "signin-key.json", func() signinKeyVectors { return makeSigninKeyVectors(t) })
	op, err := ParseOperatorPoint(v.OperatorPoint)
	must(t, err)
	fromPEM, err := ParseOperatorPublic([]byte(v.OperatorPEM))
	must(t, err)
	same(t, "operator key in PEM", fromPEM.Point(), op.Point())
	doc, err := ParseSigninKeyDoc([]byte(v.Document))
	must(t, err)
	same(t, "kid", doc.kidBytes(), v.KID)
	same(t, "signed bytes", doc.signedBytes(), v.SignedBytes)
	for _, at := range v.ValidAt {
		if err := doc.Verify(op, time.Unix(at, 0)); err != nil {
			t.Errorf("at %d: %v", at, err)
		}
	}
	for _, at := range v.InvalidAt {
		wantErr(t, fmt.Sprint("at ", at), doc.Verify(op, time.Unix(at, 0)), ErrExpired)
	}
	other, err := ParseOperatorPoint(v.OtherOperator)
	must(t, err)
	wantErr(t, "another operator", doc.Verify(other, time.Unix(v.ValidAt[0], 0)), ErrSignature)
	for _, bad := range v.Bad {
		d, err := ParseSigninKeyDoc([]byte(bad.Document))
		if err == nil {
			err = d.Verify(op, time.Unix(v.ValidAt[0], 0))
		}
		if err == nil {
			t.Errorf("%s: verified", bad.Why)
		}
	}
}

// --- the sign-in box

type signinBoxVectors struct {
	SkR       hexBytes       `json:"skR"`
	PkR       hexBytes       `json:"pkR"`
	KID       hexBytes       `json:"kid"`
	Info      hexBytes       `json:"info"`
	Boxes     []signinBox    `json:"boxes"`
	BadPlain  []badPlain     `json:"badPlaintexts"`
	Challenge challengeItems `json:"challenge"`
}

type signinBox struct {
	Name      string   `json:"name"`
	SkE       hexBytes `json:"skE"`
	Challenge hexBytes `json:"challenge"`
	Kind      int      `json:"kind"`
	Login     string   `json:"login"`
	Secret    string   `json:"secret"` // UTF-8
	Plaintext hexBytes `json:"plaintext"`
	Enc       hexBytes `json:"enc"`
	CT        hexBytes `json:"ct"`
}

type badPlain struct {
	Why       string   `json:"why"`
	Plaintext hexBytes `json:"plaintext"`
}

type challengeItems struct {
	Key       hexBytes `json:"key"`
	Seconds   int64    `json:"seconds"`
	Challenge hexBytes `json:"challenge"`
}

func makeSigninBoxVectors(t *testing.T) signinBoxVectors {
	skR := refSigninKey(t)
	pkR := skR.PublicKey().Bytes()
	kid := sha256.Sum256(pkR)
	v := signinBoxVectors{SkR: skR.Bytes(), PkR: pkR, KID: kid[:8], Info: cat([]byte("cofferdam/signin/v1\x00"), kid[:8])}
	mac := refMAC(seq(0x61, 32), []byte("cofferdam/challenge/v1\x00"), u64(docFrom))
	v.Challenge = challengeItems{seq(0x61, 32), docFrom, cat(u64(docFrom), mac[:16])}
	for i, c := range []struct{ name, login, secret string }{
		{"short", "anna@example.org", "correct horse"},
		{"one byte each", "a", "b"},
		{"not ASCII", "zoë@xn--bcher-kva.example", "pässwörd 密碼 🔑"},
		{"exactly one block", "anna@example.org", strings.Repeat("p", 256-6-16)},
		{"one byte over a block", "anna@example.org", strings.Repeat("p", 256-6-16+1)},
		{"zero bytes inside", "anna@example.org", "a\x00b\x00"},
		{"largest", strings.Repeat("l", 512), strings.Repeat("s", 8192)},
	} {
		v.Boxes = append(v.Boxes, refSignin(t, v, c.name, byte(i), c.login, c.secret))
	}
	good := v.Boxes[0].Plaintext
	change := func(why string, at int, b byte) {
		p := bytes.Clone(good)
		p[at] = b
		v.BadPlain = append(v.BadPlain, badPlain{why, p})
	}
	change("version", 0, 2)
	change("unknown kind", 1, 9)
	change("a token, which pages do not seal", 1, 2)
	change("padding not zero", 255, 1)
	change("length beyond the end", 2, 0xff)
	v.BadPlain = append(v.BadPlain,
		badPlain{"a block of padding too many", cat(good, make([]byte, 256))},
		badPlain{"not whole blocks", good[:200]},
		badPlain{"empty login", cat([]byte{1, 1, 0, 0, 0, 1, 'x'}, make([]byte, 249))},
		badPlain{"empty secret", cat([]byte{1, 1, 0, 1, 'x', 0, 0}, make([]byte, 249))},
		badPlain{"nothing", nil})
	return v
}

func refSignin(t *testing.T, v signinBoxVectors, name string, n byte, login, secret string) signinBox {
	plain := cat(u8(1), u8(1), u16(len(login)), []byte(login), u16(len(secret)), []byte(secret))
	for len(plain)%256 != 0 {
		plain = append(plain, 0)
	}
	h := newRefHPKE(t, 2)
	skE := h.deriveKeyPair(seq(n, 32))
	enc, key, nonce := h.sender(skE, v.PkR, v.Info, 32)
	return signinBox{name, skE.Bytes(), hexBytes(v.Challenge.Challenge), 1, login, secret, plain, enc, h.seal(key, nonce, 0, v.Challenge.Challenge, plain)}
}

func TestSigninBoxVectors(t *testing.T) {
	v := load(t, "signin-box.json", func() signinBoxVectors { return makeSigninBoxVectors(t) })
	k, err := ParseSigninKey(v.SkR)
	must(t, err)
	same(t, "pkR", k.Public(), v.PkR)
	kid := KID(v.PkR)
	same(t, "kid", kid[:], v.KID)
	same(t, "info", signinInfo(kid), v.Info)
	for _, b := range v.Boxes {
		again := refSignin(t, v, b.Name, 0, b.Login, b.Secret)
		same(t, b.Name+": plaintext", again.Plaintext, b.Plaintext)
		own, err := encodeCredential(Credential{KindPassword, b.Login, NewSecret([]byte(b.Secret))})
		must(t, err)
		same(t, b.Name+": our plaintext", own, b.Plaintext)
		skE, err := ecdh.P256().NewPrivateKey(b.SkE)
		must(t, err)
		h := newRefHPKE(t, 2)
		enc, key, nonce := h.sender(skE, v.PkR, v.Info, 32)
		same(t, b.Name+": enc", enc, b.Enc)
		same(t, b.Name+": ct", h.seal(key, nonce, 0, b.Challenge, b.Plaintext), b.CT)
		c, err := k.Open(SigninBox{v.KID, b.Enc, b.CT, b.Challenge})
		if err != nil || c.Kind != KindPassword || c.Login != b.Login || string(c.Secret.Reveal()) != b.Secret {
			t.Errorf("%s: opened as %q, %v", b.Name, c.Login, err)
		}
	}
	for _, b := range v.BadPlain {
		h := newRefHPKE(t, 2)
		enc, key, nonce := h.sender(h.deriveKeyPair(seq(99, 32)), v.PkR, v.Info, 32)
		_, err := k.Open(SigninBox{v.KID, enc, h.seal(key, nonce, 0, v.Challenge.Challenge, b.Plaintext), v.Challenge.Challenge})
		wantErr(t, b.Why, err, ErrFormat)
	}
	ck, err := keyFrom(v.Challenge.Key)
	must(t, err)
	same(t, "challenge", (&Challenges{key: ck}).issue(v.Challenge.Seconds), v.Challenge.Challenge)
}

// --- password slot and key pair

type slotVector struct {
	Password  string   `json:"password"`
	UID       hexBytes `json:"uid"`
	Header    hexBytes `json:"header"`
	Prehash   hexBytes `json:"prehash"`
	A         hexBytes `json:"a"`
	V         hexBytes `json:"v"`
	Pepper    hexBytes `json:"pepper"`
	P         hexBytes `json:"p"`
	KEK       hexBytes `json:"kek"`
	UMK       hexBytes `json:"umk"`
	InnerAAD  hexBytes `json:"innerAad"`
	InnerIV   hexBytes `json:"innerNonce"`
	Inner     hexBytes `json:"inner"`
	Shred     hexBytes `json:"shred"`
	OuterAAD  hexBytes `json:"outerAad"`
	OuterIV   hexBytes `json:"outerNonce"`
	Slot      hexBytes `json:"slot"`
	LoginKey  hexBytes `json:"loginKey"`
	Login     string   `json:"login"`
	LoginID   hexBytes `json:"loginId"`
	PrivKey   hexBytes `json:"privateKey"`
	PublicKey hexBytes `json:"publicKey"`
	PairIV    hexBytes `json:"pairNonce"`
	Pair      hexBytes `json:"sealedPrivateKey"`
	VaultKey  hexBytes `json:"vaultKey"`
	VaultNum  int64    `json:"vaultKeyNumber"`
	WrapIV    hexBytes `json:"wrapNonce"`
	WrapShred hexBytes `json:"wrappedShred"`
	WrapPep   hexBytes `json:"wrappedPepper"` // version 2
	WrapLogin hexBytes `json:"wrappedLoginKey"`
}

func makeSlotVector(t *testing.T, password string) slotVector {
	v := slotVector{
		Password: password, UID: seq(0x10, 16), Pepper: seq(0x20, 32), UMK: seq(0x40, 32), Shred: seq(0x60, 32),
		InnerIV: seq(0x80, 24), OuterIV: seq(0x90, 24), LoginKey: seq(0xa0, 32), Login: "anna@example.org",
		PrivKey: seq(0xc0, 32), PairIV: seq(0xd0, 24), VaultKey: seq(0xe0, 32), VaultNum: 7, WrapIV: seq(0xf0, 24),
	}
	v.Header = cat(u8(1), u8(1), u32(3), u64(1), u32(64<<10), u32(3), u8(1), seq(0x30, 16), u32(2))
	pre := sha256.Sum256([]byte("cofferdam/password/v1\x00" + password))
	v.Prehash = pre[:]
	v.A = argon2.IDKey(pre[:], seq(0x30, 16), 3, 64<<10, 1, 32)
	v.V = refExpand(t, v.A, []byte("cofferdam/pw-vault/v1"))
	v.P = refMAC(v.Pepper, []byte("pep/v1"), v.UID, v.V)
	v.KEK = refHKDF(t, cat(v.A, v.P), "cofferdam/kek-pw/v1")
	v.InnerAAD = cat([]byte("cofferdam/slot-inner/v1\x00"), v.UID, u8(len(v.Header)), v.Header)
	v.Inner = refBox(t, v.KEK, v.InnerIV, v.InnerAAD, v.UMK)
	v.OuterAAD = cat([]byte("cofferdam/slot-outer/v1\x00"), v.UID, u8(len(v.Header)), v.Header)
	v.Slot = cat(v.Header, refBox(t, v.Shred, v.OuterIV, v.OuterAAD, v.Inner))
	v.LoginID = refMAC(v.LoginKey, []byte("cofferdam/login/v1\x00"), []byte(v.Login))
	sk, err := ParsePrivateKey(v.PrivKey)
	must(t, err)
	v.PublicKey = sk.Public().Bytes()
	v.Pair = cat(u8(1), refBox(t, refExpand(t, v.UMK, []byte("cofferdam/user-pair/v1")), v.PairIV,
		cat([]byte("cofferdam/user-pair/v1\x00"), v.UID, u64(1), u32(len(v.PublicKey)), v.PublicKey), v.PrivKey))
	wrap := func(what string, name, key []byte) []byte {
		aad := cat([]byte("cofferdam/vault-wrap/v1\x00"), u8(len(what)), []byte(what), u64(v.VaultNum), u8(len(name)), name)
		return cat(u8(1), refBox(t, v.VaultKey, v.WrapIV, aad, key))
	}
	v.WrapShred, v.WrapPep, v.WrapLogin = wrap("shred", v.UID, v.Shred), wrap("pepper", u64(2), v.Pepper), wrap("login", nil, v.LoginKey)
	return v
}

func TestSlotVectors(t *testing.T) {
	all := load(t, "slot.json", func() []slotVector {
		return []slotVector{makeSlotVector(t, "correct horse"), makeSlotVector(t, "pässwörd 密碼 🔑")}
	})
	for _, v := range all {
		again := makeSlotVector(t, v.Password)
		same(t, "slot, written again", again.Slot, v.Slot)
		same(t, "key pair, written again", again.Pair, v.Pair)
		h, header, outer, err := SplitSlot(v.Slot)
		must(t, err)
		same(t, "header", header, v.Header)
		same(t, "header, written", h.Bytes(), v.Header)
		a, err := NewStretcher(1).Stretch(t.Context(), NewSecret([]byte(v.Password)), h.Salt[:], h.Stretch)
		must(t, err)
		same(t, "A", a.Reveal(), v.A)
		proof, err := a.Proof()
		must(t, err)
		same(t, "V", proof.Reveal(), v.V)
		pepper, err := ParsePepperKey(v.Pepper)
		must(t, err)
		p, err := pepper.Pepper(uidOf(t, v.UID), proof)
		must(t, err)
		same(t, "P", p.Reveal(), v.P)
		kek, err := PasswordKEK(a, p)
		must(t, err)
		same(t, "KEK", kek.Reveal(), v.KEK)
		shred := ShredKey{testKey(t, v.Shred)}
		inner, err := shred.OpenOuter(uidOf(t, v.UID), header, outer)
		must(t, err)
		same(t, "inner", inner, v.Inner)
		umk, err := kek.OpenInner(uidOf(t, v.UID), h, inner)
		must(t, err)
		same(t, "UMK", umk.Reveal(), v.UMK)
		checkVaultVector(t, v)
		checkPairVector(t, umk, v)
	}
}

func checkVaultVector(t *testing.T, v slotVector) {
	login, err := ParseLoginKey(v.LoginKey)
	must(t, err)
	id, err := login.LoginID(v.Login)
	must(t, err)
	same(t, "login id", id[:], v.LoginID)
	vk, err := ParseVaultKey(v.VaultKey)
	must(t, err)
	s, err := vk.UnwrapShred(v.VaultNum, uidOf(t, v.UID), v.WrapShred)
	must(t, err)
	same(t, "unwrapped shred key", s.Reveal(), v.Shred)
	p, err := vk.UnwrapPepper(v.VaultNum, 2, v.WrapPep)
	must(t, err)
	same(t, "unwrapped pepper", p.Reveal(), v.Pepper)
	l, err := vk.UnwrapLogin(v.VaultNum, v.WrapLogin)
	must(t, err)
	same(t, "unwrapped login key", l.Reveal(), v.LoginKey)
}

func checkPairVector(t *testing.T, umk UMK, v slotVector) {
	pk, err := sealto.ParsePublicKey(v.PublicKey)
	must(t, err)
	sk, err := umk.OpenPair(uidOf(t, v.UID), 1, pk, v.Pair)
	must(t, err)
	same(t, "private key", sk.Reveal(), v.PrivKey)
	same(t, "public key", sk.Public().Bytes(), v.PublicKey)
}

// --- records and roots

type recordVectors struct {
	UMK     hexBytes       `json:"umk"`
	UID     hexBytes       `json:"uid"`
	Classes []classVector  `json:"classes"`
	Records []recordVector `json:"records"`
	Root    rootVector     `json:"root"`
	Buckets [][2]int       `json:"buckets"` // bytes of length field and plaintext, padded bytes
}

type classVector struct {
	Class      string   `json:"class"`
	Generation int64    `json:"generation"`
	Key        hexBytes `json:"key"`
}

type recordVector struct {
	Class      string   `json:"class"`
	Generation int64    `json:"generation"`
	ID         hexBytes `json:"id"`
	Revision   int64    `json:"revision"`
	Nonce      hexBytes `json:"nonce"`
	AAD        hexBytes `json:"aad"`
	Plaintext  hexBytes `json:"plaintext"`
	Sealed     hexBytes `json:"sealed"`
}

type rootVector struct {
	Class      string       `json:"class"`
	Generation int64        `json:"generation"`
	Records    []rootRecord `json:"records"`
	Count      int64        `json:"count"`
	Counter    int64        `json:"counter"`
	Sum        hexBytes     `json:"sum"`
	Nonce      hexBytes     `json:"nonce"`
	Sealed     hexBytes     `json:"sealed"`
}

type rootRecord struct {
	ID       hexBytes `json:"id"`
	Revision int64    `json:"revision"`
	Tag      hexBytes `json:"tag"`
}

func refClassKey(t *testing.T, umk []byte, class string, generation int64) []byte {
	return refExpand(t, umk, cat([]byte("cofferdam/"+class+"/v1"), u64(generation)))
}

func makeRecordVectors(t *testing.T) recordVectors {
	v := recordVectors{UMK: seq(0x40, 32), UID: seq(0x10, 16)}
	for _, c := range []Class{ClassMail, ClassContacts, ClassSettings, ClassOutbox, ClassAuth} {
		v.Classes = append(v.Classes, classVector{string(c), 1, refClassKey(t, v.UMK, string(c), 1)})
	}
	v.Classes = append(v.Classes, classVector{"mail", 2, refClassKey(t, v.UMK, "mail", 2)})
	for i, r := range []recordVector{
		{Class: "contacts", Generation: 1, ID: seq(1, 16), Revision: 1, Plaintext: []byte(`{"name":"Zoë"}`)},
		{Class: "contacts", Generation: 1, ID: seq(1, 16), Revision: 2, Plaintext: nil},
		{Class: "outbox", Generation: 2, ID: []byte("x"), Revision: 1 << 40, Plaintext: bytes.Repeat([]byte("o"), 252)},
		{Class: "mail", Generation: 1, ID: seq(1, 64), Revision: 9, Plaintext: bytes.Repeat([]byte("m"), 253)},
	} {
		r.Nonce = seq(byte(16*i), 24)
		r.AAD = cat([]byte("cofferdam/record/v1\x00"), v.UID, u8(len(r.Class)), []byte(r.Class), u8(len(r.ID)), r.ID, u64(r.Revision), u64(r.Generation))
		r.Sealed = cat(u8(1), refBox(t, refClassKey(t, v.UMK, r.Class, r.Generation), r.Nonce, r.AAD, refPad(r.Plaintext)))
		v.Records = append(v.Records, r)
	}
	for _, n := range []int{4, 256, 257, 320, 321, 512, 513, 576, 577, 1024, 1025, 1152, 1153, 4096, 4097, 100_000, 4<<20 + 4} {
		v.Buckets = append(v.Buckets, [2]int{n, len(refPad(make([]byte, n-4)))})
	}
	v.Root = makeRootVector(t, v)
	return v
}

func makeRootVector(t *testing.T, v recordVectors) rootVector {
	r := rootVector{Class: "contacts", Generation: 1, Counter: 5, Nonce: seq(0x70, 24)}
	key := refClassKey(t, v.UMK, r.Class, r.Generation)
	tagKey := refExpand(t, key, []byte("cofferdam/root-tag/v1"))
	sum := make([]byte, 32)
	for i, rev := range []int64{1, 4, 2} {
		id := seq(byte(i), 16)
		tag := refMAC(tagKey, []byte("cofferdam/root-tag/v1\x00"), u8(len(id)), id, u64(rev))
		r.Records = append(r.Records, rootRecord{id, rev, tag})
		carry := 0
		for j := 31; j >= 0; j-- {
			n := int(sum[j]) + int(tag[j]) + carry
			sum[j], carry = byte(n%256), n/256
		}
		r.Count++
	}
	r.Sum = sum
	aad := cat([]byte("cofferdam/class-root/v1\x00"), v.UID, u8(len(r.Class)), []byte(r.Class), u64(r.Generation), u64(r.Counter))
	r.Sealed = cat(u8(1), refBox(t, refExpand(t, key, []byte("cofferdam/root-box/v1")), r.Nonce, aad, cat(u64(r.Count), u64(r.Counter), r.Sum)))
	return r
}

func TestRecordVectors(t *testing.T) {
	v := load(t, "record.json", func() recordVectors { return makeRecordVectors(t) })
	again := makeRecordVectors(t)
	umk, err := ParseUMK(v.UMK)
	must(t, err)
	uid := uidOf(t, v.UID)
	for _, c := range v.Classes {
		k, err := umk.ClassKey(uid, Class(c.Class), c.Generation)
		must(t, err)
		same(t, "class key "+c.Class, k.Reveal(), c.Key)
	}
	for i, r := range v.Records {
		same(t, "record, written again", again.Records[i].Sealed, r.Sealed)
		k, err := umk.ClassKey(uid, Class(r.Class), r.Generation)
		must(t, err)
		same(t, "record AAD", k.recordAAD(r.ID, r.Revision), r.AAD)
		got, err := k.OpenRecord(r.ID, r.Revision, r.Sealed)
		must(t, err)
		same(t, "record", got, r.Plaintext)
	}
	for _, b := range v.Buckets {
		if got := bucket(b[0]); got != b[1] {
			t.Errorf("bucket(%d) = %d, want %d", b[0], got, b[1])
		}
	}
	checkRootVector(t, umk, uid, v.Root)
	same(t, "root, written again", again.Root.Sealed, v.Root.Sealed)
}

func checkRootVector(t *testing.T, umk UMK, uid user.ID, v rootVector) {
	k, err := umk.ClassKey(uid, Class(v.Class), v.Generation)
	must(t, err)
	got, err := k.OpenRoot(v.Counter, v.Sealed)
	must(t, err)
	if got.Count != v.Count || got.Counter != v.Counter || !bytes.Equal(got.Sum[:], v.Sum) {
		t.Errorf("root %+v, want %+v", got, v)
	}
	var r Root
	for _, x := range v.Records {
		tag, err := k.rootTag(x.ID, x.Revision)
		must(t, err)
		same(t, "tag", tag[:], x.Tag)
		must(t, k.Add(&r, x.ID, x.Revision))
	}
	same(t, "sum", r.Sum[:], v.Sum)
}

// --- session envelope

type sessionVector struct {
	Name       string   `json:"name"`
	Token      string   `json:"token"`
	SID        hexBytes `json:"sid"`
	SKey       hexBytes `json:"skey"`
	Hash       hexBytes `json:"hash"`
	UID        hexBytes `json:"uid"`
	Epoch      int64    `json:"epoch"`
	EpochKey   hexBytes `json:"epochKey"`
	UMK        hexBytes `json:"umk"`        // empty: none
	Credential hexBytes `json:"credential"` // empty: none
	Expiry     int64    `json:"expiry"`
	InnerKey   hexBytes `json:"innerKey"`
	Plaintext  hexBytes `json:"plaintext"` // before padding
	InnerIV    hexBytes `json:"innerNonce"`
	Inner      hexBytes `json:"inner"`
	OuterIV    hexBytes `json:"outerNonce"`
	Envelope   hexBytes `json:"envelope"`
}

func makeSessionVector(t *testing.T, name string, umk, credential []byte, expiry int64) sessionVector {
	v := sessionVector{Name: name, SID: seq(1, 16), SKey: seq(0x21, 32), UID: seq(0x10, 16), Epoch: 1_760_000_000_000, EpochKey: seq(0x51, 32),
		UMK: umk, Credential: credential, Expiry: expiry, InnerIV: seq(0x71, 24), OuterIV: seq(0x91, 24)}
	v.Token = EncodeBase64(cat(v.SID, v.SKey))
	h := sha256.Sum256(v.SID)
	v.Hash = h[:]
	flags, key := byte(0), make([]byte, 32)
	if umk != nil {
		flags |= 1
		copy(key, umk)
	}
	if credential != nil {
		flags |= 2
	}
	v.Plaintext = cat([]byte{flags}, key, u64(expiry), credential)
	v.InnerKey = refHKDF(t, v.SKey, "cofferdam/session/v1")
	v.Inner = cat(u8(1), refBox(t, v.InnerKey, v.InnerIV, cat([]byte("cofferdam/session-inner/v1\x00"), h[:], v.UID), refPad(v.Plaintext)))
	v.Envelope = cat(u8(1), u64(v.Epoch), refBox(t, v.EpochKey, v.OuterIV, cat([]byte("cofferdam/session-outer/v1\x00"), h[:], v.UID, u64(v.Epoch)), v.Inner))
	return v
}

func TestSessionVectors(t *testing.T) {
	const year9999 = 253_402_300_799 // the vectors must not expire
	all := load(t, "session.json", func() []sessionVector {
		return []sessionVector{
			makeSessionVector(t, "whole", seq(0x40, 32), seq(0, 200), year9999),
			makeSessionVector(t, "sealed data locked", nil, seq(0, 200), year9999),
			makeSessionVector(t, "no credential", seq(0x40, 32), nil, year9999),
			makeSessionVector(t, "expired", seq(0x40, 32), nil, 1_000_000_000),
		}
	})
	for _, v := range all {
		same(t, v.Name+": written again", makeSessionVector(t, v.Name, nilIfEmpty(v.UMK), nilIfEmpty(v.Credential), v.Expiry).Envelope, v.Envelope)
		token, err := ParseSessionText(v.Token)
		must(t, err)
		if token.Text() != v.Token {
			t.Errorf("token reads back as another")
		}
		h := token.Hash()
		same(t, "hash", h[:], v.Hash)
		e, err := ParseEpoch(v.Epoch, time.Unix(1, 0), v.EpochKey)
		must(t, err)
		s, err := OpenSession(e, token, uidOf(t, v.UID), v.Envelope)
		if v.Name == "expired" {
			wantErr(t, v.Name, err, ErrExpired)
			continue
		}
		must(t, err)
		same(t, v.Name+": UMK", s.UMK.Reveal(), v.UMK)
		same(t, v.Name+": credential", s.Credential, v.Credential)
		if s.Expiry.Unix() != v.Expiry {
			t.Errorf("%s: expiry %d, want %d", v.Name, s.Expiry.Unix(), v.Expiry)
		}
	}
}

func nilIfEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// --- boxes sealed to a public key

type sealtoVectors struct {
	PrivKey    hexBytes `json:"privateKey"`
	PublicKey  hexBytes `json:"publicKey"`
	Label      string   `json:"label"`
	Info       hexBytes `json:"info"`
	AAD        hexBytes `json:"aad"`
	Plaintext  hexBytes `json:"plaintext"`
	Box        hexBytes `json:"box"`
	Credential hexBytes `json:"credentialBox"` // label credential/v1
	Login      string   `json:"login"`
	Secret     string   `json:"secret"`
}

// makeSealtoVectors lets HPKE choose the encapsulation: it can't be given one, so
// these vectors are for opening.
func makeSealtoVectors(t *testing.T) sealtoVectors {
	sk, err := ParsePrivateKey(seq(0xc0, 32))
	must(t, err)
	v := sealtoVectors{PrivKey: seq(0xc0, 32), PublicKey: sk.Public().Bytes(), Label: "vector/v1", Info: []byte("cofferdam/sealto/v1\x00vector/v1"),
		AAD: []byte("aad"), Plaintext: []byte("plaintext"), Login: "anna@example.org", Secret: "correct horse"}
	v.Box, err = sealto.Seal(sk.Public(), "vector/v1", v.AAD, v.Plaintext)
	must(t, err)
	v.Credential, err = SealCredential(sk.Public(), Credential{KindPassword, v.Login, NewSecret([]byte(v.Secret))})
	must(t, err)
	return v
}

func TestSealtoVectors(t *testing.T) {
	v := load(t, "sealed-box.json", func() sealtoVectors { return makeSealtoVectors(t) })
	sk, err := ParsePrivateKey(v.PrivKey)
	must(t, err)
	same(t, "public key", sk.Public().Bytes(), v.PublicKey)
	same(t, "info", sealto.Info(sealto.Label(v.Label)), v.Info)
	kid := sha256.Sum256(v.PublicKey)
	same(t, "version and key id", v.Box[:9], cat(u8(1), kid[:8]))
	got, err := sk.Open(sealto.Label(v.Label), v.AAD, v.Box)
	must(t, err)
	same(t, "plaintext", got, v.Plaintext)
	c, err := sk.OpenCredential(v.Login, v.Credential)
	if err != nil || c.Login != v.Login || string(c.Secret.Reveal()) != v.Secret {
		t.Errorf("credential of %q, %v", c.Login, err)
	}
}

func testKey(t testing.TB, b []byte) key {
	t.Helper()
	k, err := keyFrom(b)
	must(t, err)
	return k
}
