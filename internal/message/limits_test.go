package message

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestReadingLimits: what is as large as it may be is read whole, and of one more
// the rest is left out and nothing else.
func TestReadingLimits(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	parsed := func(head string) *Message { return Parse([]byte(head + "\r\n\r\nbody")) }
	for limit, c := range map[string]struct {
		most  int
		whole func(n int) bool
	}{
		"MaxHeaderBytes": {MaxHeaderBytes, func(n int) bool {
			const a, b = "A: b\r\n", "X: "
			return len(parsed(a+b+x(n-len(a)-len(b)-2)).Header) == 2
		}},
		"MaxHeaderFields": {MaxHeaderFields, func(n int) bool { return len(parsed(strings.Repeat("A: b\r\n", n-1)+"A: b").Header) == n }},
		"MaxParams": {MaxParams, func(n int) bool {
			list := ""
			for i := range n - 1 {
				list += fmt.Sprintf("; p%d=v", i)
			}
			return parsed("Content-Type: text/plain"+list+"; charset=utf-8").Body.Charset == "utf-8"
		}},
		"MaxParamBytes": {MaxParamBytes, func(n int) bool {
			const a, b = " text/plain; a=", "; charset=utf-8"
			return parsed("Content-Type:"+a+x(n-len(a)-len(b))+b).Body.Charset == "utf-8"
		}},
		"MaxNameRunes": {MaxNameRunes, func(n int) bool {
			return utf8.RuneCountInString(parsed("Content-Disposition: attachment; filename="+x(n)).Body.Name) == n
		}},
		"PreviewRunes":  {PreviewRunes, func(n int) bool { return Parse([]byte("\n"+x(n)+"\n")).Preview() == x(n) }},
		"MaxAddresses":  {MaxAddresses, func(n int) bool { return len(ParseAddresses(strings.Repeat("a@b,", n))) == n }},
		"MaxMessageIDs": {MaxMessageIDs, func(n int) bool { return len(ParseMessageIDs(strings.Repeat("<m@x>", n))) == n }},
	} {
		if !c.whole(c.most) {
			t.Errorf("%s: not whole", limit)
		}
		if c.whole(c.most + 1) {
			t.Errorf("%s and one more is whole: it limits nothing", limit)
		}
	}
}

// TestBoundaryIsCut: of a boundary longer than MaxBoundary the beginning decides, as
// with Dovecot, so that both see the same parts.
func TestBoundaryIsCut(t *testing.T) {
	parts := func(said, used string) int {
		return len(Parse([]byte("Content-Type: multipart/mixed; boundary=" + said + "\n\n--" + used + "\n\na\n--" + used + "\n\nb\n--" + used + "--\n")).Body.SubParts)
	}
	b := strings.Repeat("b", MaxBoundary)
	if n := parts(b, b); n != 2 {
		t.Errorf("a boundary of MaxBoundary: %d parts", n)
	}
	if n := parts(b+"c", b+"d"); n < 2 {
		t.Errorf("one that differs behind MaxBoundary: %d parts", n)
	}
	if n := parts(b, b[1:]+"x"); n >= 2 {
		t.Error("one that differs within MaxBoundary is taken")
	}
}

// TestBuildingLimits: a draft of MaxBuildDepth and MaxBuildParts is made, and one
// more is refused.
func TestBuildingLimits(t *testing.T) {
	deep := func(n int) error { // n levels below the whole
		p := &DraftPart{Type: "text/plain"}
		for range n {
			p = &DraftPart{Type: "multipart/mixed", SubParts: []*DraftPart{p}}
		}
		_, err := Compose(Draft{Body: p})
		return err
	}
	wide := func(n int) error {
		p := &DraftPart{Type: "multipart/mixed"}
		for range n - 1 {
			p.SubParts = append(p.SubParts, &DraftPart{Type: "text/plain"})
		}
		_, err := Compose(Draft{Body: p})
		return err
	}
	for limit, c := range map[string]struct {
		most int
		make func(int) error
	}{"MaxBuildDepth": {MaxBuildDepth, deep}, "MaxBuildParts": {MaxBuildParts, wide}} {
		if err := c.make(c.most); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if err := c.make(c.most + 1); err == nil {
			t.Errorf("%s and one more is made", limit)
		}
	}
}
