package protocol

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
	"cofferdam/internal/demo"
)

// instead are servers without TLS that are used instead of a platform's, where not
// empty.
type instead struct {
	imap, submission string
	local            bool // people sign in to imap without their domain
}

// signingIn has room for those who sign in at one moment: each costs half a second
// of a processor, and they do not wait for long.
var signingIn = make(chan bool, 3)

// serve starts the product in front of a platform.
func serve(t *testing.T, p *platform.Platform, o instead) *site {
	server := system.Start(t, p, system.Options{Cells: 1, Renders: 1, Edit: o.edit})
	dial := func(ctx context.Context, u platform.User) (*system.RawIMAP, error) {
		if o.local {
			u.Login, _, _ = strings.Cut(u.Login, "@")
		}
		if o.imap != "" {
			return system.DialPlainIMAP(ctx, o.imap, u)
		}
		return system.DialIMAP(ctx, p, u)
	}
	busy := make([]sync.Mutex, len(p.Users))
	return &site{
		signIn: func(t *testing.T, n int) (wire, string, func()) {
			u := p.Users[n%len(p.Users)]
			busy[n%len(p.Users)].Lock()
			one := server.Browser(u.Login)
			signingIn <- true
			defer func() { <-signingIn }()
			if err := one.SignIn(t.Context(), u.Password); err != nil {
				t.Fatalf("sign-in: %v", err)
			}
			return one, u.Login, func() { one.Close(); busy[n%len(p.Users)].Unlock() }
		},
		other: func(t *testing.T, n int) program {
			c, err := dial(t.Context(), p.Users[n%len(p.Users)])
			if err != nil {
				t.Fatalf("the other program: %v", err)
			}
			t.Cleanup(c.Close)
			return &imapProgram{t, c}
		},
		peer: p.Users[len(p.Users)-1].Login,
		received: func(t *testing.T, subject string) []string {
			// Where the platform's own IMAP server is not used, it still is where
			// Postfix delivers to.
			c, err := system.DialIMAP(t.Context(), p, p.Users[len(p.Users)-1])
			if o.submission != "" {
				c, err = dial(t.Context(), p.Users[len(p.Users)-1])
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			return (&imapProgram{t, c}).sources("INBOX", subject)
		},
	}
}

// edit changes a configuration.
func (o instead) edit(text string) string {
	text = withoutTLS(text, "submission", o.submission, "")
	if o.local {
		return withoutTLS(text, "imap", o.imap, "login = \"local\"\n")
	}
	return withoutTLS(text, "imap", o.imap, "")
}

var addressLine = regexp.MustCompile(`address = "[^"]*"\ntls = "[a-z]*"\nserver_name = "[^"]*"\nca = "[^"]*"\n`)

// withoutTLS replaces the address of one server in a configuration.
func withoutTLS(text, server, address, more string) string {
	if address == "" {
		return text
	}
	head, tail, _ := strings.Cut(text, "[platform."+server+"]\n")
	at := addressLine.FindStringIndex(tail)
	return head + "[platform." + server + "]\n" + fmt.Sprintf("address = %q\ntls = \"none\"\n", address) + more + tail[at[1]:]
}

// startCyrus has Cyrus for the mail, and Postfix with a Dovecot of the same people
// for submission.
func startCyrus(t *testing.T) *site {
	c := platform.StartCyrus(t)
	p := platform.Start(t, platform.Options{People: len(families) + 1, Postfix: true})
	return serve(t, p, instead{imap: c.IMAP, local: true})
}

func startDemo(t *testing.T) *site {
	d, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	p := &platform.Platform{IMAPS: d.IMAP, Submission: d.SMTP, CAFile: filepath.Join(t.TempDir(), "none.pem")}
	if err := os.WriteFile(p.CAFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, u := range d.Users {
		p.Users = append(p.Users, platform.User{Login: u.Address, Password: u.Password})
	}
	return serve(t, p, instead{imap: d.IMAP, submission: d.SMTP})
}

// imapProgram is a program that needs IMAP4rev1 and nothing else.
type imapProgram struct {
	t *testing.T
	c *system.RawIMAP
}

func (p *imapProgram) do(commands ...string) string {
	p.t.Helper()
	var all bytes.Buffer
	for _, c := range commands {
		said, err := p.c.Do(c)
		if err != nil {
			p.t.Fatalf("the other program: %v", err)
		}
		all.Write(said)
	}
	return all.String()
}

func (p *imapProgram) append(box, raw string, flags ...string) {
	p.t.Helper()
	if err := p.c.Append(box, raw, flags...); err != nil {
		p.t.Fatalf("the other program: %v", err)
	}
}

var searched = regexp.MustCompile(`(?m)^\* SEARCH ([0-9 ]+)\r$`)

// uid selects a mailbox and finds a mail in it.
func (p *imapProgram) uid(box, name string) string {
	p.t.Helper()
	said := p.do(fmt.Sprintf("SELECT %q", box), fmt.Sprintf(`UID SEARCH HEADER Message-ID "<%s@x>"`, name))
	found := searched.FindStringSubmatch(said)
	if found == nil {
		p.t.Fatalf("the other program: %s is not in %s: %s", name, box, said)
	}
	return strings.TrimSpace(found[1])
}

func (p *imapProgram) flag(box, name, flag string, on bool) {
	p.t.Helper()
	sign := map[bool]string{true: "+", false: "-"}[on]
	p.do("UID STORE " + p.uid(box, name) + " " + sign + "FLAGS (" + flag + ")")
}

// move is that of programs which do not know MOVE.
func (p *imapProgram) move(box, name, to string) {
	p.t.Helper()
	uid := p.uid(box, name)
	p.do(fmt.Sprintf("UID COPY %s %q", uid, to), "UID STORE "+uid+` +FLAGS.SILENT (\Deleted)`, "EXPUNGE")
}

func (p *imapProgram) remove(box, name string) {
	p.t.Helper()
	p.do("UID STORE "+p.uid(box, name)+` +FLAGS.SILENT (\Deleted)`, "EXPUNGE")
}

func (p *imapProgram) create(box string) { p.t.Helper(); p.do(fmt.Sprintf("CREATE %q", box)) }
func (p *imapProgram) rename(from, to string) {
	p.t.Helper()
	p.do(fmt.Sprintf("RENAME %q %q", from, to))
}
func (p *imapProgram) delete(box string) { p.t.Helper(); p.do(fmt.Sprintf("DELETE %q", box)) }

var (
	flagsOf = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	nameOf  = regexp.MustCompile(`(?i)Message-ID: <([^@>]*)@`)
)

func (p *imapProgram) flags(box string) map[string][]string {
	p.t.Helper()
	out := map[string][]string{}
	said := p.do(fmt.Sprintf("SELECT %q", box))
	if strings.Contains(said, "* 0 EXISTS") {
		return out
	}
	said = p.do("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
	for _, one := range strings.Split(said, " FETCH (")[1:] {
		name, flags := nameOf.FindStringSubmatch(one), flagsOf.FindStringSubmatch(one)
		if name != nil && flags != nil {
			out[name[1]] = strings.Fields(flags[1])
		}
	}
	return out
}

// sources are the mails of a subject.
func (p *imapProgram) sources(box, subject string) []string {
	p.t.Helper()
	said := p.do("SELECT "+box, fmt.Sprintf("SEARCH SUBJECT %q", subject))
	found := searched.FindStringSubmatch(said)
	if found == nil {
		return nil
	}
	var out []string
	for _, n := range strings.Fields(found[1]) {
		out = append(out, p.do("FETCH "+n+" BODY.PEEK[]"))
	}
	return out
}
