package seal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"cofferdam/internal/user"
)

// everyBit calls open with each single bit of box flipped and each end cut; none
// may open.
func everyBit(t *testing.T, what string, box []byte, open func([]byte) error) {
	t.Helper()
	if err := open(box); err != nil {
		t.Fatalf("%s: does not open untouched: %v", what, err)
	}
	for i := range box {
		for _, mask := range []byte{0x01, 0x80} {
			bad := bytes.Clone(box)
			bad[i] ^= mask
			if err := open(bad); err == nil {
				t.Fatalf("%s: byte %d of %d changed and it opens", what, i, len(box))
			}
		}
		if err := open(box[:i]); err == nil {
			t.Fatalf("%s: cut to %d of %d bytes and it opens", what, i, len(box))
		}
	}
	if err := open(append(bytes.Clone(box), 0)); err == nil {
		t.Fatalf("%s: a byte too many and it opens", what)
	}
}

func testUser(b byte) user.ID { return user.ID(seq(b, user.IDSize)) }

func TestRecordIsBoundToItsPlace(t *testing.T) {
	umk, uid := NewUMK(), testUser(1)
	k := mustClassKey(t, umk, uid, ClassContacts, 1)
	id := []byte("record")
	box, err := k.SealRecord(id, 3, []byte("content"))
	must(t, err)
	got, err := k.OpenRecord(id, 3, box)
	if err != nil || string(got) != "content" {
		t.Fatalf("opened %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"other id":       func() ([]byte, error) { return k.OpenRecord([]byte("recorD"), 3, box) },
		"older revision": func() ([]byte, error) { return k.OpenRecord(id, 2, box) },
		"other class": func() ([]byte, error) {
			return mustClassKey(t, umk, uid, ClassSettings, 1).OpenRecord(id, 3, box)
		},
		"other generation": func() ([]byte, error) {
			return mustClassKey(t, umk, uid, ClassContacts, 2).OpenRecord(id, 3, box)
		},
		"other person": func() ([]byte, error) {
			return mustClassKey(t, umk, testUser(2), ClassContacts, 1).OpenRecord(id, 3, box)
		},
		"other key": func() ([]byte, error) {
			return mustClassKey(t, NewUMK(), uid, ClassContacts, 1).OpenRecord(id, 3, box)
		},
		// The same key, claimed for another place: the AAD must tell.
		"same key, other class": func() ([]byte, error) {
			return mustParseClassKey(t, uid, ClassSettings, 1, k).OpenRecord(id, 3, box)
		},
		"same key, other person": func() ([]byte, error) {
			return mustParseClassKey(t, testUser(2), ClassContacts, 1, k).OpenRecord(id, 3, box)
		},
		"same key, other generation": func() ([]byte, error) {
			return mustParseClassKey(t, uid, ClassContacts, 2, k).OpenRecord(id, 3, box)
		},
	} {
		_, err := try()
		wantErr(t, name, err, ErrOpen)
	}
	everyBit(t, "record", box, func(b []byte) error { _, err := k.OpenRecord(id, 3, b); return err })
}

func mustClassKey(t testing.TB, umk UMK, uid user.ID, c Class, generation int64) ClassKey {
	t.Helper()
	k, err := umk.ClassKey(uid, c, generation)
	must(t, err)
	return k
}

func mustParseClassKey(t testing.TB, uid user.ID, c Class, generation int64, from ClassKey) ClassKey {
	t.Helper()
	k, err := ParseClassKey(uid, c, generation, from.Reveal())
	must(t, err)
	return k
}

func TestRecordLimits(t *testing.T) {
	k := mustClassKey(t, NewUMK(), testUser(1), ClassMail, 1)
	_, err := k.SealRecord([]byte("x"), 1, make([]byte, MaxRecord+1))
	wantErr(t, "too large", err, ErrLimit)
	box, err := k.SealRecord([]byte("x"), 1, make([]byte, MaxRecord))
	must(t, err)
	if _, err = k.OpenRecord([]byte("x"), 1, box); err != nil {
		t.Errorf("the largest record: %v", err)
	}
	_, err = k.OpenRecord([]byte("x"), 1, append(box, 0))
	wantErr(t, "opening a larger one", err, ErrLimit)
	for name, id := range map[string][]byte{"no id": nil, "long id": make([]byte, MaxRecordID+1)} {
		_, err := k.SealRecord(id, 1, nil)
		wantErr(t, name, err, ErrLimit)
		_, err = k.OpenRecord(id, 1, box)
		wantErr(t, name, err, ErrLimit)
	}
	_, err = k.SealRecord([]byte("x"), 0, nil)
	wantErr(t, "revision 0", err, ErrLimit)
	for name, c := range map[string]struct {
		uid   user.ID
		class Class
		gen   int64
	}{"nobody": {user.ID{}, ClassMail, 1}, "no generation": {testUser(1), ClassMail, 0}, "unknown class": {testUser(1), "other", 1}} {
		_, err := NewUMK().ClassKey(c.uid, c.class, c.gen)
		wantErr(t, name, err, ErrFormat)
		_, err = ParseClassKey(c.uid, c.class, c.gen, seq(1, 32))
		wantErr(t, name+", parsed", err, ErrFormat)
	}
}

// Neighbouring sizes look alike, and padding costs at most what is promised.
func TestBuckets(t *testing.T) {
	last := 0
	for n := padHeader; n < 70_000; n++ {
		b := bucket(n)
		if b < n || b < last || b > smallestBucket && b > n+max(smallestStep, n/8) {
			t.Fatalf("bucket(%d) = %d after %d", n, b, last)
		}
		last = b
	}
	k := mustClassKey(t, NewUMK(), testUser(1), ClassContacts, 1)
	var sizes []int
	for _, n := range []int{0, 20, 120, 252} {
		box, err := k.SealRecord([]byte("x"), 1, make([]byte, n))
		must(t, err)
		sizes = append(sizes, len(box))
	}
	if sizes[0] != sizes[1] || sizes[1] != sizes[2] || sizes[2] != sizes[3] || sizes[0] != smallestBucket+RecordOverhead {
		t.Errorf("small records have sizes %v, want one", sizes)
	}
}

func TestUnpadIsStrict(t *testing.T) {
	good := pad([]byte("content"))
	for name, change := range map[string]func([]byte) []byte{
		"empty":              func([]byte) []byte { return nil },
		"no bucket":          func(b []byte) []byte { return append(b, 0) },
		"larger bucket":      func(b []byte) []byte { return append(b, make([]byte, 64)...) },
		"padding":            func(b []byte) []byte { b[255] = 1; return b },
		"right after":        func(b []byte) []byte { b[4+7] = 1; return b },
		"length of more":     func(b []byte) []byte { b[2] = 1; return b },
		"length of too much": func(b []byte) []byte { copy(b, "\xff\xff\xff\xff"); return b },
	} {
		_, err := unpad(change(bytes.Clone(good)))
		wantErr(t, name, err, ErrFormat)
	}
}

func TestSlotIsBoundToItsPlace(t *testing.T) {
	uid, h := testUser(1), NewSlotHeader(1, 1, 1)
	kek, shred, umk := KEK{newKey()}, NewShredKey(), NewUMK()
	inner, err := kek.SealInner(uid, h, umk)
	must(t, err)
	outer, err := shred.SealOuter(uid, h.Bytes(), inner)
	must(t, err)
	slot, err := JoinSlot(h, outer)
	must(t, err)
	if len(inner) != SlotInnerSize || len(outer) != SlotOuterSize || len(slot) != SlotSize {
		t.Errorf("sizes %d, %d, %d", len(inner), len(outer), len(slot))
	}
	everyBit(t, "slot", slot, func(b []byte) error {
		h, header, outer, err := SplitSlot(b)
		if err != nil {
			return err
		}
		inner, err := shred.OpenOuter(uid, header, outer)
		if err != nil {
			return err
		}
		got, err := kek.OpenInner(uid, h, inner)
		if err == nil && !Equal(got, umk) {
			return errors.New("another key")
		}
		return err
	})
	_, err = shred.OpenOuter(testUser(2), h.Bytes(), outer)
	wantErr(t, "another person's outer layer", err, ErrOpen)
	_, err = kek.OpenInner(testUser(2), h, inner)
	wantErr(t, "another person's inner layer", err, ErrOpen)
	moved := h
	moved.Number = 2
	_, err = kek.OpenInner(uid, moved, inner)
	wantErr(t, "another slot", err, ErrOpen)
}

func TestSlotHeaderIsStrict(t *testing.T) {
	h := NewSlotHeader(1, 1, 1)
	good := h.Bytes()
	if back, err := ParseSlotHeader(good); err != nil || back != h {
		t.Fatalf("reads back as %+v, %v", back, err)
	}
	for _, kind := range []SlotKind{0, SlotPasskey, SlotRecovery, SlotSSO, SlotEscrow, 6, 255} {
		b := bytes.Clone(good)
		b[1] = byte(kind)
		_, err := ParseSlotHeader(b)
		wantErr(t, fmt.Sprint("kind ", kind), err, ErrSlotKind)
		_, _, _, err = SplitSlot(b)
		wantErr(t, fmt.Sprint("slot of kind ", kind), err, ErrSlotKind)
	}
	weak := h
	weak.Stretch.Memory = 8
	_, err := ParseSlotHeader(weak.Bytes())
	wantErr(t, "parameters made cheap", err, ErrLimit)
	for name, bad := range map[string]SlotHeader{"generation": {Number: 1, Stretch: h.Stretch, Pepper: 1}, "pepper": {Number: 1, Generation: 1, Stretch: h.Stretch}} {
		_, err := ParseSlotHeader(bad.Bytes())
		wantErr(t, name, err, ErrFormat)
	}
	if h.Kind() != SlotPassword || h.Salt == ([SaltSize]byte{}) || h.Salt == NewSlotHeader(1, 1, 1).Salt {
		t.Error("kind or salt of a new header")
	}
	_, err = JoinSlot(h, make([]byte, SlotOuterSize-1))
	wantErr(t, "short outer layer", err, ErrFormat)
	_, err = NewShredKey().SealOuter(testUser(1), h.Bytes(), make([]byte, SlotInnerSize+1))
	wantErr(t, "long inner layer", err, ErrFormat)
	_, err = NewShredKey().SealOuter(testUser(1), make([]byte, maxSlotHeader+1), make([]byte, SlotInnerSize))
	wantErr(t, "long header", err, ErrFormat)
}

func TestPairIsBoundToItsPublicKey(t *testing.T) {
	umk, uid := NewUMK(), testUser(1)
	pk, sealed, err := umk.SealPair(uid, 1)
	must(t, err)
	other, _, err := umk.SealPair(uid, 1)
	must(t, err)
	everyBit(t, "private key", sealed, func(b []byte) error { _, err := umk.OpenPair(uid, 1, pk, b); return err })
	_, err = umk.OpenPair(uid, 1, other, sealed)
	wantErr(t, "a swapped public key", err, ErrOpen)
	_, err = umk.OpenPair(uid, 2, pk, sealed)
	wantErr(t, "another generation", err, ErrOpen)
	_, err = umk.OpenPair(testUser(2), 1, pk, sealed)
	wantErr(t, "another person", err, ErrOpen)
}

func TestRoots(t *testing.T) {
	k := mustClassKey(t, NewUMK(), testUser(1), ClassContacts, 1)
	var a, b Root
	must(t, k.Add(&a, []byte("x"), 1))
	must(t, k.Add(&a, []byte("y"), 7))
	must(t, k.Add(&b, []byte("y"), 6))
	must(t, k.Add(&b, []byte("x"), 1))
	if a == b {
		t.Error("another revision gives the same root")
	}
	must(t, k.Remove(&b, []byte("y"), 6))
	must(t, k.Add(&b, []byte("y"), 7))
	if a != b {
		t.Error("the order of writes shows in the root")
	}
	must(t, k.Remove(&b, []byte("y"), 7))
	must(t, k.Remove(&b, []byte("x"), 1))
	if b != (Root{}) {
		t.Errorf("an empty class has root %+v", b)
	}
	wantErr(t, "removing from nothing", k.Remove(&b, []byte("x"), 1), ErrLimit)
	wantErr(t, "no id", k.Add(&b, nil, 1), ErrLimit)
	a.Counter = 9
	sealed, err := k.SealRoot(a)
	must(t, err)
	got, err := k.OpenRoot(9, sealed)
	if err != nil || got != a {
		t.Errorf("root reads back as %+v, %v", got, err)
	}
	_, err = k.OpenRoot(8, sealed)
	wantErr(t, "another counter beside it", err, ErrOpen)
	everyBit(t, "root", sealed, func(b []byte) error { _, err := k.OpenRoot(9, b); return err })
	other := mustClassKey(t, NewUMK(), testUser(1), ClassContacts, 1)
	var c Root
	must(t, other.Add(&c, []byte("x"), 1))
	var d Root
	must(t, k.Add(&d, []byte("x"), 1))
	if c.Sum == d.Sum {
		t.Error("the sum is not keyed")
	}
}

func TestWrapsAreBoundToTheirPlace(t *testing.T) {
	v, uid := NewVaultKey(), testUser(1)
	shred, pepper, login := NewShredKey(), NewPepperKey(), NewLoginKey()
	w, err := v.WrapShred(1, uid, shred)
	must(t, err)
	got, err := v.UnwrapShred(1, uid, w)
	if err != nil || !Equal(got, shred) || len(w) != WrapSize {
		t.Fatalf("another key of %d bytes: %v", len(w), err)
	}
	everyBit(t, "wrap", w, func(b []byte) error { _, err := v.UnwrapShred(1, uid, b); return err })
	_, err = v.UnwrapShred(2, uid, w)
	wantErr(t, "another vault key number", err, ErrOpen)
	_, err = v.UnwrapShred(1, testUser(2), w)
	wantErr(t, "another person", err, ErrOpen)
	_, err = NewVaultKey().UnwrapShred(1, uid, w)
	wantErr(t, "another vault key", err, ErrOpen)
	wp, err := v.WrapPepper(1, 3, pepper)
	must(t, err)
	if got, err := v.UnwrapPepper(1, 3, wp); err != nil || !Equal(got, pepper) {
		t.Errorf("pepper: %v", err)
	}
	_, err = v.UnwrapPepper(1, 4, wp)
	wantErr(t, "another version", err, ErrOpen)
	_, err = v.UnwrapLogin(1, wp)
	wantErr(t, "a pepper as login key", err, ErrOpen)
	wl, err := v.WrapLogin(1, login)
	must(t, err)
	if got, err := v.UnwrapLogin(1, wl); err != nil || !Equal(got, login) {
		t.Errorf("login key: %v", err)
	}
}

func TestSessions(t *testing.T) {
	e, token, uid := NewEpoch(0), NewSessionToken(), testUser(1)
	want := Session{UMK: NewUMK(), Credential: []byte("credential"), Expiry: time.Now().Add(time.Hour).Truncate(time.Second)}
	box, err := SealSession(e, token, uid, want)
	must(t, err)
	open := func(e Epoch, token SessionToken, box []byte) error {
		got, err := OpenSession(e, token, uid, box)
		if err == nil && (!Equal(got.UMK, want.UMK) || !bytes.Equal(got.Credential, want.Credential) || !got.Expiry.Equal(want.Expiry)) {
			return fmt.Errorf("opened as %+v", got)
		}
		return err
	}
	everyBit(t, "session", box, func(b []byte) error { return open(e, token, b) })
	next := NewEpoch(e.Number)
	if next.Number <= e.Number {
		t.Errorf("epoch %d after %d", next.Number, e.Number)
	}
	moved, err := ResealSession(e, next, token.Hash(), uid, box)
	must(t, err)
	if n, err := SessionEpoch(moved); err != nil || n != next.Number {
		t.Errorf("re-sealed under epoch %d, %v; want %d", n, err, next.Number)
	}
	must(t, open(next, token, moved))
	wantErr(t, "the old epoch key on the new row", open(e, token, moved), ErrOpen)
	wantErr(t, "the new epoch key on the old row", open(next, token, box), ErrOpen)
	wantErr(t, "another cookie", open(next, NewSessionToken(), moved), ErrOpen)
	_, err = OpenSession(next, token, testUser(2), moved)
	wantErr(t, "another person", err, ErrOpen)
	_, err = ResealSession(next, e, NewSessionToken().Hash(), uid, moved)
	wantErr(t, "re-sealing another row", err, ErrOpen)
	_, err = SealSession(Epoch{}, token, uid, want)
	wantErr(t, "no epoch", err, ErrNoKey)
	_, err = SealSession(e, SessionToken{}, uid, want)
	wantErr(t, "no token", err, ErrNoKey)
}

func TestSessionLimits(t *testing.T) {
	e, token, uid := NewEpoch(0), NewSessionToken(), testUser(1)
	soon := time.Now().Add(time.Hour)
	for name, s := range map[string]Session{
		"expired":         {Expiry: time.Now()},
		"never":           {},
		"for ever":        {Expiry: time.Now().Add(MaxSessionLife + time.Hour)},
		"long credential": {Expiry: soon, Credential: make([]byte, MaxCredentialBox+1)},
	} {
		_, err := SealSession(e, token, uid, s)
		wantErr(t, name, err, ErrLimit)
	}
	for name, f := range map[string]func() error{
		"short text":   func() error { _, err := ParseSessionText("x"); return err },
		"padded text":  func() error { _, err := ParseSessionText(token.Text()[:62] + "=="); return err },
		"broken text":  func() error { _, err := ParseSessionText("\n" + token.Text()[:63]); return err },
		"short sid":    func() error { _, err := ParseSessionToken(make([]byte, 15), make([]byte, 32)); return err },
		"epoch number": func() error { _, err := ParseEpoch(0, time.Now(), seq(1, 32)); return err },
		"epoch of row": func() error { _, err := SessionEpoch(make([]byte, 9)); return err },
	} {
		wantErr(t, name, f(), ErrFormat)
	}
	if (SessionToken{}).Text() != "" {
		t.Error("the zero token has a text")
	}
	if h := token.Hash(); len(h.String()) != 43 {
		t.Errorf("hash %q", h)
	}
}
