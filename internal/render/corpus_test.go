package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/message"
	"cofferdam/internal/sanitize"
)

// TestRealMail renders the HTML of real mail and prints what it costs: every
// 25th message, or all of them with COFFERDAM_FULL.
func TestRealMail(t *testing.T) {
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	every := 25
	if os.Getenv("COFFERDAM_FULL") != "" {
		every = 1
	}
	var times []time.Duration
	asText, fallbacks, seen := 0, map[string]int{}, 0
	for _, class := range []string{"mail-phishing", "mail-spam", "mail-csdmc", "mail-list", "mail-ham"} {
		data, err := os.ReadFile(filepath.Join(dir, "corpus", class, class+".tar.gz"))
		if err != nil {
			t.Skipf("no corpus (set COFFERDAM_SHARED): %v", err)
		}
		eachMail(t, data, func(name string, raw []byte) {
			if seen++; seen%every != 0 {
				return
			}
			for _, p := range message.Parse(raw).Bodies().HTML {
				if p.Type != "text/html" {
					continue
				}
				began := time.Now()
				r := sanitize.HTML(context.Background(), p.Value(0).Value, sanitize.Options{})
				times = append(times, time.Since(began))
				if r.IsText {
					asText++
					fallbacks[r.Findings.Fallback]++
					t.Logf("%s %s: %s", class, name, r.Findings.Fallback)
				}
				for _, bad := range []string{"<script", " onload=", " onerror=", "javascript:", "<iframe", "<form"} {
					if strings.Contains(strings.ToLower(r.Document), bad) {
						t.Errorf("%s %s: document has %q", class, name, bad)
					}
				}
			}
		})
	}
	slices.Sort(times)
	t.Logf("%d bodies, p50 %v, p95 %v, max %v; %d as text %v", len(times), times[len(times)/2], times[len(times)*95/100], times[len(times)-1], asText, fallbacks)
	if asText*50 > len(times) {
		t.Errorf("%d of %d bodies are shown as text", asText, len(times))
	}
}

func eachMail(t *testing.T, packed []byte, f func(name string, raw []byte)) {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(zr)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		f(filepath.Base(h.Name), raw)
	}
}
