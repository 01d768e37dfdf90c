package system

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cofferdam/e2e/platform"
)

// Options say how to run the product. The zero value is two cells with two
// renders each, as the user that runs the test.
type Options struct {
	Binary        string   // "" is Binary(t)
	UID           int      // run as this user; 0 is ours
	Cells         int      // 0 is 2
	Renders       int      // 0 is 2
	PeoplePerCell int      // 0 is a fixed number of cells
	Basic         bool     // HTTP Basic for other JMAP clients
	Env           []string // beyond an empty environment
	LogLevel      string   // "" is info
	// Edit changes the finished configuration, for tests of bad ones.
	Edit func(toml string) string
}

// configuration writes what an operator would: data folder, certificate for the
// web, and the platform's servers with TLS and their CA.
func (s *Server) configuration(p *platform.Platform, o Options) error {
	web, admin, err := freePorts()
	if err != nil {
		return err
	}
	s.Origin, s.web, s.Admin = "https://localhost:"+web, "127.0.0.1:"+web, "127.0.0.1:"+admin
	ca, err := os.ReadFile(p.CAFile)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("mail-ca.pem"), ca, 0o644); err != nil {
		return err
	}
	if err := s.certificate(); err != nil {
		return err
	}
	text := s.toml(p, o)
	if o.Edit != nil {
		text = o.Edit(text)
	}
	return os.WriteFile(s.ConfigFile(), []byte(text), 0o644)
}

func (s *Server) toml(p *platform.Platform, o Options) string {
	level := o.LogLevel
	if level == "" {
		level = "info"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "data = %q\n", s.path("data"))
	fmt.Fprintf(&b, "[web]\nname = \"Example Mail\"\norigin = %q\nlisten = [%q]\ntls = \"files\"\ncertificate = %q\nkey = %q\nhttp_basic = %t\n",
		s.Origin, s.web, s.path("web.pem"), s.path("web.key"), o.Basic)
	fmt.Fprintf(&b, "[admin]\nlisten = %q\n", s.Admin)
	fmt.Fprintf(&b, "[signin]\nfails_network = 1000\n")
	fmt.Fprintf(&b, "[cells]\ncells = %d\nrenders = %d\npeople_per_cell = %d\n", or(o.Cells, 2), or(o.Renders, 2), o.PeoplePerCell)
	fmt.Fprintf(&b, "[log]\nlevel = %q\n", level)
	fmt.Fprintf(&b, "[unsafe]\nonline_operator_key = \"a test has no operator\"\n")
	fmt.Fprintf(&b, "[[platform]]\nname = \"main\"\ndomains = [%q]\ndefault = true\nrecipients = 100000\n", platform.Domain)
	fmt.Fprintf(&b, "[platform.imap]\naddress = %q\ntls = \"implicit\"\nserver_name = \"localhost\"\nca = %q\n", p.IMAPS, s.path("mail-ca.pem"))
	submission := p.Submission
	if submission == "" {
		submission = "127.0.0.1:9" // nobody listens: this platform sends nothing
	}
	fmt.Fprintf(&b, "[platform.submission]\naddress = %q\ntls = \"starttls\"\nserver_name = \"localhost\"\nca = %q\n", submission, s.path("mail-ca.pem"))
	if p.ManageSieve != "" {
		fmt.Fprintf(&b, "[platform.sieve]\naddress = %q\ntls = \"starttls\"\nserver_name = \"localhost\"\nca = %q\n", p.ManageSieve, s.path("mail-ca.pem"))
	}
	return b.String()
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// certificate makes a self-signed one for localhost.
func (s *Server) certificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert)
	return errors.Join(
		os.WriteFile(s.path("web.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(s.path("web.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
}

// CertificatePEM is what clients of the web listener have to trust.
func (s *Server) CertificatePEM() []byte {
	b, err := os.ReadFile(s.path("web.pem"))
	if err != nil {
		panic(err) // configuration has just written it
	}
	return b
}

// ConfigFile is the configuration's path.
func (s *Server) ConfigFile() string { return s.path("cofferdam.toml") }

func (s *Server) path(name string) string { return filepath.Join(s.Dir, name) }

// freePorts are two, outside the range from which Linux takes ports of outgoing
// connections, as the platform's are.
func freePorts() (web, admin string, err error) {
	a, web, err := freePort()
	if err != nil {
		return "", "", err
	}
	defer a.Close() // held until the other is chosen, so that it is another
	b, admin, err := freePort()
	if err != nil {
		return "", "", err
	}
	return web, admin, b.Close()
}

func freePort() (net.Listener, string, error) {
	for range 200 {
		port := strconv.Itoa(32000 + mrand.IntN(700))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return l, port, nil
		}
	}
	return nil, "", errors.New("no free port")
}
