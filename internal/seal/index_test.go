package seal

import (
	"bytes"
	"errors"
	"testing"
)

type indexVectors struct {
	UMK        hexBytes      `json:"umk"`
	UID        hexBytes      `json:"uid"`
	Generation int64         `json:"generation"`
	Key        hexBytes      `json:"key"`
	ID         hexBytes      `json:"id"`
	Indexes    []indexVector `json:"indexes"`
}

// indexVector is an index of Length bytes, byte i of which is i mod 251, and the
// SHA-256 of its file, whose chunk n has the nonce 00 01 .. with n added to each byte.
type indexVector struct {
	Length int      `json:"length"`
	Size   int      `json:"size"`
	SHA256 hexBytes `json:"sha256"`
}

func sampleIndex(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func makeIndexVectors(t *testing.T) indexVectors {
	v := indexVectors{UMK: seq(0x31, 32), UID: seq(0x10, 16), Generation: 3, ID: seq(0x70, 16)}
	v.Key = refExpand(t, refClassKey(t, v.UMK, "mail", v.Generation), []byte("cofferdam/index-key/v1"))
	for _, n := range []int{0, 5, 65528, 65529, 150_000} {
		file := refIndex(t, v, sampleIndex(n))
		v.Indexes = append(v.Indexes, indexVector{n, len(file), refHash(file)})
	}
	return v
}

// refIndex is the file of an index.
func refIndex(t *testing.T, v indexVectors, index []byte) []byte {
	t.Helper()
	plain := cat(u64(int64(len(index))), index)
	for len(plain)%65536 != 0 {
		plain = append(plain, 0)
	}
	file := bytes.Clone(v.ID)
	for n := 0; len(plain) > 0; n++ {
		last := u8(0)
		if len(plain) == 65536 {
			last = u8(1)
		}
		aad := cat([]byte("cofferdam/index-chunk/v1\x00"), v.UID, u64(v.Generation), v.ID, u64(int64(n)), last)
		file = append(file, refBox(t, v.Key, seq(byte(n), 24), aad, plain[:65536])...)
		plain = plain[65536:]
	}
	return file
}

func TestIndexVectors(t *testing.T) {
	v := load(t, "index.json", func() indexVectors { return makeIndexVectors(t) })
	umk, err := ParseUMK(v.UMK)
	must(t, err)
	class, err := umk.ClassKey(uidOf(t, v.UID), ClassMail, v.Generation)
	must(t, err)
	k, err := class.IndexKey()
	must(t, err)
	same(t, "index key", k.Reveal(), v.Key)
	for _, x := range v.Indexes {
		file := refIndex(t, v, sampleIndex(x.Length))
		same(t, "file, written again", refHash(file), x.SHA256)
		got, err := k.Open(bytes.NewReader(file), int64(x.Size))
		must(t, err)
		same(t, "index", got, sampleIndex(x.Length))
	}
}

func TestIndexIsBoundToItsPlace(t *testing.T) {
	umk := NewUMK()
	key := func(umk UMK, uid byte, generation int64) IndexKey {
		t.Helper()
		class, err := umk.ClassKey(testUser(uid), ClassMail, generation)
		must(t, err)
		k, err := class.IndexKey()
		must(t, err)
		return k
	}
	k, index := key(umk, 1, 1), sampleIndex(100_000)
	write := func() []byte {
		var b bytes.Buffer
		must(t, k.Seal(&b, index))
		return b.Bytes()
	}
	one, two := write(), write()
	open := func(k IndexKey, b []byte) error { _, err := k.Open(bytes.NewReader(b), int64(len(b))); return err }
	must(t, open(k, one))
	for name, err := range map[string]error{
		"other person":     open(key(umk, 2, 1), one),
		"other generation": open(key(umk, 1, 2), one),
		"other key":        open(key(NewUMK(), 1, 1), one),
		"other file's end": open(k, cat(one[:16+IndexStep], two[16+IndexStep:])),
		"other name":       open(k, cat(two[:16], one[16:])),
		"chunks swapped":   open(k, cat(one[:16], one[16+IndexStep:], one[16:16+IndexStep])),
		"cut off":          open(k, one[:16+IndexStep]),
	} {
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"a byte less": one[:len(one)-1], "a byte more": append(bytes.Clone(one), 0), "nothing": nil, "a name alone": one[:16]} {
		if err := open(k, b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, at := range []int{0, 15, 16, 39, 40, 16 + IndexStep - 1, 16 + IndexStep, len(one) - 1} {
		b := bytes.Clone(one)
		b[at] ^= 1
		if err := open(k, b); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

// What was sealed with our key and still is not so written is refused: there is one
// way to write an index.
func TestIndexIsReadStrictly(t *testing.T) {
	v := makeIndexVectors(t)
	umk, err := ParseUMK(v.UMK)
	must(t, err)
	class, err := umk.ClassKey(uidOf(t, v.UID), ClassMail, v.Generation)
	must(t, err)
	k, err := class.IndexKey()
	must(t, err)
	seal := func(plain []byte) []byte {
		aad := cat([]byte("cofferdam/index-chunk/v1\x00"), v.UID, u64(v.Generation), v.ID, u64(0), u8(1))
		return cat(v.ID, refBox(t, v.Key, seq(0, 24), aad, append(plain, make([]byte, IndexChunk-len(plain))...)))
	}
	for name, plain := range map[string][]byte{"length beyond the end": u64(65529), "negative length": u64(-1), "padding that is none": cat(u64(1), []byte("ab"))} {
		b := seal(plain)
		if _, err := k.Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := k.Seal(&bytes.Buffer{}, make([]byte, MaxIndex)); !errors.Is(err, ErrLimit) {
		t.Errorf("too large: %v", err)
	}
	settings, err := umk.ClassKey(uidOf(t, v.UID), ClassSettings, 1)
	must(t, err)
	if _, err := settings.IndexKey(); !errors.Is(err, ErrFormat) {
		t.Errorf("of another class: %v", err)
	}
	if err := (IndexKey{}).Seal(&bytes.Buffer{}, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}
