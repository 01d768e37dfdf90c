package cell

import (
	"context"
	"io"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
)

// stash keeps copies of mails on their way among the person's uploads, sealed under
// the key of the session.
type stash struct{ u uploads }

// Takes implements outbox.Stash.
func (s stash) Takes(size int64) bool { return size <= maxStash }

// Put implements outbox.Stash.
func (s stash) Put(ctx context.Context, r io.Reader) ([]byte, error) {
	id, _, err := s.u.put(ctx, s.u.c.lane.through(ctx, goingOut, r))
	return id[:], err
}

// Open implements outbox.Stash.
func (s stash) Open(ctx context.Context, name []byte) (io.ReadCloser, error) {
	var id account.UploadID
	if len(name) != len(id) {
		return nil, jmap.ErrNotFound
	}
	copy(id[:], name)
	body, _, err := s.u.open(ctx, id) // submit has it pass the lane
	if err != nil {
		return nil, err
	}
	return body, nil
}
