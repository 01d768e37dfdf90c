package account

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
)

// TestNatures: the mails of which is remembered what they are like are bounded.
func TestNatures(t *testing.T) {
	var n natures
	for i := range 3 * maxNatures {
		n.add(jmap.EmailID(fmt.Sprint(i/2)), i%2 == 1) // each twice
	}
	if _, known := n.get("0"); known {
		t.Error("the oldest is remembered")
	}
	if eightBit, known := n.get(jmap.EmailID(fmt.Sprint(3*maxNatures/2 - 1))); !known || !eightBit {
		t.Errorf("the last: %v, %v", eightBit, known)
	}
	if len(n.of) != maxNatures || len(n.made) != maxNatures {
		t.Errorf("%d remembered, in a list of %d", len(n.of), len(n.made))
	}
}

func TestNoting(t *testing.T) {
	for text, want := range map[string]bool{"": false, "abc": false, "ab\x80c": true, "\xff": true, "a\x7f": false} {
		r := &noting{ReadCloser: io.NopCloser(strings.NewReader(text))}
		if got, err := io.ReadAll(r); string(got) != text || err != nil || r.eightBit != want {
			t.Errorf("%q: %q, %v, 8-bit %v", text, got, err, r.eightBit)
		}
	}
}
