package outbox_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/submission"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// direct is a Sender without porter between: it says to Postfix what porter would.
type direct struct{ p *platform.Platform }

func (d direct) Submit(ctx context.Context, _ string, e *jmap.Envelope, body io.Reader, size int64) (outbox.Result, error) {
	var env submission.Envelope
	var err error
	if env.MailFrom, err = submission.ParseAddress(e.MailFrom.Email); err != nil {
		return outbox.Result{}, err
	}
	for _, r := range e.RcptTo {
		a, err := submission.ParseAddress(r.Email)
		if err != nil {
			return outbox.Result{}, err
		}
		env.RcptTo = append(env.RcptTo, a)
	}
	_, env.UTF8 = e.MailFrom.Parameters["SMTPUTF8"]
	_, env.EightBit = e.MailFrom.Parameters["BODY"]
	env.Size = size
	c, err := submission.Dial(ctx, submission.Config{Addr: d.p.Submissions, Security: submission.ImplicitTLS, TLS: d.p.TLS()})
	if err != nil {
		return outbox.Result{}, outbox.ErrAway
	}
	defer c.Close()
	if err := c.Authenticate(ctx, submission.Credentials{User: d.p.Users[0].Login, Secret: []byte(d.p.Users[0].Password)}); err != nil {
		return outbox.Result{}, outbox.ErrAway
	}
	res, err := c.Send(ctx, env, body)
	if err != nil {
		return outbox.Result{}, &outbox.Refusal{Reply: err.Error()}
	}
	return outbox.Result{Reply: res.Final.Text}, nil
}

// noRecords is a locked session's store.
type noRecords struct{ outbox.Records }

func (noRecords) All(context.Context) ([]outbox.Stored, error) { return nil, outbox.ErrLocked }

// sender is ann's account on a real mail platform.
type sender struct {
	*testing.T
	p    *platform.Platform
	a    *account.Account
	imap upstream.Store
}

const eai = "bj\u00f6rn@" + platform.Domain

func newSender(t *testing.T) *sender {
	p := platform.Start(t, platform.Options{Postfix: true, PostfixExtra: "message_size_limit = 1000000", Users: []platform.User{{Login: "ann", Password: "secret-a"}, {Login: "bob", Password: "secret-b", Aliases: []string{eai}}, {Login: "eve", Password: "secret-e"}}})
	ctx, stop := context.WithCancel(context.Background())
	dial := imapup.Config{PollEvery: 200 * time.Millisecond, Dial: upstreamtest.SignedIn(p.IMAP, p.Users[0].Login, p.Users[0].Password)}
	s := &sender{T: t, p: p, imap: imapup.New(dial)}
	addrs := []string{p.Users[0].Login}
	out, err := outbox.Open(ctx, outbox.Config{Sender: direct{p}, Records: noRecords{}, Log: slog.New(slog.DiscardHandler),
		Identities: func() []jmap.Identity { return account.Identities("", addrs) }})
	s.must(err)
	s.must(s.imap.(upstream.Boxmaker).CreateBox(ctx, "Drafts", ""))
	s.a, err = account.New(ctx, account.Config{ID: "a1", Addresses: addrs, Store: imapup.New(dial), Key: []byte("0123456789abcdef0123456789abcdef"),
		Uploads: account.NewMemoryUploads(), Outbox: out})
	s.must(err)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.a.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; s.a.Close(); s.imap.Close() })
	s.must(s.a.Ready(ctx))
	return s
}

func (s *sender) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// send stores a draft byte for byte, as another program may have, and submits it.
func (s *sender) send(raw string, env *jmap.Envelope) (*jmap.Submission, *jmap.SetError) {
	s.Helper()
	_, err := s.imap.Append(s.Context(), "Drafts", upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)), Flags: []string{`\Draft`}})
	s.must(err)
	ids, _, _, err := s.a.IdentityGet(s.Context(), nil)
	s.must(err)
	draft := s.wait(func() jmap.EmailID {
		res, err := s.a.EmailQuery(s.Context(), &jmap.EmailQuery{Window: jmap.Window{Limit: 10}, Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{HasKeyword: "$draft"}}})
		s.must(err)
		if len(res.IDs) == 0 {
			return ""
		}
		return res.IDs[0]
	})
	out, err := s.a.SubmissionSet(s.Context(), &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{{CreationID: "s", IdentityID: ids[0].ID, EmailID: jmap.EmailID(draft), Envelope: env}}})
	s.must(err)
	_, err = s.a.EmailSet(s.Context(), &jmap.EmailSet{Destroy: []jmap.EmailID{draft}})
	s.must(err)
	return out.Created["s"], out.NotCreated["s"]
}

func (s *sender) wait(get func() jmap.EmailID) jmap.EmailID {
	s.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if v := get(); v != "" {
			return v
		}
	}
	s.Fatal("waited for too long")
	return ""
}

// arrived is the mail with this Message-ID in somebody's inbox.
func (s *sender) arrived(who, id string) string {
	s.Helper()
	return string(s.wait(func() jmap.EmailID {
		files, err := filepath.Glob(filepath.Join(s.p.Home(who+"@"+platform.Domain), "Maildir", "new", "*"))
		s.must(err)
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), id) {
				return jmap.EmailID(strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n"))
			}
		}
		return ""
	}))
}

// TestPostfix sends what other programs leave in Drafts through Postfix to
// Dovecot: each mail arrives whole, as it was, without Bcc, at everybody.
func TestPostfix(t *testing.T) {
	s := newSender(t)
	ann, bob, eve := "ann@"+platform.Domain, "bob@"+platform.Domain, "eve@"+platform.Domain
	head := func(id, more string) string {
		return "From: Ann <" + ann + ">\r\n" + more + "Subject: x\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + id + "@x>\r\nMIME-Version: 1.0\r\n"
	}
	for id, m := range map[string]struct{ header, body string }{
		"plain":    {"To: " + bob + "\r\n", "hello\r\n.\r\n..dots\r\n"},
		"8bit":     {"To: " + bob + "\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n", "Gr\xfc\xdfe\r\n"},
		"utf8name": {"To: B\xc3\xb6b <" + bob + ">\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", "Gr\xc3\xbc\xc3\x9fe\r\n"},
		"utf8addr": {"To: " + bob + "\r\nReply-To: j\xc3\xb6rg@" + platform.Domain + "\r\n", "hello\r\n"},
		"latin1":   {"To: " + bob + "\r\nX-Old: Gr\xfc\xdfe\r\n", "hello\r\n"},
	} {
		t.Run(id, func(t *testing.T) {
			raw := head(id, m.header+"Bcc: Eve <"+eve+">\r\n") + "\r\n" + m.body
			if _, no := s.send(raw, nil); no != nil {
				t.Fatalf("not sent: %+v", no)
			}
			for _, who := range []string{"bob", "eve"} {
				got := s.arrived(who, "<"+id+"@x>")
				if strings.Contains(got, "Eve") {
					t.Errorf("%s reads a Bcc", who)
				}
				if !strings.HasSuffix(got, "\r\n\r\n"+m.body) {
					t.Errorf("%s got the body %q", who, got[strings.Index(got, "\r\n\r\n"):])
				}
				for line := range strings.Lines(head(id, m.header)) {
					if !strings.Contains(got, line) {
						t.Errorf("%s misses the header line %q in %q", who, line, got)
					}
				}
			}
		})
	}
	t.Run("UTF-8 recipient", func(t *testing.T) {
		// Its local part needs SMTPUTF8, without which Postfix refuses it; the
		// submission client asks by itself. It cannot arrive: Dovecot 2.3's LMTP
		// has no SMTPUTF8.
		raw := head("eai", "To: "+bob+"\r\n") + "\r\nhello\r\n"
		to := &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: ann}, RcptTo: []jmap.EnvelopeAddress{{Email: eai}}}
		if _, no := s.send(raw, to); no != nil {
			t.Fatalf("not sent: %+v", no)
		}
	})
	t.Run("too large", func(t *testing.T) {
		raw := head("large", "To: "+bob+"\r\n") + "\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1<<20/78)
		if _, no := s.send(raw, nil); no == nil || no.Type != jmap.SetForbiddenToSend {
			t.Errorf("told %+v", no)
		}
	})
}
