package submission

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRelease: a message that is to wait is held by the server (RFC 4865), or not
// sent at all.
func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		far := now.AddDate(10, 0, 0).Format(time.RFC3339)
		for _, c := range []struct {
			name, offer string
			wait        time.Duration
			want        string // at the end of MAIL
			err         error
		}{
			{"at once", "", 0, "", nil},
			{"long ago", "", -time.Hour, "", nil},
			{"held", "86400 " + far, time.Hour, " HOLDFOR=3600", nil},
			{"part of a second", "86400 " + far, time.Hour - time.Millisecond, " HOLDFOR=3600", nil},
			{"the longest", "3600 " + far, time.Hour, " HOLDFOR=3600", nil},
			{"too long", "3599 " + far, time.Hour, "", ErrHoldTooLong},
			{"too late", "86400 " + now.Add(time.Minute).Format(time.RFC3339), time.Hour, "", ErrHoldTooLong},
			{"no date", "86400", time.Hour, " HOLDFOR=3600", nil},
			{"nonsense for a date", "86400 tomorrow", time.Hour, " HOLDFOR=3600", nil},
			{"date gone by", "86400 1999-01-01T00:00:00Z", time.Hour, "", ErrNeedRelease},
			{"nonsense", "soon", time.Hour, "", ErrNeedRelease},
			{"too many digits (maxHoldDigits)", "1000000000", time.Hour, "", ErrNeedRelease},
			{"nothing", "", time.Hour, "", ErrNeedRelease},
		} {
			v := Envelope{MailFrom: addresses(t, "a@x.test")[0], RcptTo: addresses(t, "b@x.test")}
			if c.wait != 0 {
				v.Release = now.Add(c.wait)
			}
			x := Extensions{}
			if c.offer != "" {
				x["FUTURERELEASE"] = c.offer
			}
			lines, err := v.commands(x)
			switch {
			case c.err != nil || err != nil:
				if !errors.Is(err, c.err) {
					t.Errorf("%s: %v, want %v", c.name, err, c.err)
				}
			case !strings.HasSuffix(lines[0], ">"+c.want):
				t.Errorf("%s: %s, want %q at its end", c.name, lines[0], c.want)
			}
		}
	})
}
