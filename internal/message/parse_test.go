package message

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// structure writes a tree as in testdata/*.structure.
func structure(p *Part, indent string) string {
	var b strings.Builder
	id := p.PartID
	if id == "" {
		id = "-"
	}
	fmt.Fprintf(&b, "%s%s %s %d", indent, id, p.Type, p.Size)
	for _, f := range []struct{ key, value string }{
		{"name", p.Name}, {"charset", p.Charset}, {"disposition", p.Disposition}, {"cid", p.CID},
		{"language", strings.Join(p.Language, ",")}, {"location", p.Location}, {"encoding", p.Encoding},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%q", f.key, f.value)
		}
	}
	b.WriteByte('\n')
	for _, sub := range p.SubParts {
		b.WriteString(structure(sub, indent+"  "))
	}
	if p.Embedded != nil {
		b.WriteString(structure(p.Embedded.Body, indent+"  > "))
	}
	return b.String()
}

// TestStructure compares each testdata/NN-*.eml with its .structure.
// MESSAGE_UPDATE=1 rewrites those.
func TestStructure(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.eml")
	if len(files) == 0 {
		t.Fatal("no testdata")
	}
	for _, file := range files {
		got := structure(Parse(readFile(t, file)).Body, "")
		golden := strings.TrimSuffix(file, ".eml") + ".structure"
		if os.Getenv("MESSAGE_UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(string(readFile(t, golden)), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
	}
}

func TestDepthAndPartLimits(t *testing.T) {
	var deep strings.Builder
	for i := range 3 * MaxDepth {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d.\n\n--b%d.\n", i, i)
	}
	deepest, now := 0, 0
	var walk func(*Part)
	walk = func(p *Part) {
		now++
		deepest = max(deepest, now)
		for _, s := range p.SubParts {
			walk(s)
		}
		now--
	}
	walk(Parse([]byte(deep.String())).Body)
	if deepest != MaxDepth+1 {
		t.Errorf("depth %d", deepest)
	}
	wide := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 2*MaxParts)
	if n := len(Parse([]byte(wide)).Body.SubParts); n < MaxParts-2 || n > MaxParts {
		t.Errorf("%d parts", n)
	}
	nested := strings.Repeat("Content-Type: message/rfc822\n\n", 3*MaxDepth)
	n := 0
	for m := Parse([]byte(nested)); m != nil; m = m.Body.Embedded {
		n++
	}
	if n != MaxDepth+1 {
		t.Errorf("%d messages in each other", n)
	}
}

// linearTime is far above what the inputs of TestLinear take, also under the
// race detector on a busy machine, and far below quadratic time.
const linearTime = 5 * time.Second

// TestLinear makes the inputs on which a careless parser takes quadratic time.
func TestLinear(t *testing.T) {
	for name, raw := range map[string]string{
		"boundaries":  "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--c\n", 1<<20),
		"headers":     strings.Repeat("A\n", 1<<20),
		"folds":       "A: b" + strings.Repeat("\n b", 1<<20),
		"comments":    "Content-Type: " + strings.Repeat("(", 1<<18),
		"quotes":      "Content-Type: text/plain" + strings.Repeat("; a=\"", 1<<18),
		"angles":      "From: " + strings.Repeat("<", 1<<18) + "\nTo: " + strings.Repeat("(", 1<<18) + "\nCc: " + strings.Repeat("[", 1<<18) + "\nBcc: " + strings.Repeat("\"", 1<<18),
		"escapes":     "From: " + strings.Repeat(`"\"`, 1<<18) + "\nTo: " + strings.Repeat(`(\(`, 1<<18) + "\nContent-Type: " + strings.Repeat(`(\(`, 1<<18) + "\nReferences: " + strings.Repeat(`"\(`, 1<<18),
		"starts":      "From: " + strings.Repeat("[", 1<<19) + "\nList-Post: " + strings.Repeat("<", 1<<19),
		"words":       "Subject: " + strings.Repeat("=?utf-8?Q?a", 1<<18),
		"tags":        "Content-Type: text/html\n\n" + strings.Repeat("<", 1<<20),
		"open tags":   "Content-Type: text/html\n\n" + strings.Repeat("<a ", 1<<18),
		"references":  "References: " + strings.Repeat("<a@b> ", 1<<18),
		"url":         "List-Post: " + strings.Repeat("(", 1<<18),
		"quoted text": "\n" + strings.Repeat("> a\n", 1<<18),
	} {
		began := time.Now()
		m := Parse([]byte(raw))
		m.Preview()
		for _, f := range m.Header {
			f.Text()
			f.GroupedAddresses()
			f.MessageIDs()
			f.URLs()
			f.Date()
		}
		m.Body.Value(1000)
		m.Body.Value(len(raw) - 100)
		if d := time.Since(began); d > linearTime {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestFind(t *testing.T) {
	m := Parse([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n"))
	if p := m.Body.Find("2"); p == nil || p.Value(0).Value != "two" {
		t.Errorf("part 2: %+v", p)
	}
	if m.Body.Find("3") != nil || m.Body.Find("") != nil {
		t.Error("found what is not there")
	}
}

func TestSetBody(t *testing.T) {
	p := &Part{PartID: "1", Type: "text/plain", Charset: "iso-8859-1", Encoding: "quoted-printable"}
	p.SetBody([]byte("caf=E9\r\nx"))
	if v := p.Value(0); v.Value != "café\nx" || v.IsEncodingProblem {
		t.Errorf("%+v", v)
	}
}
