package user

import (
	"errors"
	"strings"
	"testing"
)

// TestLimits: a login as long as it may be passes, and one more byte is refused.
func TestLimits(t *testing.T) {
	label := strings.Repeat("d", 61)
	domain := func(n int) string { // of labels of 63 bytes at most
		return strings.Repeat(label+".", n/62) + strings.Repeat("d", n%62)
	}
	for limit, c := range map[string]struct {
		most  int
		login func(n int) string
	}{
		"MaxLocal":  {MaxLocal, func(n int) string { return strings.Repeat("a", n) + "@example.org" }},
		"MaxDomain": {MaxDomain, func(n int) string { return "a@" + domain(n) }},
		"MaxLogin":  {MaxLogin, func(n int) string { return "anna@example.org" + strings.Repeat(" ", n-len("anna@example.org")) }},
	} {
		if _, err := ParseLogin(c.login(c.most), Policy{}); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if _, err := ParseLogin(c.login(c.most+1), Policy{}); !errors.Is(err, ErrBadLogin) {
			t.Errorf("%s and one more: %v, want ErrBadLogin", limit, err)
		}
	}
}
