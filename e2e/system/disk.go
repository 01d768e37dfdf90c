package system

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxUnpacked bounds what is unpacked of one compressed stream in a file.
const maxUnpacked = 64 << 20

// DiskScan is what a scan of files saw.
type DiskScan struct {
	Files, Streams int // files read, and compressed streams that were unpacked
	Bytes          int64
	Found          map[string]Found // by file, where something was found
}

// Disk looks for secrets in every file under the folders, and in the regular files
// that processes have open wherever they lie, deleted ones too. It looks into
// streams of zstd and gzip at any place of a file.
func (s *Scanner) Disk(pids map[string]int, roots ...string) (DiskScan, error) {
	scan := DiskScan{Found: map[string]Found{}}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return s.file(path, path, &scan)
		})
		if err != nil {
			return scan, fmt.Errorf("reading %s: %w", root, err)
		}
	}
	for name, pid := range pids {
		open, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
		if err != nil {
			return scan, err
		}
		for _, fd := range open {
			info, err := os.Stat(fd)
			if err != nil || !info.Mode().IsRegular() {
				continue // closed meanwhile, or no file
			}
			target, err := os.Readlink(fd)
			if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/memfd:") {
				continue // a namespace; memory
			}
			if err := s.file(fd, name+" has open: "+target, &scan); err != nil {
				return scan, err
			}
		}
	}
	return scan, nil
}

func (s *Scanner) file(path, name string, scan *DiskScan) error {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	scan.Files++
	scan.Bytes += int64(len(b))
	found := s.Buffer(b)
	for _, plain := range unpacked(b) {
		scan.Streams++
		inner := s.Buffer(plain)
		for secret, forms := range inner.Secrets {
			if found.Secrets[secret] == nil {
				found.Secrets[secret] = map[string]int{}
			}
			for form, n := range forms {
				found.Secrets[secret]["packed "+form] += n
			}
		}
	}
	if found.Count() > 0 {
		scan.Found[name] = found
	}
	return nil
}

// unpacked are the compressed streams in a file that begin as such streams do and
// unpack to something.
func unpacked(b []byte) [][]byte {
	var out [][]byte
	for _, kind := range []struct {
		magic string
		open  func(io.Reader) (io.Reader, error)
	}{
		{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
		}},
		{"\x1f\x8b\x08", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	} {
		for at := 0; ; at++ {
			i := bytes.Index(b[at:], []byte(kind.magic))
			if i < 0 {
				break
			}
			at += i
			r, err := kind.open(bytes.NewReader(b[at:]))
			if err != nil {
				continue
			}
			plain, _ := io.ReadAll(io.LimitReader(r, maxUnpacked)) // what stands behind the stream is an error of its format
			if d, ok := r.(*zstd.Decoder); ok {
				d.Close()
			}
			if len(plain) > 0 {
				out = append(out, plain)
			}
		}
	}
	return out
}

// String lists what was found where.
func (d DiskScan) String() string {
	var b strings.Builder
	for name, f := range d.Found {
		for secret, forms := range f.Secrets {
			fmt.Fprintf(&b, "%s: secret %d %v\n", name, secret, forms)
		}
	}
	return b.String()
}
