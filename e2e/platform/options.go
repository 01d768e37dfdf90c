package platform

import (
	"fmt"
	"strings"
)

// Domain is the mail domain of every Platform.
const Domain = "cofferdam.test"

// User is somebody with a mailbox.
type User struct {
	// Login is the whole address, name@cofferdam.test; Start completes a bare
	// name.
	Login, Password string
	// Maildir, where not empty, is copied (by hard links where possible) to be
	// the user's mail at the start; see Maildir the function.
	Maildir string
	// Aliases are further addresses of this mailbox, which the user may send as.
	Aliases []string
}

// Options say what to start. The zero value is Dovecot with IMAP and LMTP and no
// people.
type Options struct {
	Users []User
	// People adds person0001 and so on with the password "password-0001".
	People int
	// Capability replaces what IMAP announces after login (imap_capability), for
	// tests of weaker servers. "" is Dovecot's own, which has everything.
	Capability string
	// POP3, Sieve and Postfix start these too.
	POP3, Sieve, Postfix bool
	// Quota limits each mailbox to so many bytes; 0 has no quota.
	Quota int64
	// Format is Dovecot's mailbox format: maildir (default), mdbox or sdbox.
	// Users with a Maildir need maildir.
	Format string
	// RequireTLS refuses logins without TLS, as providers do; else both work.
	// Dovecot then listens on 127.0.0.2 (see ports.go).
	RequireTLS bool
	// Extra is put at the end of dovecot.conf, PostfixExtra at the end of main.cf.
	Extra, PostfixExtra string
}

// complete fills in generated users and defaults, and refuses what cannot work.
func (o Options) complete() (Options, error) {
	users := append([]User(nil), o.Users...)
	for i := range o.People {
		users = append(users, User{
			Login: fmt.Sprintf("person%04d", i+1), Password: fmt.Sprintf("password-%04d", i+1),
		})
	}
	if o.Format == "" {
		o.Format = "maildir"
	}
	seen := map[string]bool{}
	for i := range users {
		u := &users[i]
		if !strings.Contains(u.Login, "@") {
			u.Login += "@" + Domain
		}
		switch {
		case strings.ContainsAny(u.Login+u.Password, ":\r\n\t ") || u.Password == "":
			return o, fmt.Errorf("user %s: empty password, or a colon or space in name or password", u.Login)
		case seen[u.Login]:
			return o, fmt.Errorf("user %s given twice", u.Login)
		case u.Maildir != "" && o.Format != "maildir":
			return o, fmt.Errorf("user %s: a Maildir cannot become %s", u.Login, o.Format)
		}
		seen[u.Login] = true
	}
	o.Users = users
	return o, nil
}
