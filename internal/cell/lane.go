package cell

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// lane is the way of large files through a cell: uploads that come, go into mails,
// and out. All of them together move at most laneRate bytes a second once laneBurst
// is used up, because each byte costs this cell, the other roles and the mail server
// time that people who only read would wait for.
//
// What is nearest to its end goes first, then what began first, so that files are
// done one after the other, each as early as can be, instead of all at the end; and
// so that a mail server gets large mails one by one. Nobody waits for longer than
// lanePatience between two steps: peers on both sides do not give up.
type lane struct {
	mu      sync.Mutex // guards all
	credit  int64      // bytes that may pass now; below zero there is a debt to wait off
	at      time.Time  // of credit
	began   int64      // transfers so far
	waiting []*waiter
	timer   *time.Timer // calls next while somebody waits
}

// leg is how near to its end a file is.
type leg int

const (
	goingOut leg = iota // to the submission server
	filing              // into a mailbox
	coming              // from a browser
)

// transfer is one file's passage. Its first laneFree bytes are free.
type transfer struct {
	l     *lane
	leg   leg
	began int64
	moved int64
}

// waiter is a step that was not let through at once.
type waiter struct {
	t     *transfer
	n     int64
	since time.Time
	let   chan struct{} // closed when it may pass
}

func newLane() *lane { return &lane{credit: laneBurst, at: time.Now()} }

// transfer begins one.
func (l *lane) transfer(g leg) *transfer {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began++
	return &transfer{l: l, leg: g, began: l.began}
}

// pass waits until n bytes more may move. Its error is that of ctx. It is for one
// goroutine at a time.
func (t *transfer) pass(ctx context.Context, n int) error {
	if t.moved += int64(n); t.moved <= laneFree {
		return nil
	}
	w := t.l.enter(t, int64(n))
	if w == nil {
		return nil
	}
	select {
	case <-w.let:
		return nil
	case <-ctx.Done():
		t.l.leave(w)
		return ctx.Err()
	}
}

// enter lets n bytes through at once, and returns nil, or has them wait.
func (l *lane) enter(t *transfer, n int64) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	if len(l.waiting) == 0 && l.credit > 0 {
		l.credit -= n
		return nil
	}
	w := &waiter{t: t, n: n, since: time.Now(), let: make(chan struct{})}
	l.waiting = append(l.waiting, w)
	if len(l.waiting) == 1 {
		l.timer = time.AfterFunc(l.debt(), l.next)
	}
	return w
}

// leave takes a step back. It may have been let through in the same moment.
func (l *lane) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	if len(l.waiting) == 0 && l.timer != nil {
		l.timer.Stop()
	}
}

// next lets steps through for which there is credit.
func (l *lane) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	for l.credit > 0 && len(l.waiting) > 0 {
		i := l.first()
		w := l.waiting[i]
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.credit -= w.n
		close(w.let)
	}
	if len(l.waiting) > 0 {
		l.timer = time.AfterFunc(l.debt(), l.next)
	}
}

// first is the index of who goes next: who has waited for too long, else who is
// nearest to the end.
func (l *lane) first() int {
	best := 0
	if time.Since(l.waiting[0].since) >= lanePatience { // they are in the order in which they came
		return 0
	}
	for i, w := range l.waiting {
		b := l.waiting[best].t
		if w.t.leg < b.leg || w.t.leg == b.leg && w.t.began < b.began {
			best = i
		}
	}
	return best
}

// refill gives credit for the time that has passed.
func (l *lane) refill() {
	now := time.Now()
	l.credit = min(laneBurst, l.credit+int64(now.Sub(l.at).Seconds()*laneRate))
	l.at = now
}

// debt is the time until there is credit.
func (l *lane) debt() time.Duration {
	return time.Duration(float64(1-min(l.credit, 0))/laneRate*float64(time.Second)) + time.Microsecond
}

// through is r, whose bytes pass the lane.
func (l *lane) through(ctx context.Context, g leg, r io.Reader) io.Reader {
	return &passing{ctx: ctx, t: l.transfer(g), r: r}
}

type passing struct {
	ctx context.Context
	t   *transfer
	r   io.Reader
}

// Read implements io.Reader.
func (p *passing) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if wait := p.t.pass(p.ctx, n); wait != nil {
		return 0, wait
	}
	return n, err
}
