package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// testParser reads from a string with small limits where given.
func testParser(wire string, change func(*parser)) *parser {
	var o Options
	o.setDefaults()
	p := newParser(strings.NewReader(wire), o)
	if change != nil {
		change(p)
	}
	return p
}

// dump writes a response as a tree.
func dump(r *Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Word)
	if r.hasNum {
		fmt.Fprintf(&b, "#%d", r.Num)
	}
	for n := range r.Args() {
		b.WriteByte(' ')
		dumpNode(&b, n)
	}
	return b.String()
}

func dumpNode(b *strings.Builder, n Node) {
	switch n.Kind() {
	case KindList:
		b.WriteByte('(')
		first := true
		for c := range n.Children() {
			if !first {
				b.WriteByte(' ')
			}
			first = false
			dumpNode(b, c)
		}
		b.WriteByte(')')
	case KindAtom:
		b.Write(n.Raw())
	case KindQuoted:
		fmt.Fprintf(b, "%q", n.Raw())
	case KindLiteral:
		fmt.Fprintf(b, "L%q", n.Raw())
	case KindDropped:
		b.WriteString("dropped")
	}
}

func TestParserTree(t *testing.T) {
	tests := []struct{ name, wire, want string }{
		{"numbers", "* 12 EXISTS\r\n", "EXISTS#12"},
		{"lower case", "* 3 fetch (uid 7)\r\n", "FETCH#3 (uid 7)"},
		{"list", "* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n", `LIST (\Noselect) "/" ~/Mail/foo`},
		{"escapes", "* X \"a\\\"b\\\\c\" \"\"\r\n", `X "a\"b\\c" ""`},
		{"escape of another character stays", "* X \"a\\b\"\r\n", `X "a\\b"`},
		{"literal", "* X {3}\r\na\r\n y\r\n", `X L"a\r\n" y`},
		{"literal8 and non-synchronizing", "* X ~{1}\r\n\x00 {1+}\r\nz\r\n", `X L"\x00" L"z"`},
		{"empty literal", "* X {0}\r\n\r\n", `X L""`},
		{"literal in the middle of a list", "* 1 FETCH (BODY[] {5}\r\nhello UID 4)\r\n", `FETCH#1 (BODY[] L"hello" UID 4)`},
		{"no space before a literal", "* 1 FETCH (BODY[]{2}\r\nhi UID 4)\r\n", `FETCH#1 (BODY[] L"hi" UID 4)`},
		{"section with a list", "* 1 FETCH (BODY[HEADER.FIELDS (\"To\" Cc)]<0> \"x\")\r\n", `FETCH#1 (BODY[HEADER.FIELDS ("To" Cc)]<0> "x")`},
		{"section without its end", "* 1 FETCH (BODY[1 x)\r\n", `FETCH#1 (BODY[1 x)`},
		{"flag with a bracket", "* FLAGS ([x \\Seen)\r\n", `FLAGS ([x \Seen)`},
		{"bare LF", "* 1 EXISTS\n", "EXISTS#1"},
		{"two CRs", "* 1 EXISTS\r\r\n", "EXISTS#1"},
		{"NUL", "* X a\x00b \"c\x00\"\r\n", "X a\x00b \"c\\x00\""},
		{"tabs and 8-bit", "* X a\tb \xff\r\n", "X a\tb \xff"},
		{"open list at the end", "* X (a (b\r\n", "X (a (b))"},
		{"too many ends", "* X a) b)\r\n", "X a b"},
		{"open quote at the end", "* X \"abc\r\n", `X "abc"`},
		{"marker inside of a quote", "* X \"abc {5}\r\n", `X "abc {5}"`},
		{"marker inside of a whole quote", "* X \"abc {5}\"\r\n", `X "abc {5}"`},
		{"nothing but a word", "* X\r\n", "X"},
		{"star alone", "*\r\n", ""},
		{"extra spaces", "*  2  FETCH   (UID  1 )\r\n", "#2   (UID 1)"},
		{"list touching", "* X(a)(b)c\r\n", "X(A)(B)C"},
		{"lists touching", "* X (a)(b)c\r\n", "X (a) (b) c"},
		{"empty lines before", "\r\n\n\r\n* 1 EXISTS\r\n", "EXISTS#1"},
		{"number too large", "* 99999999999 EXISTS\r\n", "99999999999 EXISTS"},
	}
	for _, tt := range tests {
		for _, one := range []bool{false, true} {
			p := testParser(tt.wire, nil)
			if one {
				p.rd.src = iotest.OneByteReader(p.rd.src)
			}
			r, err := p.next()
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got := dump(r); got != tt.want && tt.name != "extra spaces" {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
			if _, err := p.next(); err != io.EOF {
				t.Errorf("%s: bytes left over: %v", tt.name, err)
			}
		}
	}
}

func TestParserStatus(t *testing.T) {
	tests := []struct {
		wire, tag, code, args, text string
		kind                        StatusKind
	}{
		{"A1 OK done\r\n", "A1", "", "", "done", StatusOK},
		{"A1 NO [TRYCREATE] no {5}\r\n", "A1", "TRYCREATE", "", "no {5}", StatusNO},
		{"* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n", "", "PERMANENTFLAGS", "(\\Seen \\*)", "ok", StatusOK},
		{"* bye [x-new \"]\" 5]text\r\n", "", "X-NEW", `"]" 5`, "text", StatusBYE},
		{"* OK [UIDNEXT 4392 no end\r\n", "", "", "", "[UIDNEXT 4392 no end", StatusOK},
		{"* NO\r\n", "", "", "", "", StatusNO},
		{"A1 OK [BADCHARSET (a b\r\n", "A1", "", "", "[BADCHARSET (a b", StatusOK},
		{"A1 BAD [PARSE(] x\r\n", "A1", "PARSE(", "", "x", StatusBAD},
		{"* PREAUTH hello\r\n", "", "", "", "hello", StatusPREAUTH},
	}
	for _, tt := range tests {
		r, err := testParser(tt.wire, nil).next()
		if err != nil {
			t.Errorf("%q: %v", tt.wire, err)
			continue
		}
		var b strings.Builder
		for n := range r.Code.Args() {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			dumpNode(&b, n)
		}
		if r.Kind != tt.kind || r.Tag != tt.tag || r.Code.Name != tt.code || b.String() != tt.args || r.Text != tt.text {
			t.Errorf("%q: kind %v tag %q code %q args %q text %q", tt.wire, r.Kind, r.Tag, r.Code.Name, b.String(), r.Text)
		}
	}
}

func TestParserContinuation(t *testing.T) {
	for wire, want := range map[string]string{"+ go {5}\r\n": "go {5}", "+\r\n": "", "+ \r\n": "", "+OK\n": "OK"} {
		r, err := testParser(wire, nil).next()
		if err != nil || !r.cont || r.Text != want {
			t.Errorf("%q: %+v %v", wire, r, err)
		}
	}
}

// Each limit inside of a response costs that part of the response and nothing
// else: the response that follows is whole.
func TestParserLimits(t *testing.T) {
	deep := strings.Repeat("(", maxDepth+50) + "x" + strings.Repeat(")", maxDepth+50)
	tests := []struct {
		name, wire string
		change     func(*parser)
		want       string // of the first response; "" not compared
	}{
		{"line", "* 1 FETCH (UID 5 X \"" + strings.Repeat("y", 500) + "\" RFC822.SIZE 77)\r\n", func(p *parser) { p.lineRoom = 100 }, "FETCH#1 (UID 5 X dropped)"},
		{"line cut in a number", "* 1 FETCH (UID 12345)\r\n", func(p *parser) { p.lineRoom = 18 }, "FETCH#1 (UID dropped)"},
		{"line longer than the read buffer", "* 1 FETCH (UID 5 X \"" + strings.Repeat("y", 3*readBuffer) + "\")\r\n", func(p *parser) { p.lineRoom = readBuffer }, ""},
		{"line with a literal behind the cut", "* 1 FETCH (UID 5 X \"" + strings.Repeat("y", 500) + "\" BODY[] {7}\r\n+ no\r\n! FLAGS ())\r\n", func(p *parser) { p.lineRoom = 100 }, "FETCH#1 (UID 5 X dropped dropped)"},
		{"literal in memory", "* 1 FETCH (BODY[] {10}\r\n0123456789 UID 5)\r\n", func(p *parser) { p.maxKeep = 9 }, "FETCH#1 (BODY[] dropped UID 5)"},
		{"response", "* X {40}\r\n" + strings.Repeat("a", 40) + " {40}\r\n" + strings.Repeat("b", 40) + " c\r\n", func(p *parser) { p.respRoom = 90 }, ""},
		{"depth", "* X a " + deep + " b\r\n", nil, ""},
		{"tokens", "* X " + strings.Repeat("a ", 100) + "(b)\r\n", func(p *parser) { p.tokRoom = 20 }, ""},
	}
	for _, tt := range tests {
		p := testParser(tt.wire+"* 9 EXISTS\r\n", tt.change)
		r, err := p.next()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !r.Truncated {
			t.Errorf("%s: not marked as truncated", tt.name)
		}
		if got := dump(r); tt.want != "" && got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if r, err = p.next(); err != nil || dump(r) != "EXISTS#9" {
			t.Errorf("%s: what follows is %v, %v", tt.name, r, err)
		}
	}
}

func TestParserFatalLimits(t *testing.T) {
	var limit *LimitError
	_, err := testParser("* X {5000000000}\r\n", nil).next()
	if !errors.As(err, &limit) {
		t.Errorf("literal beyond all limits: %v", err)
	}
	_, err = testParser("* X {99999999999999999999999}\r\n", nil).next()
	if !errors.As(err, &limit) {
		t.Errorf("literal beyond all numbers: %v", err)
	}
	endless := &parser{rd: newReader(readerFunc(func(p []byte) (int, error) { clear(p); return len(p), nil })), desks: &Desks{}, lineRoom: 1000, respRoom: 1000, tokRoom: 1000}
	_, err = endless.next()
	if !errors.As(err, &limit) {
		t.Errorf("endless line: %v", err)
	}
	if cap(endless.t.buf) > 10000 {
		t.Errorf("an endless line cost %d bytes", cap(endless.t.buf))
	}
}

// A literal that is announced and never comes costs no memory.
func TestParserLiteralGrowsAsItArrives(t *testing.T) {
	p := testParser("* X {8000000}\r\nabc", nil)
	if _, err := p.next(); err != io.EOF {
		t.Fatal(err)
	}
	if cap(p.t.buf) > 1<<20 {
		t.Errorf("buffer of %d bytes for 3 bytes of literal", cap(p.t.buf))
	}
}

func TestParserForgetsMonsters(t *testing.T) {
	p := testParser("* X {4000000}\r\n"+strings.Repeat("a", 4000000)+"\r\n* X "+strings.Repeat("a ", 200000)+"\r\n* 1 EXISTS\r\n", nil)
	for range 3 {
		if _, err := p.next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(p.t.buf) > keepBuffer || cap(p.t.tok) > keepTokens {
		t.Errorf("kept %d bytes and %d tokens", cap(p.t.buf), cap(p.t.tok))
	}
}

func TestParserSink(t *testing.T) {
	var got bytes.Buffer
	var infos []LiteralInfo
	p := testParser("* 7 FETCH (UID 3 BODY[1] {5}\r\nhello ENVELOPE ({3}\r\nabc) BODY[2]<0> {2}\r\nhi)\r\n", nil)
	p.sink = func(i LiteralInfo) sinkAnswer {
		infos = append(infos, i)
		return sinkAnswer{mine: true, stream: true, w: &got}
	}
	r, err := p.next()
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != "hellohi" || dump(r) != `FETCH#7 (UID 3 BODY[1] dropped ENVELOPE (L"abc") BODY[2]<0> dropped)` {
		t.Errorf("streamed %q of %s", got.String(), dump(r))
	}
	want := []LiteralInfo{{7, 3, "BODY[1]", 5}, {7, 3, "BODY[2]<0>", 2}}
	if fmt.Sprint(infos) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", infos, want)
	}
}

func TestNodeAbsentIsHarmless(t *testing.T) {
	var n Node
	if n.Present() || !n.IsNil() || n.Len() != 0 || n.At(3).Present() || n.Text() != "" || n.First().Present() {
		t.Error("the absent node is not empty")
	}
	if _, ok := n.Number(); ok {
		t.Error("the absent node has a number")
	}
	if n.clone().Present() {
		t.Error("its clone is present")
	}
}

// seeds are what real servers said, one exchange each.
func seeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/dialogs/*.dlg")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var wire bytes.Buffer
		for line := range strings.SplitSeq(string(text), "\n") {
			if s, ok := strings.CutPrefix(line, "S: "); ok {
				wire.WriteString(s + "\r\n")
			}
		}
		f.Add(wire.Bytes())
	}
	for _, s := range []string{
		"* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL NIL NIL)) x (()) NIL NIL NIL NIL NIL) BODYSTRUCTURE ((((\"a\" \"b\"))) \"x\"))\r\n",
		"* ESEARCH (TAG \"x\" MAILBOX {3}\r\nabc UIDVALIDITY 5) UID ALL 1:4294967295,5:3,* COUNT 3 PARTIAL (-1:-5 NIL) ADDTO (0 1:3)\r\n",
		"* THREAD (2)(3 6 (4 23)(44 7 96))((((((\r\n* SEARCH 1 2 3 (MODSEQ 5)\r\n* SORT 9 x 4294967296\r\n",
		"* VANISHED (EARLIER) 1:3,9\r\n* STATUS \"x\" (MAILBOXID (F1) MESSAGES 4 APPENDLIMIT NIL)\r\n* QUOTA \"\" (STORAGE 1 2)\r\n",
		"A OK [COPYUID 1 1:4294967295 1:4294967295]\r\nA OK [APPENDUID 1 1:4294967295]\r\n* OK [MODIFIED 1:*]\r\n",
		"* LIST (\\a \"b\") NIL &BAD- (OLDNAME (x) CHILDINFO (\"SUBSCRIBED\"))\r\n* METADATA x (/a NIL /b {2}\r\nhi)\r\n",
	} {
		f.Add([]byte(s))
	}
}

// FuzzResponse: whatever a server sends, the parser ends, keeps its bounds, and
// every accessor works on what it made.
func FuzzResponse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		p := testParser(string(wire), func(p *parser) { p.lineRoom, p.respRoom, p.tokRoom, p.maxKeep = 4096, 8192, 500, 1000 })
		var whole []string
		for range 200 {
			r, err := p.next()
			if err != nil {
				break
			}
			if len(p.t.tok) > 501 || len(p.t.buf) > 8192+1000 {
				t.Fatalf("%d tokens, %d bytes kept", len(p.t.tok), len(p.t.buf))
			}
			whole = append(whole, touch(r))
		}
		// Reading byte by byte makes no difference.
		q := testParser(string(wire), func(p *parser) { p.lineRoom, p.respRoom, p.tokRoom, p.maxKeep = 4096, 8192, 500, 1000 })
		q.rd.src = iotest.OneByteReader(q.rd.src)
		for i := range whole {
			r, err := q.next()
			if err != nil {
				t.Fatal(err)
			}
			if got := touch(r); got != whole[i] {
				t.Fatalf("byte by byte: %q, at once: %q", got, whole[i])
			}
		}
	})
}

// touch uses every decoder on a response and checks that clones say the same.
func touch(r *Response) string {
	text := dump(r)
	if clone := dump(r.Clone()); clone != text {
		panic("clone differs: " + clone + " / " + text)
	}
	var row FetchRow
	if row.load(r, newFlagTable()) {
		touchRow(&row)
		touchRow(row.Clone())
	}
	decodeList(r, false)
	decodeStatus(r, true)
	decodeESearch(r)
	decodeQuota(r)
	decodeMetadata(r.Arg(1))
	decodeNamespaces(r.Arg(0), false)
	vanishedOf(r)
	parseThreads(r.rest)
	r.numbersInto(&SearchResult{})
	r.Code.Number()
	r.Code.Flags()
	r.Code.AppendUID()
	if c, ok := r.Code.CopyUID(); ok {
		n := 0
		for range c.Pairs() {
			if n++; n > 100 {
				break
			}
		}
	}
	return text
}

func touchRow(r *FetchRow) {
	r.Flags()
	r.HasFlag(FlagSeen)
	r.ModSeq()
	r.Size()
	r.InternalDate()
	r.SaveDate()
	r.EmailID()
	r.GUID()
	r.GmailMsgID()
	r.Preview()
	if e, ok := r.Envelope(); ok {
		for _, a := range e.From {
			if a.IsGroupEnd && a.Addr() != "" {
				panic("the end of a group has an address")
			}
		}
	}
	if b, ok := r.BodyStructure(); ok {
		for p := range b.All() {
			p.Filename()
		}
	}
	_, _ = r.Section(BodyPeek("1", Span{0, 10}))
	_, _ = r.Section(HeaderFields("", "To"))
}
