package account

import (
	"context"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
)

// BlobEmails returns the Email that a blob is the message of, or a part of, at
// any depth. An upload is referenced by none: what is made of it has blobs of its
// own.
func (a *Account) BlobEmails(ctx context.Context, id jmap.BlobID) ([]jmap.EmailID, error) {
	b, ok := a.blobs.open(id)
	if !ok || b[0] == blobUpload || b[0] == blobUnnamed || b[0] == blobScript || b[0] == blobInner && (len(b) < innerHead || b[blobHead] == blobUpload) {
		return nil, nil
	}
	email, ok := a.mail.Unpack([replica.PackedSize]byte(b[2:blobHead]))
	if !ok {
		return nil, nil
	}
	metas, _, _, err := a.metas(ctx, []jmap.EmailID{email})
	if err != nil || len(metas) == 0 {
		return nil, failure(err)
	}
	return []jmap.EmailID{email}, nil
}
