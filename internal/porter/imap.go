package porter

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"cofferdam/internal/imap"
	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// imapConn is an authenticated connection to the platform, ready to be piped.
type imapConn struct {
	net.Conn
	caps string // what a cell is greeted with
}

// dialIMAP connects, secures, authenticates and compresses. A wrong password is
// CodeRefused; everything else that may pass is CodeUnavailable.
func (p *Porter) dialIMAP(ctx context.Context, plat *platform, cred seal.Credential, network string) (*imapConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	s := plat.imap
	c, err := imap.Dial(ctx, s.Address, imap.DialOptions{Security: imapSecurity(s.TLS), TLS: s.tls, Options: imap.Options{Desks: &p.desks}})
	if !errors.Is(err, context.Canceled) { // who asked hung up: that says nothing of the server
		p.outages.note(endpoint{plat.Name, "imap"}, err)
	}
	if err != nil {
		return nil, unreachable(err)
	}
	conn, err := p.authIMAP(ctx, c, plat, cred, network)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return conn, nil
}

// unreachable tells a certificate that does not fit from a server that is down:
// the operator must act on the first.
func unreachable(err error) error {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return ipc.Errorf(ipc.CodeUnavailable, "the certificate of the imap server is not trusted")
	}
	return ipc.Errorf(ipc.CodeUnavailable, "the imap server cannot be reached")
}

func (p *Porter) authIMAP(ctx context.Context, c *imap.Client, plat *platform, cred seal.Credential, network string) (*imapConn, error) {
	s := plat.imap
	p.tellAddress(ctx, c, plat, network)
	var err error
	switch name, secret := s.name(cred.Login), cred.Secret.Reveal(); s.Auth {
	case "login":
		err = c.Login(ctx, name, secret)
	case "oauthbearer":
		host, port, _ := net.SplitHostPort(s.Address)
		n, _ := strconv.Atoi(port) // 0 leaves the port out
		err = c.Authenticate(ctx, imap.OAuthBearer(name, host, n, secret))
	case "xoauth2":
		err = c.Authenticate(ctx, imap.XOAuth2(name, secret))
	default:
		if c.Caps().HasAuth("PLAIN") {
			err = c.Authenticate(ctx, imap.PlainAuth("", name, secret))
		} else {
			err = c.Login(ctx, name, secret)
		}
	}
	if err != nil {
		return nil, authError(err)
	}
	if c.Caps().Has(imap.CapCompress) && plat.far() {
		if err := c.Compress(ctx); err != nil {
			return nil, unreachable(err)
		}
	}
	caps := cellCaps(c.Caps())
	conn, err := c.Detach(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	return &imapConn{Conn: conn, caps: caps}, nil
}

// far says whether compression is worth its time: not on this machine.
func (p *platform) far() bool {
	ip := net.ParseIP(p.imap.host)
	return p.imap.host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// tellAddress hands the person's address to a server that takes it before the
// login (Dovecot: x-originating-ip in ID, from trusted networks). A server that
// does not know it ignores it.
func (p *Porter) tellAddress(ctx context.Context, c *imap.Client, plat *platform, network string) {
	if plat.imap.HideIP || network == "" || !c.Caps().Has("ID") {
		return
	}
	_, err := c.ID(map[string]string{"name": "Cofferdam", "x-originating-ip": network}).Wait(ctx)
	if err != nil {
		p.log.Debug("server does not take the person's address", "platform", plat.Name, "err", err)
	}
}

// authError tells a no from a moment's trouble (RFC 5530).
func authError(err error) error {
	if imap.HasCode(err, imap.CodeUnavailable) || imap.HasCode(err, imap.CodeInUse) || imap.HasCode(err, imap.CodeLimit) {
		return ipc.Errorf(ipc.CodeUnavailable, "the imap server has trouble")
	}
	var status *imap.StatusError
	if errors.As(err, &status) && status.Kind == imap.StatusNO {
		return ipc.Errorf(ipc.CodeRefused, "the platform did not accept the sign-in")
	}
	if errors.Is(err, imap.ErrUnsupported) {
		return ipc.Errorf(ipc.CodeUnavailable, "the imap server does not offer the configured way to sign in")
	}
	return unreachable(err)
}

// cellVerbs are the commands that a cell may give to a server of these
// capabilities: those of a mail reader. Without UIDPLUS there is no other way to
// remove a mail than EXPUNGE without uids (RFC 3501, section 6.4.3); our cells
// send it when nobody else has marked a mail. It gives a hostile cell nothing:
// elsewhere UID EXPUNGE removes as much.
func cellVerbs(caps string) func(imap.ClientCommand) error {
	if slices.Contains(strings.Fields(caps), "UIDPLUS") {
		return imap.AllowMailVerbs
	}
	return func(c imap.ClientCommand) error {
		if c.Verb == "EXPUNGE" {
			return nil
		}
		return imap.AllowMailVerbs(c)
	}
}

// cellCaps is what a cell is told: the server's list without what concerns
// signing in, and without what the guard would refuse.
func cellCaps(caps imap.Caps) string {
	var out []string
	for name := range caps.All() {
		switch {
		case strings.HasPrefix(name, "AUTH="), name == "SASL-IR", name == "STARTTLS", name == "LOGINDISABLED",
			strings.HasPrefix(name, "COMPRESS="), name == "URLAUTH", strings.HasPrefix(name, "URLAUTH="), name == "UNAUTHENTICATE":
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func imapSecurity(mode string) imap.Security {
	switch mode {
	case "starttls":
		return imap.SecurityStartTLS
	case "none":
		return imap.SecurityNone
	}
	return imap.SecurityTLS
}
