package jmapserver_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestWholeSend is TestWholeAccount for mails that are held before they are sent.
func TestWholeSend(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*whole, *mailRoom, string, string)
	}{
		{"undo", sendUndo},
		{"destroyed", sendDestroyed},
		{"refused", sendRefused},
		{"reports", sendReports},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, m := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}, &mailRoom{rows: map[string]outbox.Stored{}}
				var sender outbox.Sender = m
				if c.name == "refused" {
					sender = refusing{}
				}
				var err error
				w.out, err = outbox.Open(w.Context(), outbox.Config{Sender: sender, Records: m, Log: slog.New(slog.DiscardHandler),
					Identities: func() []jmap.Identity { return account.Identities("", []string{"anna@example.org"}) }})
				if err != nil {
					w.Fatal(err)
				}
				w.open()
				email := w.set(`"create":{"k":{"mailboxIds":{"` + w.mailbox("drafts") + `":true},"keywords":{"$draft":true},"subject":"going out",` +
					`"from":[{"email":"anna@example.org"}],"to":[{"email":"bob@example.com"}]}}`)["k"]
				c.f(w, m, email, w.hold(email))
			})
		})
	}
}

// refusing is a submission server that takes nothing.
type refusing struct{}

func (refusing) Submit(context.Context, string, *jmap.Envelope, io.Reader, int64) (outbox.Result, error) {
	return outbox.Result{}, &outbox.Refusal{Reply: "550 5.1.1 no such user"}
}

func (m *mailRoom) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}

// hold submits a mail for in ten seconds, as our client does, and returns the id.
func (w *whole) hold(email string) string {
	w.Helper()
	var who struct{ List []struct{ ID string } }
	w.ask(&who, "Identity/get", "")
	began := time.Now()
	_, body := w.w.post(`{"using":` + quoted([]string{jmap.CapabilityCore, jmap.CapabilityMail, jmap.CapabilitySubmission}) + `,"methodCalls":[["EmailSubmission/set",{"accountId":"a1",` +
		`"create":{"s":{"identityId":"` + who.List[0].ID + `","emailId":"` + email + `","envelope":{"mailFrom":{"email":"anna@example.org","parameters":{"HOLDFOR":"10"}},"rcptTo":[{"email":"bob@example.com"}]}}},` +
		`"onSuccessUpdateEmail":{"#s":{"mailboxIds":{"` + w.mailbox("sent") + `":true},"keywords/$draft":null}}},"0"]]}`)
	var out struct{ MethodResponses [][]json.RawMessage }
	var set struct {
		Created map[string]struct {
			ID, UndoStatus string
			SendAt         time.Time
		}
	}
	if err := json.Unmarshal(body, &out); err != nil || len(out.MethodResponses) != 2 || json.Unmarshal(out.MethodResponses[0][1], &set) != nil {
		w.Fatalf("submitted: %v, %s", err, body)
	}
	if s := set.Created["s"]; s.UndoStatus != "pending" || s.SendAt.Sub(began) < 9*time.Second || s.SendAt.Sub(began) > 10*time.Second {
		w.Errorf("held: %+v at %v", s, began)
	}
	if box, draft := w.place(email); box != w.mailbox("sent") || draft {
		w.Errorf("it lies in %s, draft: %v", box, draft)
	}
	return set.Created["s"].ID
}

// place is the mailbox in which a mail lies, and whether it is a draft.
func (w *whole) place(email string) (box string, draft bool) {
	w.Helper()
	var got struct {
		List []struct{ MailboxIDs, Keywords map[string]bool }
	}
	w.ask(&got, "Email/get", `"ids":["`+email+`"],"properties":["mailboxIds","keywords"]`)
	for _, e := range got.List {
		for id := range e.MailboxIDs {
			box += id
		}
		draft = e.Keywords["$draft"]
	}
	return box, draft
}

func (w *whole) undo(submission string) string {
	w.Helper()
	var set struct {
		Updated    map[string]any
		NotUpdated map[string]struct{ Type string }
	}
	w.ask(&set, "EmailSubmission/set", `"update":{"`+submission+`":{"undoStatus":"canceled"}}`)
	return set.NotUpdated[submission].Type
}

func (w *whole) submission(id string) (undo string, status map[string]struct{ SMTPReply, Delivered string }) {
	w.Helper()
	var got struct {
		List []struct {
			UndoStatus     string
			DeliveryStatus map[string]struct{ SMTPReply, Delivered string }
		}
	}
	w.ask(&got, "EmailSubmission/get", `"ids":["`+id+`"]`)
	if len(got.List) != 1 {
		w.Fatalf("%+v", got)
	}
	return got.List[0].UndoStatus, got.List[0].DeliveryStatus
}

// RFC 8621, sections 7 and 7.5: pending becomes canceled, and then nothing is sent.
func sendUndo(w *whole, m *mailRoom, _, id string) {
	time.Sleep(9 * time.Second)
	if no := w.undo(id); no != "" {
		w.Errorf("not canceled: %s", no)
	}
	time.Sleep(10 * time.Second)
	if undo, _ := w.submission(id); undo != "canceled" || len(m.all()) != 0 {
		w.Errorf("%s, sent %q", undo, m.all())
	}
}

// RFC 8621, section 7.5: a destroyed Email does not cancel a future send; and what
// was sent cannot be unsent.
func sendDestroyed(w *whole, m *mailRoom, email, id string) {
	w.set(`"destroy":["` + email + `"]`)
	time.Sleep(11 * time.Second)
	if len(m.all()) != 1 || !strings.Contains(m.all()[0], "Subject: going out") {
		w.Errorf("sent %q", m.all())
	}
	if undo, _ := w.submission(id); undo != "final" {
		w.Errorf("undoStatus %s", undo)
	}
	if no := w.undo(id); no != "cannotUnsend" {
		w.Errorf("unsent: %q", no)
	}
}

// A mail that the server refuses in the end is a draft again: in Sent it would look
// sent.
func sendRefused(w *whole, _ *mailRoom, email, id string) {
	time.Sleep(11 * time.Second)
	if _, status := w.submission(id); status["bob@example.com"].Delivered != "no" || status["bob@example.com"].SMTPReply != "550 5.1.1 no such user" {
		w.Errorf("status %+v", status)
	}
	if box, draft := w.place(email); box != w.mailbox("drafts") || !draft {
		w.Errorf("it lies in %s, draft: %v", box, draft)
	}
}

// RFC 8621, section 7: reports that come into the inbox change the delivery status.
func sendReports(w *whole, m *mailRoom, email, id string) {
	time.Sleep(11 * time.Second)
	var mail struct {
		List []struct{ MessageID []string }
	}
	w.ask(&mail, "Email/get", `"ids":["`+email+`"],"properties":["messageId"]`)
	if len(m.all()) != 1 || len(mail.List) != 1 || len(mail.List[0].MessageID) != 1 {
		w.Fatalf("sent %q, %+v", m.all(), mail)
	}
	report := func(kind, fields string) {
		w.mem.Deliver("INBOX", []byte("From: x@example.com\r\nSubject: "+kind+"\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/"+kind+"\r\n\r\n"+fields+
			"\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <"+mail.List[0].MessageID[0]+">\r\n\r\n--b--\r\n"), time.Now())
		time.Sleep(5 * time.Second)
	}
	status := func() (delivered, displayed string, dsn, mdn int) {
		var got struct {
			List []struct {
				DeliveryStatus         map[string]struct{ Delivered, Displayed string }
				DSNBlobIDs, MDNBlobIDs []string
			}
		}
		w.ask(&got, "EmailSubmission/get", `"ids":["`+id+`"]`)
		s := got.List[0]
		return s.DeliveryStatus["bob@example.com"].Delivered, s.DeliveryStatus["bob@example.com"].Displayed, len(s.DSNBlobIDs), len(s.MDNBlobIDs)
	}
	report("delivery-status", "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: delayed\r\nStatus: 4.4.1")
	if delivered, displayed, dsn, _ := status(); delivered != "unknown" || displayed != "unknown" || dsn != 1 {
		w.Errorf("delayed: %s, %s, %d reports", delivered, displayed, dsn)
	}
	report("delivery-status", "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: delivered\r\nStatus: 2.0.0")
	report("disposition-notification", "Final-Recipient: rfc822;bob@example.com\r\nDisposition: manual-action/MDN-sent-manually; displayed")
	if delivered, displayed, dsn, mdn := status(); delivered != "yes" || displayed != "yes" || dsn != 2 || mdn != 1 {
		w.Errorf("in the end: %s, %s, %d and %d reports", delivered, displayed, dsn, mdn)
	}
}
