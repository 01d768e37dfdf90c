package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"

	"cofferdam/internal/jmap"
)

// learn reads of a mail what must be known before it is sent, and keeps a copy of it,
// which then is what is sent, so that the platform is asked for it once. What is too
// large to be kept is read to its end only if it is not known.
func (a *attempt) learn(ctx context.Context, m *Mail, newID string) (*head, content, error) {
	if m.Known && !a.keeps(m.Size) {
		return foretell(m, newID)
	}
	body, kept := a.keep(ctx, m)
	h, c, err := scan(body, newID)
	kept(err)
	return h, c, err
}

// keeps says whether a mail of so many bytes is copied.
func (a *attempt) keeps(size int64) bool {
	stash := a.o.cfg.Stash
	return a.inMemory(size) || stash != nil && stash.Takes(size)
}

func (a *attempt) inMemory(size int64) bool {
	return size <= keepInMemory && (!a.held() || a.o.cfg.Stash == nil)
}

// keep has a mail copied while it is read, so that its sending does not depend on
// it any more. The function returned is called when it was read, with the reader's
// error. A copy that fails is no reason not to send.
func (a *attempt) keep(ctx context.Context, m *Mail) (io.Reader, func(error)) {
	switch {
	case a.inMemory(m.Size):
		var small bytes.Buffer
		return io.TeeReader(m.Body, &small), func(err error) {
			if err == nil {
				a.copied = small.Bytes()
			}
		}
	case !a.keeps(m.Size):
		return m.Body, func(error) {}
	}
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		name, err := a.o.cfg.Stash.Put(ctx, in)
		if err != nil {
			a.o.cfg.Log.Warn("mail on its way has no copy", "err", err)
			_, _ = io.Copy(io.Discard, in) // it is read on all the same
			return
		}
		a.r.Copy = name // nobody else knows the record yet
	}()
	return io.TeeReader(m.Body, out), func(err error) {
		out.CloseWithError(err) // nil is io.EOF
		<-done
	}
}

// open opens the mail: its copy, or the one in the mailbox if that is gone or could
// not be read to its end. jmap.ErrNotFound: neither is there.
func (a *attempt) open(ctx context.Context) (io.ReadCloser, error) {
	copied := a.copied != nil || a.r.Copy != nil && a.o.cfg.Stash != nil
	if copied && !a.torn {
		if body, err := a.openCopied(ctx); err == nil {
			return body, nil
		}
	}
	m, err := a.mails.OpenMail(ctx, jmap.EmailID(a.r.Email))
	if err == nil {
		return m.Body, nil
	}
	if !copied || !errors.Is(err, jmap.ErrNotFound) {
		return nil, err
	}
	return a.openCopied(ctx)
}

func (a *attempt) openCopied(ctx context.Context) (io.ReadCloser, error) {
	if a.copied != nil {
		return io.NopCloser(bytes.NewReader(a.copied)), nil
	}
	return a.o.cfg.Stash.Open(ctx, a.r.Copy)
}
