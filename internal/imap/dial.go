package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

var noDeadline time.Time

// Security is how a connection is secured.
type Security uint8

// The ways. The zero value is implicit TLS (RFC 8314): the safe one.
const (
	SecurityTLS Security = iota
	SecurityStartTLS
	SecurityNone // plain text: loopback only, or by a named decision
)

// DialOptions say how to connect.
type DialOptions struct {
	Security Security
	// TLS is used for TLS and STARTTLS. Nil means the system's roots and the
	// host of the address as name; ServerName is filled in when empty.
	TLS *tls.Config
	// Dialer makes the TCP connection; nil is a plain net.Dialer.
	Dialer interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	}
	Options Options
}

// Dial connects to addr ("host:port"), checks the certificate unless TLS says
// otherwise, and reads the greeting.
func Dial(ctx context.Context, addr string, d DialOptions) (*Client, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("imap: address to dial: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.TLS != nil {
		cfg = d.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	if d.Dialer == nil {
		d.Dialer = &net.Dialer{}
	}
	conn, err := d.Dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &ConnError{Doing: "connecting", Err: err}
	}
	return secure(ctx, conn, cfg, d)
}

func secure(ctx context.Context, conn net.Conn, cfg *tls.Config, d DialOptions) (*Client, error) {
	if d.Security == SecurityTLS {
		tc := tls.Client(conn, cfg)
		if err := tc.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, &ConnError{Doing: "making the TLS connection", Err: err}
		}
		return New(ctx, tc, d.Options)
	}
	c, err := New(ctx, conn, d.Options)
	if err != nil || d.Security == SecurityNone {
		return c, err
	}
	if err := c.StartTLS(ctx, cfg); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// IsCertificateError reports whether err says that the server's certificate
// was not accepted.
func IsCertificateError(err error) bool {
	var v *tls.CertificateVerificationError
	return errors.As(err, &v)
}
