package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/store/spool"
	"cofferdam/internal/user"
)

// putUpload takes the sealed bytes of an upload from a cell, step by step: what a
// step brings is counted before it is written, and a cell that stalls or breaks
// off leaves nothing behind.
func (k *Keeper) putUpload(cell string) http.Handler {
	return k.upload(cell, func(w http.ResponseWriter, r *http.Request, c capability, id seal.UploadID) error {
		size, err := k.storeUpload(w, r, cell, spool.Name{UID: c.uid, Session: spool.SessionHash(c.session), ID: id})
		if err != nil {
			return uploadError(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(ipc.UploadStored{Size: size}) // a cell that is gone has no use for it
		return nil
	})
}

func uploadIntake(uid user.ID, cell string) intake {
	return intake{what: "an upload", most: maxUpload, time: uploadTime,
		caps: map[string]int{"p" + string(uid[:]): sentPerson, "c" + cell: sentCell}}
}

// upload admits a stream of one upload.
func (k *Keeper) upload(cell string, serve func(http.ResponseWriter, *http.Request, capability, seal.UploadID) error) http.Handler {
	return k.stream(cell, func(w http.ResponseWriter, r *http.Request, c capability, _ bool) error {
		id, err := seal.DecodeBase64(r.Header.Get(ipc.HeaderUpload))
		if err != nil || len(id) != seal.UploadIDSize {
			return ipc.Errorf(ipc.CodeInvalid, "that is no upload's id")
		}
		if k.spool == nil {
			return ipc.Errorf(ipc.CodeUnavailable, "uploads are not taken here")
		}
		return serve(w, r, c, seal.UploadID(id))
	})
}

// storeUpload writes one upload and returns its size.
func (k *Keeper) storeUpload(w http.ResponseWriter, r *http.Request, cell string, name spool.Name) (int64, error) {
	out, err := k.spool.Create(name, cell)
	if err != nil {
		return 0, drained(w, r, err)
	}
	size, err := k.receive(w, r, out, uploadIntake(name.UID, cell))
	if err == nil {
		if _, whole := seal.UploadSize(size); !whole {
			err = ipc.Errorf(ipc.CodeInvalid, "no upload has %d sealed bytes", size)
		}
	}
	if err != nil {
		out.Abort()
		return size, drained(w, r, err)
	}
	if err := out.Commit(); err != nil {
		return size, err
	}
	// The session's end may have come before the file was there to be removed.
	if _, err := k.store.Session(r.Context(), store.SessionHash(name.Session)); errors.Is(err, store.ErrNotFound) {
		return size, errors.Join(spool.ErrNotFound, k.spool.End(name.Session))
	}
	return size, nil
}

// getUpload answers the sealed bytes of an upload of the person.
func (k *Keeper) getUpload(cell string) http.Handler {
	return k.upload(cell, func(w http.ResponseWriter, r *http.Request, c capability, id seal.UploadID) error {
		var offset int64
		if text := r.Header.Get(ipc.HeaderUploadOffset); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return ipc.Errorf(ipc.CodeInvalid, "that is no offset")
			}
			offset = n
		}
		in, err := k.spool.Open(c.uid, id, offset)
		if err != nil {
			return uploadError(err)
		}
		defer in.Close()
		w.Header().Set(ipc.HeaderUploadSession, seal.SessionHash(in.Session).String())
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(in.Size-offset, 10))
		k.send(w, r, in)
		return nil
	})
}

// uploadError puts the spool's words into those of the line.
func uploadError(err error) error {
	switch {
	case errors.Is(err, spool.ErrNotFound):
		return ipc.Errorf(ipc.CodeNotFound, "no such upload")
	case errors.Is(err, spool.ErrFull):
		return ipc.Errorf(ipc.CodeThrottled, "no room for uploads")
	case errors.Is(err, os.ErrExist):
		return ipc.Errorf(ipc.CodeConflict, "there is such an upload")
	}
	return err
}

// endUploads removes what ended sessions uploaded. The keys of it are wiped
// already; what cannot be removed now is when the sweep comes by.
func (k *Keeper) endUploads(hashes []store.SessionHash) {
	if k.spool == nil {
		return
	}
	list := make([]spool.SessionHash, len(hashes))
	for i, h := range hashes {
		list[i] = spool.SessionHash(h)
	}
	if err := k.spool.End(list...); err != nil {
		k.log.Warn("uploads of an ended session not removed", "err", err)
	}
}

// sweepUploads removes what expired, and what is left of sessions that are over,
// which may have ended while no keeper ran.
func (k *Keeper) sweepUploads(ctx context.Context) error {
	if k.spool == nil {
		return nil
	}
	errs := []error{k.spool.Expire(time.Now())}
	for _, h := range k.spool.Sessions() {
		if k.live.get(seal.SessionHash(h)) != nil {
			continue
		}
		_, err := k.store.Session(ctx, store.SessionHash(h))
		switch {
		case errors.Is(err, store.ErrNotFound):
			errs = append(errs, k.spool.End(h))
		case err != nil:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (k *Keeper) uploadBytes() float64 {
	if k.spool == nil {
		return 0
	}
	_, n := k.spool.Used()
	return float64(n)
}
