package porter

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/user"
)

// platforms is the table of mail platforms.
type platforms struct {
	byName   map[string]*platform
	byDomain map[string]*platform
	fallback *platform // the default, or the only one
	domains  []string
}

// platform is one of them, ready to dial.
type platform struct {
	Platform
	imap, submission *service
	sieve            *service // nil: none
	offer            *sieveOffered
	smtpOffer        *submissionOffered
	aliases          *aliases
}

// service is one server of a platform.
type service struct {
	Server
	host string
	tls  *tls.Config
	// noScram is until when SCRAM is not tried, in Unix nanoseconds.
	noScram atomic.Int64
}

func newPlatforms(list []Platform) (*platforms, error) {
	t := &platforms{byName: map[string]*platform{}, byDomain: map[string]*platform{}}
	for _, c := range list {
		p := &platform{Platform: c, aliases: &aliases{file: c.Aliases}, offer: newSieveOffered(), smtpOffer: newSubmissionOffered()}
		var err error
		if p.imap, err = newService(c.IMAP); err != nil {
			return nil, fmt.Errorf("platform %s: imap: %w", c.Name, err)
		}
		if p.submission, err = newService(c.Submission); err != nil {
			return nil, fmt.Errorf("platform %s: submission: %w", c.Name, err)
		}
		if c.Sieve != nil {
			if p.sieve, err = newService(*c.Sieve); err != nil {
				return nil, fmt.Errorf("platform %s: sieve: %w", c.Name, err)
			}
		}
		t.byName[c.Name] = p
		for _, d := range c.Domains {
			t.byDomain[d] = p
			t.domains = append(t.domains, d)
		}
		if c.Default || len(list) == 1 {
			t.fallback = p
		}
	}
	return t, nil
}

func newService(c Server) (*service, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, err
	}
	s := &service{Server: c, host: host, tls: &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}}
	if c.ServerName != "" {
		s.tls.ServerName = c.ServerName
	}
	if len(c.Roots) > 0 {
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(c.Roots) {
			return nil, errors.New("the file of roots holds no certificate")
		}
	}
	return s, nil
}

// errNoPlatform says that a login belongs to no platform of ours.
var errNoPlatform = errors.New("no platform serves this login")

// find canonicalises what a person typed and finds its platform.
func (t *platforms) find(typed string) (user.Login, *platform, error) {
	var policy user.Policy
	if !strings.Contains(typed, "@") {
		if t.fallback == nil || len(t.fallback.Domains) == 0 {
			return user.Login{}, nil, errNoPlatform
		}
		policy.DefaultDomain = t.fallback.Domains[0]
	}
	login, err := user.ParseLogin(typed, policy)
	if err != nil {
		return user.Login{}, nil, err
	}
	p := t.byDomain[login.Domain()]
	if p == nil {
		p = t.fallback
	}
	if p == nil || p != t.byDomain[login.Domain()] && !p.Default {
		return user.Login{}, nil, errNoPlatform
	}
	return login, p, nil
}

// name is what the server is told as user name.
func (s *service) name(login string) string {
	if s.Login == "local" {
		local, _, _ := strings.Cut(login, "@")
		return local
	}
	return login
}

// aliases reads a file of lines "login address address...": what a person may
// send as besides the login. It is read again when it changed.
type aliases struct {
	file string

	mu   sync.Mutex // guards the rest
	mod  time.Time
	list map[string][]string
}

// of are the addresses of a login, the login itself first.
func (a *aliases) of(login string) ([]string, error) {
	out := []string{login}
	if a.file == "" {
		return out, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	info, err := os.Stat(a.file)
	if err != nil {
		return nil, fmt.Errorf("alias file: %w", err)
	}
	if !info.ModTime().Equal(a.mod) {
		if err := a.read(info); err != nil {
			return nil, err
		}
	}
	return append(out, a.list[login]...), nil
}

func (a *aliases) read(info os.FileInfo) error {
	if info.Size() > maxAliases {
		return fmt.Errorf("alias file has %d bytes, more than %d", info.Size(), maxAliases)
	}
	data, err := os.ReadFile(a.file)
	if err != nil {
		return fmt.Errorf("alias file: %w", err)
	}
	list := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(strings.ToLower(line))
		if len(f) > 1 {
			list[f[0]] = append(list[f[0]], f[1:]...)
		}
	}
	a.list, a.mod = list, info.ModTime()
	return nil
}
