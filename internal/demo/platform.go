package demo

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// Domain is the mail domain of the people here.
const Domain = "cofferdam.test"

// serverName is how the servers call themselves; it is the authserv-id of the
// Authentication-Results in delivered mail too.
const serverName = "mail." + Domain

// Options say how to start a Platform; the zero value is a fresh one in a
// temporary folder.
type Options struct {
	// Dir keeps passwords and mail over restarts; it is made if absent. "" is a
	// temporary folder that Close removes.
	Dir string
	// Now is when the newest sample mail came; the zero value is the present.
	// A Dir that has mail already keeps its dates.
	Now time.Time
	// Log gets what operators of the demo may want to know; nil is silence.
	Log *slog.Logger
}

// User is one of the people here.
type User struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Password string `json:"password"`
}

// Platform is a running mail platform.
type Platform struct {
	// IMAP and SMTP are host:port on the loopback address, both without TLS.
	IMAP, SMTP string
	// Users can sign in with Address and Password at both.
	Users []User
	// Dir has the mail.
	Dir string

	temporary bool
	log       *slog.Logger
	accounts  []*account // as Users
	imap      *imapserver.Server
	smtp      *smtp.Server
	listeners []net.Listener
	serving   sync.WaitGroup
	ending    atomic.Bool // Close has begun
	closing   sync.Once
	closeErr  error
}

// Start starts a Platform. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Platform, error) {
	p := &Platform{Dir: o.Dir, log: o.Log, temporary: o.Dir == ""}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	err := p.open(o.Now)
	if err == nil {
		err = p.serve(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the demo platform: %w", err), p.Close())
	}
	p.log.Info("demo platform started", "imap", p.IMAP, "smtp", p.SMTP, "dir", p.Dir)
	return p, nil
}

// open makes or reads the folder.
func (p *Platform) open(now time.Time) (err error) {
	if p.temporary {
		p.Dir, err = os.MkdirTemp("", "cofferdam-demo-")
	} else {
		err = os.MkdirAll(p.Dir, 0o700)
	}
	if err != nil {
		return err
	}
	if p.Users, err = loadPeople(p.peopleFile()); errors.Is(err, fs.ErrNotExist) {
		err = p.fill(now)
	}
	if err != nil {
		return err
	}
	for _, u := range p.Users {
		a, err := openAccount(p.logFile(u), !p.temporary)
		if err != nil {
			return err
		}
		p.accounts = append(p.accounts, a)
	}
	return nil
}

func (p *Platform) peopleFile() string { return filepath.Join(p.Dir, "people.json") }

func (p *Platform) logFile(u User) string { return filepath.Join(p.Dir, u.Address+".log") }

func loadPeople(name string) ([]User, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var users []User
	if err := json.Unmarshal(b, &users); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	for _, u := range users {
		// The address names a file.
		if strings.ContainsAny(u.Address, `/\`) || u.Address == "" || u.Password == "" {
			return nil, fmt.Errorf("reading %s: bad entry", name)
		}
	}
	return users, nil
}

// fill makes the people and their sample mail. people.json comes last: without
// it the folder counts as empty and is filled again.
func (p *Platform) fill(now time.Time) error {
	logs, err := sampleLogs(now)
	if err != nil {
		return fmt.Errorf("making sample mail: %w", err)
	}
	for _, person := range samplePeople() {
		u := User{Name: person.name, Address: person.address, Password: newPassword()}
		p.Users = append(p.Users, u)
		if err := writeFile(p.logFile(u), logs[u.Address], !p.temporary); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(p.Users, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(p.peopleFile(), append(b, '\n'), !p.temporary)
}

func newPassword() string {
	b := make([]byte, passwordBytes)
	rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// serve opens both listeners.
func (p *Platform) serve(ctx context.Context) error {
	var lc net.ListenConfig
	imapLn, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	smtpLn, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, imapLn.Close())
	}
	p.listeners = []net.Listener{imapLn, smtpLn}
	p.IMAP, p.SMTP = imapLn.Addr().String(), smtpLn.Addr().String()
	p.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &session{p: p}, nil, nil
		},
		Caps: imapCaps(), InsecureAuth: true, Logger: complaints{p.log, "imap"},
	})
	p.smtp = smtp.NewServer(backend{p})
	p.smtp.Domain = serverName
	p.smtp.AllowInsecureAuth = true
	p.smtp.EnableSMTPUTF8, p.smtp.EnableDSN = true, true
	p.smtp.MaxMessageBytes, p.smtp.MaxRecipients = maxMessage, maxRecipients
	p.smtp.ReadTimeout, p.smtp.WriteTimeout = smtpTimeout, smtpTimeout
	p.smtp.ErrorLog = complaints{p.log, "smtp"}
	p.serving.Go(func() { p.ended("imap", p.imap.Serve(idListener{imapLn})) })
	p.serving.Go(func() { p.ended("smtp", p.smtp.Serve(smtpLn)) })
	return nil
}

func (p *Platform) ended(server string, err error) {
	if err != nil && !p.ending.Load() {
		p.log.Error("demo server ended", "server", server, "error", err)
	}
}

// complaints takes the libraries' logs. They can contain parts of commands, so
// that only the phrase is kept.
type complaints struct {
	log    *slog.Logger
	server string
}

func (c complaints) Printf(format string, _ ...any) {
	c.log.Debug("demo server complains", "server", c.server, "phrase", format)
}

func (c complaints) Println(...any) {
	c.log.Debug("demo server complains", "server", c.server)
}

// Close stops the servers and removes a temporary folder. It may be called twice.
func (p *Platform) Close() error {
	p.closing.Do(func() { p.closeErr = p.close() })
	return p.closeErr
}

func (p *Platform) close() error {
	var errs []error
	p.ending.Store(true)
	// The libraries know their listeners only once Serve runs, and count their
	// connections within it: they are ended after it has returned.
	for _, ln := range p.listeners {
		errs = append(errs, ln.Close())
	}
	p.serving.Wait()
	if p.imap != nil {
		// It closes the listener again, which is an error to it.
		_ = p.imap.Close()
	}
	if p.smtp != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if p.smtp.Shutdown(ctx) != nil {
			_ = p.smtp.Close() // connections that would not end are cut
		}
	}
	for _, a := range p.accounts {
		errs = append(errs, a.close())
	}
	if p.temporary && p.Dir != "" {
		errs = append(errs, os.RemoveAll(p.Dir))
	}
	return errors.Join(errs...)
}
