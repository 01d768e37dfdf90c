package demo

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	p := start(t, Options{})
	c := connect(t, p, 0)
	c.empty()
	c.append("Bench", "", "Subject: x\r\n\r\n")
	want(t, c.run("STORE 1 +FLAGS (%s)", strings.Repeat("k", maxFlagBytes+1)), "NO [LIMIT]")
	var many []string
	for i := range maxKeywords + 1 {
		many = append(many, fmt.Sprintf("k%d", i))
	}
	c.ok("STORE 1 FLAGS (%s)", strings.Join(many[1:], " "))
	want(t, c.run("STORE 1 +FLAGS (k0)"), "NO [LIMIT]")
	want(t, c.run("APPEND Bench {%d}", maxMessage+1), "NO [TOOBIG]")
	c = connect(t, p, 0)
	for i := range maxMailboxes {
		if out := c.run("CREATE m%d", i); strings.Contains(out, " NO ") {
			want(t, out, "NO [LIMIT]")
			return
		}
	}
	t.Errorf("more than %d mailboxes were made", maxMailboxes)
}

func TestDeepMailIsSearched(t *testing.T) {
	deep := "Content-Type: text/plain\r\n\r\nneedle\r\n"
	for range maxTextDepth + 5 {
		deep = "Content-Type: message/rfc822\r\n\r\n" + deep
	}
	if strings.Contains(newSearchText([]byte(deep)).bodyText(), "needle") {
		t.Error("looked deeper than the limit")
	}
}

func FuzzReadLog(f *testing.F) {
	var seed []byte
	for _, r := range standardFolders(fixed) {
		seed, _ = r.encode(seed, nil)
	}
	seed, _ = record{Op: opMail, Box: uint32(fixed.Unix()), UID: 1, Date: 1}.encode(seed, []byte("Subject: x\r\n\r\nbody"))
	f.Add(seed)
	f.Add(seed[:len(seed)-3])
	f.Add([]byte(`{"op":"mail","box":1,"size":-1}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := &account{}
		good, err := readLog(bytes.NewReader(b), a.apply)
		if good < 0 || good > int64(len(b)) {
			t.Fatalf("%d good bytes of %d", good, len(b))
		}
		if err != nil {
			return
		}
		// What is good reads the same without the torn rest.
		again := &account{}
		if n, err := readLog(bytes.NewReader(b[:good]), again.apply); err != nil || n != good || len(again.boxes) != len(a.boxes) {
			t.Fatalf("second reading: %d of %d bytes, %v", n, good, err)
		}
	})
}

// FuzzAnswers checks that our place in the server's answers does not depend on
// how they are cut into writes.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\nt1 OK\r\n"), 7)
	f.Add([]byte("x {3}\r\n{9} {1}\r\n\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if cut < 0 || cut > len(b) {
			return
		}
		var whole, parts position
		whole.pass(b)
		parts.pass(b[:cut])
		parts.pass(b[cut:])
		if whole.literal != parts.literal || whole.atStart() != parts.atStart() {
			t.Fatalf("%q cut at %d: %+v and %+v", b, cut, whole, parts)
		}
	})
}
