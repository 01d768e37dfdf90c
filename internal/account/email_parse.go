package account

import (
	"context"
	"errors"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
)

// EmailParse reads blobs as messages (RFC 8621, section 4.9): uploads, mails, and
// messages attached to them, at any depth. The parts of what it emits have blobs
// that can be opened and parsed as any other.
func (a *Account) EmailParse(ctx context.Context, ids []jmap.BlobID, want *jmap.EmailFields, emit func(jmap.BlobID, *jmap.Email) error) (notParsable, notFound []jmap.BlobID, err error) {
	for _, id := range ids {
		e, err := a.parseBlob(ctx, id, want)
		switch {
		case errors.Is(err, jmap.ErrNotFound):
			notFound = append(notFound, id)
		case errors.Is(err, errTooLong), err == nil && e == nil:
			notParsable = append(notParsable, id)
		case err != nil:
			return nil, nil, failure(err)
		default:
			if err := emit(id, e); err != nil {
				return nil, nil, err
			}
		}
	}
	return notParsable, notFound, nil
}

// parseBlob returns nil for a blob that is no message.
func (a *Account) parseBlob(ctx context.Context, id jmap.BlobID, want *jmap.EmailFields) (*jmap.Email, error) {
	release, err := a.mayParse(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	data, err := a.wholeBlob(ctx, id)
	if err != nil {
		return nil, err
	}
	msg := message.Parse(data)
	if !msg.Header.IsMessage() {
		return nil, nil
	}
	need := want.Props &^ jmap.IndexEmailProps
	known := &knownHeader{}
	known.parse(msg.Header, need)
	known.hasAttachment = msg.HasAttachment()
	if need&jmap.EmailPropPreview != 0 {
		known.preview = a.previewOf(msg)
	}
	in := a.insideOf(id)
	e := &jmap.Email{BlobID: id, Size: uint64(len(data))}
	known.fill(e, need)
	fillHeaders(e, msg.Header, want)
	g := &getter{a: a, want: want, inside: &in}
	g.fillBody(e, msg, nil)
	return e, g.err
}

// blobOf is the blob of a part: of the mail m, or of a message in a blob.
func (g *getter) blobOf(m *replica.Meta, p *message.Part) jmap.BlobID {
	if g.inside != nil {
		return g.inside.blob(p)
	}
	return g.a.partBlob(m.ID, p)
}
