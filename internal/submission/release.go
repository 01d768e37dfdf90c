package submission

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxHold returns for how long after now the server holds a message back (RFC 4865:
// EHLO names the longest interval in seconds and the latest date), 0 where it holds
// none. A server that states no date, or one that cannot be read, has none.
func (x Extensions) MaxHold(now time.Time) time.Duration {
	interval, date, _ := strings.Cut(x["FUTURERELEASE"], " ")
	seconds, err := strconv.ParseUint(interval, 10, 32)
	if err != nil || seconds == 0 || len(interval) > maxHoldDigits {
		return 0
	}
	hold := time.Duration(seconds) * time.Second
	if latest, err := time.Parse(time.RFC3339, strings.TrimSpace(date)); err == nil {
		hold = min(hold, latest.Sub(now))
	}
	return max(hold, 0)
}

// holdFor is the parameter of MAIL that has the server hold the message until
// Release. It is said in seconds from now, so that clocks need not agree.
func (v Envelope) holdFor(x Extensions, now time.Time) (string, error) {
	left := v.Release.Sub(now)
	if v.Release.IsZero() || left <= 0 {
		return "", nil
	}
	switch most := x.MaxHold(now); {
	case most == 0:
		return "", ErrNeedRelease
	case left > most:
		return "", fmt.Errorf("%w: %d seconds, server takes %d", ErrHoldTooLong, left/time.Second, most/time.Second)
	}
	return " HOLDFOR=" + strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10), nil
}
