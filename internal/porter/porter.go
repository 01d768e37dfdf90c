package porter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
)

// Porter opens sign-ins and doors of the mail platform.
type Porter struct {
	log        *slog.Logger
	table      atomic.Pointer[platforms]
	document   atomic.Pointer[[]byte] // the signed sign-in key document
	signIn     seal.SigninKey
	credential seal.PrivateKey
	challenges *seal.Challenges
	stretcher  *seal.Stretcher
	registry   *registry
	refs       *refs
	refusals   *refusals // of the imap server
	unsent     *refusals // of the submission server: they end no session
	unsieved   *refusals // of the Sieve server: the same
	outcomes   *outcomes // of mails that were handed over
	throttle   *throttle
	outages    *outages
	quota      *limit.Quota
	counts     *counts
	desks      imap.Desks     // of the connections that are being signed in
	buffers    buffers        // of the pipes
	pipes      sync.WaitGroup // that run
	// settle gives the memory of key derivations (64 MiB each) back to the system
	// when sign-ins have paused; the runtime by itself would keep it for minutes.
	settle *time.Timer
}

// New makes a porter. The key document is checked against the private key, so
// that a page never seals to a key that nobody has.
func New(cfg Config, log *slog.Logger) (*Porter, error) {
	p := &Porter{
		log: log, challenges: seal.NewChallenges(), stretcher: seal.NewStretcher(derivations),
		registry: newRegistry(), refusals: newRefusals(), unsent: newRefusals(), unsieved: newRefusals(), outcomes: newOutcomes(), outages: newOutages(log), throttle: newThrottle(cfg.FailsAccount), quota: limit.NewQuota(), counts: newCounts(),
	}
	p.refs = newRefs()
	p.settle = time.AfterFunc(settleTime, debug.FreeOSMemory)
	var err error
	if p.signIn, err = seal.ParseSigninKey(cfg.SignInKey); err != nil {
		return nil, fmt.Errorf("sign-in key: %w", err)
	}
	if p.credential, err = seal.ParsePrivateKey(cfg.CredentialKey); err != nil {
		return nil, fmt.Errorf("credential key: %w", err)
	}
	if err := p.setDocument(cfg.KeyDocument); err != nil {
		return nil, err
	}
	return p, p.setPlatforms(cfg.Platforms)
}

// setDocument takes the document by which pages know the sign-in key, one that was
// signed anew included.
func (p *Porter) setDocument(text []byte) error {
	doc, err := seal.ParseSigninKeyDoc(text)
	if err != nil {
		return err
	}
	if doc.KID() != seal.KID(p.signIn.Public()) {
		return errors.New("signin.key_document was signed for another sign-in key than this installation's")
	}
	p.document.Store(&text)
	return nil
}

func (p *Porter) setPlatforms(list []Platform) error {
	t, err := newPlatforms(list)
	if err != nil {
		return err
	}
	p.table.Store(t)
	return nil
}

// offer answers what a page needs in order to seal a sign-in.
func (p *Porter) offer(context.Context, ipc.None) (ipc.SignInOffer, error) {
	return ipc.SignInOffer{Key: *p.document.Load(), Challenge: p.challenges.Issue(), Domains: p.table.Load().domains}, nil
}

// open opens a box whose challenge is ours, fresh and unused.
func (p *Porter) open(b ipc.Box) (seal.Credential, error) {
	box := seal.SigninBox{KID: b.KID, Enc: b.Enc, CT: b.CT, Challenge: b.Challenge}
	if err := p.challenges.Accept(box); err != nil {
		switch {
		case errors.Is(err, seal.ErrBusy):
			return seal.Credential{}, &ipc.Error{Code: ipc.CodeThrottled, RetryAfter: time.Minute}
		case errors.Is(err, seal.ErrFormat):
			return seal.Credential{}, ipc.Errorf(ipc.CodeInvalid, "the sign-in cannot be read")
		}
		return seal.Credential{}, ipc.Errorf(ipc.CodeExpired, "the challenge is too old or was used")
	}
	c, err := p.signIn.Open(box)
	if err != nil {
		return seal.Credential{}, ipc.Errorf(ipc.CodeInvalid, "the sign-in cannot be opened")
	}
	return c, nil
}

// authenticate opens a sealed sign-in and asks the platform.
func (p *Porter) authenticate(ctx context.Context, req ipc.AuthRequest) (ipc.Authenticated, error) {
	var none ipc.Authenticated
	typed, err := p.open(req.Box)
	if err != nil {
		return none, err
	}
	defer typed.Wipe()
	login, plat, err := p.table.Load().find(typed.Login)
	if err != nil {
		return none, ipc.Errorf(ipc.CodeRefused, "no platform serves this login")
	}
	name := login.String()
	try := attempt{name, req.Network, req.Known && string(req.Device) == string(deviceHash(name))}
	end, wait := p.throttle.begin(try)
	if wait > 0 {
		return none, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many failed sign-ins", RetryAfter: wait}
	}
	refused := false
	defer func() { end(refused) }()
	cred := seal.Credential{Kind: kindOf(plat.imap.Auth), Login: name, Secret: typed.Secret}
	conn, err := p.dialIMAP(ctx, plat, cred, req.Network)
	p.counts.logins.WithLabelValues("imap", string(ipc.CodeOf(err))).Inc()
	if err != nil {
		refused = ipc.CodeOf(err) == ipc.CodeRefused
		return none, err
	}
	p.throttle.succeeded(try)
	return p.admit(cred, plat, conn)
}

// admit remembers the opened password for the derivation that follows, and the
// connection for the first pipe.
func (p *Porter) admit(cred seal.Credential, plat *platform, conn *imapConn) (ipc.Authenticated, error) {
	sealed, err := seal.SealCredential(p.credential.Public(), cred)
	if err != nil {
		conn.Close()
		return ipc.Authenticated{}, err
	}
	kept := seal.Credential{Kind: cred.Kind, Login: cred.Login, Secret: seal.NewSecret(append([]byte(nil), cred.Secret.Reveal()...))}
	ref, err := p.refs.put(kept, conn)
	if err != nil {
		kept.Wipe()
		conn.Close()
		return ipc.Authenticated{}, err
	}
	return ipc.Authenticated{Ref: ref, Login: cred.Login, Platform: plat.Name, Addresses: p.addresses(plat, cred.Login), Credential: sealed}, nil
}

func kindOf(auth string) seal.CredentialKind {
	if auth == "oauthbearer" || auth == "xoauth2" {
		return seal.KindToken
	}
	return seal.KindPassword
}

// derive answers A for a sign-in that was just authenticated.
func (p *Porter) derive(ctx context.Context, req ipc.DeriveRequest) (ipc.Derived, error) {
	c, ok := p.refs.take(req.Ref)
	if !ok {
		return ipc.Derived{}, ipc.Errorf(ipc.CodeExpired, "the sign-in is too old")
	}
	defer c.Wipe()
	params := seal.StretchParams{Memory: req.Memory, Time: req.Time, Threads: req.Threads}
	if err := params.Validate(); err != nil {
		return ipc.Derived{}, ipc.Errorf(ipc.CodeInvalid, "the parameters of the slot are out of range")
	}
	a, err := p.stretcher.Stretch(ctx, c.Secret, req.Salt, params)
	if err != nil {
		return ipc.Derived{}, err
	}
	defer a.Wipe()
	p.settle.Reset(settleTime)
	return ipc.Derived{A: append([]byte(nil), a.Reveal()...)}, nil // encoded after a is wiped
}

// live registers a capability with the credential that keeper held sealed.
func (p *Porter) live(_ context.Context, req ipc.LiveRequest) (ipc.LiveAnswer, error) {
	var none ipc.LiveAnswer
	if p.refusals.over(sha256.Sum256(req.Credential)) {
		return none, errRefusedOver
	}
	c, err := p.credential.RevealCredential(req.Credential)
	if err != nil {
		return none, ipc.Errorf(ipc.CodeInvalid, "the credential cannot be opened")
	}
	_, plat, err := p.table.Load().find(c.Login)
	if err != nil {
		c.Wipe()
		return none, ipc.Errorf(ipc.CodeExpired, "no platform serves this login any more")
	}
	addresses := p.addresses(plat, c.Login)
	if err := p.registry.add(req, plat.Name, addresses, share(c)); err != nil {
		c.Wipe()
		return none, err
	}
	p.registry.giveSpare(req.UID, p.refs.takeSpare(c.Login))
	return ipc.LiveAnswer{Login: c.Login, Platform: plat.Name, Addresses: addresses}, nil
}

// addresses is what a login may send as. Without its alias file a person still
// has the login itself.
func (p *Porter) addresses(plat *platform, login string) []string {
	list, err := plat.aliases.of(login)
	if err != nil {
		p.log.Error("aliases not read", "platform", plat.Name, "err", err)
		return []string{login}
	}
	return list
}

// end ends sessions.
func (p *Porter) end(_ context.Context, req ipc.EndRequest) (ipc.None, error) {
	p.registry.endSessions(req.Sessions)
	return ipc.None{}, nil
}

// watch asks keeper every heldEvery which sessions are over, until ctx ends: a
// password must not live on because a notice was lost, or because keeper was
// restarted and nobody used the session again.
func (p *Porter) watch(ctx context.Context, ask func(context.Context, [][]byte) ([][]byte, error)) {
	tick := time.NewTicker(heldEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for some := range slices.Chunk(p.registry.held(), ipc.MaxAlive) {
			over, err := ask(ctx, some)
			if err != nil {
				break // keeper is away; the next round asks again
			}
			p.registry.endSessions(over)
		}
	}
}

// askKeeper is watch's question.
func askKeeper(keeper *ipc.Client) func(context.Context, [][]byte) ([][]byte, error) {
	return func(ctx context.Context, ids [][]byte) ([][]byte, error) {
		out, err := ipc.Call[ipc.Ended](ctx, keeper, ipc.KeeperHeld, ipc.Alive{Sessions: ids})
		return out.Sessions, err
	}
}
