package cell

import (
	"context"
	"sync"

	"cofferdam/internal/ipc"
)

// renders is the pool of this cell's renders. One document at a time each.
type renders struct {
	mu   sync.Mutex // guards all
	all  map[string]*ipc.Client
	idle chan *ipc.Client
}

func newRenders() *renders {
	return &renders{all: map[string]*ipc.Client{}, idle: make(chan *ipc.Client, 64)}
}

func (r *renders) add(l *ipc.Line) {
	c := ipc.NewClient(l)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[l.Name()] == nil && len(r.all) < cap(r.idle) {
		r.all[l.Name()] = c
		r.idle <- c
	}
}

// render makes a body harmless. A render that dies with it or takes too long
// costs this document alone.
func (r *renders) render(ctx context.Context, path string, req ipc.RenderRequest) (ipc.Rendered, error) {
	ctx, cancel := context.WithTimeout(ctx, renderTime)
	defer cancel()
	select {
	case c := <-r.idle:
		defer func() { r.idle <- c }()
		return ipc.Call[ipc.Rendered](ctx, c, path, req)
	case <-ctx.Done():
		return ipc.Rendered{}, ipc.Errorf(ipc.CodeUnavailable, "every render is busy")
	}
}
