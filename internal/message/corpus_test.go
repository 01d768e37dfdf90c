package message

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusDir is where the shared test mail lies; the test is skipped without it.
func corpusDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "corpus")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus at %s (set COFFERDAM_SHARED)", dir)
	}
	return dir
}

// mailClasses are the folders of the corpus that hold messages.
var mailClasses = []string{
	"mail-charset", "mail-crypto", "mail-csdmc", "mail-evasion", "mail-ham", "mail-large", "mail-list",
	"mail-mime", "mail-phishing", "mail-reports", "mail-spam",
}

// eachMail calls f for every message of a class.
func eachMail(t testing.TB, class string, f func(name string, raw []byte)) {
	t.Helper()
	dir := filepath.Join(corpusDir(t), class)
	if data, err := os.ReadFile(filepath.Join(dir, class+".tar.gz")); err == nil {
		eachPacked(t, data, f)
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.Contains(filepath.Base(name), ".expected") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f(filepath.Base(name), raw)
	}
}

func eachPacked(t testing.TB, data []byte, f func(name string, raw []byte)) {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(zr)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		raw, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		f(filepath.Base(h.Name), raw)
	}
}

// TestCorpus reads every message and asserts what holds for all.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 8,000 messages")
	}
	for _, class := range mailClasses {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			var n counts
			eachMail(t, class, func(name string, raw []byte) { n.add(t, name, raw) })
			t.Logf("%+v", n)
		})
	}
}

// counts are printed per class, to be looked at when the parser changes.
type counts struct {
	Messages, Parts, NoBody, NoPreview, NoFrom, NoDate, BadText, Attach int
}

func (n *counts) add(t *testing.T, name string, raw []byte) {
	m := Parse(raw)
	n.Messages++
	b := m.Bodies()
	if len(b.Text)+len(b.HTML) == 0 {
		n.NoBody++
	}
	if m.HasAttachment() {
		n.Attach++
	}
	if m.Preview() == "" {
		n.NoPreview++
	}
	if f, ok := m.Header.Last("From"); ok && len(f.Addresses()) == 0 || !ok {
		n.NoFrom++
	}
	if f, ok := m.Header.Last("Date"); ok {
		if _, ok := f.Date(); !ok {
			n.NoDate++
			t.Logf("%s: no date in %q", name, f.Value)
		}
	}
	for _, v := range BodyValues(append(b.Text, b.HTML...), 0) {
		if v.IsEncodingProblem {
			n.BadText++
		}
	}
	m.Body.Walk(func(p *Part) { n.Parts++; checkPart(t, name, p) })
}

// checkPart asserts the invariants of one part.
func checkPart(t *testing.T, name string, p *Part) {
	t.Helper()
	if (p.PartID == "") != p.IsMultipart() {
		t.Errorf("%s: part %q of type %q has part id %q", name, p.Section, p.Type, p.PartID)
	}
	if p.IsMultipart() && len(p.SubParts) == 0 {
		t.Errorf("%s: multipart %q without parts", name, p.Section)
	}
	if data, _ := p.Decoded(); !p.IsMultipart() && int64(len(data)) != p.Size {
		t.Errorf("%s: part %s (%s): size %d, decoded %d bytes", name, p.PartID, p.Encoding, p.Size, len(data))
	}
	if p.Embedded != nil {
		p.Embedded.Body.Walk(func(q *Part) { checkPart(t, name, q) })
	}
}
