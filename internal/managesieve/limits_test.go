package managesieve

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestLimitsOfAResponse: what is as long as it may be is read, and one more is
// ErrProtocol.
func TestLimitsOfAResponse(t *testing.T) {
	quoted := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	literal := func(n int) string { return fmt.Sprintf("{%d}\r\n%s", n, strings.Repeat("x", n)) }
	for limit, c := range map[string]struct {
		most int
		text func(n int) string
	}{
		"MaxString, quoted":  {MaxString, func(n int) string { return quoted(n) + "\r\nOK\r\n" }},
		"MaxString, literal": {MaxString, func(n int) string { return literal(n) + "\r\nOK\r\n" }},
		"MaxResponse": {MaxResponse, func(n int) string {
			return literal(MaxResponse/2) + "\r\n" + literal(MaxResponse/2-100) + "\r\n" + quoted(n-MaxResponse+100) + "\r\nOK\r\n"
		}},
		"MaxLines": {MaxLines, func(n int) string { return strings.Repeat("\"a\"\r\n", n) + "OK\r\n" }},
		"maxItems": {maxItems, func(n int) string { return strings.TrimSpace(strings.Repeat(`"a" `, n)) + "\r\nOK\r\n" }},
		"maxAtom":  {maxAtom, func(n int) string { return `"a" ` + strings.Repeat("A", n) + "\r\nOK\r\n" }},
		"maxCode":  {maxCode, func(n int) string { return "OK (" + strings.Repeat("A", n-2) + ")\r\n" }},
	} {
		read := func(n int) error {
			r := reader{br: bufio.NewReader(strings.NewReader(c.text(n)))}
			_, err := r.response(false)
			return err
		}
		if err := read(c.most); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		if err := read(c.most + 1); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s and one more: %v, want ErrProtocol", limit, err)
		}
	}
}

// TestLimitsOfACaller: credentials and names as long as they may be (MaxUser,
// MaxSecret, MaxName) are sent, and one more is refused before.
func TestLimitsOfACaller(t *testing.T) {
	for n, want := range map[int]error{MaxUser: nil, MaxUser + 1: ErrCredentials} {
		if err := (Credentials{User: strings.Repeat("u", n), Secret: []byte("x")}).validate(); !errors.Is(err, want) {
			t.Errorf("user of %d bytes: %v", n, err)
		}
	}
	for n, want := range map[int]error{MaxSecret: nil, MaxSecret + 1: ErrCredentials} {
		if err := (Credentials{User: "u", Secret: []byte(strings.Repeat("x", n))}).validate(); !errors.Is(err, want) {
			t.Errorf("secret of %d bytes: %v", n, err)
		}
	}
	const wide = "\U0001F4E7" // four bytes
	for name, want := range map[string]bool{strings.Repeat(wide, MaxName/4): true, strings.Repeat(wide, MaxName/4) + "x": false} {
		if got := ValidName(name); got != want {
			t.Errorf("name of %d bytes: %v, want %v", len(name), got, want)
		}
	}
}
