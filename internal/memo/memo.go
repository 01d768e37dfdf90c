package cell

import (
	"context"
	"sync"
	"time"
)

// memo shares the work of those who ask for the same at the same time, and keeps
// a few results for a moment: a mail that is opened is asked for as a document
// and for what rendering found in it.
type memo[K comparable, V any] struct {
	keep time.Duration // of a result; 0: for those who wait
	max  int           // results kept
	fits func(V) bool  // what is small enough to be kept

	mu     sync.Mutex // guards what follows
	flight map[K]*flight[V]
	kept   int
}

// flight is work under way, or its result when done is closed.
type flight[V any] struct {
	done chan struct{}
	v    V
	err  error
}

// get returns the result for a key. The work runs under base, so that one who
// leaves does not end it for the others; errors are not kept.
func (m *memo[K, V]) get(ctx, base context.Context, key K, work func(context.Context) (V, error)) (V, error) {
	m.mu.Lock()
	f, ok := m.flight[key]
	if !ok {
		f = &flight[V]{done: make(chan struct{})}
		if m.flight == nil {
			m.flight = map[K]*flight[V]{}
		}
		m.flight[key] = f
		go m.run(base, key, f, work)
	}
	m.mu.Unlock()
	return f.wait(ctx)
}

// find returns a flight whose key is wanted, if there is one.
func (m *memo[K, V]) find(wanted func(K) bool) *flight[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, f := range m.flight {
		if wanted(k) {
			return f
		}
	}
	return nil
}

func (f *flight[V]) wait(ctx context.Context) (V, error) {
	select {
	case <-f.done:
		return f.v, f.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

func (m *memo[K, V]) run(base context.Context, key K, f *flight[V], work func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(base, bodyTime)
	defer cancel()
	f.v, f.err = work(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	close(f.done)
	if f.err != nil || m.keep == 0 || m.kept >= m.max || !m.fits(f.v) {
		delete(m.flight, key)
		return
	}
	m.kept++
	time.AfterFunc(m.keep, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.flight, key)
		m.kept--
	})
}
