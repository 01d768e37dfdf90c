package jmapserver

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// serveAPI answers one Request (RFC 8620, section 3).
func (h *Handler) serveAPI(w http.ResponseWriter, r *http.Request, p *Person) {
	text, bad := h.readRequest(r)
	if bad != nil {
		bad.write(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	out, bad := h.process(ctx, p, text, h.baseURL(r))
	if bad != nil {
		bad.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Language", language)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.Write(out) // a client that is gone needs no answer
}

// language is that of all descriptions in our answers (RFC 8620, section 3.8). There
// is no other, so it is the best available whatever Accept-Language asks for.
const language = "en"

// readRequest reads the body of an API request.
func (h *Handler) readRequest(r *http.Request) (string, *problem) {
	notJSON := &problem{kind: problemNotJSON, status: http.StatusBadRequest}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		notJSON.detail = "the Content-Type is not application/json"
		return "", notJSON
	}
	tooBig := overLimit(http.StatusBadRequest, "maxSizeRequest", "the request is larger than the server is willing to process")
	if r.ContentLength > h.limits.MaxSizeRequest {
		return "", tooBig
	}
	var b strings.Builder
	b.Grow(int(min(max(r.ContentLength, 512), firstIn))) // what is announced need not come
	n, err := io.Copy(&b, io.LimitReader(r.Body, h.limits.MaxSizeRequest+1))
	switch {
	case n > h.limits.MaxSizeRequest:
		return "", tooBig
	case err != nil:
		notJSON.detail = "the body ended early"
		return "", notJSON
	}
	return b.String(), nil
}

// process runs the calls of a Request and returns the Response.
func (h *Handler) process(ctx context.Context, p *Person, text, base string) ([]byte, *problem) {
	req, bad := decodeRequest(text, &h.limits)
	if bad != nil {
		return nil, bad
	}
	return h.answer(ctx, p, req, base)
}

// answer runs the calls of a decoded Request. The Response begins with its
// methodResponses.
func (h *Handler) answer(ctx context.Context, p *Person, req *request, base string) ([]byte, *problem) {
	infos := infosOf(p)
	using, bad := opted(req.using, h.capabilities(infos), base)
	if bad != nil {
		return nil, bad
	}
	x := &exchange{h: h, person: p, using: using, refs: maxReferencedValues, walk: maxWalkedValues}
	x.created = maps.Clone(req.created)
	if x.created == nil {
		x.created = map[jmap.CreationID]string{}
	}
	x.out = append(make([]byte, 0, firstOut), `{"methodResponses":[`...)
	if h.writes(req.calls) {
		var cancel context.CancelFunc
		ctx, cancel = detached(ctx)
		defer cancel()
	}
	for _, inv := range req.calls {
		x.run(ctx, inv)
	}
	x.out = append(x.out, ']')
	if req.created != nil {
		x.out = appendCreated(append(x.out, `,"createdIds":`...), x.created)
	}
	_, state := h.session(p, infos, base)
	x.out = append(append(append(x.out, `,"sessionState":"`...), state...), `"}`...)
	return x.out, nil
}

func (h *Handler) writes(calls []invocation) bool {
	return slices.ContainsFunc(calls, func(inv invocation) bool { return h.methods[inv.name].writes })
}

// detached keeps the deadline of ctx but not its cancellation: a change that was
// asked for is made whole, also when its asker has reloaded the page meanwhile.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	until, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return context.WithTimeout(ctx, requestTimeout)
	}
	return context.WithDeadline(ctx, until)
}

// firstIn is the room for a request to begin with; most are smaller.
const firstIn = 64 << 10

// firstOut is the room for an answer to begin with: a list page of 50 rows.
const firstOut = 24 << 10

func appendCreated(dst []byte, created map[jmap.CreationID]string) []byte {
	o := ijson.Open(dst)
	for _, k := range slices.Sorted(maps.Keys(created)) {
		o.Str(string(k), created[k])
	}
	return o.Close()
}

// errStop ends an EmailGet whose answer has become too large.
var errStop = errors.New("answer too large")
