package submission

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// backend is a go-smtp server that keeps what it is given.
type backend struct {
	mu    sync.Mutex // guards mail and asked
	mail  []received
	asked []string     // mechanisms
	scram *scramServer // nil: it has no SCRAM
}

type received struct {
	from string
	opts smtp.MailOptions
	to   []string
	data []byte
}

const (
	testUser     = "ada"
	testPassword = "correct, horse=battery"
)

type serverSession struct {
	b    *backend
	auth bool
	cur  received
}

func (b *backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &serverSession{b: b}, nil }

func (s *serverSession) AuthMechanisms() []string {
	list := []string{sasl.Plain, sasl.Login, sasl.OAuthBearer}
	if s.b.scram != nil {
		list = append(list, "SCRAM-SHA-256")
	}
	return list
}

func (s *serverSession) Auth(mech string) (sasl.Server, error) {
	check := func(user, pw string) error {
		if user != testUser || pw != testPassword {
			return smtp.ErrAuthFailed
		}
		s.auth = true
		return nil
	}
	s.b.mu.Lock()
	s.b.asked = append(s.b.asked, mech)
	s.b.mu.Unlock()
	switch mech {
	case "SCRAM-SHA-256":
		s.b.scram.s = s
		return s.b.scram, nil
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, pw string) error { return check(user, pw) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	}
	return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
		if check(o.Username, o.Token) != nil {
			return &sasl.OAuthBearerError{Status: "invalid_token"}
		}
		return nil
	}), nil
}

// loginServer is LOGIN as servers speak it: two prompts, no initial response.
type loginServer struct {
	user  string
	step  int
	check func(user, pw string) error
}

func (l *loginServer) Next(resp []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(resp)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(resp))
}

func (s *serverSession) Mail(from string, opts *smtp.MailOptions) error {
	if !s.auth {
		return smtp.ErrAuthRequired
	}
	s.cur = received{from: from, opts: *opts}
	return nil
}

func (s *serverSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such person"}
	}
	s.cur.to = append(s.cur.to, to)
	return nil
}

func (s *serverSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.cur.data = b
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.mail = append(s.b.mail, s.cur)
	return nil
}

func (s *serverSession) Reset()        {}
func (s *serverSession) Logout() error { return nil }

// startServer runs go-smtp with STARTTLS, or TLS from the first byte.
func startServer(t *testing.T, implicit bool) (*backend, Config) {
	t.Helper()
	cert, pool := testCertificate(t)
	b := &backend{}
	srv := smtp.NewServer(b)
	srv.Domain = "mx.test"
	srv.EnableSMTPUTF8, srv.EnableDSN = true, true
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Addr: ln.Addr().String(), Security: StartTLS, TLS: &tls.Config{RootCAs: pool, ServerName: "mx.test"}}
	if implicit {
		ln = tls.NewListener(ln, srv.TLSConfig)
		cfg.Security = ImplicitTLS
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // ends with ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return b, cfg
}

func testCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mx.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestSendThroughServer(t *testing.T) {
	for name, tt := range map[string]struct {
		implicit, noChunking, noPipelining bool
		cred                               Credentials
	}{
		"implicit TLS, PLAIN, BDAT":            {implicit: true},
		"STARTTLS, LOGIN, DATA":                {noChunking: true, cred: Credentials{Mechanism: MechLogin}},
		"STARTTLS, OAUTHBEARER, one at a time": {noPipelining: true, cred: Credentials{Token: true}},
	} {
		t.Run(name, func(t *testing.T) {
			b, cfg := startServer(t, tt.implicit)
			cfg.NoChunking, cfg.NoPipelining = tt.noChunking, tt.noPipelining
			tt.cred.User, tt.cred.Secret = testUser, []byte(testPassword)
			sendTwo(t, cfg, tt.cred)
			b.mu.Lock()
			defer b.mu.Unlock()
			checkMail(t, b.mail, tt.cred.Secret)
		})
	}
}

// bigBody needs several chunks and has all that stuffing must survive.
var bigBody = strings.Repeat(".dot\r\n..\r\n\r\nligne accentuée\r\n", 30000)

func sendTwo(t *testing.T, cfg Config, cred Credentials) {
	t.Helper()
	ctx := t.Context()
	c, err := Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Authenticate(ctx, cred); err != nil {
		t.Fatal(err)
	}
	env := Envelope{
		MailFrom: addresses(t, "ada@x.test")[0], RcptTo: addresses(t, "grace@x.test", "nobody@x.test", "jörg@x.test"),
		Size: int64(len(bigBody)), EightBit: true, DSN: DSN{EnvID: "a b"},
	}
	for range 2 {
		res, err := c.Send(ctx, env, strings.NewReader(bigBody))
		if err != nil {
			t.Fatal(err)
		}
		r := res.Recipients
		if !r[0].Accepted() || r[1].Accepted() || r[1].Reply.Status.String() != "5.1.1" || !r[2].Accepted() {
			t.Fatalf("recipients: %+v", r)
		}
	}
}

func checkMail(t *testing.T, mail []received, secret []byte) {
	t.Helper()
	if len(mail) != 2 {
		t.Fatalf("server got %d mails, want 2", len(mail))
	}
	for _, m := range mail {
		if !bytes.Equal(m.data, []byte(bigBody)) {
			t.Errorf("server got %d bytes, want the %d we sent", len(m.data), len(bigBody))
		}
		if m.from != "ada@x.test" || strings.Join(m.to, " ") != "grace@x.test jörg@x.test" {
			t.Errorf("envelope: %q to %q", m.from, m.to)
		}
		if !m.opts.UTF8 || m.opts.Body != smtp.Body8BitMIME || m.opts.EnvelopeID != "a b" {
			t.Errorf("options: %+v", m.opts)
		}
	}
	if string(secret) != testPassword {
		t.Error("the caller's secret was touched")
	}
}

func TestBadCredentials(t *testing.T) {
	for _, cred := range []Credentials{
		{Mechanism: MechPlain}, {Mechanism: MechLogin}, {Mechanism: MechOAuthBearer},
	} {
		t.Run(string(cred.Mechanism), func(t *testing.T) {
			_, cfg := startServer(t, true)
			c, err := Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cred.User, cred.Secret = testUser, []byte("wrong")
			e, ok := errors.AsType[*Error](c.Authenticate(t.Context(), cred))
			if !ok || e.Outcome != Refused || e.Stage != StageAuth {
				t.Fatalf("got %v, want a refusal at auth", e)
			}
			// go-smtp answers OAUTHBEARER's failure with 454.
			if cred.Mechanism != MechOAuthBearer && !e.BadCredentials() {
				t.Errorf("%v does not count as bad credentials", e)
			}
			if !c.Usable() {
				t.Error("connection lost over a wrong password")
			}
		})
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	_, cfg := startServer(t, true)
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, cred := range map[string]Credentials{
		"NUL in user":    {User: "a\x00b", Secret: []byte("x")},
		"NUL in secret":  {User: "a", Secret: []byte("x\x00y")},
		"0x01 in token":  {User: "a", Secret: []byte("x\x01host=y"), Token: true},
		"no secret":      {User: "a"},
		"no user":        {Secret: []byte("x")},
		"long user":      {User: strings.Repeat("u", MaxUser+1), Secret: []byte("x")},
		"long secret":    {User: "a", Secret: make([]byte, MaxSecret+1)},
		"not on offer":   {User: "a", Secret: []byte("x"), Mechanism: MechXOAuth2},
		"unheard of":     {User: "a", Secret: []byte("x"), Mechanism: "CRAM-MD5"},
		"break in authz": {User: "a", AuthzID: "b\r\nc", Secret: []byte("x")},
	} {
		e, ok := errors.AsType[*Error](c.Authenticate(t.Context(), cred))
		if !ok || e.Outcome != NotSent || e.Temporary {
			t.Errorf("%s: got %v, want a permanent NotSent", name, e)
		}
	}
}

func TestCertificateIsChecked(t *testing.T) {
	for _, implicit := range []bool{true, false} {
		_, cfg := startServer(t, implicit)
		for name, tc := range map[string]*tls.Config{
			"wrong name":   {RootCAs: cfg.TLS.RootCAs, ServerName: "other.test"},
			"unknown CA":   {ServerName: "mx.test"},
			"name of Addr": {RootCAs: cfg.TLS.RootCAs},
		} {
			bad := cfg
			bad.TLS = tc
			_, err := Dial(t.Context(), bad)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Stage != StageTLS || e.Outcome != NotSent || e.Temporary {
				t.Errorf("implicit=%v, %s: got %v, want a permanent failure at starttls", implicit, name, err)
			}
		}
	}
}

func TestLongTokenWaitsForChallenge(t *testing.T) {
	_, cfg := startServer(t, true)
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cred := Credentials{User: testUser, Secret: bytes.Repeat([]byte("t"), 1200), Token: true}
	e, ok := errors.AsType[*Error](c.Authenticate(t.Context(), cred))
	if !ok || e.Outcome != Refused {
		t.Errorf("got %v, want the server's refusal of the token", e)
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts by backlog, never greets
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = Dial(ctx, Config{Addr: ln.Addr().String(), Security: Plain})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("cancelling took %v", d)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no port":        {Addr: "mx.test"},
		"hello injects":  {Addr: "127.0.0.1:1", HelloName: "x\r\nMAIL"},
		"which security": {Addr: "127.0.0.1:1", Security: 7},
	} {
		if _, err := Dial(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEnvelopeIsChecked(t *testing.T) {
	ok := addresses(t, "a@x.test")
	many := make([]Address, MaxRecipients+1)
	for i := range many {
		many[i] = ok[0]
	}
	for name, env := range map[string]Envelope{
		"nobody":         {},
		"null recipient": {RcptTo: []Address{{}}},
		"too many":       {RcptTo: many},
		"negative size":  {RcptTo: ok, Size: -1},
		"never and more": {RcptTo: ok, DSN: DSN{Notify: []Notify{NotifySuccess, NotifyNever | NotifyDelay}}},
		"unknown notify": {RcptTo: ok, DSN: DSN{Notify: []Notify{64}}},
		"unknown return": {RcptTo: ok, DSN: DSN{Return: "ALL"}},
		"break in id":    {RcptTo: ok, DSN: DSN{EnvID: "a\r\nb"}},
		"break in name":  {RcptTo: ok, Further: []Parameter{{Name: "X\r\nRSET"}}},
		"break in value": {RcptTo: ok, Further: []Parameter{{Name: "X", Value: "1\r\nRSET"}}},
		"two in one":     {RcptTo: ok, Further: []Parameter{{Name: "X", Value: "1 Y=2"}}},
		"no name":        {RcptTo: ok, Further: []Parameter{{Value: "1"}}},
		"long parameter": {RcptTo: ok, Further: []Parameter{{Name: "X", Value: strings.Repeat("x", maxParameter)}}},
		"long id":        {RcptTo: ok, DSN: DSN{EnvID: strings.Repeat("x", MaxEnvID+1)}},
	} {
		if err := env.validate(); !errors.Is(err, ErrEnvelope) {
			t.Errorf("%s: got %v, want ErrEnvelope", name, err)
		}
	}
	further := Envelope{RcptTo: ok, Further: []Parameter{{Name: "MT-PRIORITY", Value: "3"}, {Name: "X-ALONE"}}}
	lines, err := further.commands(Extensions{})
	if err != nil || further.validate() != nil || lines[0] != "MAIL FROM:<> MT-PRIORITY=3 X-ALONE" {
		t.Errorf("further parameters: %q, %v, %v", lines, err, further.validate())
	}
	if err := (Envelope{RcptTo: many[1:]}).validate(); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}
