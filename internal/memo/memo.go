// Package memo shares work among those who ask for the same, and keeps its results
// for a moment. It knows nothing of what it keeps.
package memo

import (
	"context"
	"sync"
	"time"
)

// Memo shares the work of those who ask for the same at the same time, and keeps
// a few results for a moment: a mail that is opened is asked for as a document, for
// its details and for what rendering found in it. It may be used by many at once;
// its exported fields are set before.
type Memo[K comparable, V any] struct {
	Time time.Duration // that a run may take
	Keep time.Duration // of a result; 0: for those who wait
	Max  int           // results kept
	Fits func(V) bool  // what is small enough to be kept

	mu     sync.Mutex // guards what follows
	flight map[K]*Flight[V]
	kept   int
}

// Flight is work under way, or its result when done is closed.
type Flight[V any] struct {
	done chan struct{}
	v    V
	err  error
}

// Get returns the result for a key. The work runs under base, so that one who
// leaves does not end it for the others; errors are not kept.
func (m *Memo[K, V]) Get(ctx, base context.Context, key K, work func(context.Context) (V, error)) (V, error) {
	m.mu.Lock()
	f, ok := m.flight[key]
	if !ok {
		f = &Flight[V]{done: make(chan struct{})}
		if m.flight == nil {
			m.flight = map[K]*Flight[V]{}
		}
		m.flight[key] = f
		go m.run(base, key, f, work)
	}
	m.mu.Unlock()
	return f.Wait(ctx)
}

// Find returns a flight whose key is wanted, if there is one.
func (m *Memo[K, V]) Find(wanted func(K) bool) *Flight[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, f := range m.flight {
		if wanted(k) {
			return f
		}
	}
	return nil
}

// Wait returns the result, or the end of ctx.
func (f *Flight[V]) Wait(ctx context.Context) (V, error) {
	select {
	case <-f.done:
		return f.v, f.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

func (m *Memo[K, V]) run(base context.Context, key K, f *Flight[V], work func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(base, m.Time)
	defer cancel()
	f.v, f.err = work(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	close(f.done)
	if f.err != nil || m.Keep == 0 || m.kept >= m.Max || !m.Fits(f.v) {
		delete(m.flight, key)
		return
	}
	m.kept++
	time.AfterFunc(m.Keep, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.flight, key)
		m.kept--
	})
}
