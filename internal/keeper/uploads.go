package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/store/spool"
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

// upload admits a stream of a cell, within what a person and a cell may have open.
func (k *Keeper) upload(cell string, serve func(http.ResponseWriter, *http.Request, capability, seal.UploadID) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := k.uploadCall(w, r, cell, serve); err != nil {
			if ipc.CodeOf(err) == ipc.CodeInternal && r.Context().Err() == nil {
				k.log.Error("upload failed", "path", r.URL.Path, "err", err)
			}
			ipc.WriteError(w, err)
		}
	})
}

func (k *Keeper) uploadCall(w http.ResponseWriter, r *http.Request, cell string, serve func(http.ResponseWriter, *http.Request, capability, seal.UploadID) error) error {
	raw, err := seal.DecodeBase64(r.Header.Get(ipc.HeaderCapability))
	if err != nil {
		return ipc.Errorf(ipc.CodeForbidden, "that is no capability")
	}
	id, err := seal.DecodeBase64(r.Header.Get(ipc.HeaderUpload))
	if err != nil || len(id) != seal.UploadIDSize {
		return ipc.Errorf(ipc.CodeInvalid, "that is no upload's id")
	}
	if k.spool == nil {
		return ipc.Errorf(ipc.CodeUnavailable, "uploads are not taken here")
	}
	ctx, cancel := context.WithTimeout(r.Context(), ipc.CallTimeout)
	defer cancel()
	c, _, err := k.admitSession(ctx, cell, ipc.Auth{Capability: raw})
	if err != nil {
		return err
	}
	leave, ok := k.streams.enter(string(c.uid[:]), cell)
	if !ok {
		return &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many uploads at the same time", RetryAfter: time.Second}
	}
	defer leave()
	return serve(w, r, c, seal.UploadID(id))
}

// storeUpload writes one upload and returns its size.
func (k *Keeper) storeUpload(w http.ResponseWriter, r *http.Request, cell string, name spool.Name) (int64, error) {
	out, err := k.spool.Create(name, cell)
	if err != nil {
		return 0, drained(w, r, err)
	}
	size, err := k.takeUpload(w, r, cell, out, name)
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

func (k *Keeper) takeUpload(w http.ResponseWriter, r *http.Request, cell string, out io.Writer, name spool.Name) (size int64, err error) {
	deadline := http.NewResponseController(w)
	defer func() { _ = deadline.SetReadDeadline(time.Time{}) }() // a test's recorder has none
	until := time.Now().Add(uploadTime)
	body := http.MaxBytesReader(w, r.Body, maxUpload)
	caps := map[string]int{"p" + string(name.UID[:]): sentPerson, "c" + cell: sentCell}
	step := make([]byte, uploadStep)
	for {
		if time.Now().After(until) {
			return size, ipc.Errorf(ipc.CodeInvalid, "an upload takes at most %s", uploadTime)
		}
		_ = deadline.SetReadDeadline(time.Now().Add(uploadStall))
		n, err := readStep(body, step)
		if n > 0 {
			if wait, ok := k.sent.Take((n+1023)>>10, caps); !ok {
				return size, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too much was uploaded in one hour", RetryAfter: wait}
			}
			if _, err := out.Write(step[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		var tooLarge *http.MaxBytesError
		switch {
		case err == io.EOF:
			return size, nil
		case errors.As(err, &tooLarge):
			return size, ipc.Errorf(ipc.CodeInvalid, "more than %d sealed bytes", maxUpload)
		case err != nil:
			return size, ipc.Errorf(ipc.CodeUnavailable, "the upload broke off")
		}
	}
}

// readStep fills a step. Unlike io.ReadFull it tells the end of a body from one
// that broke off.
func readStep(r io.Reader, step []byte) (n int, err error) {
	for n < len(step) && err == nil {
		var m int
		m, err = r.Read(step[n:])
		n += m
	}
	return n, err
}

// drained reads what still comes of a refused upload, so that the cell, which
// writes, gets to read why.
func drained(w http.ResponseWriter, r *http.Request, err error) error {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadStall))
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxUpload)) // a cell that breaks off asks for no answer
	return err
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
		k.sendUpload(w, r, in)
		return nil
	})
}

// sendUpload copies step by step, so that a cell that does not read holds nothing
// open for long.
func (k *Keeper) sendUpload(w http.ResponseWriter, r *http.Request, in io.Reader) {
	deadline := http.NewResponseController(w)
	step := make([]byte, uploadStep)
	for r.Context().Err() == nil {
		n, err := in.Read(step)
		_ = deadline.SetWriteDeadline(time.Now().Add(uploadStall))
		if _, failed := w.Write(step[:n]); failed != nil || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			k.log.Error("upload not read", "err", err)
			panic(http.ErrAbortHandler) // the length is out: only this says that bytes are missing
		}
	}
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
