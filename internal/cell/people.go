package cell

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/memo"
	"cofferdam/internal/push"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// people are the live people of this cell.
type people struct {
	pushes func(p *person) *push.Hub // nil: there is no courier
	open   func(ctx context.Context, p *person, req ipc.PersonRequest) (*account.Account, func(), error)
	log    *slog.Logger

	mu     sync.Mutex // guards the rest and the marked fields of persons
	byRoom map[room]*person
	grants map[[32]byte]*grant // by SHA-256 of the capability
}

// room is where a session lives. A person's locked sessions, whose keys open
// nothing, are apart from the others: they share the fence and nothing else, or
// who has no more than the platform's password would be let in to sealed data by
// the owner's open session.
type room struct {
	uid    user.ID
	locked bool
}

// person is one unlocked person.
type person struct {
	uid    user.ID
	login  string
	fence  int64
	locked bool
	ctx    context.Context // ends with the person's time in this cell
	cancel context.CancelFunc
	// streams ends before ctx when the cell drains: streams would hold it up.
	streams    context.Context
	endStreams context.CancelFunc
	view       *jmapserver.Person
	account    *account.Account
	close      func()
	index      *index
	outbox     *class
	settings   *class
	push       *push.Hub                        // nil: there is no courier
	drawn      memo.Memo[drawing, ipc.Rendered] // bodies as they are shown
	opened     chan struct{}                    // closed when view is there, or err
	err        error

	// Guarded by people.mu.
	grants  map[[32]byte]*grant
	newest  []byte // capability to show to keeper and porter
	leaving *time.Timer
	gone    bool                                      // dismissed: running takes no more
	running sync.WaitGroup                            // requests under way
	busy    int                                       // how many
	asked   map[*asked]struct{}                       // those of them that end with their session
	heard   time.Time                                 // when the last one began or ended
	images  map[jmap.EmailID]map[jmap.BlobID]struct{} // of the bodies shown last

	closing sync.Once // of end
}

// asked is a request under way.
type asked struct {
	session string
	cancel  context.CancelFunc
}

// grant is one session's right to a person.
type grant struct {
	person     *person
	capability []byte
	session    string
	uploads    seal.UploadKey // zero: the session may not upload
	expires    time.Time
	timer      *time.Timer
	basic      bool
	unknown    time.Time // when keeper or porter first did not know it, in the last row of such answers
}

func newPeople(log *slog.Logger) *people {
	return &people{log: log, byRoom: map[room]*person{}, grants: map[[32]byte]*grant{}}
}

// take answers keeper: here is a person, or a further session of one.
func (ps *people) take(ctx context.Context, req ipc.PersonRequest) (ipc.PersonTaken, error) {
	uid, err := user.IDFromBytes(req.UID)
	if err != nil {
		return ipc.PersonTaken{}, ipc.Errorf(ipc.CodeInvalid, "uid")
	}
	here := room{uid, req.Locked}
	ps.mu.Lock()
	p, other := ps.byRoom[here], ps.byRoom[room{uid, !req.Locked}]
	switch {
	case p != nil && req.Fence < p.fence, other != nil && req.Fence < other.fence:
		ps.mu.Unlock()
		return ipc.PersonTaken{}, ipc.Errorf(ipc.CodeFenced, "a newer lease is here")
	case p != nil && p.fence == req.Fence:
		defer ps.mu.Unlock()
		ps.grant(p, req)
		return ipc.PersonTaken{Held: true}, nil
	case req.Resume, len(ps.byRoom) >= maxPeople:
		ps.mu.Unlock()
		return ipc.PersonTaken{Beside: req.Resume && other != nil && other.fence == req.Fence}, nil
	}
	for _, old := range []*person{p, other} {
		if old != nil && old.fence != req.Fence {
			ps.dismiss(old)
		}
	}
	p = &person{uid: uid, login: req.Login, fence: req.Fence, locked: req.Locked, heard: time.Now(), opened: make(chan struct{}), grants: map[[32]byte]*grant{}, asked: map[*asked]struct{}{}}
	p.drawn.Time, p.drawn.Keep, p.drawn.Max = bodyTime, keepDrawn, maxDrawn
	p.drawn.Fits = func(d ipc.Rendered) bool { return len(d.Document) <= maxDrawnLen }
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.streams, p.endStreams = context.WithCancel(p.ctx)
	if ps.pushes != nil {
		p.push = ps.pushes(p)
	}
	ps.byRoom[here] = p
	ps.grant(p, req)
	ps.mu.Unlock()
	go ps.openAccount(p, req)
	return ipc.PersonTaken{Held: true}, nil
}

// openAccount makes the person's account; requests wait for it.
func (ps *people) openAccount(p *person, req ipc.PersonRequest) {
	defer close(p.opened)
	a, closeAccount, err := ps.open(p.ctx, p, req)
	if err != nil {
		p.err = err
		ps.log.Error("account not opened", "uid", p.uid.String(), "err", err)
		ps.mu.Lock()
		ps.dismiss(p)
		ps.mu.Unlock()
		return
	}
	p.account, p.close = a, closeAccount
	p.view = &jmapserver.Person{Key: string(p.uid[:]), Username: p.login, Accounts: []jmapserver.Account{a}}
}

// grant adds a session's capability. It needs mu.
func (ps *people) grant(p *person, req ipc.PersonRequest) {
	key := sha256.Sum256(req.Capability)
	g := &grant{person: p, capability: req.Capability, session: string(req.Session), basic: req.Basic, expires: time.Unix(req.Expires, 0)}
	g.timer = time.AfterFunc(time.Until(g.expires), func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		if ps.grants[key] == g {
			ps.drop(key, g)
		}
	})
	var err error
	if g.uploads, err = seal.ParseUploadKey(p.uid, req.UploadKey); err != nil {
		ps.log.Warn("no key for uploads", "err", err)
	}
	clear(req.UploadKey)
	if old := p.grants[key]; old != nil {
		old.end()
	}
	p.grants[key], ps.grants[key], p.newest = g, g, req.Capability
	if p.leaving != nil {
		p.leaving.Stop()
		p.leaving = nil
	}
}

// end wipes what the grant has.
func (g *grant) end() {
	g.timer.Stop()
	g.uploads.Wipe()
}

// drop ends a session's grant; without any, the person leaves. It needs mu.
func (ps *people) drop(key [32]byte, g *grant) {
	g.end()
	delete(ps.grants, key)
	p := g.person
	delete(p.grants, key)
	p.endSession(g.session)
	if len(p.grants) == 0 {
		ps.dismiss(p)
		return
	}
	if string(p.newest) == string(g.capability) {
		for _, other := range p.grants {
			p.newest = other.capability
		}
	}
}

// dismiss forgets a person: streams end, pipes close, keys are wiped. It needs
// mu; the closing runs apart.
func (ps *people) dismiss(p *person) {
	if p.gone {
		return
	}
	p.gone = true
	ps.remove(p)
	p.cancel()
	go p.end()
}

// remove takes a person out, with their grants. It needs mu.
func (ps *people) remove(p *person) {
	if p.leaving != nil {
		p.leaving.Stop()
	}
	if here := (room{p.uid, p.locked}); ps.byRoom[here] == p {
		delete(ps.byRoom, here)
	}
	for key, g := range p.grants {
		g.end()
		delete(ps.grants, key)
	}
	clear(p.grants)
}

// end closes what a person has, once: pushes, the account, keys. p.ctx is over.
func (p *person) end() {
	p.closing.Do(func() {
		<-p.opened
		if p.push != nil {
			p.push.Close()
		}
		p.settle()
		if p.close != nil {
			p.close()
		}
	})
}

// endSession ends what a session has here: requests under way, and subscriptions. It
// needs people.mu.
func (p *person) endSession(session string) {
	for a := range p.asked {
		if a.session == session {
			a.cancel()
		}
	}
	p.endPushes(session)
}

// settle waits for requests under way, whose context is over: what they make of
// wiped keys would be wrong ids. One that is stuck in a write makes nothing more.
func (p *person) settle() {
	done := make(chan struct{})
	go func() { p.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(settleTime):
	}
}

// enter counts a request of a session; cancel is called when the session is over
// before the result ends it. It is refused when the person's time here, or the
// session's, is over.
func (ps *people) enter(g *grant, cancel context.CancelFunc) (leave func(), err error) {
	p := g.person
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.gone || p.grants[sha256.Sum256(g.capability)] != g {
		return nil, ipc.Errorf(ipc.CodeUnknown, "session is over")
	}
	a := &asked{g.session, cancel}
	p.asked[a] = struct{}{}
	p.running.Add(1)
	p.busy++
	p.heard = time.Now()
	return func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		delete(p.asked, a)
		p.busy--
		p.heard = time.Now()
		p.running.Done()
	}, nil
}

// shown remembers the images of a body that was just shown, for the requests that
// follow.
func (ps *people) shown(p *person, email jmap.EmailID, images map[string]jmap.BlobID) {
	set := make(map[jmap.BlobID]struct{}, len(images))
	for _, id := range images {
		set[id] = struct{}{}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.images == nil || len(p.images) >= maxShown {
		p.images = map[jmap.EmailID]map[jmap.BlobID]struct{}{}
	}
	p.images[email] = set
}

// holds says whether a mail that was shown lately has an image, and whether that
// is known.
func (ps *people) holds(p *person, email jmap.EmailID, image jmap.BlobID) (has, known bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	set, known := p.images[email]
	_, has = set[image]
	return has, known
}

// end answers keeper: these sessions are over.
func (ps *people) end(_ context.Context, req ipc.EndRequest) (ipc.None, error) {
	ended := make(map[string]bool, len(req.Sessions))
	for _, s := range req.Sessions {
		ended[string(s)] = true
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for key, g := range ps.grants {
		if ended[g.session] {
			ps.drop(key, g)
		}
	}
	for _, p := range ps.byRoom { // also of sessions whose capability was refused before
		for _, s := range req.Sessions {
			p.endSession(string(s))
		}
	}
	return ipc.None{}, nil
}

// find is the session that a capability of gate's admits to.
func (ps *people) find(ctx context.Context, text string) (*grant, error) {
	unknown := ipc.Errorf(ipc.CodeUnknown, "capability is not known")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, unknown
	}
	ps.mu.Lock()
	g := ps.grants[sha256.Sum256(raw)]
	ps.mu.Unlock()
	if g == nil || !time.Now().Before(g.expires) {
		return nil, unknown
	}
	select {
	case <-g.person.opened:
	case <-ctx.Done():
		return nil, ipc.Errorf(ipc.CodeUnavailable, "the account is being opened")
	}
	if g.person.err != nil {
		return nil, ipc.Errorf(ipc.CodeUnavailable, "the account could not be opened")
	}
	return g, nil
}

// capability is what to show to keeper and porter for a person.
func (ps *people) capability(p *person) ([]byte, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(p.grants) == 0 {
		return nil, ipc.Errorf(ipc.CodeUnknown, "session is over")
	}
	return p.newest, nil
}

// refused notes that keeper or porter did not take a capability. It is dropped,
// so that gate learns at the next request to open the session again. A porter
// that was just started knows nobody until keeper has told it, a moment later:
// "unknown" counts only when it stays for unknownFor.
func (ps *people) refused(p *person, capability []byte, code ipc.Code) {
	key := sha256.Sum256(capability)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	g := p.grants[key]
	if g == nil || code == ipc.CodeUnknown && g.passing(time.Now()) {
		return
	}
	g.end()
	delete(ps.grants, key)
	delete(p.grants, key)
	for _, other := range p.grants {
		p.newest = other.capability
	}
	if len(p.grants) == 0 {
		p.leaving = time.AfterFunc(endGrace, func() {
			ps.mu.Lock()
			defer ps.mu.Unlock()
			if len(p.grants) == 0 {
				ps.dismiss(p)
			}
		})
	}
}

// passing says whether an "unknown" may be of a moment: the first of a row of
// them, or one within unknownFor of it. It needs people.mu.
func (g *grant) passing(now time.Time) bool {
	if now.Sub(g.unknown) > unknownRow {
		g.unknown = now
	}
	return now.Sub(g.unknown) < unknownFor
}

// count is how many people and sessions are here.
func (ps *people) count() (people, sessions int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.byRoom), len(ps.grants)
}

// endStreams ends what waits for changes, so that a drain is not held up; gate
// connects again elsewhere.
func (ps *people) endStreams() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.byRoom {
		p.endStreams()
	}
}

// closeAll dismisses everybody, for a cell that drains. Until ctx ends they keep what
// they need to store what became of a mail that is being handed over: else it would
// count as uncertain although its sending came to its end.
func (ps *people) closeAll(ctx context.Context) {
	ps.mu.Lock()
	all := slices.Collect(maps.Values(ps.byRoom))
	for _, p := range all {
		p.gone = true
		p.cancel()
	}
	ps.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		for _, p := range all {
			wg.Go(p.end)
		}
		wg.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range all {
		ps.remove(p)
	}
}
