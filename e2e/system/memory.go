package system

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Scanner looks for secrets in the memory of processes: as they are, in UTF-16,
// and inside of base64 at each of its three alignments, which finds a SASL PLAIN
// response (RFC 4616) whatever stands before the password.
type Scanner struct {
	needles []needle
	// heads says which first two bytes a needle may have, so that most of the
	// memory is passed over at the speed of a table.
	heads [1 << 16]bool
	by8   map[uint64][]int // needles by their first eight bytes
	long  int              // the longest needle
}

type needle struct {
	secret int
	form   string
	bytes  []byte
}

// minSecret is the shortest secret: below it base64 keeps too little of it, and
// chance finds it.
const minSecret = 16

// NewScanner makes a scanner for secrets of at least 16 bytes of ASCII.
func NewScanner(secrets []string) (*Scanner, error) {
	s := &Scanner{by8: map[uint64][]int{}}
	for i, text := range secrets {
		if len(text) < minSecret {
			return nil, fmt.Errorf("secret %d has %d bytes, less than %d", i, len(text), minSecret)
		}
		s.add(i, "plain", []byte(text))
		s.add(i, "utf-16", wide(text))
		for shift := range 3 {
			s.add(i, "base64", inBase64(text, shift))
		}
	}
	return s, nil
}

func (s *Scanner) add(secret int, form string, b []byte) {
	s.heads[binary.LittleEndian.Uint16(b)] = true
	key := binary.LittleEndian.Uint64(b)
	s.by8[key] = append(s.by8[key], len(s.needles))
	s.needles = append(s.needles, needle{secret, form, b})
	s.long = max(s.long, len(b))
}

func wide(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// inBase64 is what of base64 depends on text alone, when shift bytes stand before
// it: the characters that share bits with neighbours are cut off.
func inBase64(text string, shift int) []byte {
	all := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), text...))
	from := (shift*8 + 5) / 6
	to := (shift + len(text)) * 8 / 6
	return []byte(all[from:to])
}

// Found is what a scan saw: the forms of each secret that was there, and how
// much was read.
type Found struct {
	Secrets map[int]map[string]int // by secret: times seen, by form
	Bytes   int64
	Skipped []string // mappings that the kernel refused to show
}

// Count is how many different secrets were seen.
func (f Found) Count() int { return len(f.Secrets) }

// Forms are the forms seen, for a failure's text.
func (f Found) Forms() string {
	forms := map[string]int{}
	for _, s := range f.Secrets {
		for form, n := range s {
			forms[form] += n
		}
	}
	if len(forms) == 0 {
		return "-"
	}
	return strings.TrimPrefix(fmt.Sprint(forms), "map")
}

// Buffer scans bytes, for the proof that the scanner finds what is there.
func (s *Scanner) Buffer(b []byte) Found {
	f := Found{Secrets: map[int]map[string]int{}}
	s.scan(b, &f)
	f.Bytes = int64(len(b))
	return f
}

// Process scans all readable mappings of a process.
func (s *Scanner) Process(pid int) (Found, error) {
	f := Found{Secrets: map[int]map[string]int{}}
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return f, err
	}
	mem, err := os.Open("/proc/" + strconv.Itoa(pid) + "/mem")
	if err != nil {
		return f, err
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		from, to, name, ok := mapping(line)
		if !ok {
			continue
		}
		if err := s.region(mem, from, to, &f); err != nil {
			f.Skipped = append(f.Skipped, name)
		}
	}
	if f.Bytes == 0 {
		return f, fmt.Errorf("nothing of process %d could be read", pid)
	}
	return f, nil
}

// mapping reads a line of /proc/PID/maps; ok says that the process can read it
// and that it is memory: not what the kernel maps for its clock.
func mapping(line string) (from, to int64, name string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 5 || f[1][0] != 'r' {
		return 0, 0, "", false
	}
	name = strings.Join(f[5:], " ")
	if strings.HasPrefix(name, "[v") {
		return 0, 0, name, false
	}
	a, b, _ := strings.Cut(f[0], "-")
	lo, err1 := strconv.ParseInt(a, 16, 64)
	hi, err2 := strconv.ParseInt(b, 16, 64)
	return lo, hi, name, err1 == nil && err2 == nil
}

const chunk = 4 << 20

// region scans one mapping in overlapping pieces.
func (s *Scanner) region(mem io.ReaderAt, from, to int64, f *Found) error {
	buf := make([]byte, chunk)
	for at := from; at < to; {
		n, err := mem.ReadAt(buf[:min(chunk, to-at)], at)
		if n == 0 {
			return err
		}
		s.scan(buf[:n], f)
		f.Bytes += int64(n)
		if at+int64(n) >= to || n <= s.long {
			return nil
		}
		at += int64(n) - int64(s.long) + 1
	}
	return nil
}

// scan counts each place in b where a needle stands.
func (s *Scanner) scan(b []byte, f *Found) {
	for i := 0; i+8 <= len(b); i++ {
		if !s.heads[uint16(b[i])|uint16(b[i+1])<<8] {
			continue
		}
		for _, n := range s.by8[binary.LittleEndian.Uint64(b[i:])] {
			if needle := s.needles[n]; len(b)-i >= len(needle.bytes) && string(b[i:i+len(needle.bytes)]) == string(needle.bytes) {
				if f.Secrets[needle.secret] == nil {
					f.Secrets[needle.secret] = map[string]int{}
				}
				f.Secrets[needle.secret][needle.form]++
			}
		}
	}
}

// FindIn looks for bytes in a process's memory and returns each place, with so
// many bytes before and after.
func FindIn(pid int, what []byte, before, after int) ([][]byte, error) {
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return nil, err
	}
	mem, err := os.Open("/proc/" + strconv.Itoa(pid) + "/mem")
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	var out [][]byte
	for line := range strings.Lines(string(maps)) {
		from, to, _, ok := mapping(line)
		if !ok {
			continue
		}
		b := make([]byte, to-from)
		n, _ := mem.ReadAt(b, from) // what cannot be read cannot be searched
		for rest, at := b[:n], 0; ; {
			i := bytes.Index(rest[at:], what)
			if i < 0 {
				break
			}
			at += i
			if at >= before && at+len(what)+after <= len(rest) {
				out = append(out, bytes.Clone(rest[at-before:at+len(what)+after]))
			}
			at++
		}
	}
	return out, nil
}
