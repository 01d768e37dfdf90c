package imap

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// parseLine makes a response of one line.
func parseLine(t *testing.T, line string) *Response {
	t.Helper()
	r, err := testParser(line+"\r\n", nil).next()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func list(item string, n int) string { return "(" + strings.Repeat(item+" ", n) + ")" }

// TestListLimits: what a server repeats without end is cut at its limit.
func TestListLimits(t *testing.T) {
	row := func(item string) *FetchRow {
		r := new(FetchRow)
		if !r.load(parseLine(t, "* 1 FETCH ("+item+")"), nil) {
			t.Fatal("not a row")
		}
		return r
	}
	if n := len(row("FLAGS " + list("x", maxFlags+10)).Flags()); n != maxFlags {
		t.Errorf("%d flags", n)
	}
	e, _ := row("ENVELOPE (NIL NIL " + list("(NIL NIL a b)", maxRowAddresses+10) + ")").Envelope()
	if len(e.From) != maxRowAddresses {
		t.Errorf("%d addresses", len(e.From))
	}
	b, _ := row("BODYSTRUCTURE (" + strings.Repeat(`("text" "plain")`, maxRowParts+10) + ` "mixed")`).BodyStructure()
	if n := len(b.Children); n != maxRowParts-1 {
		t.Errorf("%d parts", n)
	}
	if b.Subtype != "mixed" {
		t.Errorf("behind the cut parts: subtype %q", b.Subtype)
	}
	b, _ = row(`BODYSTRUCTURE ("text" "plain" ` + list(`"a" "b"`, maxFlags+10) + ")").BodyStructure()
	if len(b.Params) != maxFlags {
		t.Errorf("%d parameters", len(b.Params))
	}
	if q := decodeQuota(parseLine(t, `* QUOTA "" `+list("STORAGE 1 2", maxCaps+10))); len(q.Resources) != maxCaps {
		t.Errorf("%d resources", len(q.Resources))
	}
	if l := decodeList(parseLine(t, "* LIST "+list(`\a`, maxFlags+10)+" NIL x"), false); len(l.Attributes) != maxFlags {
		t.Errorf("%d attributes", len(l.Attributes))
	}
	st := "* STATUS x ("
	for i := range maxFlags + 10 {
		st += fmt.Sprintf("X%d 1 ", i)
	}
	if s := decodeStatus(parseLine(t, st+")"), false); len(s.items) != maxFlags {
		t.Errorf("%d status items", len(s.items))
	}
	if n := len(parseLine(t, "* OK "+strings.Repeat("x", maxText+100)).Text); n != maxText {
		t.Errorf("%d bytes of text", n)
	}
	if c := parseLine(t, "* OK [X "+strings.Repeat("y", maxCodeArgs+1)+"] z").Code; c.Name != "X" || c.args.Present() {
		t.Errorf("arguments of %d bytes kept", maxCodeArgs+1)
	}
	table := newFlagTable()
	for i := range maxInterned * 2 {
		table.flag(fmt.Appendf(nil, "f%d", i))
	}
	if len(table.seen) > maxInterned {
		t.Errorf("%d flags interned", len(table.seen))
	}
	names := make([]string, maxCaps+10)
	for i := range names {
		names[i] = fmt.Sprint("X", i)
	}
	if c := NewCaps(append([]string{strings.Repeat("Y", maxCapName+1)}, names...)...); len(c.set) != maxCaps {
		t.Errorf("%d capabilities", len(c.set))
	}
}

func TestFoundLimits(t *testing.T) {
	// The hostile answer is short; what it stands for is not.
	r := decodeESearch(parseLine(t, `* ESEARCH (TAG "A1") UID ALL 1:4294967295`))
	if len(r.Numbers) != maxFound || !r.Truncated {
		t.Errorf("%d numbers, truncated %v", len(r.Numbers), r.Truncated)
	}
	th := parseThreads([]byte(strings.Repeat("(1 ", maxDepth+100)))
	depth := 0
	for len(th) > 0 {
		th = th[0].Children
		depth++
	}
	if depth > maxDepth+101 || depth < maxDepth {
		t.Errorf("threads of depth %d", depth)
	}
	c := parseLine(t, "A1 OK [APPENDUID 1 1:4294967294] done").Code
	if _, uids, ok := c.AppendUID(); ok || uids != nil {
		t.Errorf("%d uids of an append", len(uids))
	}
	if _, ok := parseLine(t, "A1 OK [COPYUID 1 1:3 5:9] done").Code.CopyUID(); ok {
		t.Error("a COPYUID of different lengths was taken")
	}
	if _, ok := parseLine(t, "A1 OK [COPYUID 1 1:* 1:*] done").Code.CopyUID(); ok {
		t.Error("a COPYUID with stars was taken")
	}
}

func TestListRowsLimit(t *testing.T) {
	m := &listMatch{c: &Client{}, word: "LIST", byName: map[string]*ListEntry{}}
	r := parseLine(t, `* LIST () "/" x`)
	m.rows = make([]*ListEntry, maxListRows)
	if !m.claim(r, true) || len(m.rows) != maxListRows {
		t.Errorf("%d rows", len(m.rows))
	}
}

// TestMaxSkipEndsTheConnection: a line that goes on beyond maxSkip has no end; what
// is shorter is skipped (TestParserLimits).
func TestMaxSkipEndsTheConnection(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 256 MB from memory")
	}
	p := testParser("", func(p *parser) { p.lineRoom = 1000 })
	p.rd.src = readerFunc(func(b []byte) (int, error) { return len(b), nil })
	if _, err := p.next(); err == nil {
		t.Error("an endless line has no end")
	}
}

// TestIdleBackoff: a server that ends IDLE at once is not asked in a hurry.
func TestIdleBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		idles := 0
		go func() {
			defer server.Close()
			fmt.Fprint(server, "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n")
			buf := make([]byte, 100)
			for {
				n, err := server.Read(buf)
				if err != nil {
					return
				}
				tag, verb, _ := strings.Cut(strings.TrimSpace(string(buf[:n])), " ")
				if verb == "IDLE" {
					idles++
					fmt.Fprintf(server, "+ idling\r\n%s OK enough\r\n", tag)
				}
			}
		}()
		c, err := New(context.Background(), client, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := c.Idle(ctx); err != nil {
			t.Error(err)
		}
		if idles < 10 || idles > 25 {
			t.Errorf("%d IDLEs in ten minutes", idles)
		}
		_ = c.Close()
		synctest.Wait()
	})
}

func TestScannerTagLimit(t *testing.T) {
	g := NewGuard(func(ClientCommand) error { return nil })
	var err error
	for i := range maxScanTags + 1 {
		if err = g.FromClient(discard{}, fmt.Appendf(nil, "t%d NOOP\r\n", i)); err != nil {
			break
		}
	}
	if err == nil || len(g.tags) != maxScanTags {
		t.Errorf("%d commands in flight, %v", len(g.tags), err)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
