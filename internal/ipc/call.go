package ipc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Client calls the role at the other end of a line. It is an http.RoundTripper.
type Client struct {
	line   *Line
	whole  *direct         // of requests that are small, which is most
	stream *http.Transport // of the others
}

// NewClient makes a client. Connections are kept and reused; one that died with
// its process is replaced.
func NewClient(l *Line) *Client {
	t := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) },
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout / 2, // below the server's, so that the client closes first
		DisableCompression:     true,
		ExpectContinueTimeout:  CallTimeout, // for uploads: a cell that does not know the capability says so first
		MaxResponseHeaderBytes: maxHeader,
	}
	return &Client{line: l, whole: &direct{line: l}, stream: t}
}

// Name is the peer's name.
func (c *Client) Name() string { return c.line.Name() }

// RoundTrip sends any request, also one that is not a call. The host is ignored.
// Redirections are answers like others.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if isWhole(r) {
		return c.whole.RoundTrip(r)
	}
	r.URL.Scheme, r.URL.Host = "http", "line"
	return c.stream.RoundTrip(r)
}

// Close drops idle connections.
func (c *Client) Close() {
	c.whole.closeIdle()
	c.stream.CloseIdleConnections()
}

// Call posts in to path and decodes the answer. Without a deadline in ctx it
// takes CallTimeout. Every error that is not the peer's own *Error is a
// CodeUnavailable: the peer is away, and the call may or may not have run.
func Call[Out, In any](ctx context.Context, c *Client, path string, in In) (Out, error) {
	var out Out
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, CallTimeout)
		defer cancel()
	}
	body, err := encode(in)
	if err != nil {
		return out, fmt.Errorf("encoding call %s: %w", path, err)
	}
	data, err := c.post(ctx, path, body)
	if err != nil {
		return out, err
	}
	if err := Decode(data, &out); err != nil {
		return out, fmt.Errorf("decoding the answer of %s%s: %w", c.Name(), path, err)
	}
	return out, nil
}

// encode writes one value without the escaping that HTML needs: a body full of
// "<" would grow sixfold by it, over the limit of a call.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// post sends one call. A connection that dies with the peer's process is tried
// once more on a fresh one, which waits for the successor, if the
// call is repeatable: it may have been carried out.
func (c *Client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	resp, err := c.postOnce(ctx, path, body)
	if err != nil && ctx.Err() == nil && repeatable(path) && lostBeforeAnswer(err) {
		resp, err = c.postOnce(ctx, path, body)
	}
	if err != nil {
		return nil, Errorf(CodeUnavailable, "%s does not answer", c.Name())
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxCallBody+1))
	if err != nil || len(data) > MaxCallBody {
		return nil, Errorf(CodeUnavailable, "%s broke off its answer", c.Name())
	}
	if resp.StatusCode != http.StatusOK {
		return nil, DecodeError(resp.StatusCode, data)
	}
	return data, nil
}

// jsonType is the type of a call's body.
var jsonType = []string{"application/json"}

func (c *Client) postOnce(ctx context.Context, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://line"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header["Content-Type"], r.Header["User-Agent"] = jsonType, nil
	return c.RoundTrip(r)
}

// repeatable says whether a call may run twice when the peer went away under it.
// Not so are those that use something up (a challenge, a reference), make
// something new, or meet their own first run as a conflict; and a body, which may
// be what killed the render, must not kill the next one too.
func repeatable(path string) bool {
	switch path {
	case KeeperSignIn, KeeperToken, KeeperRecordPut, PorterAuth, PorterDerive, PorterSieveApply, CourierPush, RenderHTML, RenderText:
		return false
	}
	return true
}

// lostBeforeAnswer says that the peer's process went away under the call.
func lostBeforeAnswer(err error) bool {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	return true
}

// DecodeError reads an error answer.
func DecodeError(status int, data []byte) error {
	var e Error
	if Decode(data, &e) == nil && e.Code != "" && len(e.Detail) <= MaxError {
		return &e
	}
	return Errorf(CodeInternal, "status %d", status)
}

// ReadError reads the error of a response that is not a call's.
func ReadError(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, 8*MaxError)) // JSON writes some characters as six
	if err != nil {
		return Errorf(CodeUnavailable, "answer broke off")
	}
	return DecodeError(resp.StatusCode, data)
}
