package cell

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"

	"cofferdam/internal/ipc"
)

func submitRequest(ctx context.Context, capability []byte, env ipc.SubmitEnvelope, body io.Reader) (*http.Request, error) {
	text, err := json.Marshal(env)
	if err != nil {
		return nil, err
	}
	header := base64.RawURLEncoding.EncodeToString(text)
	if len(header) > ipc.MaxEnvelopeHeader {
		header, body = ipc.EnvelopeInBody, io.MultiReader(bytes.NewReader(append(text, '\n')), body)
	}
	// No GetBody and no idempotency: net/http must never send a mail twice.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+ipc.PorterSubmit, struct{ io.Reader }{body})
	if err != nil {
		return nil, err
	}
	r.ContentLength = -1
	// Porter reads the mail when the server takes it, and not before: what goes wrong
	// until then is no doubt, and the mail is tried again.
	r.Header.Set("Expect", "100-continue")
	r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	r.Header.Set(ipc.HeaderEnvelope, header)
	return r, nil
}

// call is a record call of keeper's with the person's capability.
func call[Out, In any](ctx context.Context, c *Cell, p *person, path string, with func(ipc.Auth) In) (Out, error) {
	var none Out
	capability, err := c.people.capability(p)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	out, err := ipc.Call[Out](ctx, c.keeper, path, with(ipc.Auth{Capability: capability}))
	c.noteRefusal(p, capability, err)
	return out, err
}

// recordLine is records.Keeper for one person.
type recordLine struct {
	c *Cell
	p *person
}

// List implements records.Keeper.
func (l recordLine) List(ctx context.Context, r ipc.RecordList) (ipc.RecordPage, error) {
	return call[ipc.RecordPage](ctx, l.c, l.p, ipc.KeeperRecordList, func(a ipc.Auth) ipc.RecordList { r.Auth = a; return r })
}

// Get implements records.Keeper.
func (l recordLine) Get(ctx context.Context, r ipc.RecordGet) (ipc.Record, error) {
	return call[ipc.Record](ctx, l.c, l.p, ipc.KeeperRecordGet, func(a ipc.Auth) ipc.RecordGet { r.Auth = a; return r })
}

// Put implements records.Keeper.
func (l recordLine) Put(ctx context.Context, r ipc.RecordPut) (ipc.RecordMark, error) {
	return call[ipc.RecordMark](ctx, l.c, l.p, ipc.KeeperRecordPut, func(a ipc.Auth) ipc.RecordPut { r.Auth = a; return r })
}
