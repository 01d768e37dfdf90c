package keeper

import (
	"context"
	"crypto/sha256"
	"errors"

	"cofferdam/internal/ipc"
	"cofferdam/internal/store"
)

// place makes the session's cell know it: the cell that holds the person's lease
// if there is one, else a chosen one. It needs the person's turn.
func (k *Keeper) place(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	k.unseat(s)
	lease, err := k.store.Lease(ctx, s.uid, now())
	held := err == nil && lease.Node == k.cfg.Node && k.cells.exists(lease.Cell)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	cell := lease.Cell
	if held {
		k.cells.enter(cell, s.uid)
	} else if cell, err = k.cells.choose(ctx, s.uid); err != nil {
		return err
	}
	at, err := k.settleIn(ctx, s, cell, lease, held)
	if err != nil {
		at.cell = cell
		k.abandon(ctx, s, at)
		return err
	}
	return k.placed(ctx, s, at)
}

// unseat takes the session's seat back and forgets its capability.
func (k *Keeper) unseat(s *session) {
	s.mu.Lock()
	old := s.at
	s.at = placement{}
	s.mu.Unlock()
	if old.cell != "" {
		k.cells.leave(old.cell, s.uid)
	}
}

// placed notes where a session lives, unless it ended in the meantime.
func (k *Keeper) placed(ctx context.Context, s *session, at placement) error {
	s.mu.Lock()
	ended := s.ended
	if !ended {
		s.at = at
	}
	s.mu.Unlock()
	if !ended {
		return nil
	}
	k.abandon(ctx, s, at)
	return errSignedOut
}

// abandon gives back what a placing took that came to nothing. A session that
// ended meanwhile was told to porter and its cell perhaps after its end: they are
// told of it again.
func (k *Keeper) abandon(ctx context.Context, s *session, at placement) {
	if _, ended := s.now(); !ended {
		k.cells.leave(at.cell, s.uid)
		return
	}
	k.vacate(ctx, s, at)
	k.tellEnded(ctx, [][]byte{s.hash[:]})
}

// vacate gives the seat of a session that is over back, and with a person's last
// one the lease.
func (k *Keeper) vacate(ctx context.Context, s *session, at placement) {
	if at.cell != "" && k.cells.leave(at.cell, s.uid) {
		_ = k.store.ReleaseLease(context.WithoutCancel(ctx), s.uid, at.fence) // a newer owner is as good
	}
}

// settleIn adds the session to a cell that has the person under the lease, or
// gives the person to the cell under a new one.
func (k *Keeper) settleIn(ctx context.Context, s *session, cell string, lease store.Lease, held bool) (placement, error) {
	if held {
		at, ok, err := k.resume(ctx, s, lease)
		if err != nil || ok {
			return at, err
		}
	}
	return k.settle(ctx, s, cell)
}

// resume adds the session to a cell that has the person under the lease already.
// A person's sessions share one fence this way: a new one would end the others.
func (k *Keeper) resume(ctx context.Context, s *session, lease store.Lease) (placement, bool, error) {
	at, err := k.register(ctx, s, lease.Cell, lease.Fence)
	if err != nil {
		return at, false, err
	}
	taken, err := k.tellCell(ctx, s, at, true)
	if err == nil && taken.Beside {
		taken, err = k.tellCell(ctx, s, at, false)
	}
	if ipc.CodeOf(err) == ipc.CodeFenced {
		return at, false, nil
	}
	return at, err == nil && taken.Held, err
}

// settle gives the person to a cell under a new fence: whoever had them before
// can write nothing any more.
func (k *Keeper) settle(ctx context.Context, s *session, cell string) (placement, error) {
	want := store.Lease{UID: s.uid, Node: k.cfg.Node, Cell: cell, Expires: now().Add(leaseLife)}
	lease, err := k.store.AcquireLease(ctx, want, now(), true)
	if err != nil {
		return placement{}, err
	}
	at, err := k.register(ctx, s, cell, lease.Fence)
	if err != nil {
		return at, err
	}
	taken, err := k.tellCell(ctx, s, at, false)
	if err == nil && !taken.Held {
		err = ipc.Errorf(ipc.CodeUnavailable, "the cell is full")
	}
	return at, err
}

// register makes a capability and has porter take it.
func (k *Keeper) register(ctx context.Context, s *session, cell string, fence int64) (placement, error) {
	bytes, err := makeCapability(k.epochs.current(), capability{s.uid, s.hash, fence}, cell)
	if err != nil {
		return placement{}, err
	}
	at := placement{cell, fence, bytes}
	return at, k.tellPorter(ctx, s, at)
}

// tellPorter makes porter take the capability of a placement.
func (k *Keeper) tellPorter(ctx context.Context, s *session, at placement) error {
	s.mu.Lock()
	login, platform := s.login, s.platform
	s.mu.Unlock()
	sum := sha256.Sum256(at.capability)
	answer, err := ipc.Call[ipc.LiveAnswer](ctx, k.porter, ipc.PorterLive, ipc.LiveRequest{
		Capability: sum[:], Session: s.hash[:], UID: s.uid.Bytes(), Cell: at.cell, Fence: at.fence, Platform: platform,
		Credential: s.credential, Network: s.network, Expires: s.expires.Unix(),
	})
	if err != nil {
		return err
	}
	if login == "" { // opened again by a keeper that did not see the sign-in
		if err := k.checkOwner(ctx, s, answer.Login); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login, s.platform, s.addresses = answer.Login, answer.Platform, answer.Addresses
	return nil
}

// checkOwner refuses a credential that is not of the session's person.
func (k *Keeper) checkOwner(ctx context.Context, s *session, login string) error {
	id, err := k.loginID(ctx, login)
	if err != nil {
		return err
	}
	m, err := k.store.Login(ctx, id)
	if err != nil || m.UID != s.uid {
		return ipc.Errorf(ipc.CodeForbidden, "the credential is of another person")
	}
	return nil
}

// tellCell hands the person to the cell, with the keys of its classes.
func (k *Keeper) tellCell(ctx context.Context, s *session, at placement, resume bool) (ipc.PersonTaken, error) {
	client, err := k.cells.client(ctx, at.cell)
	if err != nil {
		return ipc.PersonTaken{}, err
	}
	s.mu.Lock()
	req := ipc.PersonRequest{
		Capability: at.capability, Session: s.hash[:], UID: s.uid.Bytes(), Fence: at.fence, Resume: resume, Login: s.login,
		Addresses: s.addresses, Platform: s.platform, Basic: s.kind == store.Basic, Locked: s.locked, Expires: s.expires.Unix(),
		UploadKey: append([]byte(nil), s.uploads.Reveal()...),
	}
	s.mu.Unlock()
	if !resume {
		if req.Keys, err = classKeys(s); err != nil {
			return ipc.PersonTaken{}, err
		}
	}
	return ipc.Call[ipc.PersonTaken](ctx, client, ipc.CellPerson, req)
}
