package imaptest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// A dialog is what went over one connection, a line of text for each line of
// the wire:
//
//	# a remark
//	S: * OK ready          the server sends this and CRLF
//	C: A1 NOOP             the client must send this and CRLF
//	S" "half a line\x00"   the server sends these bytes, quoted as in Go
//	C" "bytes"             the client must send these bytes
//	X: close               the server closes the connection
//
// Literals need nothing special: they are lines.

type step struct {
	who  byte // 'C', 'S' or 'X'
	data []byte
	line int
}

func parseDialog(text string) ([]step, error) {
	var steps []step
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) < 2 || !strings.ContainsRune("CSX", rune(line[0])) {
			return nil, fmt.Errorf("line %d: neither C, S, X nor #", i+1)
		}
		rest := strings.TrimPrefix(line[2:], " ")
		st := step{who: line[0], line: i + 1, data: []byte(rest + "\r\n")}
		if line[1] == '"' {
			raw, err := strconv.Unquote(rest)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			st.data = []byte(raw)
		}
		steps = append(steps, st)
	}
	return steps, nil
}

// Replay returns the client's end of a connection on which a server plays its
// part of a dialog. What the client sends must be the client's part.
func Replay(t testing.TB, dialog string) net.Conn {
	t.Helper()
	steps, err := parseDialog(dialog)
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		if err := play(server, steps); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-done
	})
	return client
}

func play(conn net.Conn, steps []step) error {
	for _, st := range steps {
		switch st.who {
		case 'X':
			return nil
		case 'S':
			if _, err := conn.Write(st.data); err != nil {
				return nil // the client has hung up: its test knows why
			}
		case 'C':
			got := make([]byte, len(st.data))
			n, err := io.ReadFull(conn, got)
			if !bytes.HasPrefix(st.data, got[:n]) {
				return fmt.Errorf("dialog line %d: the client sent\n  %q, want\n  %q", st.line, got[:n], st.data)
			}
			if err != nil {
				return nil
			}
		}
	}
	rest, _ := io.ReadAll(io.LimitReader(conn, 1000))
	if len(rest) > 0 && !bytes.Contains(rest, []byte("LOGOUT")) {
		return fmt.Errorf("dialog is over, the client sent %q", rest)
	}
	return nil
}

// Recorder wraps a connection and keeps what goes over it as a dialog.
type Recorder struct {
	net.Conn
	mu   sync.Mutex // guards said
	said []step
}

// Read reads and keeps.
func (r *Recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.keep('S', p[:n])
	return n, err
}

// Write keeps and writes: the answer must not come first.
func (r *Recorder) Write(p []byte) (int, error) {
	r.keep('C', p)
	return r.Conn.Write(p)
}

func (r *Recorder) keep(who byte, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.said); n > 0 && r.said[n-1].who == who {
		r.said[n-1].data = append(r.said[n-1].data, p...)
		return
	}
	r.said = append(r.said, step{who: who, data: bytes.Clone(p)})
}

// Dialog returns what was kept.
func (r *Recorder) Dialog() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out strings.Builder
	for _, st := range r.said {
		for _, line := range bytes.SplitAfter(st.data, []byte("\n")) {
			text, whole := bytes.CutSuffix(line, []byte("\r\n"))
			switch {
			case len(line) == 0:
			case whole && printable(text):
				fmt.Fprintf(&out, "%c: %s\n", st.who, text)
			default:
				fmt.Fprintf(&out, "%c\" %q\n", st.who, line)
			}
		}
	}
	return out.String()
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b) && !bytes.HasSuffix(b, []byte(" "))
}
