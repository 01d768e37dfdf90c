package system

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// loggedOut is what Dovecot says when a session ends.
var loggedOut = regexp.MustCompile(`imap\([^)]*\).* out=(\d+)`)

// TestSentMailIsReadOnce: the mail server is asked for a mail that is sent once,
// whether a copy of it is kept while it is on its way or it is too large for that.
func TestSentMailIsReadOnce(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2, Postfix: true, PostfixExtra: "message_size_limit = 0\nmailbox_size_limit = 0\n"})
	s := Start(t, p, Options{Cells: 1, Renders: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	ann, to := s.Browser(p.Users[0].Login), p.Users[1].Login
	defer ann.Close()
	if err := ann.SignIn(ctx, p.Users[0].Password); err != nil {
		t.Fatal(err)
	}
	mails := int64(0)
	for i, size := range []int64{10_000_000, 40_000_000} {
		began := time.Now()
		if _, err := attachAndSend(ctx, ann, i, to, int(size)); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes attached and sent in %v", size, time.Since(began).Round(time.Millisecond))
		mails += size * 78 / 57 // base64 with its line ends
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	out := bytesOut(t, p)
	t.Logf("%d bytes out of the mail server for mails of %d", out, mails)
	if out < mails || out > mails*11/10 {
		t.Error("it was asked for them more than once")
	}
}

// bytesOut is what Dovecot has sent in all IMAP sessions, which are over.
func bytesOut(t *testing.T, p *platform.Platform) (sum int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		sum = 0
		text, err := os.ReadFile(filepath.Join(p.Dir, "dovecot.log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range loggedOut.FindAllSubmatch(text, -1) {
			n, err := strconv.ParseInt(string(m[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		if sum > 1<<20 || time.Now().After(end) {
			return sum
		}
	}
}
