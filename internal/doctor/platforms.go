package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"cofferdam/internal/config"
	"cofferdam/internal/imap"
	"cofferdam/internal/submission"
)

// checkPlatforms greets every server of every platform.
func checkPlatforms(ctx context.Context, list []config.Platform) []Finding {
	var checks []func() []Finding
	for i := range list {
		p := &list[i]
		checks = append(checks,
			func() []Finding { return []Finding{checkIMAP(ctx, p)} },
			func() []Finding { return []Finding{checkSubmission(ctx, p)} },
			func() []Finding { return checkSieve(ctx, p) })
	}
	return together(checks...)
}

// checkIMAP greets an IMAP server. What it can after a login (object ids, for
// one) is not known here.
func checkIMAP(ctx context.Context, p *config.Platform) Finding {
	f := Finding{Check: "imap " + p.Name, About: "Porter dials this IMAP server for people's mail, and checks its certificate each time."}
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	seen, cfg, err := trust(&p.IMAP)
	if err != nil {
		return f.fail("Name a PEM file of roots as ca, or leave it out.", "%s", err)
	}
	security := map[string]imap.Security{"implicit": imap.SecurityTLS, "starttls": imap.SecurityStartTLS, "none": imap.SecurityNone}
	c, err := imap.Dial(ctx, p.IMAP.Address, imap.DialOptions{Security: security[p.IMAP.TLS], TLS: cfg})
	if err != nil {
		return unreachable(f, &p.IMAP, err)
	}
	defer c.Close()
	caps, err := c.Capability().Wait(ctx)
	if err != nil {
		return unreachable(f, &p.IMAP, err)
	}
	return greeted(f, &p.IMAP, seen, slices.Collect(caps.All()))
}

func checkSubmission(ctx context.Context, p *config.Platform) Finding {
	f := Finding{Check: "submission " + p.Name, About: "Porter hands people's mail to this server, signed in as the person."}
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	seen, cfg, err := trust(&p.Submission)
	if err != nil {
		return f.fail("Name a PEM file of roots as ca, or leave it out.", "%s", err)
	}
	security := map[string]submission.Security{"implicit": submission.ImplicitTLS, "starttls": submission.StartTLS, "none": submission.Plain}
	c, err := submission.Dial(ctx, submission.Config{Addr: p.Submission.Address, Security: security[p.Submission.TLS], TLS: cfg})
	if err != nil {
		return unreachable(f, &p.Submission, err)
	}
	defer c.Close()
	if !c.Extensions().Has("AUTH") {
		return f.fail("Offer AUTH on this port, or name the submission port (587 or 465).", "%s offers no AUTH: nobody could send", p.Submission.Address)
	}
	return greeted(f, &p.Submission, seen, slices.Collect(maps.Keys(c.Extensions())))
}

// trust is porter's TLS configuration for a server, and the certificate that
// was seen when it was used.
func trust(s *config.Server) (*atomic.Pointer[x509.Certificate], *tls.Config, error) {
	seen := new(atomic.Pointer[x509.Certificate])
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return seen, nil, err
	}
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if s.ServerName != "" {
		cfg.ServerName = s.ServerName
	}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		seen.Store(cs.PeerCertificates[0])
		return nil
	}
	if s.CA == "" {
		return seen, cfg, nil
	}
	pem, err := readSmall(s.CA)
	if err != nil {
		return seen, nil, err
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return seen, nil, fmt.Errorf("%s holds no certificate", s.CA)
	}
	return seen, cfg, nil
}

// greeted is the finding of a server that answered.
func greeted(f Finding, s *config.Server, seen *atomic.Pointer[x509.Certificate], offers []string) Finding {
	slices.Sort(offers)
	if more := len(offers) - maxShownCaps; more > 0 {
		offers = append(offers[:maxShownCaps], fmt.Sprintf("and %d more", more))
	}
	found := fmt.Sprintf("%s answers\noffers before sign-in: %s", s.Address, strings.Join(offers, " "))
	leaf := seen.Load()
	if leaf == nil {
		return f.ok("%s\nno TLS", found)
	}
	if left := time.Until(leaf.NotAfter); left < soon {
		return f.warn("Renew the server's certificate.", "%s\nits certificate ends in %s, on %s", found, days(left), day(leaf.NotAfter))
	}
	return f.ok("%s\nits certificate is good until %s", found, day(leaf.NotAfter))
}

// unreachable turns an error into what an operator can do about it.
func unreachable(f Finding, s *config.Server, err error) Finding {
	var (
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    *net.DNSError
		header  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &host):
		return f.fail("Set server_name to the name that the certificate has, if it is the right server.", "%s has a certificate for %s, not for %s", s.Address, names(host.Certificate), host.Host)
	case errors.As(err, &unknown):
		return f.fail("If the server has a certificate authority of its own, name its PEM file as ca.", "%s has a certificate that this machine does not trust: %s", s.Address, unknown)
	case errors.As(err, &invalid):
		return f.fail("Renew the server's certificate.", "%s has a certificate that is not valid: %s", s.Address, invalid)
	case errors.As(err, &header):
		return f.fail("Set tls to starttls, or name the port that speaks TLS from the first byte.", "%s does not speak TLS at once", s.Address)
	case errors.As(err, &name):
		return f.fail("Mend the name in address, or this machine's resolver.", "%s: the name is not found", s.Address)
	case errors.Is(err, syscall.ECONNREFUSED):
		return f.fail("Start the server, or mend address. People who are signed in see a short message meanwhile; it recovers by itself.", "%s: connection refused, nothing listens there", s.Address)
	case errors.Is(err, context.DeadlineExceeded):
		return f.fail("Is a firewall in between? With tls = implicit on a STARTTLS port both sides wait for each other.", "%s did not answer within %s", s.Address, serverTime)
	}
	return f.fail("Look at the server's log.", "%s: %s", s.Address, err)
}
