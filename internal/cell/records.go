package cell

import (
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
	// No GetBody and no idempotency: net/http must never send a mail twice.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+ipc.PorterSubmit, struct{ io.Reader }{body})
	if err != nil {
		return nil, err
	}
	r.ContentLength = -1
	r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	r.Header.Set(ipc.HeaderEnvelope, base64.RawURLEncoding.EncodeToString(text))
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
