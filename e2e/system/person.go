package system

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"time"

	"cofferdam/internal/seal"
)

// Person is one browser.
type Person struct {
	Login string
	// Observe, where set, sees each request that is no stream. what is the path,
	// or the methods of a batch.
	Observe func(what string, took time.Duration, err error)
	// Patience bounds one request; 0 is requestTimeout.
	Patience time.Duration

	origin string
	http   *http.Client
	wire   *http.Transport

	mu      sync.Mutex // guards the rest
	session *Session
	proto   int // HTTP major version of the last answer
}

// Failure is an answer that is no success.
type Failure struct {
	Status int
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func (f *Failure) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Type, f.Detail) }

// StatusOf is the HTTP status of a *Failure, 0 for success and for no answer.
func StatusOf(err error) int {
	var f *Failure
	if errors.As(err, &f) {
		return f.Status
	}
	return 0
}

// Browser makes a browser that is not signed in, with connections of its own.
func (s *Server) Browser(login string) *Person {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	wire := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, s.web)
		},
		TLSClientConfig:    &tls.Config{RootCAs: s.roots, ServerName: "localhost", MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:  true,
		DisableCompression: true, // we ask as browsers do, see acceptEncoding
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no way to fail
	}
	return &Person{Login: login, origin: s.Origin, wire: wire, http: &http.Client{Transport: wire, Jar: jar}}
}

// Close drops the browser's connections.
func (p *Person) Close() { p.wire.CloseIdleConnections() }

// HTTP is the major version that the last answer came by.
func (p *Person) HTTP() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proto
}

// Get reads a path.
func (p *Person) Get(ctx context.Context, path string) ([]byte, error) {
	return p.Do(ctx, http.MethodGet, path, "", nil)
}

// Post sends JSON.
func (p *Person) Post(ctx context.Context, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return p.Do(ctx, http.MethodPost, path, "application/json", body)
}

// Do sends one request and reads the answer; one that is no success is a
// *Failure.
func (p *Person) Do(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	return p.observed(ctx, path, method, path, kind, body)
}

func (p *Person) observed(ctx context.Context, what, method, path, kind string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Patience, requestTimeout))
	defer cancel()
	began := time.Now()
	out, err := p.do(ctx, method, path, kind, body)
	if p.Observe != nil {
		p.Observe(what, time.Since(began), err)
	}
	return out, err
}

func (p *Person) do(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	var r *http.Request
	var err error
	if body == nil {
		r, err = http.NewRequestWithContext(ctx, method, p.origin+path, nil)
	} else {
		// No GetBody: like fetch, the transport must not send a POST again by itself.
		r, err = http.NewRequestWithContext(ctx, method, p.origin+path, struct{ io.Reader }{bytes.NewReader(body)})
	}
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Type", kind)
	}
	// What browsers say of a page's own requests.
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Encoding", acceptEncoding)
	resp, err := p.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	p.mu.Lock()
	p.proto = resp.ProtoMajor
	p.mu.Unlock()
	text, err := readAnswer(resp)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		f := &Failure{Status: resp.StatusCode}
		_ = json.Unmarshal(text, f) // a body of another kind has no words for us
		f.Status = resp.StatusCode
		return nil, f
	}
	return text, nil
}

// SignIn does what the page does: it fetches the operator's key and the offer,
// checks the signature, seals the password and posts the box.
func (p *Person) SignIn(ctx context.Context, password string) error {
	doc, challenge, err := p.offer(ctx)
	if err != nil {
		return err
	}
	secret := seal.NewSecret([]byte(password))
	defer secret.Wipe()
	box, err := seal.SealSignin(doc, challenge, seal.Credential{Kind: seal.KindPassword, Login: p.Login, Secret: secret})
	if err != nil {
		return err
	}
	_, err = p.Post(ctx, "/api/signin", map[string]any{"v": 1, "kid": seal.EncodeBase64(box.KID), "enc": seal.EncodeBase64(box.Enc),
		"ct": seal.EncodeBase64(box.CT), "challenge": seal.EncodeBase64(box.Challenge), "shared": false})
	return err
}

// offer is the sign-in key and a challenge, checked against the operator's key.
func (p *Person) offer(ctx context.Context) (seal.SigninKeyDoc, []byte, error) {
	var none seal.SigninKeyDoc
	var operator struct{ PK string }
	if err := p.getInto(ctx, "/operator.json", &operator); err != nil {
		return none, nil, err
	}
	var offer struct {
		Key       json.RawMessage
		Challenge string
	}
	if err := p.getInto(ctx, "/api/signin", &offer); err != nil {
		return none, nil, err
	}
	point, err := seal.DecodeBase64(operator.PK)
	if err != nil {
		return none, nil, err
	}
	op, err := seal.ParseOperatorPoint(point)
	if err != nil {
		return none, nil, err
	}
	doc, err := seal.ParseSigninKeyDoc(offer.Key)
	if err != nil {
		return none, nil, err
	}
	if err := doc.Verify(op, time.Now()); err != nil {
		return none, nil, err
	}
	challenge, err := seal.DecodeBase64(offer.Challenge)
	return doc, challenge, err
}

func (p *Person) getInto(ctx context.Context, path string, out any) error {
	text, err := p.Get(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// SignOut ends the session.
func (p *Person) SignOut(ctx context.Context) error {
	_, err := p.Do(ctx, http.MethodPost, "/api/signout", "application/json", []byte{})
	return err
}

// Cookie is the session cookie's value, "" when signed out.
func (p *Person) Cookie() string {
	r, err := http.NewRequest(http.MethodGet, p.origin+"/", nil)
	if err != nil {
		return ""
	}
	for _, c := range p.http.Jar.Cookies(r.URL) {
		if c.Name == "__Host-session" {
			return c.Value
		}
	}
	return ""
}
