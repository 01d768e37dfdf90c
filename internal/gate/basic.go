package gate

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// errNoBasic says that a request shows no HTTP Basic, or that it is not switched
// on.
var errNoBasic = errors.New("no basic credentials")

const (
	basicLife  = 10 * time.Minute // idle; then the password is checked again
	basicSweep = time.Minute
	maxBasics  = 50_000
	maxBasic   = 4096 // bytes of user and password
)

// basics maps HMAC(random of this process, user | password) to the session that
// the first request with them opened, so that later ones cost no sign-in. It is
// the one place where gate sees a password (DESIGN section 5); it keeps none.
type basics struct {
	key []byte

	mu   sync.Mutex // guards open
	open map[[32]byte]*basicSession
}

type basicSession struct {
	once  sync.Once
	ready atomic.Bool // key is there
	key   ipc.SessionKey
	err   error
	used  time.Time // guarded by basics.mu
}

func newBasics() *basics {
	b := &basics{key: make([]byte, 32), open: map[[32]byte]*basicSession{}}
	rand.Read(b.key)
	return b
}

// basic is the session key of a request with HTTP Basic.
func (g *Gate) basic(r *http.Request) (ipc.SessionKey, error) {
	login, password, ok := r.BasicAuth()
	if !ok || !g.live.Load().basic {
		return ipc.SessionKey{}, errNoBasic
	}
	if len(login)+len(password) > maxBasic || login == "" || password == "" {
		return ipc.SessionKey{}, ipc.Errorf(ipc.CodeRefused, "")
	}
	id, s := g.basics.find(login, password)
	s.once.Do(func() {
		s.key, s.err = g.basicSignIn(r, login, password)
		s.ready.Store(s.err == nil)
	})
	if s.err != nil {
		g.basics.drop(id, s)
	}
	return s.key, s.err
}

func (b *basics) find(login, password string) ([32]byte, *basicSession) {
	m := hmac.New(sha256.New, b.key)
	m.Write([]byte(login))
	m.Write([]byte{0})
	m.Write([]byte(password))
	id := [32]byte(m.Sum(nil))
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.open[id]
	if s == nil {
		s = &basicSession{}
		if len(b.open) < maxBasics { // else it signs in for this request alone
			b.open[id] = s
		}
	}
	s.used = now
	return id, s
}

func (b *basics) drop(id [32]byte, s *basicSession) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[id] == s {
		delete(b.open, id)
	}
}

// watch ends sessions that were not used for basicLife, until ctx ends: neither
// their keys here nor their passwords in porter live on.
func (b *basics) watch(ctx context.Context, end func(context.Context, ipc.SessionKey)) {
	tick := time.NewTicker(basicSweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, k := range b.idle() {
				end(ctx, k)
			}
		}
	}
}

// idle takes out the sessions that were not used for basicLife.
func (b *basics) idle() []ipc.SessionKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []ipc.SessionKey
	for id, s := range b.open {
		if time.Since(s.used) <= basicLife || !s.ready.Load() {
			continue
		}
		delete(b.open, id)
		out = append(out, s.key)
	}
	return out
}

// endBasic signs out a session of HTTP Basic that nobody uses.
func (g *Gate) endBasic(ctx context.Context, k ipc.SessionKey) {
	if _, err := ipc.Call[ipc.None](ctx, g.keeper, ipc.KeeperSignOut, k); err != nil && !over(err) {
		g.log.Warn("idle session not ended", "err", err) // keeper's own limit ends it
	}
}

// forget drops a session that is over, so that the password is tried again.
func (b *basics) forget(k ipc.SessionKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.open {
		if s.ready.Load() && string(s.key.SID) == string(k.SID) {
			delete(b.open, id)
		}
	}
}

// basicSignIn seals the password to porter, as a page does, and signs in.
func (g *Gate) basicSignIn(r *http.Request, login, password string) (ipc.SessionKey, error) {
	offer, err := ipc.Call[ipc.SignInOffer](r.Context(), g.keeper, ipc.KeeperOffer, ipc.None{})
	if err != nil {
		return ipc.SessionKey{}, err
	}
	doc, err := seal.ParseSigninKeyDoc(offer.Key)
	if err != nil {
		return ipc.SessionKey{}, err
	}
	secret := seal.NewSecret([]byte(password))
	defer secret.Wipe()
	box, err := seal.SealSignin(doc, offer.Challenge, seal.Credential{Kind: seal.KindPassword, Login: login, Secret: secret})
	if err != nil {
		return ipc.SessionKey{}, ipc.Errorf(ipc.CodeRefused, "")
	}
	s, err := g.callSignIn(r, ipc.Box{KID: box.KID, Enc: box.Enc, CT: box.CT, Challenge: box.Challenge}, ipc.KindBasic, false)
	if err != nil {
		return ipc.SessionKey{}, err
	}
	g.sessions.put(s.Key, s.Grant)
	return s.Key, nil
}
