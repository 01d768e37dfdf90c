package system

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/managesieve"
)

// letAnswersPass lets Dovecot send what Sieve answers: it signs in nowhere and has
// the empty sender that RFC 5230, section 5.1 asks for.
const letAnswersPass = `
smtpd_relay_restrictions = check_sender_access inline:{ {<> = OK} }, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, check_sender_access inline:{ {<> = OK} }, permit_sasl_authenticated, reject
`

// sieving makes calls with the capabilities of filters and vacation responses, and
// decodes the answer of the last.
func (p *Person) sieving(ctx context.Context, out any, calls ...Call) error {
	s, err := p.Open(ctx)
	if err != nil {
		return err
	}
	methods := make([][]any, len(calls))
	for i, c := range calls {
		args := Args{"accountId": s.Account}
		for k, v := range c.Args {
			args[k] = v
		}
		methods[i] = []any{c.Name, args, fmt.Sprint(i)}
	}
	text, err := p.Post(ctx, s.API, Args{"methodCalls": methods, "using": []string{capCore, capMail, "urn:ietf:params:jmap:blob",
		"urn:ietf:params:jmap:vacationresponse", "urn:ietf:params:jmap:sieve"}})
	if err != nil {
		return err
	}
	answers, err := ReadAnswers(text)
	if err != nil {
		return err
	}
	return answers.Into(len(calls)-1, out)
}

// setResult is what a /set says of each object.
type setResult struct {
	Created, Updated, NotCreated, NotUpdated map[string]json.RawMessage
}

// setVacation changes the VacationResponse.
func (p *Person) setVacation(ctx context.Context, patch Args) error {
	var r setResult
	err := p.sieving(ctx, &r, Call{"VacationResponse/set", Args{"update": Args{"singleton": patch}}})
	if err == nil && r.NotUpdated["singleton"] != nil {
		err = fmt.Errorf("not updated: %s", r.NotUpdated["singleton"])
	}
	return err
}

// manageSieve signs in as another program of the person's.
func manageSieve(t *testing.T, p *platform.Platform, u platform.User) *managesieve.Conn {
	t.Helper()
	c, err := managesieve.Dial(t.Context(), managesieve.Config{Addr: p.ManageSieve, TLS: p.TLS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Authenticate(t.Context(), managesieve.Credentials{User: u.Login, Secret: []byte(u.Password)}); err != nil {
		t.Fatal(err)
	}
	return c
}

func activeScript(t *testing.T, c *managesieve.Conn) string {
	t.Helper()
	list, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Active {
			return s.Name
		}
	}
	return ""
}

// vacationing is a person who goes away and one who writes to them.
type vacationing struct {
	*testing.T
	p          *platform.Platform
	ada, grace *Person
	sent       int
}

// deliver lays a mail of Grace's into Ada's mailbox, as the platform does.
func (v *vacationing) deliver(from, subject, header string) {
	v.Helper()
	v.sent++
	text := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <v%d@%s>\r\n%s\r\nHello Ada\r\n", v.grace.Login, v.ada.Login, subject, v.sent, platform.Domain, header)
	if err := v.p.Deliver(from, v.ada.Login, []byte(text)); err != nil {
		v.Fatal(err)
	}
}

// answers waits until Grace has so many. One too many shows here or the next time.
func (v *vacationing) answers(want int) Page {
	v.Helper()
	return v.mails(v.grace, "inbox", want)
}

// mails waits until a mailbox has so many mails, and fails if it has others in the end.
func (v *vacationing) mails(p *Person, role string, want int) Page {
	v.Helper()
	var page Page
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		mailbox, err := p.ByRole(v.Context(), role)
		if err == nil {
			page, err = p.List(v.Context(), Args{"inMailbox": mailbox}, 0, 50, false)
		}
		if err != nil {
			v.Fatal(err)
		}
		if len(page.IDs) >= want {
			break
		}
	}
	if len(page.IDs) != want {
		v.Fatalf("%s has %d mails in %s, want %d", p.Login, len(page.IDs), role, want)
	}
	return page
}

// TestVacationAnswers: a vacation response that is set by JMAP answers a mail that
// Postfix and Dovecot deliver, once and to people alone, while the person's own
// script goes on filing; and it leaves that script as the active one.
func TestVacationAnswers(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2, Postfix: true, Sieve: true, PostfixExtra: letAnswersPass})
	s := Start(t, p, Options{})
	ctx := t.Context()
	v := &vacationing{T: t, p: p}
	for i, one := range []**Person{&v.ada, &v.grace} {
		*one = s.Browser(p.Users[i].Login)
		defer (*one).Close()
		if err := (*one).SignIn(ctx, p.Users[i].Password); err != nil {
			t.Fatal(err)
		}
	}
	other := manageSieve(t, p, p.Users[0])
	if _, err := other.Put(ctx, "mine", "require \"fileinto\";\r\nif header :contains \"subject\" \"news\" { fileinto \"Archive\"; stop; }\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := other.SetActive(ctx, "mine"); err != nil {
		t.Fatal(err)
	}

	// Not yet: the time begins tomorrow, or is over.
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format("2006-01-02T15:04:05Z") }
	set := func(patch Args) {
		t.Helper()
		if err := v.ada.setVacation(ctx, patch); err != nil {
			t.Fatal(err)
		}
	}
	set(Args{"isEnabled": true, "fromDate": day(1), "textBody": "Ich bin weg.\n", "htmlBody": "<p>Ich bin <b>weg</b>.", "subject": "Fort für länger"})
	v.deliver(v.grace.Login, "too early", "")
	set(Args{"fromDate": nil, "toDate": day(-1)})
	v.deliver(v.grace.Login, "too late", "")
	set(Args{"fromDate": day(-1), "toDate": day(1)})
	// To lists, programs, spam and nobody there is no answer.
	v.deliver(v.grace.Login, "a list", "List-Id: <x.example.com>\r\n")
	v.deliver(v.grace.Login, "a list of old", "Precedence: bulk\r\n")
	v.deliver(v.grace.Login, "a program", "Auto-Submitted: auto-generated\r\n")
	v.deliver(v.grace.Login, "spam", "X-Spam-Flag: YES\r\n")
	v.deliver("", "a bounce", "")
	v.answers(0)

	out, err := v.grace.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out.To, out.Subject, out.Text, out.MessageID = v.ada.Login, "the news of today", "Hello Ada", "news@"+platform.Domain
	if err := v.grace.Send(ctx, out); err != nil {
		t.Fatal(err)
	}
	mail, doc, err := v.grace.OpenMail(ctx, v.answers(1).IDs[0])
	if err != nil || mail.Subject != "Fort für länger" || !strings.Contains(string(doc), "<b>weg</b>") {
		t.Errorf("answered %q with %s: %v", mail.Subject, doc, err)
	}
	answers, err := v.grace.Call(ctx, Call{"Email/get", Args{"ids": []string{mail.ID}, "properties": []string{"header:Auto-Submitted", "header:In-Reply-To", "header:Return-Path"}}})
	if text := fmt.Sprintf("%s", answers); err != nil || !strings.Contains(text, "auto-replied") || !strings.Contains(text, "news@"+platform.Domain) || !strings.Contains(text, " <>\"") {
		t.Errorf("the answer's header: %s, %v", text, err)
	}
	// Ada's own script has filed it, although it ends with "stop".
	v.mails(v.ada, "archive", 1)
	// Once is enough for some days.
	v.deliver(v.grace.Login, "again", "")
	v.answers(1)

	// Without words of her own, words of ours and a subject of the mail's.
	set(Args{"subject": nil, "textBody": nil, "htmlBody": nil})
	v.deliver(v.grace.Login, "another question", "")
	var auto Email
	for _, id := range v.answers(2).IDs {
		if e, err := v.grace.Detail(ctx, id); err == nil && id != mail.ID {
			auto = e
		}
	}
	if !strings.HasPrefix(auto.Subject, "Auto: another question") {
		t.Errorf("the server's subject is %q", auto.Subject)
	}

	set(Args{"isEnabled": false})
	if got := activeScript(t, other); got != "mine" {
		t.Errorf("the active script is %q after it", got)
	}
	v.scripts(other)
}

// scripts: SieveScript on a real platform, with what porter's guard refuses.
func (v *vacationing) scripts(other *managesieve.Conn) {
	ctx := v.Context()
	create := func(text string) json.RawMessage {
		v.Helper()
		blob, err := v.ada.UploadBlob(ctx, "application/sieve", []byte(text))
		if err != nil {
			v.Fatal(err)
		}
		var r setResult
		if err := v.ada.sieving(ctx, &r, Call{"SieveScript/set", Args{"create": Args{"k": Args{"name": "by jmap", "blobId": blob}}, "onSuccessActivateScript": "#k"}}); err != nil {
			v.Fatal(err)
		}
		if r.Created["k"] != nil {
			return nil
		}
		return r.NotCreated["k"]
	}
	for text, want := range map[string][]string{
		"redirect \"eve@example.net\";":                     {`"forbidden"`, "forwards mail to a new address"},
		"keep;\nif heder \"x\" \"y\" { keep; }":             {`"invalidSieve"`, "2"},
		"require \"nothing\"; keep;":                        {`"invalidSieve"`, "line 1"},
		"require \"fileinto\";\nfileinto :create \"News\";": {`"invalidSieve"`, "line"},
	} {
		got := string(create(text))
		for _, w := range want {
			if !strings.Contains(got, w) {
				v.Errorf("%q: %s, want %q in it", text, got, w)
			}
		}
	}
	if got := activeScript(v.T, other); got != "mine" {
		v.Errorf("the active script is %q after refusals", got)
	}
	if no := create("require \"fileinto\";\nfileinto \"Archive\";"); no != nil {
		v.Errorf("a good script: %s", no)
	}
	if got := activeScript(v.T, other); got != "by jmap" {
		v.Errorf("the active script is %q", got)
	}
	var list struct {
		List []struct {
			Name     string
			IsActive bool
		}
	}
	if err := v.ada.sieving(ctx, &list, Call{"SieveScript/get", Args{"ids": nil}}); err != nil || len(list.List) != 3 {
		v.Errorf("%+v, %v", list, err)
	}
}
