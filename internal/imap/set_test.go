package imap_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"cofferdam/internal/imap"
)

func TestUIDSetText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1", "1"}, {"1,2,3", "1:3"}, {"3,1,2", "1:3"}, {"5:3", "3:5"}, {"1:4,3:9", "1:9"},
		{"1,3,5", "1,3,5"}, {"7:*", "7:*"}, {"*", "*"}, {"*:4", "4:*"}, {"1:3,5:*,9", "1:3,5:*"},
		{"4294967294", "4294967294"}, {"4294967294:4294967295", "4294967294:*"},
		{"10,1:2,8:9,4", "1:2,4,8:10"},
	}
	for _, tt := range tests {
		s, err := imap.ParseUIDSet(tt.in)
		if err != nil || s.String() != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.in, s, err, tt.want)
		}
	}
	for _, bad := range []string{"", "0", "a", "1,", ",1", "1::2", "1:", "-1", "01", "4294967296", "1 2", "$", "1:2:3"} {
		if s, err := imap.ParseUIDSet(bad); err == nil {
			t.Errorf("%q taken as %q", bad, s)
		}
	}
}

// TestUIDSetModel compares the set with a map.
func TestUIDSetModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var s imap.UIDSet
		model := map[imap.UID]bool{}
		for range rng.IntN(30) {
			a, b := imap.UID(rng.IntN(40)+1), imap.UID(rng.IntN(40)+1)
			switch rng.IntN(3) {
			case 0:
				s.Add(a)
				model[a] = true
			case 1:
				s.AddRange(a, b)
				for u := min(a, b); u <= max(a, b); u++ {
					model[u] = true
				}
			case 2:
				s.Remove(a)
				delete(model, a)
			}
		}
		if s.Count() != uint64(len(model)) {
			t.Fatalf("%s holds %d, the model %d", s, s.Count(), len(model))
		}
		for u := imap.UID(1); u < 50; u++ {
			if s.Contains(u) != model[u] {
				t.Fatalf("%s and %d", s, u)
			}
		}
		for u := range s.All() {
			if !model[u] {
				t.Fatalf("%s yields %d", s, u)
			}
		}
		if !s.Empty() {
			back, err := imap.ParseUIDSet(s.String())
			if err != nil || back.String() != s.String() {
				t.Fatalf("%s reads back as %s, %v", s, back, err)
			}
		}
	}
}

func TestUIDSetEnds(t *testing.T) {
	s := imap.UIDRange(5, imap.Star)
	if !s.HasStar() || !s.Contains(1<<31) || s.Contains(4) || s.Contains(0) {
		t.Errorf("%s", s)
	}
	s.Add(imap.Star)
	s.AddRange(1, 2)
	if s.String() != "1:2,5:*" {
		t.Errorf("%s", s)
	}
	var z imap.UIDSet
	z.Add(0)
	if !z.Empty() {
		t.Error("zero is in the set")
	}
	n := 0
	for range imap.UIDRange(4294967290, imap.Star).All() {
		n++
	}
	if n != 6 {
		t.Errorf("the last numbers are %d", n)
	}
}

// TestUIDSetHostile: a server's set cannot cost more than its text.
func TestUIDSetHostile(t *testing.T) {
	var b strings.Builder
	for i := 200000; i > 0; i-- {
		b.WriteString("," + imap.UIDs(imap.UID(2*i)).String())
	}
	s, err := imap.ParseUIDSet(b.String()[1:])
	if err != nil || len(s.Ranges()) != 200000 {
		t.Errorf("%d ranges, %v", len(s.Ranges()), err)
	}
	if _, err := imap.ParseUIDSet(strings.Repeat("1,", 1<<20) + "1"); err == nil {
		t.Error("a set of a million ranges and more was taken")
	}
	all, err := imap.ParseUIDSet("1:4294967294")
	if err != nil || all.Count() != 4294967294 {
		t.Errorf("%d %v", all.Count(), err)
	}
}

func FuzzUIDSet(f *testing.F) {
	for _, s := range []string{"1", "1:*", "3,1:2,9:8", "*:*", "1,,2", "4294967295"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := imap.ParseUIDSet(text)
		if err != nil {
			return
		}
		back, err := imap.ParseUIDSet(s.String())
		if err != nil || back.String() != s.String() {
			t.Fatalf("%q became %q, which reads back as %q, %v", text, s, back, err)
		}
		prev := uint64(0)
		for _, r := range s.Ranges() {
			if r.Start == 0 || r.Start > r.Stop || prev != 0 && uint64(r.Start) <= prev+1 {
				t.Fatalf("%q has ranges %v", text, s.Ranges())
			}
			prev = uint64(r.Stop)
		}
	})
}

func TestMailboxNames(t *testing.T) {
	// RFC 3501, section 5.1.3, and Dovecot's own.
	tests := []struct{ name, wire string }{
		{"INBOX", "INBOX"}, {"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"Entwürfe", "Entw&APw-rfe"}, {"a & b", "a &- b"}, {"&&", "&-&-"}, {"😀", "&2D3eAA-"}, {"\t", "&AAk-"}, {"\u007f", "&AH8-"}, {"", ""},
	}
	for _, tt := range tests {
		wire, err := imap.EncodeMailbox(tt.name)
		if err != nil || wire != tt.wire {
			t.Errorf("%q encodes to %q, %v, want %q", tt.name, wire, err, tt.wire)
		}
		if name := imap.DecodeMailbox(tt.wire); name != tt.name {
			t.Errorf("%q decodes to %q, want %q", tt.wire, name, tt.name)
		}
	}
}

// TestMailboxNamesOfBrokenServers: what is not canonical goes back as it came.
func TestMailboxNamesOfBrokenServers(t *testing.T) {
	for _, wire := range []string{"&", "&AGE-", "&U,BTFw", "&U,BTFw-&ZeVnLIqe-", "é", "\xff\xfe", "&2D0-", "&!!-", "a\x01b", "&AA-", "\uFDD0x"} {
		name := imap.DecodeMailbox(wire)
		back, err := imap.EncodeMailbox(name)
		if err != nil || back != wire {
			t.Errorf("%q decodes to %q and goes back as %q, %v", wire, name, back, err)
		}
		if shown := imap.DisplayMailbox(name); strings.Contains(shown, "\uFDD0x") && wire != "\uFDD0x" {
			t.Errorf("%q is shown as %q", wire, shown)
		}
	}
}

func FuzzMailboxName(f *testing.F) {
	for _, s := range []string{"INBOX", "&U,BTFw-", "&AGE-", "é", "&", "\uFDD0&-", "&2D3eAA-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		if strings.ContainsAny(wire, "\r\n\x00") {
			return // cannot come in a line; in a literal it is refused when sent back
		}
		name := imap.DecodeMailbox(wire)
		back, err := imap.EncodeMailbox(name)
		if err != nil || back != wire {
			t.Fatalf("%q decodes to %q and goes back as %q, %v", wire, name, back, err)
		}
	})
}
