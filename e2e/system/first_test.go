package system

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/e2e/platform"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// starters are root and unprivileged where the tests run as root; else only the
// latter, and it says so.
func starters(t *testing.T) map[string]int {
	if os.Geteuid() != 0 {
		t.Log("n/a: the root half, as these tests do not run as root")
		return map[string]int{"unprivileged": 0}
	}
	return map[string]int{"root": 0, "unprivileged": Unprivileged}
}

// TestOneMail is the whole way once, as root and unprivileged: sign-in by HTTP/2,
// an upload, a mail to somebody else, who sees it arrive live and opens it.
func TestOneMail(t *testing.T) {
	for name, uid := range starters(t) {
		t.Run(name, func(t *testing.T) { oneMail(t, uid) })
	}
}

func oneMail(t *testing.T, uid int) {
	p := platform.Start(t, platform.Options{People: 2, Postfix: true})
	s := Start(t, p, Options{UID: uid, Edit: func(text string) string {
		return strings.Replace(text, "[platform.imap]", "extensions = [\"dsn\", \"X-OWN A B\"]\n[platform.imap]", 1)
	}})
	ctx := t.Context()
	var people [2]*Person
	for i := range people {
		people[i] = s.Browser(p.Users[i].Login)
		defer people[i].Close()
		if err := people[i].SignIn(ctx, p.Users[i].Password); err != nil {
			t.Fatalf("sign-in: %v", err)
		}
	}
	ada, grace := people[0], people[1]
	if ada.HTTP() != 2 {
		t.Errorf("the answer came by HTTP/%d", ada.HTTP())
	}
	wantExtensions(t, ada)
	out, err := ada.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if out.Blob, err = ada.UploadBlob(ctx, "application/octet-stream", []byte("an attachment")); err != nil {
		t.Fatalf("upload: %v", err)
	}
	out.To, out.Subject, out.Text, out.MessageID = grace.Login, "One mail", "Hello Grace", "one@cofferdam.test"

	inbox, err := grace.ByRole(ctx, "inbox")
	if err != nil {
		t.Fatal(err)
	}
	socket := overSocket(t, grace)
	changed := make(chan struct{}, 100)
	go grace.Events(ctx, func(e Event) bool {
		if e.Name == "state" || e.Name == "open" {
			changed <- struct{}{}
		}
		return true
	})
	<-changed
	began := time.Now()
	if err := ada.Send(ctx, out); err != nil {
		t.Fatalf("send: %v", err)
	}
	sent := time.Since(began)
	var page Page
	for len(page.IDs) == 0 {
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatal("no event for the mail that arrived")
		}
		if page, err = grace.List(ctx, Args{"inMailbox": inbox}, 0, 50, true); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("sent in %v, seen by the other %v after the click", sent, time.Since(began))
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("the mail was seen after %v", d)
	}
	socket.hears("EmailDelivery")
	mail, doc, err := grace.OpenMail(ctx, page.IDs[0])
	if err != nil || mail.Subject != "One mail" || len(doc) == 0 {
		t.Fatalf("opened %+v with %d bytes: %v", mail, len(doc), err)
	}
	if ok, err := ada.WasSent(ctx, out); err != nil || !ok {
		t.Errorf("the mail is not in Sent: %v, %v", ok, err)
	}
	if log := p.Logs(); !strings.Contains(log, "sasl_method=SCRAM-SHA-256") || strings.Contains(log, "sasl_method=PLAIN") {
		t.Error("the submission server offers SCRAM-SHA-256, and was not signed in to with it")
	}
	if err := ada.SignOut(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.Mailboxes(ctx); StatusOf(err) != 401 {
		t.Errorf("after signing out: %v", err)
	}
}

// wantExtensions: what the operator says of the submission server, and nothing
// else, is told to clients (RFC 8621, section 1.3.2).
func wantExtensions(t *testing.T, who *Person) {
	t.Helper()
	var session struct {
		Accounts map[string]struct {
			AccountCapabilities map[string]struct {
				SubmissionExtensions map[string][]string
			}
		}
	}
	if err := who.getInto(t.Context(), "/jmap/session", &session); err != nil {
		t.Fatal(err)
	}
	for _, a := range session.Accounts {
		got := a.AccountCapabilities["urn:ietf:params:jmap:submission"].SubmissionExtensions
		if diff := cmp.Diff(map[string][]string{"DSN": {}, "X-OWN": {"A", "B"}}, got); diff != "" {
			t.Errorf("submissionExtensions (-want +got):\n%s", diff)
		}
	}
	if len(session.Accounts) != 1 {
		t.Errorf("%d accounts", len(session.Accounts))
	}
}

// TestLongPassword: nothing on the way has a low maximum, and none of it minds
// letters that are not ASCII.
func TestLongPassword(t *testing.T) {
	password := strings.Repeat("Zwölf-Boxkämpfer-jagen-Viktor-", 8) + "…"
	p := platform.Start(t, platform.Options{Users: []platform.User{{Login: "long", Password: password}}})
	s := Start(t, p, Options{})
	one := s.Browser(p.Users[0].Login)
	defer one.Close()
	if err := one.SignIn(t.Context(), password[:len(password)-1]); StatusOf(err) != 401 {
		t.Errorf("the password without its last byte: %v", err)
	}
	if err := one.SignIn(t.Context(), password); err != nil {
		t.Fatalf("a password of %d bytes: %v", len(password), err)
	}
	if _, err := one.Mailboxes(t.Context()); err != nil {
		t.Error(err)
	}
}
