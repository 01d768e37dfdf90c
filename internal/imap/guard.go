package imap

import (
	"fmt"
	"io"
	"sync"
)

// Guard stands between a client that may be hostile and a server that is
// trusted, after login. Client bytes go through a VerbScanner; each literal
// waits until the server has asked for it. What the server sends goes through
// unchanged, but for the continuation requests to literals that the client
// sent without waiting: those the client does not expect.
//
// FromClient and FromServer may run on two goroutines; each of them on one
// only. After an error of FromClient both connections must be closed.
type Guard struct {
	scan  *VerbScanner
	out   []byte
	reply replyScanner

	mu      sync.Mutex // guards everything below
	changed *sync.Cond
	tags    map[string]bool // commands in flight; true for IDLE
	idles   int             // IDLEs in flight
	waiting *LiteralAsk
	granted bool
	refused bool
	ended   bool // an IDLE was answered since FromClient last looked
	closed  bool
}

// NewGuard returns a guard whose client may send what allow permits; see
// AllowMailVerbs.
func NewGuard(allow func(ClientCommand) error) *Guard {
	g := &Guard{tags: map[string]bool{}}
	g.changed = sync.NewCond(&g.mu)
	g.scan = NewVerbScanner(func(c ClientCommand) error {
		if err := allow(c); err != nil {
			return err
		}
		return g.begin(c)
	}, 0, 0)
	return g
}

// begin counts a command. A tag that is in flight must not be used again: the
// answer to one command would pass for the other's.
func (g *Guard) begin(c ClientCommand) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, used := g.tags[c.Tag]; used {
		return fmt.Errorf("tag used twice")
	}
	if len(g.tags) >= maxScanTags {
		return &LimitError{What: "commands in flight", Limit: maxScanTags}
	}
	idle := c.Verb == "IDLE"
	g.tags[c.Tag] = idle
	if idle {
		g.idles++
	}
	return nil
}

// FromClient checks p and writes to server what may pass. It blocks while a
// literal waits for the server's word. An error, also of the writer, is final.
func (g *Guard) FromClient(server io.Writer, p []byte) error {
	for len(p) > 0 {
		if g.idleEnded() {
			g.scan.IdleEnded()
		}
		out, n, err := g.scan.Scan(g.out[:0], p)
		g.out = out
		p = p[n:]
		ask, waits := g.scan.Waiting()
		if waits {
			g.announce(ask)
		}
		if len(out) > 0 {
			if _, werr := server.Write(out); werr != nil {
				return werr
			}
		}
		if err != nil {
			return err
		}
		if waits {
			if err := g.await(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Guard) idleEnded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	ended := g.ended && g.idles == 0
	g.ended = false
	return ended
}

// announce comes before the marker is written: the answer may be quick.
func (g *Guard) announce(ask LiteralAsk) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting, g.granted, g.refused = &ask, false, false
}

func (g *Guard) await() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.granted && !g.refused {
		if g.closed {
			return ErrClosed
		}
		g.changed.Wait()
	}
	g.waiting = nil
	if g.granted {
		g.scan.Grant()
	} else {
		g.scan.Refuse()
	}
	return nil
}

// FromServer looks at what the server sent and writes it to client. An error
// of the writer is returned; there is no other.
func (g *Guard) FromServer(client io.Writer, p []byte) error {
	from := 0 // of what has not been written yet: as few writes as can be
	for at := 0; at < len(p); {
		n, keep := g.reply.scan(p[at:], g)
		if !keep {
			if err := writeSome(client, p[from:at]); err != nil {
				return err
			}
			from = at + n
		}
		at += n
	}
	return writeSome(client, p[from:])
}

// writeSome writes what there is.
func writeSome(w io.Writer, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := w.Write(p)
	return err
}

// Owed reports whether the server has still to answer a command, IDLE apart.
func (g *Guard) Owed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.tags) > g.idles
}

// Close wakes a blocked FromClient, which returns ErrClosed.
func (g *Guard) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.changed.Broadcast()
}

// continuation takes a "+" of the server and reports whether the client shall
// see it. While an IDLE is in flight it is that one's: servers answer in order.
func (g *Guard) continuation() (show bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idles > 0 || g.waiting == nil || g.granted || g.refused {
		return true
	}
	g.granted = true
	show = !g.waiting.NonSync
	g.changed.Broadcast()
	return show
}

// completed takes a tagged answer of the server.
func (g *Guard) completed(tag string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tags[tag] {
		g.idles--
		g.ended = true
	}
	delete(g.tags, tag)
	if g.waiting != nil && g.waiting.Tag == tag && !g.granted {
		g.refused = true
		g.changed.Broadcast()
	}
}
