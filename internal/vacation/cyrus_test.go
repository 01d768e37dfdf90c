package vacation

import (
	"testing"

	"cofferdam/e2e/platform"
)

// TestCyrusTakesIt: Pigeonhole is asked in e2e/system; this is the other server
// that people have.
func TestCyrusTakesIt(t *testing.T) {
	for name, s := range cases() {
		script := Script(&s, &Answer{Addresses: []string{"ada@example.com"}, Text: awkward, HTML: "<p>" + awkward})
		if err := platform.CyrusSieve(t, script); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if platform.CyrusSieve(t, "require \"vacation\"; vacation;") == nil {
		t.Error("it takes anything")
	}
}
