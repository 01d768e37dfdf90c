package differential

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cofferdam/e2e/platform"
)

// mail is one mail of the corpus as it lies in the mailbox.
type mail struct {
	name string // class/file
	raw  []byte // with CRLF
}

// pick takes n mails of the corpus, the same ones each time, with the same share of
// every class: those of a part are in no other part.
func pick(t testing.TB, part, n int) []mail {
	t.Helper()
	all := corpus(t)
	if len(all) < (part+1)*n {
		t.Fatalf("the corpus has %d mails that fit, fewer than %d", len(all), (part+1)*n)
	}
	return all[part*n : (part+1)*n]
}

// corpus are all mails that fit, each once, in an order that is always the same.
func corpus(t testing.TB) []mail {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(platform.Shared(t), "corpus", "mail-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no classes of mail in the corpus: %v", err)
	}
	var all []mail
	seen := map[string]bool{}
	for _, dir := range dirs {
		for _, m := range readClass(t, dir) {
			if fit(m.raw) && !seen[string(m.raw)] {
				seen[string(m.raw)] = true
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b mail) int { return strings.Compare(a.name, b.name) })
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// seed chooses mails, folders, flags and queries.
const seed = 8621

// fit says that a mail server takes a mail as it stands: RFC 3501 forbids NUL in
// a literal, Cyrus refuses it, and a header that is none.
func fit(raw []byte) bool {
	return len(raw) <= maxMail && !bytes.Contains(raw, []byte{0}) && !bytes.HasPrefix(raw, []byte("From "))
}

func readClass(t testing.TB, dir string) []mail {
	t.Helper()
	class := filepath.Base(dir)
	if packed, err := os.ReadFile(filepath.Join(dir, class+".tar.gz")); err == nil {
		return unpack(t, class, packed)
	}
	files, err := filepath.Glob(filepath.Join(dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []mail
	for _, f := range files {
		if strings.Contains(filepath.Base(f), ".expected") {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, mail{class + "/" + filepath.Base(f), withCRLF(raw)})
	}
	return out
}

func unpack(t testing.TB, class string, packed []byte) []mail {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var out []mail
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
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
		out = append(out, mail{class + "/" + filepath.Base(h.Name), withCRLF(raw)})
	}
}

// withCRLF gives lines the ends that IMAP wants; bare CRs become line ends too,
// because Cyrus would make them so.
func withCRLF(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}
