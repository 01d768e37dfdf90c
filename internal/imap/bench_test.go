package imap

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// loop repeats bytes forever.
type loop struct {
	b  []byte
	at int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.at == len(l.b) {
		l.at = 0
	}
	n := copy(p, l.b[l.at:])
	l.at += n
	return n, nil
}

const benchEnvelope = `ENVELOPE ("Mon, 7 Feb 2026 21:52:25 -0800" "=?utf-8?Q?Re=3A_The_plan?= for \"next\" week" (("A. Sender" NIL "a.sender" "example.org")) (("A. Sender" NIL "a.sender" "example.org")) (("A. Sender" NIL "a.sender" "example.org")) (("B. Reader" NIL "b" "example.net") (NIL NIL "c" "example.net")) (("List" NIL "list" "example.com")) NIL "<20260207215225.1234@example.org>" "<20260207225225.5678@example.org>")`

const benchStructure = `BODYSTRUCTURE ((("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "quoted-printable" 1234 30 NIL NIL NIL NIL)("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 5678 90 NIL NIL NIL NIL) "alternative" ("boundary" "abc123") NIL NIL NIL)("application" "pdf" ("name" "report.pdf") NIL NIL "base64" 123456 NIL ("attachment" ("filename" "report.pdf")) NIL NIL) "mixed" ("boundary" "def456") NIL NIL NIL)`

func benchParser(text string) *parser {
	var o Options
	o.setDefaults()
	return newParser(&loop{b: []byte(text)}, o)
}

// BenchmarkListPage parses and decodes 50 rows of a list page.
func BenchmarkListPage(b *testing.B) {
	var page strings.Builder
	for i := range 50 {
		fmt.Fprintf(&page, "* %d FETCH (UID %d FLAGS (\\Seen $Forwarded) MODSEQ (%d) INTERNALDATE \" 7-Feb-2026 21:52:25 -0800\" RFC822.SIZE 123456 X-GUID 7085571d19c0046b1438000083ecc375 %s %s)\r\n", i+1, 1000+i, 5000+i, benchEnvelope, benchStructure)
	}
	p := benchParser(page.String())
	flags := newFlagTable()
	var row FetchRow
	var list []Flag
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			r, err := p.next()
			if err != nil || !row.load(r, flags) {
				b.Fatal(err)
			}
			e, ok1 := row.Envelope()
			s, ok2 := row.BodyStructure()
			list = row.AppendFlags(list[:0])
			if !ok1 || !ok2 || len(list) != 2 || len(e.To) != 2 || len(s.Children) != 2 {
				b.Fatal("row not understood")
			}
		}
	}
}

// BenchmarkIndexRows parses rows as an index is built from.
func BenchmarkIndexRows(b *testing.B) {
	var rows strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&rows, "* %d FETCH (UID %d FLAGS (\\Seen) X-GUID 7085571d19c0046b1438000083ecc375 INTERNALDATE \" 7-Feb-2026 21:52:25 -0800\" RFC822.SIZE 123456)\r\n", i+1, 1000+i)
	}
	p := benchParser(rows.String())
	flags := newFlagTable()
	var row FetchRow
	var list []Flag
	b.SetBytes(int64(rows.Len()))
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			r, err := p.next()
			if err != nil || !row.load(r, flags) {
				b.Fatal(err)
			}
			list = row.AppendFlags(list[:0])
			_, ok1 := row.InternalDate()
			_, ok2 := row.Size()
			if !ok1 || !ok2 || len(row.GUIDBytes()) != 32 || len(list) != 1 {
				b.Fatal("row not understood")
			}
		}
	}
}

// BenchmarkLiteral streams a message of 1 MiB.
func BenchmarkLiteral(b *testing.B) {
	var wire bytes.Buffer
	fmt.Fprintf(&wire, "* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n", 1<<20, strings.Repeat("x", 1<<20))
	p := benchParser(wire.String())
	p.sink = func(LiteralInfo) sinkAnswer { return sinkAnswer{mine: true, stream: true, w: io.Discard} }
	b.SetBytes(int64(wire.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.next(); err != nil {
			b.Fatal(err)
		}
	}
}
