package porter

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/managesieve"
	"cofferdam/internal/seal"
)

// sieveCalls are what a cell may ask about the mail filters of its people. Porter
// speaks ManageSieve itself; sieve_guard.go looks at what is stored.
func (p *Porter) sieveCalls(m *ipc.Mux, cell string) {
	ipc.Handle(m, ipc.PorterSieveOffer, 4<<10, sieveTime, func(ctx context.Context, in ipc.SieveAsk) (ipc.SieveOffer, error) {
		_, plat, err := p.sieveGrant(in.Auth, cell)
		if err != nil {
			return ipc.SieveOffer{}, err
		}
		return p.sieveOffer(ctx, plat)
	})
	ipc.Handle(m, ipc.PorterSubmitOutcome, 64<<10, sieveTime, func(_ context.Context, in ipc.OutcomeAsk) (ipc.OutcomeList, error) {
		return p.submitOutcomes(in, cell)
	})
	ipc.Handle(m, ipc.PorterSubmitOffer, 4<<10, sieveTime, func(ctx context.Context, in ipc.SieveAsk) (ipc.SubmitOffer, error) {
		_, plat, err := p.sieveGrant(in.Auth, cell)
		if err != nil {
			return ipc.SubmitOffer{}, err
		}
		return p.submitOffer(ctx, plat)
	})
	ipc.Handle(m, ipc.PorterSieveRead, 4<<10, sieveTime, func(ctx context.Context, in ipc.SieveAsk) (out ipc.SieveScripts, err error) {
		err = p.withSieve(ctx, in.Auth, cell, func(ctx context.Context, s *sieveSession) error {
			out.Scripts, err = s.scripts(ctx)
			return err
		})
		return out, err
	})
	ipc.Handle(m, ipc.PorterSieveCheck, maxSieveCall, sieveTime, func(ctx context.Context, in ipc.SieveCheck) (out ipc.SieveDone, err error) {
		err = p.withSieve(ctx, in.Auth, cell, func(ctx context.Context, s *sieveSession) error {
			out, err = s.check(ctx, in.Content)
			return err
		})
		return out, err
	})
	ipc.Handle(m, ipc.PorterSieveApply, maxSieveCall, sieveTime, func(ctx context.Context, in ipc.SieveApply) (out ipc.SieveDone, err error) {
		err = p.withSieve(ctx, in.Auth, cell, func(ctx context.Context, s *sieveSession) error {
			out, err = s.apply(ctx, in.Seen, in.Steps)
			return err
		})
		if out.No == ipc.SieveForbidden {
			p.counts.refused.WithLabelValues("sieve").Inc()
		}
		return out, err
	})
}

// sieveGrant admits a cell's capability.
func (p *Porter) sieveGrant(auth ipc.Auth, cell string) (*grant, *platform, error) {
	g, err := p.registry.find(base64.RawURLEncoding.EncodeToString(auth.Capability), cell)
	if err != nil {
		return nil, nil, err
	}
	plat := p.table.Load().byName[g.platform]
	if plat == nil {
		return nil, nil, ipc.Errorf(ipc.CodeUnavailable, "the mail platform is not configured any more")
	}
	return g, plat, nil
}

// sieveSession is a conversation in a person's name.
type sieveSession struct {
	c   *managesieve.Conn
	own []string // the person's addresses
	// read is what was read for the change under way, nil if nothing was.
	read []ipc.SieveScript
}

// withSieve signs in and runs f. The session's end cuts it off.
func (p *Porter) withSieve(ctx context.Context, auth ipc.Auth, cell string, f func(context.Context, *sieveSession) error) error {
	g, plat, err := p.sieveGrant(auth, cell)
	if err != nil {
		return err
	}
	if plat.sieve == nil {
		return ipc.Errorf(ipc.CodeNotFound, "the mail platform has no Sieve")
	}
	release, err := p.registry.takeSieve(g)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	c, err := p.dialSieve(ctx, g, plat)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, &sieveSession{c: c, own: g.addresses})
}

// dialSieve connects and signs in.
func (p *Porter) dialSieve(ctx context.Context, g *grant, plat *platform) (*managesieve.Conn, error) {
	secret, err := p.registry.credential(g)
	if err != nil {
		return nil, err
	}
	defer secret.release()
	if p.unsieved.begin(g.box) != nil {
		return nil, errNoSieve
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := p.greetSieve(ctx, plat)
	if err != nil {
		return nil, err
	}
	s := plat.sieve
	err = c.Authenticate(ctx, managesieve.Credentials{User: s.name(secret.cred.Login), Secret: secret.cred.Secret.Reveal(),
		Token: secret.cred.Kind == seal.KindToken, Mechanism: sieveMechanism(s.Auth)})
	if err == nil {
		p.unsieved.forget(g.box)
		p.counts.logins.WithLabelValues("sieve", "").Inc()
		_, err = c.Refresh(ctx)
	} else if r, ok := errors.AsType[*managesieve.Refusal](err); ok && !r.Temporary() {
		_ = p.unsieved.add(g.box) // for its pause alone
		p.counts.logins.WithLabelValues("sieve", string(ipc.CodeRefused)).Inc()
		err = errNoSieve
	}
	if err != nil {
		c.Close()
		return nil, sieveError(err)
	}
	return c, nil
}

// greetSieve connects and secures.
func (p *Porter) greetSieve(ctx context.Context, plat *platform) (*managesieve.Conn, error) {
	s := plat.sieve
	c, err := managesieve.Dial(ctx, managesieve.Config{Addr: s.Address, Security: sieveSecurity(s.TLS), TLS: s.tls})
	if !errors.Is(err, context.Canceled) { // the session ended: that says nothing of the server
		p.outages.note(endpoint{plat.Name, "sieve"}, err)
	}
	if err != nil {
		return nil, sieveError(err)
	}
	return c, nil
}

// errNoSieve is of a Sieve server that does not take what the imap server took.
// It may be wrong there; asking on would lock the person out.
var errNoSieve = ipc.Errorf(ipc.CodeUnavailable, "the Sieve server does not accept the sign-in")

func sieveSecurity(tls string) managesieve.Security {
	switch tls {
	case "implicit":
		return managesieve.ImplicitTLS
	case "none":
		return managesieve.Plain
	}
	return managesieve.StartTLS
}

// sieveMechanism forces what the operator configured; plain leaves the choice
// between PLAIN and LOGIN to what the server offers.
func sieveMechanism(auth string) managesieve.Mechanism {
	switch auth {
	case "login":
		return managesieve.MechLogin
	case "oauthbearer":
		return managesieve.MechOAuthBearer
	case "xoauth2":
		return managesieve.MechXOAuth2
	}
	return ""
}

// sieveError keeps the server's words from a cell that did not ask for them.
func sieveError(err error) error {
	if _, ok := errors.AsType[*ipc.Error](err); ok {
		return err
	}
	return ipc.Errorf(ipc.CodeUnavailable, "the Sieve server is away")
}

// scripts reads all scripts.
func (s *sieveSession) scripts(ctx context.Context) ([]ipc.SieveScript, error) {
	list, err := s.c.List(ctx)
	if err != nil {
		return nil, sieveError(err)
	}
	if len(list) > ipc.MaxSieveScripts {
		return nil, ipc.Errorf(ipc.CodeInvalid, "the person has more than %d scripts", ipc.MaxSieveScripts)
	}
	out, total := make([]ipc.SieveScript, 0, len(list)), 0
	for _, l := range list {
		content, err := s.c.Get(ctx, l.Name)
		if r, ok := errors.AsType[*managesieve.Refusal](err); ok && !r.Bye {
			continue // deleted in between, or one that cannot be read, as Dovecot's default scripts
		}
		if err != nil {
			return nil, sieveError(err)
		}
		if total += len(content); total > maxScriptsTotal {
			return nil, ipc.Errorf(ipc.CodeInvalid, "the scripts have more than %d bytes together", maxScriptsTotal)
		}
		out = append(out, ipc.SieveScript{Name: l.Name, Active: l.Active, Content: []byte(content)})
	}
	return out, nil
}

// check asks whether a script is valid: us first, then the server.
func (s *sieveSession) check(ctx context.Context, content []byte) (ipc.SieveDone, error) {
	if _, done := parseScript(content); done.No != "" {
		return done, nil
	}
	_, err := s.c.Check(ctx, string(content))
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // a server from before RFC 5804 says it when the script is stored
	}
	return s.stepDone(err, ipc.SievePut)
}

// apply takes the steps, after the guard has seen all of them.
func (s *sieveSession) apply(ctx context.Context, seen []byte, steps []ipc.SieveStep) (ipc.SieveDone, error) {
	if len(steps) == 0 || len(steps) > maxSieveSteps {
		return ipc.SieveDone{}, ipc.Errorf(ipc.CodeInvalid, "1 to %d steps", maxSieveSteps)
	}
	if seen != nil {
		now, err := s.scripts(ctx)
		if err != nil {
			return ipc.SieveDone{}, err
		}
		if !bytes.Equal(seen, ipc.SieveDigest(now)) {
			return ipc.SieveDone{No: ipc.SieveChanged}, nil
		}
		s.read = now
	}
	if done, err := s.guard(ctx, steps); err != nil || done.No != "" {
		return done, err
	}
	for i, step := range steps {
		done, err := s.stepDone(s.step(ctx, step), step.Verb)
		if err != nil {
			return done, err
		}
		if done.No != "" {
			done.Done = i
			return done, nil
		}
	}
	return ipc.SieveDone{Done: len(steps)}, nil
}

func (s *sieveSession) step(ctx context.Context, step ipc.SieveStep) error {
	switch step.Verb {
	case ipc.SievePut:
		_, err := s.c.Put(ctx, step.Name, string(step.Content))
		return err
	case ipc.SieveRename:
		return s.c.Rename(ctx, step.Name, step.To)
	case ipc.SieveDelete:
		return s.c.Delete(ctx, step.Name)
	default:
		return s.c.SetActive(ctx, step.Name)
	}
}

// stepDone puts what a server said into our words.
func (s *sieveSession) stepDone(err error, verb string) (ipc.SieveDone, error) {
	r, refused := errors.AsType[*managesieve.Refusal](err)
	switch {
	case err == nil:
		return ipc.SieveDone{}, nil
	case !refused:
		return ipc.SieveDone{No: ipc.SieveAway}, nil
	}
	done := ipc.SieveDone{No: ipc.SieveRefused, Text: clip(r.Text)}
	switch {
	case r.Temporary():
		done.No = ipc.SieveAway
	case r.Has("QUOTA/MAXSIZE"):
		done.No = ipc.SieveTooLarge
	case r.Has("QUOTA"):
		done.No = ipc.SieveQuota
	case r.Has("ACTIVE"):
		done.No = ipc.SieveActive
	case r.Has("NONEXISTENT"):
		done.No = ipc.SieveNotFound
	case r.Has("ALREADYEXISTS"):
		done.No = ipc.SieveExists
	case verb == ipc.SievePut:
		done.No = ipc.SieveInvalid // the text names the line
	}
	return done, nil
}

// sieveOffer is what the platform's Sieve can, as its greeting says (RFC 5804,
// section 1.7: SIEVE is always in it). It is remembered for sieveKnown.
func (p *Porter) sieveOffer(ctx context.Context, plat *platform) (ipc.SieveOffer, error) {
	if plat.sieve == nil {
		return ipc.SieveOffer{}, nil
	}
	o := plat.offer
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return ipc.SieveOffer{}, ipc.Errorf(ipc.CodeUnavailable, "the Sieve server is away")
	}
	if time.Now().Before(o.until) {
		return o.known, o.err
	}
	// A cell that gives up must not make the server look away to all others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTime)
	defer cancel()
	c, err := p.greetSieve(ctx, plat)
	if err != nil {
		o.known, o.err, o.until = ipc.SieveOffer{}, err, time.Now().Add(sieveAway)
		return o.known, o.err
	}
	defer c.Close()
	caps := c.Capabilities()
	o.known = ipc.SieveOffer{Configured: true, Implementation: clip(caps.Implementation), Extensions: caps.Sieve, Notify: caps.Notify, MaxRedirects: caps.MaxRedirects}
	o.err, o.until = nil, time.Now().Add(sieveKnown)
	return o.known, nil
}

// sieveOffered is what is known of a platform's Sieve.
type sieveOffered struct {
	turn  chan struct{} // holds one token; who has put it in may use the rest
	known ipc.SieveOffer
	err   error
	until time.Time
}

func newSieveOffered() *sieveOffered { return &sieveOffered{turn: make(chan struct{}, 1)} }

// takeSieve counts a conversation under way.
func (r *registry) takeSieve(g *grant) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := g.person
	if p.sieves >= maxSieves {
		return nil, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many changes of filters at once", RetryAfter: time.Second}
	}
	p.sieves++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		p.sieves--
	}, nil
}

// validSteps refuses what is no step.
func validSteps(steps []ipc.SieveStep) error {
	for _, s := range steps {
		known := slices.Contains([]string{ipc.SievePut, ipc.SieveRename, ipc.SieveDelete, ipc.SieveActivate}, s.Verb)
		named := s.Name != "" || s.Verb == ipc.SieveActivate
		if !known || !named || (s.To != "") != (s.Verb == ipc.SieveRename) || (s.Content != nil) != (s.Verb == ipc.SievePut) {
			return ipc.Errorf(ipc.CodeInvalid, "that is no step")
		}
	}
	return nil
}
