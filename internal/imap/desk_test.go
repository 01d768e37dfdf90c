package imap

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestDesk: a connection that waits holds no buffer (readBuffer) beyond firstRead, and
// nothing of what it read is left for the connection that gets its desk next.
func TestDesk(t *testing.T) {
	in, server := io.Pipe()
	defer server.Close()
	var o Options
	o.setDefaults()
	p := newParser(in, o)
	var seen desk
	for _, size := range []int{10, firstRead - 12, firstRead, 3 * readBuffer} {
		text := strings.Repeat("s", size)
		go io.WriteString(server, "* X "+text+"\r\n")
		r, err := p.next()
		if err != nil || r.Arg(0).Text() != text {
			t.Fatalf("a response of %d bytes: %v", size, err)
		}
		if p.desk == nil {
			t.Fatal("a response without a desk")
		}
		seen = desk{p.desk.in, p.t}
	}
	waits := make(chan struct{})
	p.rd.src = readerFunc(func(b []byte) (int, error) {
		if p.desk != nil || len(b) != firstRead || p.t.buf != nil {
			t.Errorf("a connection waits with a buffer of %d bytes", len(b))
		}
		close(waits)
		return 0, io.EOF
	})
	if _, err := p.next(); err != io.EOF {
		t.Fatal(err)
	}
	<-waits
	if bytes.ContainsRune(seen.in, 's') || bytes.ContainsRune(seen.tree.buf[:cap(seen.tree.buf)], 's') {
		t.Error("what was read is still on the desk")
	}
}

// TestOwed: a pipe expects much only while the server has a command to answer.
func TestOwed(t *testing.T) {
	g := NewGuard(AllowMailVerbs)
	for _, step := range []struct {
		from, line string
		owed       bool
	}{
		{"client", "a IDLE\r\n", false},
		{"server", "+ idling\r\n* 3 EXISTS\r\n", false},
		{"client", "DONE\r\n", false},
		{"server", "a OK done\r\n", false},
		{"client", "b NOOP\r\nc NOOP\r\n", true},
		{"server", "b OK done\r\n", true},
		{"server", "c OK do", true},
		{"server", "ne\r\n", false},
	} {
		var err error
		if step.from == "client" {
			err = g.FromClient(io.Discard, []byte(step.line))
		} else {
			err = g.FromServer(io.Discard, []byte(step.line))
		}
		if err != nil || g.Owed() != step.owed {
			t.Errorf("after %q: owed %v, %v", step.line, g.Owed(), err)
		}
	}
}
