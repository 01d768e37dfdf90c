package keeper

import (
	"context"
	"crypto/sha256"
	"strings"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
)

// courierCalls: courier has a cell's capability in its hand and asks whether it is
// good. It cannot use one: its line takes no other call.
func (k *Keeper) courierCalls() *ipc.Mux {
	m := ipc.NewMux(k.log)
	ipc.Handle(m, ipc.KeeperCovers, 4<<10, ipc.CallTimeout, k.covers)
	return m
}

// covers answers for a session that lives in the cell under the present lease. One
// of HTTP Basic is not covered: its subscriptions would have to outlive it (RFC 8620,
// section 7.2).
func (k *Keeper) covers(ctx context.Context, req ipc.CoversRequest) (ipc.Covered, error) {
	if !strings.HasPrefix(req.Cell, "cell/") {
		return ipc.Covered{}, ipc.Errorf(ipc.CodeInvalid, "that is no cell")
	}
	c, _, err := k.admitSession(ctx, req.Cell, req.Auth)
	if err != nil {
		return ipc.Covered{}, err
	}
	basic, err := k.isBasic(ctx, c.session)
	if err != nil {
		return ipc.Covered{}, err
	}
	if basic {
		return ipc.Covered{}, ipc.Errorf(ipc.CodeForbidden, "not for a session of HTTP Basic")
	}
	sum := sha256.Sum256(append([]byte("cofferdam/courier/v1\x00"), c.uid[:]...))
	return ipc.Covered{Person: sum[:16]}, nil
}

func (k *Keeper) isBasic(ctx context.Context, hash seal.SessionHash) (bool, error) {
	if s := k.live.get(hash); s != nil {
		return s.kind == store.Basic, nil
	}
	row, err := k.store.Session(ctx, store.SessionHash(hash))
	return row.Kind == store.Basic, err
}
