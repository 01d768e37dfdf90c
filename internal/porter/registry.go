package porter

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"cofferdam/internal/ipc"
)

// registry knows the capabilities of live sessions, as keeper registered them.
type registry struct {
	mu       sync.Mutex // guards all below, and person and held
	live     map[[32]byte]*grant
	sessions map[string]map[[32]byte]*grant // the same by session
	people   map[string]*person             // by uid
	pipes    map[string]int                 // open IMAP pipes by platform
}

// grant is one registered capability. Its fields do not change.
type grant struct {
	person    *person
	held      *held
	box       [32]byte // SHA-256 of the box that keeper holds the credential in
	session   string   // SHA-256(sid)
	cell      string
	platform  string
	addresses []string
	fence     int64
	expires   time.Time
	network   string
	ctx       context.Context // ends with the grant; pipes hang on it
	cancel    context.CancelFunc
}

// person is what all grants of one uid share.
type person struct {
	uid     string
	held    map[*held]struct{}
	fence   int64 // the newest seen
	grants  map[[32]byte]*grant
	pipes   int
	submits int
	sieves  int
	spare   *imapConn // authenticated at sign-in, for the first pipe
}

// held is a credential of a person's grants. Sessions from before and after a
// change of the password have one each; equal ones are one slice.
type held struct {
	shared *shared
	grants int
}

func newRegistry() *registry {
	return &registry{live: map[[32]byte]*grant{}, sessions: map[string]map[[32]byte]*grant{}, people: map[string]*person{}, pipes: map[string]int{}}
}

// add registers a capability. An older fence than the person's is refused; a
// newer one ends all grants with older ones.
func (r *registry) add(req ipc.LiveRequest, platform string, addresses []string, credential *shared) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(req.Capability) != sha256.Size || len(req.Session) != sha256.Size || len(req.UID) != 16 {
		return ipc.Errorf(ipc.CodeInvalid, "capability or uid has the wrong length")
	}
	key := [32]byte(req.Capability)
	p := r.people[string(req.UID)]
	if p != nil && req.Fence < p.fence {
		return ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	}
	if len(r.live) >= maxLive {
		return ipc.Errorf(ipc.CodeUnavailable, "too many live sessions")
	}
	if p == nil {
		p = &person{uid: string(req.UID), held: map[*held]struct{}{}, grants: map[[32]byte]*grant{}}
	}
	if req.Fence > p.fence {
		p.fence = req.Fence
		for k, g := range p.grants {
			r.drop(k, g)
		}
	}
	if old := r.live[key]; old != nil {
		r.drop(key, old)
	}
	r.people[p.uid] = p // the last drop took it out
	g := &grant{person: p, held: p.hold(credential), box: sha256.Sum256(req.Credential), session: string(req.Session), cell: req.Cell,
		platform: platform, addresses: addresses, fence: req.Fence, expires: time.Unix(req.Expires, 0), network: req.Network}
	g.ctx, g.cancel = context.WithDeadline(context.Background(), g.expires)
	context.AfterFunc(g.ctx, func() { r.end(key, g) })
	r.live[key], p.grants[key] = g, g
	if r.sessions[g.session] == nil {
		r.sessions[g.session] = map[[32]byte]*grant{}
	}
	r.sessions[g.session][key] = g
	return nil
}

// hold takes over a credential for one more grant. It needs mu.
func (p *person) hold(c *shared) *held {
	for h := range p.held {
		if h.shared == c || h.shared.equal(c) {
			if h.shared != c {
				h.shared.release()
			}
			h.shared = c
			h.grants++
			return h
		}
	}
	h := &held{shared: c, grants: 1}
	p.held[h] = struct{}{}
	return h
}

// end drops a grant whose time is over.
func (r *registry) end(key [32]byte, g *grant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live[key] == g {
		r.drop(key, g)
	}
}

// endSessions ends all grants of sessions.
func (r *registry) endSessions(sessions [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sessions {
		for k, g := range r.sessions[string(s)] {
			r.drop(k, g)
		}
	}
}

// held are the sessions that have a grant.
func (r *registry) held() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([][]byte, 0, len(r.sessions))
	for s := range r.sessions {
		out = append(out, []byte(s))
	}
	return out
}

// drop ends a grant; the last one that needs it takes the credential with it. It
// needs mu.
func (r *registry) drop(key [32]byte, g *grant) {
	g.cancel()
	p := g.person
	delete(r.live, key)
	delete(p.grants, key)
	if of := r.sessions[g.session]; of[key] == g {
		delete(of, key)
		if len(of) == 0 {
			delete(r.sessions, g.session)
		}
	}
	if g.held.grants--; g.held.grants == 0 {
		g.held.shared.release()
		delete(p.held, g.held)
	}
	if len(p.grants) > 0 {
		return
	}
	delete(r.people, p.uid)
	if p.spare != nil {
		p.spare.Close()
		p.spare = nil
	}
}

// find admits a capability that a cell shows. cell is the line it came by.
func (r *registry) find(text, cell string) (*grant, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) > maxCapability {
		return nil, ipc.Errorf(ipc.CodeForbidden, "that is no capability")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.live[sha256.Sum256(raw)]
	switch {
	case g == nil:
		return nil, ipc.Errorf(ipc.CodeUnknown, "capability is not known")
	case g.cell != cell:
		return nil, ipc.Errorf(ipc.CodeForbidden, "capability belongs to another cell")
	case g.fence != g.person.fence:
		return nil, ipc.Errorf(ipc.CodeFenced, "a newer lease exists")
	case !time.Now().Before(g.expires):
		return nil, ipc.Errorf(ipc.CodeExpired, "session is over")
	}
	return g, nil
}

// takePipe counts a pipe against the person's and the platform's limit; the
// result gives it back.
func (r *registry) takePipe(g *grant, max int) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, name := g.person, g.platform
	most := maxPipesPerson
	if r.pipes[name] >= max-max/4 { // what is left is for those who have none: one hostile cell must not take it all
		most = scarcePipes
	}
	if p.pipes >= most || r.pipes[name] >= max {
		return nil, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many connections to the mail platform", RetryAfter: time.Second}
	}
	p.pipes++
	r.pipes[name]++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		p.pipes--
		r.pipes[name]--
	}), nil
}

// giveSpare leaves a connection for the person's next pipe.
func (r *registry) giveSpare(uid []byte, c *imapConn) {
	if c == nil {
		return
	}
	r.mu.Lock()
	p := r.people[string(uid)]
	if p != nil {
		p.spare, c = c, p.spare
	}
	r.mu.Unlock()
	if c != nil {
		c.Close()
	}
	time.AfterFunc(spareLife, func() {
		if c := r.takeSpare(p); c != nil {
			c.Close()
		}
	})
}

// takeSpare takes the person's spare connection, nil when there is none.
func (r *registry) takeSpare(p *person) *imapConn {
	if p == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := p.spare
	p.spare = nil
	return c
}

// takeSubmit counts a submission under way.
func (r *registry) takeSubmit(g *grant) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := g.person
	if p.submits >= maxSubmits {
		return nil, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many submissions at once", RetryAfter: time.Second}
	}
	p.submits++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		p.submits--
	}), nil
}

// credential borrows the grant's secret for one authentication.
func (r *registry) credential(g *grant) (*shared, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.held.grants == 0 || g.ctx.Err() != nil {
		return nil, ipc.Errorf(ipc.CodeUnknown, "session is over")
	}
	return g.held.shared.borrow(), nil
}

// closePipes ends all grants' pipes, for a porter that drains. Keeper registers
// the grants again with its successor.
func (r *registry) closePipes() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.live {
		g.cancel()
	}
}

// figures are counts for operators.
func (r *registry) figures() (live, people int, pipes map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pipes = make(map[string]int, len(r.pipes))
	for k, v := range r.pipes {
		pipes[k] = v
	}
	return len(r.live), len(r.people), pipes
}
