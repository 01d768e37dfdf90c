package submission

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestLimitsOfATransaction: what is as long as it may be passes, and one more is
// refused before anything is sent.
func TestLimitsOfATransaction(t *testing.T) {
	to := addresses(t, "a@x.test")
	further := func(n int) error {
		return Envelope{RcptTo: to, Further: []Parameter{{Name: "X", Value: strings.Repeat("x", n-1)}}}.validate()
	}
	domain := func(n int) error {
		if !validDomain(strings.Repeat("a.", (n-1)/2) + strings.Repeat("b", n-2*((n-1)/2))) {
			return ErrEnvelope
		}
		return nil
	}
	scramOf := func(n int) error {
		s := &scram{nonce: "abc"}
		_, _, _, err := s.parseFirst(fmt.Sprintf("r=abcdef,s=c2FsdA==,i=%d", n))
		return err
	}
	for limit, c := range map[string]struct {
		most  int
		check func(n int) error
		want  error
	}{
		"MaxEnvID":      {MaxEnvID, func(n int) error { return Envelope{RcptTo: to, DSN: DSN{EnvID: strings.Repeat("x", n)}}.validate() }, ErrEnvelope},
		"maxParameter":  {maxParameter, further, ErrEnvelope},
		"MaxDomain":     {MaxDomain, domain, ErrEnvelope},
		"MaxUser":       {MaxUser, func(n int) error { return Credentials{User: strings.Repeat("u", n), Secret: []byte("x")}.validate() }, ErrCredentials},
		"MaxSecret":     {MaxSecret, func(n int) error { return Credentials{User: "u", Secret: []byte(strings.Repeat("x", n))}.validate() }, ErrCredentials},
		"maxIterations": {maxIterations, scramOf, errIterations},
	} {
		if err := c.check(c.most); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if err := c.check(c.most + 1); !errors.Is(err, c.want) {
			t.Errorf("%s and one more: %v, want %v", limit, err, c.want)
		}
	}
	if err := scramOf(minIterations); err != nil {
		t.Errorf("minIterations: %v", err)
	}
	if err := scramOf(minIterations - 1); !errors.Is(err, errIterations) {
		t.Errorf("one less than minIterations: %v", err)
	}
}
