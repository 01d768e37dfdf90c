package cell

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"sync"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// index is one person's index, as it lies sealed with keeper. A locked session has
// none: its key is the zero one.
type index struct {
	c   *Cell
	p   *person
	key seal.IndexKey

	// mu guards the rest, and the key's use: held while an index is saved or loaded, so
	// that they are in order, and none is sealed with a key that is wiped meanwhile.
	mu    sync.Mutex
	saved uint64 // account.Account.Generation that lies there
	bytes int    // of the snapshot that was saved last
}

// newIndex makes p's. The class key is of class mail.
func (c *Cell) newIndex(p *person, mail seal.ClassKey) (*index, error) {
	x := &index{c: c, p: p}
	if p.locked {
		return x, nil
	}
	var err error
	x.key, err = mail.IndexKey()
	return x, err
}

// load is what was saved last, or nil: it is thrown away without harm, and nobody
// waits long for it.
func (x *index) load(ctx context.Context) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.key.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, indexTime)
	defer cancel()
	resp, err := x.call(ctx, ipc.KeeperIndexGet, nil)
	if err == nil {
		defer resp.Body.Close()
		var out []byte
		if out, err = x.key.Open(resp.Body, resp.ContentLength); err == nil {
			return out
		}
	}
	if ipc.CodeOf(err) != ipc.CodeNotFound && ctx.Err() == nil {
		x.c.log.Warn("saved index not usable", "uid", x.p.uid.String(), "err", err)
	}
	return nil
}

// end wipes the key, when nothing uses it any more. What is being saved ends with
// the person's ctx.
func (x *index) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.key.Wipe()
}

// save hands the index to keeper if it is another than the one that lies there. It
// ends with the person's time here.
func (x *index) save(ctx context.Context, a *account.Account) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := a.Generation()
	if x.key.IsZero() || now == x.saved {
		return nil
	}
	text := a.Snapshot()
	if text == nil {
		return nil // not complete yet, or too large to be worth it
	}
	ctx, cancel := context.WithTimeout(ctx, indexTime)
	defer cancel()
	defer context.AfterFunc(x.p.ctx, cancel)()
	in, out := io.Pipe()
	sealed := make(chan struct{})
	go func() {
		defer close(sealed)
		out.CloseWithError(x.key.Seal(out, text))
	}()
	resp, err := x.call(ctx, ipc.KeeperIndexPut, in)
	in.Close() // keeper may have answered before the end
	<-sealed
	if err != nil {
		return err
	}
	resp.Body.Close()
	x.saved, x.bytes = now, len(text)
	return nil
}

// follow saves the index once it is complete, and then from time to time, until ctx
// ends. What is lost with a cell that dies is the log since the last time: a client
// that holds a state of then is told cannotCalculateChanges.
func (x *index) follow(ctx context.Context, a *account.Account) {
	if a.Ready(ctx) != nil {
		return
	}
	x.mu.Lock()
	locked := x.key.IsZero()
	if x.saved == 0 {
		x.saved = a.Loaded()
	}
	x.mu.Unlock()
	if locked {
		return
	}
	for {
		if err := x.save(ctx, a); err != nil && ctx.Err() == nil {
			x.c.log.Info("index not saved", "uid", x.p.uid.String(), "err", err)
		}
		select {
		case <-time.After(x.pause()):
		case <-ctx.Done():
			return
		}
	}
}

// pause is until the index is saved again, if it changes: a small one sooner than a
// large one, so that a person costs keeper's disk indexRate at most.
func (x *index) pause() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return min(max(time.Duration(x.bytes)*time.Second/indexRate, indexLeast), x.c.cfg.IndexEvery)
}

// saveIndexes saves everybody's, for a cell that drains: the next one goes on from
// what clients were told by this one.
func (c *Cell) saveIndexes(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range c.people.here() {
		wg.Go(func() {
			if err := p.index.save(ctx, p.account); err != nil {
				c.log.Info("index not saved", "uid", p.uid.String(), "err", err)
			}
		})
	}
	wg.Wait()
}

// call asks keeper. An answer that is none of success is an error.
func (x *index) call(ctx context.Context, path string, body io.Reader) (*http.Response, error) {
	capability, err := x.c.people.capability(x.p)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	resp, err := x.c.keeper.RoundTrip(r)
	if err != nil {
		return nil, ipc.Errorf(ipc.CodeUnavailable, "keeper broke off")
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		err := ipc.ReadError(resp)
		x.c.noteRefusal(x.p, capability, err)
		return nil, err
	}
	return resp, nil
}
