package keeper

import (
	"context"
	"sync"

	"cofferdam/internal/ipc"
	"cofferdam/internal/user"
)

// turns lets one placing at a time be under way for a person: two at once would
// take the person's lease from each other. Others' turns do not wait for it.
type turns struct {
	mu sync.Mutex // guards by and the counts
	by map[user.ID]*turn
}

type turn struct {
	token  chan struct{}
	wanted int // by holders and those who wait
}

func newTurns() *turns { return &turns{by: map[user.ID]*turn{}} }

// take waits for the person's turn; the result gives it back.
func (t *turns) take(ctx context.Context, uid user.ID) (release func(), err error) {
	t.mu.Lock()
	e := t.by[uid]
	if e == nil {
		e = &turn{token: make(chan struct{}, 1)}
		t.by[uid] = e
	}
	e.wanted++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if e.wanted--; e.wanted == 0 {
			delete(t.by, uid)
		}
	}
	select {
	case e.token <- struct{}{}:
		return func() { <-e.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ipc.Errorf(ipc.CodeUnavailable, "the person is being placed")
	}
}
