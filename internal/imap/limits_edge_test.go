package imap

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestParserEdges: what is as large as it may be is kept whole, and of one more the
// response says that something is missing.
func TestParserEdges(t *testing.T) {
	for limit, c := range map[string]struct {
		most int
		wire func(n int) string
	}{
		"maxLine": {maxLine, func(n int) string {
			const head, tail = `* X "`, "\"\r" // the line feed does not count
			return head + strings.Repeat("y", n-len(head)-len(tail)) + tail + "\n"
		}},
		"maxLiteralInMemory": {maxLiteralInMemory, func(n int) string { return fmt.Sprintf("* X {%d}\r\n%s\r\n", n, strings.Repeat("y", n)) }},
		"maxDepth":           {maxDepth, func(n int) string { return "* X " + strings.Repeat("(", n) + strings.Repeat(")", n) + "\r\n" }},
	} {
		for more, want := range []bool{false, true} {
			r, err := testParser(c.wire(c.most+more), nil).next()
			if err != nil || r.Truncated != want {
				t.Errorf("%s and %d: truncated %v, %v", limit, more, r != nil && r.Truncated, err)
			}
		}
	}
	set := func(n int) string { return strings.TrimSuffix(strings.Repeat("7,", n), ",") }
	if _, err := ParseUIDSet(set(maxRanges)); err != nil {
		t.Errorf("maxRanges: %v", err)
	}
	var limit *LimitError
	if _, err := ParseUIDSet(set(maxRanges + 1)); !errors.As(err, &limit) {
		t.Errorf("maxRanges and one more: %v", err)
	}
	for more, want := range []bool{true, false} {
		if c := parseLine(t, "* OK [X "+strings.Repeat("y", maxCodeArgs+more)+"] z").Code; c.args.Present() != want {
			t.Errorf("maxCodeArgs and %d: kept %v", more, c.args.Present())
		}
		if c := NewCaps(strings.Repeat("Y", maxCapName+more)); (len(c.set) == 1) != want {
			t.Errorf("maxCapName and %d: kept %v", more, len(c.set) == 1)
		}
	}
	m := &listMatch{c: &Client{}, word: "LIST", byName: map[string]*ListEntry{}, rows: make([]*ListEntry, maxListRows-1)}
	for range 2 {
		if !m.claim(parseLine(t, `* LIST () "/" x`), true) || len(m.rows) != maxListRows {
			t.Errorf("maxListRows: %d rows", len(m.rows))
		}
	}
}

// TestScannerEdges: a client's line and literal as long as they may be pass the
// guard (maxScanLine, maxScanLiteral), and one more byte ends the pipe.
func TestScannerEdges(t *testing.T) {
	for limit, c := range map[string]struct {
		most int64
		line func(n int64) string
	}{
		"maxScanLine":    {maxScanLine, func(n int64) string { return "t NOOP " + strings.Repeat("x", int(n)-len("t NOOP ")-2) + "\r\n" }},
		"maxScanLiteral": {maxScanLiteral, func(n int64) string { return fmt.Sprintf("t APPEND x {%d+}\r\n", n) }},
	} {
		for more, want := range []bool{true, false} {
			scan := NewVerbScanner(func(ClientCommand) error { return nil }, 0, 0)
			if _, _, err := scan.Scan(nil, []byte(c.line(c.most+int64(more)))); (err == nil) != want {
				t.Errorf("%s and %d: %v", limit, more, err)
			}
		}
	}
}

// TestOddLinesEdge: a server may say maxOddLines lines that are no response, and
// ends the connection with one more.
func TestOddLinesEdge(t *testing.T) {
	for more, want := range []bool{true, false} {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			fmt.Fprint(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
			for range maxOddLines + more {
				if _, err := fmt.Fprint(server, "who am I\r\n"); err != nil {
					return
				}
			}
			buf := make([]byte, 100)
			if n, err := server.Read(buf); err == nil {
				tag, _, _ := strings.Cut(string(buf[:n]), " ")
				fmt.Fprintf(server, "%s OK done\r\n", tag)
			}
			_, _ = server.Read(buf)
		}()
		c, err := New(t.Context(), client, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Noop().Wait(t.Context()); (err == nil) != want {
			t.Errorf("%d odd lines: %v", maxOddLines+more, err)
		}
		c.Close()
	}
}
