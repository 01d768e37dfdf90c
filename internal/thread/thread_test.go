package thread

import (
	"strings"
	"testing"
)

func TestBaseSubject(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"hello", "hello"},
		{"Re: hello", "hello"},
		{"RE: re: Fwd: FW : hello (fwd) (FWD)", "hello"},
		{"Re[2]: hello", "hello"},
		{"Re [list] : hello", "hello"},
		{"[list] Re: [other] hello", "hello"},
		{"[list] hello", "hello"},
		{"[hello]", "[hello]"},
		{"[a] [hello]", "[hello]"},
		{"Re: [hello]", "[hello]"},
		{"[fwd: hello]", "hello"},
		{"[Fwd: [fwd: Re: hello (fwd)]]", "hello"},
		{"  many \t\t spaces\r\n here ", "many spaces here"},
		{"Re:", ""},
		{"(fwd)", ""},
		{"Regarding: x", "Regarding: x"},
		{"AW: hello", "AW: hello"},
		{"[unclosed Re: x", "[unclosed Re: x"},
		{"[a[b] x", "[a[b] x"},
		{"", ""},
	} {
		if got := BaseSubject(c.in); got != c.want {
			t.Errorf("BaseSubject(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestTopic(t *testing.T) {
	want := Topic("Straßenfest am Samstag")
	for _, s := range []string{
		"AW: Straßenfest am Samstag", "Re: AW: WG: Straßenfest  am Samstag", "SV: VS: straßenfest am samstag",
		"AW[3]: Straßenfest am Samstag", "回复：Straßenfest am Samstag", "RE(2): Straßenfest am Samstag", "Antw: [liste] Straßenfest am Samstag",
	} {
		if got := Topic(s); got != want {
			t.Errorf("Topic(%q) = %q, want %q", s, got, want)
		}
	}
	if Topic("R&D: plan") == Topic("plan") {
		t.Error("a word that only begins like a mark was removed")
	}
}

func TestPlace(t *testing.T) {
	h := NewHasher(Key{1})
	first := h.Place(Mail{MessageID: "a@x", Subject: "Lunch"}, nil)
	byRefs := h.Place(Mail{MessageID: "c@x", InReplyTo: []string{"b@x"}, References: []string{"a@x", "b@x"}, Subject: "Re: Lunch"}, nil)
	if byRefs.Thread != first.Thread {
		t.Error("an answer with References is not in the thread of the first mail")
	}
	known := func(q Hash) (Hash, bool) { return byRefs.Root, q == byRefs.Self }
	byParent := h.Place(Mail{MessageID: "d@x", InReplyTo: []string{"c@x"}, Subject: "RE: lunch"}, known)
	if byParent.Thread != first.Thread {
		t.Error("an answer without References is not in its parent's thread")
	}
	unknown := h.Place(Mail{MessageID: "d@x", InReplyTo: []string{"a@x"}, Subject: "RE: lunch"}, nil)
	if unknown.Thread != first.Thread {
		t.Error("an answer to a mail that is not indexed does not take that mail as root")
	}
	renamed := h.Place(Mail{MessageID: "e@x", References: []string{"a@x"}, Subject: "Dinner (was: Lunch)"}, nil)
	if renamed.Thread == first.Thread {
		t.Error("a new subject stays in the old thread")
	}
	if renamed.Root != first.Root {
		t.Error("a new subject changes the root")
	}
}

func TestPlaceWithoutMessageID(t *testing.T) {
	h := NewHasher(Key{1})
	a := h.Place(Mail{Fallback: "1", Subject: "x"}, nil)
	b := h.Place(Mail{Fallback: "2", Subject: "x"}, nil)
	if a.Thread == b.Thread {
		t.Error("two mails without Message-ID share a thread")
	}
	if c := h.Place(Mail{MessageID: "1", Subject: "x"}, nil); c.Thread == a.Thread {
		t.Error("a fallback is taken for a Message-ID")
	}
}

func TestKeyed(t *testing.T) {
	if NewHasher(Key{1}).Hash("a@x") == NewHasher(Key{2}).Hash("a@x") {
		t.Error("hashes do not depend on the key")
	}
}

// TestVectors holds the stored form still: an index outlives a program.
func TestVectors(t *testing.T) {
	p := NewHasher(Key{1, 2, 3}).Place(Mail{MessageID: "a@x", References: []string{"r@x"}, Subject: "Re: Hé"}, nil)
	got := p.Thread.String()
	if want := "_WtiZdpya0i8ahMn"; got != want {
		t.Errorf("thread id %s, want %s", got, want)
	}
}

func TestLongSubject(t *testing.T) {
	long := strings.Repeat("[a] ", 1<<20) + "x"
	if got := BaseSubject(long); len(got) > MaxSubject {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzBaseSubject(f *testing.F) {
	for _, s := range []string{"Re: [a] Fwd: x (fwd)", "[fwd: [fwd: x]]", "回复：x", "[[[]]]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := BaseSubject(s)
		if again := BaseSubject(b); again != b {
			t.Errorf("base of %q is %q, whose base is %q", s, b, again)
		}
		Topic(s)
	})
}

func BenchmarkPlace(b *testing.B) {
	h := NewHasher(Key{1})
	m := Mail{MessageID: "c@example.com", References: []string{"a@example.com", "b@example.com"}, Subject: "Re: [list] something to read"}
	b.ReportAllocs()
	for b.Loop() {
		h.Place(m, nil)
	}
}
