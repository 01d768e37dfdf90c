package account

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
)

func fullHeader() *knownHeader {
	subject, ann, empty := "On water", "Ann", ""
	return &knownHeader{
		have: cachedProps,
		from: []jmap.Address{{Name: &ann, Email: "ann@example.org"}}, to: []jmap.Address{{Email: "bob@example.org"}, {Name: &empty, Email: "c@example.org"}},
		subject: &subject, sentAt: jmap.Date{Time: time.Date(2026, 2, 7, 21, 52, 25, 0, time.UTC)}, hasAttachment: true, preview: "Dear Bob, ...",
		seldom: &seldomHeader{
			messageID: []string{"1@example.org"}, inReplyTo: []string{}, references: []string{"2@example.org", "3@example.org"},
			sender: []jmap.Address{{Name: &ann, Email: "x@example.org"}}, cc: nil, bcc: []jmap.Address{}, replyTo: []jmap.Address{{Email: "y@example.org"}},
		},
	}
}

// TestHeaderPacked: what the cache remembers is what was read, in a few pieces of
// memory, of which a parsed header has dozens.
func TestHeaderPacked(t *testing.T) {
	for name, k := range map[string]*knownHeader{"full": fullHeader(), "light": {have: jmap.EmailPropFrom, from: fullHeader().from}, "nothing": {have: jmap.EmailPropSubject}} {
		c := newHeaderCache(1 << 20)
		c.put("a", k)
		kept, ok := c.get("a", k.have)
		if !ok {
			t.Fatalf("%s: not remembered", name)
		}
		var want, got jmap.Email
		k.fill(&want, k.have)
		kept.fill(&got, k.have)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if n := testing.AllocsPerRun(10, func() { k.packed("a") }); n > 8 {
			t.Errorf("%s: %v pieces", name, n)
		}
	}
}

// TestHeaderCacheOrder: what was not used for longest goes first.
func TestHeaderCacheOrder(t *testing.T) {
	k := fullHeader()
	c := newHeaderCache(3 * k.packed("a").size)
	for _, id := range []jmap.EmailID{"a", "b", "c"} {
		c.put(id, k)
	}
	c.get("a", k.have)
	c.put("d", k)
	for id, want := range map[jmap.EmailID]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, ok := c.get(id, k.have); ok != want {
			t.Errorf("%s is remembered: %v", id, ok)
		}
	}
}
