package imap_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
)

// certificate makes a server certificate for localhost and the pool that
// trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serveOnce runs one connection of a small server.
func serveOnce(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		serve(conn)
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

// answerTLS speaks IMAP inside of TLS: CAPABILITY and NOOP.
func answerTLS(conn net.Conn, cert tls.Certificate, greet bool) {
	tc := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
	if greet {
		fmt.Fprint(tc, "* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n")
	}
	in := bufio.NewScanner(tc)
	for in.Scan() {
		tag, verb, _ := strings.Cut(in.Text(), " ")
		if verb == "CAPABILITY" {
			fmt.Fprint(tc, "* CAPABILITY IMAP4rev1 IDLE\r\n")
		}
		fmt.Fprintf(tc, "%s OK done\r\n", tag)
	}
}

func TestDialSecurity(t *testing.T) {
	cert, pool := certificate(t)
	startTLS := func(extra, greeting string) func(net.Conn) {
		return func(conn net.Conn) {
			fmt.Fprint(conn, greeting)
			buf := make([]byte, 100)
			n, _ := conn.Read(buf)
			tag, _, _ := strings.Cut(string(buf[:n]), " ")
			fmt.Fprintf(conn, "%s OK go\r\n%s", tag, extra)
			answerTLS(conn, cert, false)
		}
	}
	const plain = "* OK [CAPABILITY IMAP4rev1 STARTTLS X-PLAIN] hi\r\n"
	tests := []struct {
		name     string
		serve    func(net.Conn)
		security imap.Security
		trust    bool
		check    func(error) bool
	}{
		{"TLS", func(c net.Conn) { answerTLS(c, cert, true) }, imap.SecurityTLS, true, func(e error) bool { return e == nil }},
		{"TLS, unknown certificate", func(c net.Conn) { answerTLS(c, cert, true) }, imap.SecurityTLS, false, imap.IsCertificateError},
		{"STARTTLS", startTLS("", plain), imap.SecurityStartTLS, true, func(e error) bool { return e == nil }},
		{"STARTTLS, unknown certificate", startTLS("", plain), imap.SecurityStartTLS, false, imap.IsCertificateError},
		{"STARTTLS with injected data", startTLS("* CAPABILITY AUTH=EVIL\r\n", plain), imap.SecurityStartTLS, true, isProtocol},
		{"STARTTLS not offered", startTLS("", "* OK [CAPABILITY IMAP4rev1] hi\r\n"), imap.SecurityStartTLS, true, func(e error) bool { return errors.Is(e, imap.ErrUnsupported) }},
		{"PREAUTH before STARTTLS", startTLS("", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"), imap.SecurityStartTLS, true, isProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &tls.Config{}
			if tt.trust {
				cfg.RootCAs = pool
			}
			c, err := imap.Dial(testContext(t), serveOnce(t, tt.serve), imap.DialOptions{Security: tt.security, TLS: cfg})
			if !tt.check(err) {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			defer c.Close()
			if !c.Caps().Has(imap.CapIdle) || c.Caps().Has("X-PLAIN") {
				t.Error("capabilities are those of before TLS")
			}
			wait(t, c.Noop())
		})
	}
}

func isProtocol(err error) bool {
	var p *imap.ProtocolError
	return errors.As(err, &p)
}

func TestLiveCompressAndDetach(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	c := dial(t, s.Addr, "zip", imap.Options{})
	ctx := testContext(t)
	if err := c.Compress(ctx); err != nil {
		t.Fatal(err)
	}
	var list []*imap.Future[*imap.Appended]
	for i := range 20 {
		list = append(list, c.Append("INBOX", message(i)))
	}
	for _, f := range list {
		wait(t, f)
	}
	sel := wait(t, c.Select("INBOX", imap.SelectOptions{}))
	rows := 0
	wait(t, c.Fetch(imap.UIDRange(1, imap.Star), []imap.FetchItem{imap.ItemEnvelope, imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		if b, err := r.Section(imap.BodyPeek("", imap.Span{})); err == nil && len(b) > 300 {
			rows++
		}
	}))
	if sel.Exists != 20 || rows != 20 {
		t.Errorf("%d messages, %d rows", sel.Exists, rows)
	}
	conn, err := c.Detach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := c.Noop().Wait(ctx); !errors.Is(err, imap.ErrClosed) {
		t.Errorf("a detached client: %v", err)
	}
	if !imap.Silent(conn) {
		t.Error("a connection that waits is not silent")
	}
	// The connection goes on where the client was, DEFLATE included, also after it was
	// looked at.
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "x STATUS INBOX (MESSAGES)\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || line != "* STATUS INBOX (MESSAGES 20)\r\n" {
		t.Errorf("%q %v", line, err)
	}
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "x OK") {
		t.Errorf("%q %v", line, err)
	}
	fmt.Fprint(conn, "y LOGOUT\r\n")
	for until := time.Now().Add(5 * time.Second); imap.Silent(conn); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("a connection on which the server spoke is silent")
		}
	}
	if _, err := io.Copy(io.Discard, in); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // the server ends DEFLATE in the middle
		t.Error(err)
	}
	if imap.Silent(conn) {
		t.Error("a connection that the server closed is silent")
	}
}

// TestGuardedSession runs a whole session of our client through a guard, the
// way a cell does it, on a real server.
func TestGuardedSession(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	server := login(t, s.Addr)
	client, inner := net.Pipe()
	g := imap.NewGuard(imap.AllowMailVerbs)
	go func() {
		fmt.Fprint(inner, "* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS MOVE ESEARCH IDLE LITERAL+ MULTIAPPEND BINARY LIST-STATUS LIST-EXTENDED] hi\r\n")
		guardPipe(g, inner, server)
	}()
	c, err := imap.New(testContext(t), client, imap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wait(t, c.Create("Größe {5}"))
	wait(t, c.Append("Größe {5}", message(1), message(2)))
	a, b := c.Append("INBOX", message(3)), c.Append("INBOX", message(4))
	wait(t, a)
	wait(t, b)
	_, err = c.Append("Nowhere", message(5)).Wait(testContext(t))
	if !imap.HasCode(err, imap.CodeTryCreate) {
		t.Errorf("append to nowhere: %v", err)
	}
	sel := wait(t, c.Select("Größe {5}", imap.SelectOptions{}))
	var whole strings.Builder
	wait(t, c.Fetch(imap.UIDRange(1, imap.Star), []imap.FetchItem{imap.ItemFlags, imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{Literal: func(imap.LiteralInfo) (io.Writer, bool) { return &whole, true }}, nil))
	if sel.Exists != 2 || strings.Count(whole.String(), "Hello") != 2 {
		t.Errorf("%d messages, bodies %q", sel.Exists, whole.String())
	}
	if rows := wait(t, c.List(imap.ListOptions{ReturnStatus: []imap.StatusItem{imap.StatusMessages}})); len(rows) != 2 || rows[0].Status == nil {
		t.Errorf("%d folders", len(rows))
	}
	_, err = c.Raw("SETACL", nil, imap.MailboxArg("INBOX"), imap.RawArg("anyone"), imap.RawArg("lrs")).Wait(testContext(t))
	var ce *imap.ConnError
	if !errors.As(err, &ce) {
		t.Errorf("SETACL: %v", err)
	}
}
