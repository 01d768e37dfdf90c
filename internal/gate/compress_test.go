package gate

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func decoded(t *testing.T, encoding string, body []byte) string {
	t.Helper()
	var r io.Reader
	var err error
	switch encoding {
	case "zstd":
		r, err = zstd.NewReader(bytes.NewReader(body))
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "br":
		r = brotli.NewReader(bytes.NewReader(body))
	default:
		t.Fatalf("encoding %q", encoding)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("%s: %v", encoding, err)
	}
	return string(text)
}

// Encoders are used again: each answer is whole and its own, also when answers
// are made at the same time, of other lengths, and after one that broke off.
func TestEncodersAreUsedAgain(t *testing.T) {
	var kept encoders
	answer := func(encoding, text string, whole bool) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/jmap/api", nil)
		r.Header.Set("Accept-Encoding", encoding)
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Type", "application/json")
		c := newCompressor(rec, r, &kept)
		c.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(c, text) // a recorder takes everything
		if whole {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		return rec
	}
	for _, encoding := range encodings {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					text := strings.Repeat(fmt.Sprintf("answer %d to person %d, ", j, i), 1+500*(j%3))
					answer(encoding, "what nobody gets", false)
					rec := answer(encoding, text, true)
					if rec.Header().Get("Content-Encoding") != encoding || decoded(t, encoding, rec.Body.Bytes()) != text {
						t.Errorf("%s: answer %d of %d is not what was written", encoding, j, i)
					}
				}
			})
		}
		wg.Wait()
	}
}

// What an answer costs beside its bytes.
func BenchmarkCompressor(b *testing.B) {
	var kept encoders
	text := bytes.Repeat([]byte(`{"id":"Mf3a","subject":"Tide tables","preview":"High water at Lübeck"},`), 400)
	for _, encoding := range encodings {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				z := kept.take(encoding, io.Discard)
				_, _ = z.Write(text) // to nowhere
				_ = z.Close()
				kept.give(encoding, z)
			}
		})
	}
}
