package demo

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// backend makes submission sessions.
type backend struct{ p *Platform }

// NewSession starts a submission.
func (b backend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &smtpSession{p: b.p, client: c.Conn().RemoteAddr(), helo: c.Hostname()}, nil
}

// smtpSession is one SMTP connection.
type smtpSession struct {
	p      *Platform
	client net.Addr
	helo   string
	sender int // index of the person + 1; 0 before login
	from   string
	local  []int    // people here
	remote []string // addresses elsewhere
}

// AuthMechanisms lists what Auth knows.
func (s *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth checks who submits.
func (s *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		acct := s.p.authenticate(username, password)
		for i, a := range s.p.accounts {
			if a == acct {
				s.sender = i + 1
				return nil
			}
		}
		return smtp.ErrAuthFailed
	}), nil
}

// Mail takes the sender: the person who signed in, or the null path of notices.
func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.sender == 0 {
		return smtp.ErrAuthRequired
	}
	if from != "" && !strings.EqualFold(from, s.p.Users[s.sender-1].Address) {
		return smtpRefusal(553, 5, 7, 1, "You cannot send as this address")
	}
	s.from = from
	return nil
}

// Rcpt takes a recipient: somebody here, or anybody elsewhere.
func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	at := strings.LastIndexByte(to, '@')
	if at < 0 || !strings.EqualFold(to[at+1:], Domain) {
		s.remote = append(s.remote, to)
		return nil
	}
	name, _, _ := strings.Cut(to[:at], "+")
	for i, u := range s.p.Users {
		if strings.EqualFold(u.Address, name+"@"+Domain) {
			s.local = append(s.local, i)
			return nil
		}
	}
	return smtpRefusal(550, 5, 1, 1, "Nobody here has this address; the demo knows "+s.p.names())
}

func (p *Platform) names() string {
	var names []string
	for _, u := range p.Users {
		names = append(names, u.Address)
	}
	return strings.Join(names, " and ")
}

// Data delivers.
func (s *smtpSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	now := time.Now()
	seen := map[int]bool{}
	for _, i := range s.local {
		if seen[i] {
			continue
		}
		seen[i] = true
		if err := s.p.accounts[i].deliver(inbox, appended{date: now, body: s.stamp(i, now, body)}); err != nil {
			return fmt.Errorf("delivering: %w", err)
		}
	}
	// RFC 5321, section 6.1: no notice about a notice.
	if len(s.remote) == 0 || s.from == "" {
		return nil
	}
	notice := failureNotice(s.from, s.remote, body, now)
	return s.p.accounts[s.sender-1].deliver(inbox, appended{date: now, body: notice})
}

// stamp puts the trace fields of RFC 5321, section 4.4 on top.
func (s *smtpSession) stamp(to int, now time.Time, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <%s>\r\n", s.from)
	fmt.Fprintf(&b, "Received: from [%s] by %s with ESMTPA\r\n\tfor <%s>; %s\r\n",
		hostOf(s.client), serverName, s.p.Users[to].Address, now.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Authentication-Results: %s; auth=pass smtp.mailfrom=%s\r\n", serverName, Domain)
	b.Write(body)
	return b.Bytes()
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

// Reset forgets the envelope.
func (s *smtpSession) Reset() { s.from, s.local, s.remote = "", nil, nil }

// Logout ends the connection.
func (s *smtpSession) Logout() error { return nil }

func smtpRefusal(code, class, subject, detail int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}
