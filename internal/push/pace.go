package push

import "time"

// pace is how fast one subscription is told. The zero value is the fastest.
type pace struct {
	gap  time.Duration // since the last message, or more
	slow time.Duration // what the push service made of it: gap is not below
	last time.Time
}

// sent notes a message that was taken: after a quiet time the next may follow soon,
// and what the service asked for is forgotten by and by.
func (p *pace) sent(now time.Time) {
	if p.slow /= 2; p.slow < firstGap {
		p.slow = 0
	}
	grown := firstGap
	if !p.last.IsZero() && now.Sub(p.last) < 2*p.gap {
		grown = min(2*p.gap, busyGap)
	}
	p.gap, p.last = max(grown, p.slow), now
}

// slowed notes a message that was not taken: the gap doubles, and is what the service
// asked for at least (RFC 8620, section 7.2: a 429 reduces the frequency).
func (p *pace) slowed(now time.Time, asked time.Duration) {
	p.slow = min(max(2*p.slow, firstSlow), lastSlow)
	p.gap, p.last = max(p.slow, asked), now
}

// wait is how long the next message must wait yet.
func (p *pace) wait(now time.Time) time.Duration {
	if p.last.IsZero() {
		return 0
	}
	return p.last.Add(p.gap).Sub(now)
}
