package imap_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"cofferdam/internal/imap"
)

// scanAll runs bytes through a scanner whose server grants every literal, and
// returns what was passed on, the commands named, and the error.
func scanAll(in []byte, chunk int, allow func(imap.ClientCommand) error) (out []byte, cmds []string, err error) {
	s := imap.NewVerbScanner(func(c imap.ClientCommand) error {
		cmds = append(cmds, c.Tag+" "+c.String())
		return allow(c)
	}, 0, 0)
	for len(in) > 0 && err == nil {
		p := in[:min(chunk, len(in))]
		for len(p) > 0 && err == nil {
			var n int
			out, n, err = s.Scan(out, p)
			p, in = p[n:], in[n:]
			if _, waits := s.Waiting(); waits {
				s.Grant()
			}
		}
	}
	return out, cmds, err
}

func allowAll(imap.ClientCommand) error { return nil }

func TestVerbScannerPasses(t *testing.T) {
	tests := []struct{ name, in, out, cmds string }{
		{"plain", "a NOOP\r\n", "", "a NOOP"},
		{"lower case", "a1 uid fetch 1:* (FLAGS)\r\n", "", "a1 UID FETCH"},
		{"two", "a NOOP\r\nb CAPABILITY\r\n", "", "a NOOP|b CAPABILITY"},
		{"quoted with verbs", "a SELECT \"x {5} \\\" SETACL\"\r\n", "", "a SELECT"},
		{"literal", "a CREATE {11}\r\nb SETACL x\r\r\n", "", "a CREATE"},
		{"non-synchronizing becomes synchronizing", "a CREATE {3+}\r\nabc\r\n", "a CREATE {3}\r\nabc\r\n", "a CREATE"},
		{"literal8", "a APPEND x ~{3}\r\n\x00\r\n\r\n", "", "a APPEND"},
		{"utf8 literal in a list", "a APPEND x UTF8 (~{2}\r\nab)\r\n", "", "a APPEND"},
		{"empty literal", "a CREATE {0}\r\n\r\n", "", "a CREATE"},
		{"two literals", "a RENAME {1}\r\nx {1+}\r\ny\r\nb NOOP\r\n", "a RENAME {1}\r\nx {1}\r\ny\r\nb NOOP\r\n", "a RENAME|b NOOP"},
		{"header fields", "a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (\"X\" Y)]<0.10> FLAGS)\r\n", "", "a UID FETCH"},
		{"idle", "a IDLE\r\nDONE\r\nb NOOP\r\n", "", "a IDLE|b NOOP"},
		{"tilde in a name", "a SELECT ~user\r\n", "", "a SELECT"},
		{"flags", "a UID STORE 1 +FLAGS.SILENT (\\Seen $x)\r\n", "", "a UID STORE"},
	}
	for _, tt := range tests {
		for _, chunk := range []int{1, 2, 3, 1000} {
			out, cmds, err := scanAll([]byte(tt.in), chunk, allowAll)
			want := tt.out
			if want == "" {
				want = tt.in
			}
			if err != nil || string(out) != want || strings.Join(cmds, "|") != tt.cmds {
				t.Errorf("%s in chunks of %d: passed %q, commands %q, error %v", tt.name, chunk, out, cmds, err)
			}
		}
	}
}

func TestVerbScannerRefuses(t *testing.T) {
	tests := []struct{ name, in, passed string }{
		{"bare LF", "a NOOP\nb SETACL x\r\n", ""},
		{"bare CR", "a LIST x\rb SETACL\r\n", "a LIST x\r"},
		{"NUL", "a LIST \x00\r\n", "a LIST "},
		{"tab", "a\tNOOP\r\n", ""},
		{"8-bit atom", "a LIST \xff\r\n", "a LIST "},
		{"no tag", " NOOP\r\n", ""},
		{"no verb", "a\r\n", ""},
		{"two spaces", "a  NOOP\r\n", ""},
		{"quoted tag", "\"a\" NOOP\r\n", ""},
		{"literal as tag", "{1}\r\na NOOP\r\n", ""},
		{"literal as verb", "a {4}\r\nNOOP\r\n", ""},
		{"UID alone", "a UID\r\n", ""},
		{"brace in an atom", "a LIST x{5}\r\n", "a LIST x"},
		{"literal without digits", "a CREATE {}\r\n", "a CREATE "},
		{"literal with a sign", "a CREATE {-1}\r\n", "a CREATE "},
		{"literal with a leading zero", "a CREATE {01}\r\n", "a CREATE "},
		{"text behind a marker", "a CREATE {5} x\r\n", "a CREATE "},
		{"marker with LF alone", "a CREATE {5}\nabcde\r\n", "a CREATE "},
		{"huge literal", "a CREATE {99999999999999999999}\r\n", "a CREATE "},
		{"CR in a quoted string", "a CREATE \"x\r\nb SETACL\"\r\n", "a CREATE \"x"},
		{"odd escape", "a CREATE \"\\x\"\r\n", "a CREATE \"\\"},
		{"text behind a string", "a CREATE \"x\"y\r\n", "a CREATE \"x\""},
		{"text behind a literal", "a CREATE {1}\r\nxy\r\n", "a CREATE {1}\r\nx"},
		{"authenticate", "a AUTHENTICATE PLAIN\r\n", ""},
		{"starttls", "a StartTLS\r\n", ""},
		{"compress", "a COMPRESS DEFLATE\r\n", ""},
		{"idle, then a command", "a IDLE\r\nb NOOP\r\n", "a IDLE\r\n"},
		{"idle with arguments", "a IDLE x\r\n", ""},
		{"done without idle", "DONE\r\n", ""},
		{"long line", "a LIST " + strings.Repeat("x", 20000) + "\r\n", "a LIST " + strings.Repeat("x", 16<<10-7)},
		{"long tag", strings.Repeat("a", 200) + " NOOP\r\n", ""},
	}
	for _, tt := range tests {
		for _, chunk := range []int{1, 3, 100000} {
			out, _, err := scanAll([]byte(tt.in), chunk, allowAll)
			if err == nil || string(out) != tt.passed {
				t.Errorf("%s in chunks of %d: passed %q, error %v", tt.name, chunk, out, err)
			}
		}
	}
}

func TestVerbScannerHoldsTheHeadBack(t *testing.T) {
	for _, in := range []string{"a SETACL INBOX x lrs\r\n", "a uid SetACL\r\n", "a LOGIN x y\r\n", "a GENURLAUTH x\r\n", "a SETMETADATA x\r\n", "a EXPUNGE\r\n", "a CLOSE\r\n", "a X-UNKNOWN\r\n"} {
		out, _, err := scanAll([]byte(in), 1, imap.AllowMailVerbs)
		if len(out) > 0 || !errors.Is(err, imap.ErrVerbRefused) {
			t.Errorf("%q: passed %q, error %v", in, out, err)
		}
	}
}

// TestVerbScannerOwnClient: what our own client writes, in the recorded
// dialogs, is strict enough.
func TestGuardTakesOurClient(t *testing.T) {
	s := imapServerForGuard(t)
	ctx := testContext(t)
	c, err := imap.New(ctx, s, imap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.State() != imap.StateAuthenticated {
		t.Fatal("not greeted with PREAUTH")
	}
}

var simpleCommand = regexp.MustCompile(`^([0-9A-Za-z._-]+) ([0-9A-Za-z._-]+)(?: ([0-9A-Za-z._-]+))?[^\r\n]*?\r\n`)
var simpleMarker = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// simpleParse is a second reader of what a scanner passed on: line by line, by
// regular expressions, the way a plain server would.
func simpleParse(b []byte) (cmds []string) {
	idle := false
	for len(b) > 0 {
		m := simpleCommand.FindSubmatch(b)
		if idle {
			if len(b) < 6 && bytes.HasPrefix([]byte("DONE\r\n"), b) {
				return cmds // cut off by the end
			}
			if !bytes.HasPrefix(b, []byte("DONE\r\n")) {
				return append(cmds, "IDLE broken")
			}
			b, idle = b[6:], false
			continue
		}
		if m == nil {
			return append(cmds, fmt.Sprintf("unreadable %q", b[:min(len(b), 20)]))
		}
		name := strings.ToUpper(string(m[2]))
		if name == "UID" {
			name += " " + strings.ToUpper(string(m[3]))
		}
		cmds = append(cmds, string(m[1])+" "+name)
		idle = name == "IDLE"
		for {
			end := bytes.Index(b, []byte("\r\n"))
			if end < 0 {
				return cmds
			}
			lit := simpleMarker.FindSubmatch(b[:end+2])
			b = b[end+2:]
			if lit == nil {
				break
			}
			var n int
			fmt.Sscan(string(lit[1]), &n)
			if n > len(b) {
				return cmds
			}
			b = b[n:]
		}
	}
	return cmds
}

func FuzzVerbScanner(f *testing.F) {
	f.Add([]byte("a NOOP\r\nb SELECT {3+}\r\nabc\r\nc UID FETCH 1 (BODY[HEADER.FIELDS (\"x\")])\r\n"))
	f.Add([]byte("a IDLE\r\nDONE\r\nb CREATE ~{2}\r\nab\r\n"))
	f.Add([]byte("a CREATE \"{5}\" {5}\r\nb SETACL\r\n"))
	f.Add([]byte("a CREATE {30+}\r\nb SETACL x y z\r\n\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) { checkScanner(t, in) })
}

// checkScanner: whole commands that were passed on are exactly those that the
// scanner named, in a second reader's eyes too, and chunking changes nothing.
func checkScanner(t *testing.T, in []byte) {
	out, cmds, err := scanAll(in, 1<<20, allowAll)
	out1, cmds1, err1 := scanAll(in, 1, allowAll)
	if !bytes.Equal(out, out1) || fmt.Sprint(cmds) != fmt.Sprint(cmds1) || (err == nil) != (err1 == nil) {
		t.Fatalf("chunks of one byte change the outcome: %q %q", out, out1)
	}
	seen := simpleParse(out)
	if len(seen) > 0 && strings.HasPrefix(seen[len(seen)-1], "unreadable") {
		seen = seen[:len(seen)-1] // a command that was cut off by the end or an error
	}
	for i, cmd := range seen {
		if i >= len(cmds) || cmds[i] != cmd {
			t.Fatalf("a server would read %q, the scanner named %q; passed %q", seen, cmds, out)
		}
	}
}

// TestVerbScannerSoup is the fuzz target's idea with a generator that knows the
// grammar, so that a plain test run covers much of it.
func TestVerbScannerSoup(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		checkScanner(t, soup(rng, "SETACL"))
	}
}

// soup makes client bytes of grammar's pieces.
func soup(rng *rand.Rand, evil string) []byte {
	pieces := []string{"a", "b", "c", " ", " ", " ", " ", "NOOP", "SELECT", "INBOX", "UID", "FETCH", "1", "\r\n", "\r\n", "\r\n", "\r\n", "{3}\r\n", "{3+}\r\n", "~{3}\r\n", "{3}", "{30+}\r\n", "{30}\r\n",
		"\"", "\"", "\\", "(", ")", "\n", "\r", "IDLE", "DONE", "xyz", "\x00", "[", "]", "LIST", "CREATE", "STATUS", "(MESSAGES)", "\"\"", "z " + evil + " INBOX x\r\n", "y " + evil + " evil\r\n", "ID", "NIL", "APPEND", "%", "é"}
	var b []byte
	for range rng.IntN(24) + 2 {
		if rng.IntN(3) == 0 {
			b = append(b, fmt.Sprintf("t%d %s ", rng.IntN(1e6), []string{"NOOP", "SELECT", "LIST \"\"", "STATUS INBOX", "APPEND INBOX", "UID SEARCH", "ID", "FETCH 1"}[rng.IntN(8)])...)
		}
		b = append(b, pieces[rng.IntN(len(pieces))]...)
	}
	return b
}

// guardPipe runs a guard between two ends.
func guardPipe(g *imap.Guard, client, server io.ReadWriteCloser) {
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if werr := g.FromServer(client, buf[:n]); err != nil || werr != nil {
				break
			}
		}
		g.Close()
		client.Close()
		server.Close()
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := client.Read(buf)
			if gerr := g.FromClient(server, buf[:n]); err != nil || gerr != nil {
				break
			}
		}
		g.Close()
		client.Close()
		server.Close()
	}()
}
