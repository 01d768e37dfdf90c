package platform

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Platform is a running mail platform.
type Platform struct {
	// Dir has configuration, mail and logs: dovecot.log, postfix.log.
	Dir string
	// Addresses as host:port; "" for what was not asked for. Submission speaks
	// plain and STARTTLS, Submissions TLS from the first byte.
	IMAP, IMAPS, POP3, POP3S, ManageSieve, Submission, Submissions string
	// Users in the order of the Options, with whole addresses.
	Users []User
	// CA signed the servers' certificate, valid for both loopback addresses,
	// localhost and mail.cofferdam.test; CAFile is the same in PEM.
	CA     *x509.CertPool
	CAFile string

	opts             Options
	dovecot, postfix *process
}

// Start starts a Platform for the length of a test and prints the servers' logs
// if the test fails. What is missing on the machine skips or fails the test as
// Require does.
func Start(t testing.TB, o Options) *Platform {
	t.Helper()
	needs := []Need{Dovecot, LMTP}
	for _, n := range []struct {
		wanted bool
		need   Need
	}{{o.POP3, POP3}, {o.Sieve, Sieve}, {o.Postfix, Postfix}} {
		if n.wanted {
			needs = append(needs, n.need)
		}
	}
	Require(t, needs...)
	p, err := Launch(t.Context(), o)
	if err != nil {
		t.Fatalf("starting the mail platform: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.Logs())
		}
		if err := p.Close(); err != nil {
			t.Errorf("stopping the mail platform: %v", err)
		}
	})
	return p
}

// Launch starts a Platform outside of a test. ctx bounds the start only.
func Launch(ctx context.Context, o Options) (*Platform, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	for i := 1; ; i++ {
		p, err := launch(ctx, o)
		if err == nil {
			return p, nil
		}
		if i == startAttempts || !errors.Is(err, errEnded) {
			return nil, err
		}
	}
}

func launch(ctx context.Context, o Options) (*Platform, error) {
	// Short, because the paths of unix sockets may have 107 bytes.
	dir, err := os.MkdirTemp("", "cfp")
	if err != nil {
		return nil, err
	}
	p := &Platform{Dir: dir, Users: o.Users, CAFile: filepath.Join(dir, "ca.pem"), opts: o}
	if err := p.start(ctx); err != nil {
		err = fmt.Errorf("%w\n%s", err, p.Logs())
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Platform) start(ctx context.Context) error {
	// The servers' own users have to get in.
	if err := os.Chmod(p.Dir, 0o755); err != nil {
		return err
	}
	if err := p.choosePorts(); err != nil {
		return err
	}
	var err error
	if p.CA, err = certificates(p.Dir); err != nil {
		return err
	}
	if err := p.makeHomes(); err != nil {
		return err
	}
	if err := p.writeDovecot(); err != nil {
		return err
	}
	if err := p.StartDovecot(ctx); err != nil {
		return err
	}
	if !p.opts.Postfix {
		return nil
	}
	if err := p.writePostfix(); err != nil {
		return err
	}
	return p.StartPostfix(ctx)
}

func (p *Platform) choosePorts() error {
	o := p.opts
	for _, c := range []struct {
		wanted bool
		host   string
		addr   *string
	}{
		{true, o.host(), &p.IMAP}, {true, o.host(), &p.IMAPS},
		{o.POP3, o.host(), &p.POP3}, {o.POP3, o.host(), &p.POP3S}, {o.Sieve, o.host(), &p.ManageSieve},
		// Postfix takes only addresses that an interface bears.
		{o.Postfix, host, &p.Submission}, {o.Postfix, host, &p.Submissions},
	} {
		if !c.wanted {
			continue
		}
		var err error
		if *c.addr, err = freeAddress(c.host); err != nil {
			return err
		}
	}
	return nil
}

// makeHomes makes each person's directory with the mail given to them.
func (p *Platform) makeHomes() error {
	acct, err := account()
	if err != nil {
		return err
	}
	if err := os.Mkdir(p.path("home"), 0o755); err != nil {
		return err
	}
	for _, u := range p.opts.Users {
		home := p.Home(u.Login)
		if err := os.Mkdir(home, 0o700); err != nil {
			return err
		}
		if err := os.Chown(home, acct.uid, acct.gid); err != nil {
			return err
		}
		if u.Maildir == "" {
			continue
		}
		if err := cloneMaildir(u.Maildir, filepath.Join(home, "Maildir"), acct.uid, acct.gid); err != nil {
			return fmt.Errorf("giving %s their mail: %w", u.Login, err)
		}
	}
	return nil
}

// StartDovecot starts Dovecot again after StopDovecot, on the same ports.
func (p *Platform) StartDovecot(ctx context.Context) error {
	var err error
	p.dovecot, err = startProcess(p.path("dovecot.err"), Dovecot.program, "-F", "-c", p.path("dovecot.conf"))
	if err != nil {
		return err
	}
	if err := p.dovecot.await(ctx, "tcp", p.IMAP); err != nil {
		return fmt.Errorf("starting Dovecot: %w", err)
	}
	return p.dovecot.await(ctx, "unix", p.lmtpSocket())
}

// StopDovecot stops Dovecot and all its connections; mail stays.
func (p *Platform) StopDovecot() error {
	if p.dovecot == nil {
		return nil
	}
	err := p.dovecot.stop()
	p.dovecot = nil
	return err
}

// StopPostfix stops Postfix and all its connections; its queue stays.
func (p *Platform) StopPostfix() error {
	if p.postfix == nil {
		return nil
	}
	err := p.postfix.stop()
	p.postfix = nil
	return err
}

// StartPostfix starts Postfix again after StopPostfix, on the same ports.
func (p *Platform) StartPostfix(ctx context.Context) error {
	// "check" makes the queue's directories. "start-fg" would do so too, but
	// puts a shell between us and the master, which is then not ours to end.
	check := exec.CommandContext(ctx, Postfix.program, "-c", p.path("postfix"), "check")
	if out, err := check.CombinedOutput(); err != nil {
		return fmt.Errorf("postfix check: %w: %s", err, out)
	}
	var err error
	p.postfix, err = startProcess(p.path("postfix.err"), postfixMaster, "-c", p.path("postfix"), "-s")
	if err != nil {
		return err
	}
	if err := p.postfix.await(ctx, "tcp", p.Submission); err != nil {
		return fmt.Errorf("starting Postfix: %w", err)
	}
	return nil
}

// Close stops the servers and removes Dir. It may be called twice.
func (p *Platform) Close() error {
	var errs []error
	errs = append(errs, p.StopPostfix(), p.StopDovecot(), os.RemoveAll(p.Dir))
	return errors.Join(errs...)
}

// Logs returns the ends of the servers' logs.
func (p *Platform) Logs() string {
	var out strings.Builder
	for _, name := range []string{"dovecot.err", "dovecot.log", "postfix.err", "postfix.log"} {
		b, err := os.ReadFile(p.path(name))
		if err != nil || len(b) == 0 {
			continue
		}
		fmt.Fprintf(&out, "--- %s\n%s\n", name, b[max(0, len(b)-logTail):])
	}
	return out.String()
}

// TLS returns a client configuration that trusts the platform's CA.
func (p *Platform) TLS() *tls.Config {
	return &tls.Config{RootCAs: p.CA, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// Home returns a person's home directory; the mail is in Maildir under it.
func (p *Platform) Home(login string) string { return filepath.Join(p.Dir, "home", login) }

func (p *Platform) path(name string) string { return filepath.Join(p.Dir, name) }

func (p *Platform) lmtpSocket() string { return p.path("run/lmtp-public") }

// Deliver puts a message into login's mailbox by LMTP (RFC 2033), as mail from
// elsewhere would come. It works without Postfix.
func (p *Platform) Deliver(from, login string, message []byte) error {
	nc, err := net.Dial("unix", p.lmtpSocket())
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(dialogTimeout)); err != nil {
		return err
	}
	br := bufio.NewReader(nc)
	body := bytes.ReplaceAll(bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	body = bytes.ReplaceAll(append([]byte("\r\n"), body...), []byte("\r\n."), []byte("\r\n.."))[2:]
	for _, step := range []struct{ line, want string }{
		{"", "220"}, {"LHLO localhost\r\n", "250"}, {"MAIL FROM:<" + from + "> BODY=8BITMIME\r\n", "250"},
		{"RCPT TO:<" + login + ">\r\n", "250"}, {"DATA\r\n", "354"},
		{string(body) + "\r\n.\r\n", "250"}, {"QUIT\r\n", "221"},
	} {
		if err := lmtpStep(nc, br, step.line, step.want); err != nil {
			return fmt.Errorf("delivering to %s: %w", login, err)
		}
	}
	return nil
}

func lmtpStep(nc net.Conn, br *bufio.Reader, line, want string) error {
	if _, err := nc.Write([]byte(line)); err != nil {
		return err
	}
	for {
		reply, err := br.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(reply, want) {
			return fmt.Errorf("server said %q", strings.TrimSpace(reply))
		}
		if len(reply) < 4 || reply[3] != '-' {
			return nil
		}
	}
}
