package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"

	"cofferdam/internal/jmap"
)

// keep has a mail copied while it is read, so that its sending does not depend on
// it any more. The function returned is called when it was read, with the reader's
// error. A copy that fails is no reason not to send.
func (a *attempt) keep(ctx context.Context, m *Mail) (io.Reader, func(error)) {
	switch {
	case m.Size <= keepInMemory && (!a.held() || a.o.cfg.Stash == nil):
		var small bytes.Buffer
		return io.TeeReader(m.Body, &small), func(err error) {
			if err == nil {
				a.copied = small.Bytes()
			}
		}
	case a.o.cfg.Stash == nil:
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

// open opens the mail: the one in the mailbox, or the copy if that is not there
// any more. jmap.ErrNotFound: neither is.
func (a *attempt) open(ctx context.Context) (io.ReadCloser, error) {
	if a.copied != nil {
		return a.openCopied(ctx)
	}
	m, err := a.mails.OpenMail(ctx, jmap.EmailID(a.r.Email))
	if err == nil {
		return m.Body, nil
	}
	if !errors.Is(err, jmap.ErrNotFound) || a.r.Copy == nil || a.o.cfg.Stash == nil {
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
