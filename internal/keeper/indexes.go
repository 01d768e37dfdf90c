package keeper

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/store/indexes"
	"cofferdam/internal/user"
)

func indexIntake(uid user.ID, cell string) intake {
	return intake{what: "an index", most: maxIndex, time: indexTime,
		caps: map[string]int{"ip" + string(uid[:]): indexPerson, "ic" + cell: indexCell}}
}

// putIndex takes a person's sealed index. What breaks off leaves the older one.
func (k *Keeper) putIndex(cell string) http.Handler {
	return k.index(cell, func(w http.ResponseWriter, r *http.Request, uid user.ID) error {
		out, err := k.indexes.Create(uid)
		if err != nil {
			return drained(w, r, err)
		}
		if _, err := k.receive(w, r, out, indexIntake(uid, cell)); err != nil {
			out.Abort()
			return drained(w, r, err)
		}
		if err := out.Commit(); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// getIndex answers it.
func (k *Keeper) getIndex(cell string) http.Handler {
	return k.index(cell, func(w http.ResponseWriter, r *http.Request, uid user.ID) error {
		in, size, err := k.indexes.Get(uid)
		if err != nil {
			return err
		}
		defer in.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		k.send(w, r, in)
		return nil
	})
}

// index admits a stream of the person's index. Who has no more than the platform's
// password has other keys: they could not read it, and would replace the owner's.
func (k *Keeper) index(cell string, serve func(http.ResponseWriter, *http.Request, user.ID) error) http.Handler {
	return k.stream(cell, func(w http.ResponseWriter, r *http.Request, c capability, locked bool) error {
		switch {
		case locked:
			return ipc.Errorf(ipc.CodeForbidden, "the session is locked")
		case k.indexes == nil:
			return ipc.Errorf(ipc.CodeUnavailable, "indexes are not kept here")
		}
		err := serve(w, r, c.uid)
		switch {
		case errors.Is(err, indexes.ErrNotFound):
			return ipc.Errorf(ipc.CodeNotFound, "no index")
		case errors.Is(err, indexes.ErrFull):
			return ipc.Errorf(ipc.CodeThrottled, "no room for indexes")
		}
		return err
	})
}

func (k *Keeper) sweepIndexes(context.Context) error {
	if k.indexes == nil {
		return nil
	}
	return k.indexes.Expire(time.Now())
}

func (k *Keeper) indexBytes() float64 {
	if k.indexes == nil {
		return 0
	}
	_, n := k.indexes.Used()
	return float64(n)
}
