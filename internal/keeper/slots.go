package keeper

import (
	"context"
	"errors"
	"fmt"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// passwordSlot is the number of the password slot; later kinds get their own.
const passwordSlot = 1

// person finds the uid of a canonical login, and makes one for a login that is
// nobody's yet.
func (k *Keeper) person(ctx context.Context, login string) (user.ID, error) {
	id, err := k.loginID(ctx, login)
	if err != nil {
		return user.ID{}, err
	}
	m, err := k.store.Login(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return m.UID, err
	}
	uid := user.NewID()
	if _, err := ipc.Call[ipc.None](ctx, k.vault, ipc.VaultNewUser, ipc.NewUserRequest{UID: uid.Bytes()}); err != nil {
		return user.ID{}, err
	}
	m, err = k.store.AddLogin(ctx, id, uid)
	if errors.Is(err, store.ErrConflict) { // two first sign-ins at once
		m, err = k.store.Login(ctx, id)
	}
	return m.UID, err
}

func (k *Keeper) loginID(ctx context.Context, login string) (store.LoginID, error) {
	out, err := ipc.Call[ipc.LoginID](ctx, k.vault, ipc.VaultLoginID, ipc.LoginIDRequest{Login: login})
	if err != nil {
		return store.LoginID{}, err
	}
	if len(out.ID) != len(store.LoginID{}) {
		return store.LoginID{}, fmt.Errorf("vault answered a login id of %d bytes", len(out.ID))
	}
	return store.LoginID(out.ID), nil
}

// unlock opens the person's password slot, or makes it at the first sign-in.
// locked means that the platform took the password and the slot did not: it was
// changed elsewhere, or the row was. The person gets in; sealed data waits (DESIGN section 5).
func (k *Keeper) unlock(ctx context.Context, uid user.ID, ref []byte) (umk seal.UMK, locked bool, err error) {
	slots, err := k.store.Slots(ctx, uid)
	if err != nil {
		return umk, false, err
	}
	for _, s := range slots {
		if s.Number != passwordSlot {
			continue
		}
		umk, err = k.openSlot(ctx, uid, s.Sealed, ref)
		if errors.Is(err, seal.ErrOpen) || ipc.CodeOf(err) == ipc.CodeLocked { // the inner layer, or vault's outer one
			return seal.NewUMK(), true, nil
		}
		return umk, false, err
	}
	umk, err = k.makeSlot(ctx, uid, ref)
	return umk, false, err
}

func (k *Keeper) openSlot(ctx context.Context, uid user.ID, sealed, ref []byte) (seal.UMK, error) {
	h, header, outer, err := seal.SplitSlot(sealed)
	if err != nil {
		return seal.UMK{}, err
	}
	a, proof, err := k.derive(ctx, ref, h)
	if err != nil {
		return seal.UMK{}, err
	}
	defer a.Wipe()
	defer proof.Wipe()
	out, err := ipc.Call[ipc.Unwrapped](ctx, k.vault, ipc.VaultUnwrap, ipc.UnwrapRequest{
		UID: uid.Bytes(), Proof: proof.Reveal(), Version: int(h.Pepper), AAD: header, Outer: outer,
	})
	if err != nil {
		return seal.UMK{}, err
	}
	kek, err := kekOf(a, out.P)
	if err != nil {
		return seal.UMK{}, err
	}
	defer kek.Wipe()
	return kek.OpenInner(uid, h, out.Inner)
}

// makeSlot makes a person's master key, key pair and password slot.
func (k *Keeper) makeSlot(ctx context.Context, uid user.ID, ref []byte) (seal.UMK, error) {
	h := seal.NewSlotHeader(passwordSlot, 1, 1)
	a, proof, err := k.derive(ctx, ref, h)
	if err != nil {
		return seal.UMK{}, err
	}
	defer a.Wipe()
	defer proof.Wipe()
	p, err := ipc.Call[ipc.Pepper](ctx, k.vault, ipc.VaultPepper, ipc.PepperRequest{UID: uid.Bytes(), Proof: proof.Reveal()})
	if err != nil {
		return seal.UMK{}, err
	}
	h.Pepper = uint32(p.Version)
	kek, err := kekOf(a, p.P)
	if err != nil {
		return seal.UMK{}, err
	}
	defer kek.Wipe()
	umk := seal.NewUMK()
	inner, err := kek.SealInner(uid, h, umk)
	if err != nil {
		return seal.UMK{}, err
	}
	box, err := ipc.Call[ipc.ShredBox](ctx, k.vault, ipc.VaultWrap, ipc.ShredRequest{UID: uid.Bytes(), AAD: h.Bytes(), Inner: inner})
	if err != nil {
		return seal.UMK{}, err
	}
	slot, err := seal.JoinSlot(h, box.Outer)
	if err != nil {
		return seal.UMK{}, err
	}
	return umk, k.keepSlot(ctx, uid, h, slot, umk)
}

func (k *Keeper) keepSlot(ctx context.Context, uid user.ID, h seal.SlotHeader, slot []byte, umk seal.UMK) error {
	public, private, err := umk.SealPair(uid, h.Generation)
	if err != nil {
		return err
	}
	// The slot first: it is what decides between two first sign-ins at once.
	err = k.store.PutSlot(ctx, store.Slot{UID: uid, Number: h.Number, Kind: uint8(h.Kind()), Generation: h.Generation, Revision: 1, Sealed: slot, Changed: now()})
	if err != nil {
		return err
	}
	return k.store.PutUserKeys(ctx, store.UserKeys{UID: uid, Generation: h.Generation, Public: public.Bytes(), SealedPrivate: private})
}

// derive asks porter for A and makes the proof of it that vault gets.
func (k *Keeper) derive(ctx context.Context, ref []byte, h seal.SlotHeader) (seal.Stretched, seal.Proof, error) {
	d, err := ipc.Call[ipc.Derived](ctx, k.porter, ipc.PorterDerive, ipc.DeriveRequest{
		Ref: ref, Salt: h.Salt[:], Memory: h.Stretch.Memory, Time: h.Stretch.Time, Threads: h.Stretch.Threads,
	})
	if err != nil {
		return seal.Stretched{}, seal.Proof{}, err
	}
	defer clear(d.A)
	a, err := seal.ParseStretched(d.A)
	if err != nil {
		return seal.Stretched{}, seal.Proof{}, err
	}
	proof, err := a.Proof()
	return a, proof, err
}

func kekOf(a seal.Stretched, p []byte) (seal.KEK, error) {
	defer clear(p)
	peppered, err := seal.ParsePeppered(p)
	if err != nil {
		return seal.KEK{}, err
	}
	defer peppered.Wipe()
	return seal.PasswordKEK(a, peppered)
}
