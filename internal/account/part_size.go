package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/memo"
	"cofferdam/internal/message"
)

// sized names a part of a large mail.
type sized struct {
	email   jmap.EmailID
	section string
}

// sizes are those of parts after decoding, which never change.
type sizes = memo.Memo[sized, int64]

func newSizes() *sizes {
	return &sizes{Time: measureTime, Keep: keepSize, Max: maxSizes, Fits: func(int64) bool { return true }}
}

// measure makes the sizes of a large mail's parts exact (RFC 8621, section 4.1.4:
// "the number of octets in the file the user would download"). BODYSTRUCTURE has
// the encoded size alone: which of a base64 part's last letters are padding must be
// looked up, and other encodings have to be read.
func (g *getter) measure(ctx context.Context, l largeMail) error {
	const lists = jmap.EmailPropBodyStructure | jmap.EmailPropTextBody | jmap.EmailPropHTMLBody | jmap.EmailPropAttachments
	if g.want.Props&lists == 0 || g.want.BodyProps&jmap.BodyPropSize == 0 {
		return nil
	}
	var unknown []*message.Part
	l.msg.Body.Walk(func(p *message.Part) {
		if !p.IsMultipart() && p.IsEncoded() && int64(len(p.Encoded())) < p.EncodedSize {
			unknown = append(unknown, p)
		}
	})
	errs := make([]error, len(unknown))
	turn := make(chan struct{}, measuresAtOnce)
	var wg sync.WaitGroup
	for i, p := range unknown {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			var size int64
			if size, errs[i] = g.a.sizeOf(ctx, l.meta.ID, p); errs[i] == nil {
				p.Size = size
			}
		})
	}
	wg.Wait()
	err := errors.Join(errs...)
	if errors.Is(err, jmap.ErrNotFound) {
		return nil // gone meanwhile: the next answer says so
	}
	return err
}

// sizeOf is the size of an encoded part after decoding.
func (a *Account) sizeOf(ctx context.Context, id jmap.EmailID, p *message.Part) (int64, error) {
	return a.sizes.Get(ctx, context.WithoutCancel(ctx), sized{id, p.Section}, func(ctx context.Context) (int64, error) {
		if p.Encoding == "base64" {
			size, regular, err := a.sizeByTail(ctx, id, p)
			if err != nil || regular {
				return size, err
			}
		}
		s := &stream{ctx: ctx, a: a, email: id, section: p.Section, left: 1<<63 - 1}
		size, err := io.Copy(io.Discard, message.TransferReader(p.Encoding, s))
		if err != nil {
			return 0, fmt.Errorf("measuring a part: %w", err)
		}
		return size, nil
	})
}

// sizeByTail works the size out from the end of a base64 part.
func (a *Account) sizeByTail(ctx context.Context, id jmap.EmailID, p *message.Part) (size int64, regular bool, err error) {
	from := max(p.EncodedSize-tailBytes, 0)
	s := &stream{ctx: ctx, a: a, email: id, section: p.Section, at: from, left: 2 * tailBytes}
	tail, err := io.ReadAll(s)
	if err != nil {
		return 0, false, fmt.Errorf("measuring a part: %w", err)
	}
	if from+int64(len(tail)) != p.EncodedSize {
		return 0, false, nil // the server counted otherwise
	}
	size, regular = message.Base64Size(p.EncodedSize, tail)
	return size, regular, nil
}
