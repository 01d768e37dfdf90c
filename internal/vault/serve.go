package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// errBadCall says that a call's values make no sense.
var errBadCall = errors.New("bad call")

// Run answers keeper's calls on line and does the daily work until ctx ends.
func (v *Vault) Run(ctx context.Context, line *ipc.Line) error {
	ctx, cancel := context.WithCancel(ctx)
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		v.sweepLoop(ctx)
	}()
	err := ipc.Serve(ctx, line, v.Handler(), drainTime)
	cancel()
	<-swept
	return err
}

// sweepLoop sweeps at once and then every sweepEvery.
func (v *Vault) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := v.Sweep(ctx); err != nil && ctx.Err() == nil {
			v.log.Error("vault's daily work did not finish", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep destroys what is due, makes the vault key anew if it is a day old, and
// forgets old attempts.
func (v *Vault) Sweep(ctx context.Context) error {
	_, _, err := v.DestroyDue(ctx)
	if v.RekeyDue() {
		err = errors.Join(err, v.Rekey(ctx))
	}
	return errors.Join(err, v.forgetAttempts(ctx))
}

// Handler answers the calls of ipc/vault.go.
func (v *Vault) Handler() http.Handler {
	m := ipc.NewMux(v.log)
	handle(m, ipc.VaultLoginID, v.callLoginID)
	handle(m, ipc.VaultNewUser, v.callNewUser)
	handle(m, ipc.VaultPepper, v.callPepper)
	handle(m, ipc.VaultWrap, v.callWrap)
	handle(m, ipc.VaultUnwrap, v.callUnwrap)
	handle(m, ipc.VaultEpochPut, v.callEpochPut)
	handle(m, ipc.VaultEpochGet, v.callEpochGet)
	handle(m, ipc.VaultRootCheck, v.callRootCheck)
	handle(m, ipc.VaultRootSeen, v.callRootSeen)
	return m
}

// handle registers a call whose errors get the code that keeper decides by; any
// other crosses as CodeInternal, without its text.
func handle[In, Out any](m *ipc.Mux, path string, f func(context.Context, In) (Out, error)) {
	ipc.Handle(m, path, callBody, callTimeout, func(ctx context.Context, in In) (Out, error) {
		out, err := f(ctx, in)
		return out, wireError(err)
	})
}

func wireError(err error) error {
	var over *ThrottledError
	switch {
	case errors.As(err, &over):
		return &ipc.Error{Code: ipc.CodeThrottled, Detail: over.Error(), RetryAfter: over.RetryAfter}
	case errors.Is(err, ErrClosed):
		return ipc.Errorf(ipc.CodeRefused, "account is closed")
	case errors.Is(err, ErrUnknown):
		return ipc.Errorf(ipc.CodeNotFound, "person not known to vault")
	case errors.Is(err, ErrConflict):
		return ipc.Errorf(ipc.CodeConflict, "a newer epoch key is here")
	case errors.Is(err, seal.ErrOpen):
		return ipc.Errorf(ipc.CodeLocked, "slot does not open")
	case errors.Is(err, seal.ErrFormat), errors.Is(err, seal.ErrLimit), errors.Is(err, user.ErrBadID), errors.Is(err, errBadCall):
		return ipc.Errorf(ipc.CodeInvalid, "%s", err)
	}
	return err
}

func (v *Vault) callLoginID(ctx context.Context, in ipc.LoginIDRequest) (ipc.LoginID, error) {
	id, err := v.LoginID(ctx, in.Login)
	return ipc.LoginID{ID: id[:]}, err
}

func (v *Vault) callNewUser(ctx context.Context, in ipc.NewUserRequest) (ipc.None, error) {
	uid, err := user.IDFromBytes(in.UID)
	if err != nil {
		return ipc.None{}, err
	}
	return ipc.None{}, v.NewUser(ctx, uid)
}

// proofOf reads who asks with which V.
func proofOf(uid, v []byte, version int) (user.ID, seal.Proof, uint32, error) {
	id, err := user.IDFromBytes(uid)
	if err != nil {
		return user.ID{}, seal.Proof{}, 0, err
	}
	if version < 0 || version > 1<<31-1 {
		return user.ID{}, seal.Proof{}, 0, fmt.Errorf("pepper version %d: %w", version, errBadCall)
	}
	proof, err := seal.ParseProof(v)
	clear(v)
	return id, proof, uint32(version), err
}

func (v *Vault) callPepper(ctx context.Context, in ipc.PepperRequest) (ipc.Pepper, error) {
	uid, proof, version, err := proofOf(in.UID, in.Proof, in.Version)
	if err != nil {
		return ipc.Pepper{}, err
	}
	defer proof.Wipe()
	p, version, err := v.Pepper(ctx, uid, proof, version)
	return ipc.Pepper{P: p.Reveal(), Version: int(version)}, err
}

func (v *Vault) callWrap(ctx context.Context, in ipc.ShredRequest) (ipc.ShredBox, error) {
	uid, err := user.IDFromBytes(in.UID)
	if err != nil {
		return ipc.ShredBox{}, err
	}
	outer, err := v.Wrap(ctx, uid, in.AAD, in.Inner)
	return ipc.ShredBox{Outer: outer}, err
}

func (v *Vault) callUnwrap(ctx context.Context, in ipc.UnwrapRequest) (ipc.Unwrapped, error) {
	uid, proof, version, err := proofOf(in.UID, in.Proof, in.Version)
	if err != nil {
		return ipc.Unwrapped{}, err
	}
	defer proof.Wipe()
	inner, p, err := v.Unwrap(ctx, uid, proof, version, in.AAD, in.Outer)
	return ipc.Unwrapped{Inner: inner, P: p.Reveal()}, err
}

func (v *Vault) callEpochPut(_ context.Context, in ipc.Epochs) (ipc.None, error) {
	var epochs []seal.Epoch
	defer func() {
		for _, e := range epochs {
			e.Key.Wipe()
		}
	}()
	for _, k := range in.Keys {
		e, err := seal.ParseEpoch(k.Number, time.Unix(k.Created, 0), k.Key)
		clear(k.Key)
		if err != nil {
			return ipc.None{}, err
		}
		epochs = append(epochs, e)
	}
	return ipc.None{}, v.PutEpochs(epochs)
}

func (v *Vault) callEpochGet(context.Context, ipc.None) (ipc.Epochs, error) {
	out := ipc.Epochs{Keys: []ipc.Epoch{}}
	for _, e := range v.Epochs() {
		out.Keys = append(out.Keys, ipc.Epoch{Number: e.Number, Key: e.Key.Reveal(), Created: e.Created.Unix()})
	}
	return out, nil
}

func (v *Vault) callRootCheck(ctx context.Context, in ipc.RootRequest) (ipc.RootVerdict, error) {
	uid, err := user.IDFromBytes(in.UID)
	if err != nil {
		return ipc.RootVerdict{}, err
	}
	if in.Fault != "" && (!in.Fault.Known() || !in.Advance) {
		return ipc.RootVerdict{}, fmt.Errorf("fault of a class root: %w", errBadCall)
	}
	rolledBack, highest, err := v.CheckRoot(ctx, uid, in.Class, in.Counter, in.Advance)
	if err == nil && in.Fault != "" {
		v.noteFault(uid, in.Class, string(in.Fault), in.Counter)
	}
	return ipc.RootVerdict{RolledBack: rolledBack, Highest: highest}, err
}

func (v *Vault) callRootSeen(ctx context.Context, in ipc.RootName) (ipc.RootSeen, error) {
	uid, err := user.IDFromBytes(in.UID)
	if err != nil {
		return ipc.RootSeen{}, err
	}
	highest, err := v.RootSeen(ctx, uid, in.Class)
	return ipc.RootSeen{Highest: highest}, err
}
