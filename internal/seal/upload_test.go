package seal

import (
	"bytes"
	"errors"
	"testing"
)

type uploadVectors struct {
	SKey   hexBytes      `json:"skey"`
	UID    hexBytes      `json:"uid"`
	Key    hexBytes      `json:"key"`
	Chunks []uploadChunk `json:"chunks"`
}

type uploadChunk struct {
	ID        hexBytes `json:"id"`
	Number    int64    `json:"number"`
	Last      bool     `json:"last"`
	Nonce     hexBytes `json:"nonce"`
	AAD       hexBytes `json:"aad"`
	Plaintext hexBytes `json:"plaintext"`
	Sealed    hexBytes `json:"sealed"`
}

func makeUploadVectors(t *testing.T) uploadVectors {
	v := uploadVectors{SKey: seq(0x21, 32), UID: seq(0x10, 16)}
	v.Key = refHKDF(t, v.SKey, "cofferdam/upload/v1")
	for i, c := range []uploadChunk{
		{Number: 0, Last: true, Plaintext: []byte("small")},
		{Number: 0, Last: true},
		{Number: 1 << 33, Last: true, Plaintext: bytes.Repeat([]byte("u"), 100)},
	} {
		c.ID, c.Nonce = seq(byte(i), 16), seq(byte(16*i), 24)
		last := u8(0)
		if c.Last {
			last = u8(1)
		}
		c.AAD = cat([]byte("cofferdam/upload-chunk/v1\x00"), v.UID, c.ID, u64(c.Number), last)
		c.Sealed = refBox(t, v.Key, c.Nonce, c.AAD, c.Plaintext)
		v.Chunks = append(v.Chunks, c)
	}
	return v
}

func TestUploadVectors(t *testing.T) {
	v := load(t, "upload.json", func() uploadVectors { return makeUploadVectors(t) })
	again := makeUploadVectors(t)
	token, err := ParseSessionToken(seq(1, 16), v.SKey)
	must(t, err)
	k, err := token.UploadKey(uidOf(t, v.UID))
	must(t, err)
	same(t, "upload key", k.Reveal(), v.Key)
	for i, c := range v.Chunks {
		same(t, "chunk, written again", again.Chunks[i].Sealed, c.Sealed)
		same(t, "AAD", k.chunkAAD(UploadID(c.ID), c.Number, c.Last), c.AAD)
		got, err := k.OpenChunk(UploadID(c.ID), c.Number, c.Last, c.Sealed)
		must(t, err)
		same(t, "chunk", got, c.Plaintext)
	}
}

func TestUploadIsBoundToItsPlace(t *testing.T) {
	token, uid, id := NewSessionToken(), testUser(1), UploadID{7}
	key := func(token SessionToken, b byte) UploadKey {
		k, err := token.UploadKey(testUser(b))
		must(t, err)
		return k
	}
	k := key(token, 1)
	box, err := k.SealChunk(id, 2, true, []byte("content"))
	must(t, err)
	parsed, err := ParseUploadKey(uid, k.Reveal())
	must(t, err)
	if got, err := parsed.OpenChunk(id, 2, true, box); err != nil || string(got) != "content" {
		t.Fatalf("opened %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"other upload":  func() ([]byte, error) { return k.OpenChunk(UploadID{8}, 2, true, box) },
		"other place":   func() ([]byte, error) { return k.OpenChunk(id, 1, true, box) },
		"not the last":  func() ([]byte, error) { return k.OpenChunk(id, 2, false, box) },
		"other session": func() ([]byte, error) { return key(NewSessionToken(), 1).OpenChunk(id, 2, true, box) },
		"other person":  func() ([]byte, error) { return key(token, 2).OpenChunk(id, 2, true, box) },
	} {
		if got, err := try(); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	everyBit(t, "upload chunk", box, func(b []byte) error { _, err := k.OpenChunk(id, 2, true, b); return err })
}

func TestUploadChunkLimits(t *testing.T) {
	k, err := NewSessionToken().UploadKey(testUser(1))
	must(t, err)
	for size, last := range map[int]bool{UploadChunk + 1: true, UploadChunk - 1: false, 0: false} {
		if _, err := k.SealChunk(UploadID{}, 0, last, make([]byte, size)); !errors.Is(err, ErrLimit) {
			t.Errorf("chunk of %d bytes, last %v: %v", size, last, err)
		}
	}
	for _, last := range []bool{false, true} {
		if _, err := k.SealChunk(UploadID{}, 0, last, make([]byte, UploadChunk)); err != nil {
			t.Errorf("a whole chunk, last %v: %v", last, err)
		}
	}
	if _, err := (UploadKey{}).SealChunk(UploadID{}, 0, true, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("sealed without a key: %v", err)
	}
}

func TestUploadSize(t *testing.T) {
	for _, size := range []int64{0, 1, UploadChunk - 1, UploadChunk, UploadChunk + 1, 2 * UploadChunk, 50_000_000} {
		if got, ok := UploadSize(SealedUpload(size)); got != size || !ok {
			t.Errorf("%d bytes sealed are %d, read back as %d, %v", size, SealedUpload(size), got, ok)
		}
	}
	for _, sealed := range []int64{-1, 0, UploadOverhead - 1, UploadChunk + UploadOverhead + 1, UploadChunk + 2*UploadOverhead} {
		if got, ok := UploadSize(sealed); ok {
			t.Errorf("%d sealed bytes are read as %d", sealed, got)
		}
	}
}
