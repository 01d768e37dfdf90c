package protocol

import (
	"context"
	"strings"
	"time"
)

var submissionChecks = []check{{"identity", submissionIdentity}, {"send", submissionSend}, {"refused", submissionRefused}, {"edges", submissionEdges}}

type identity struct {
	ID, Email string
	MayDelete bool
}

func (w *world) identity() identity {
	w.Helper()
	var got struct{ List []identity }
	w.ask(&got, "Identity/get", A{"ids": nil})
	if len(got.List) == 0 {
		w.Fatal("nobody to send as")
	}
	return got.List[0]
}

func submissionIdentity(w *world) {
	if got := w.identity(); got.Email != w.address {
		w.Errorf("%+v, want %s", got, w.address)
	}
}

// draft makes a mail that can be sent.
func (w *world) draft(box, subject, from string) string {
	w.Helper()
	return w.set("Email", A{"create": A{"d": A{"mailboxIds": A{box: true}, "keywords": A{"$draft": true}, "subject": subject,
		"from": []A{{"email": from}}, "to": []A{{"email": w.site.peer}}, "bcc": []A{{"email": w.address}},
		"bodyValues": A{"t": A{"value": "Hello"}}, "textBody": []A{{"partId": "t", "type": "text/plain"}}}}}).Created["d"].ID
}

// RFC 8621, section 7.5: sent, put where the client wants it, without its Bcc.
func submissionSend(w *world) {
	drafts, sent, subject := w.role("drafts"), w.role("sent"), fresh("subject")
	id := w.draft(drafts, subject, w.address)
	before := w.state("EmailSubmission")
	got := w.batch([]any{"EmailSubmission/set", A{"create": A{"s": A{"identityId": w.identity().ID, "emailId": id}},
		"onSuccessUpdateEmail": A{"#s": A{"mailboxIds/" + drafts: nil, "mailboxIds/" + sent: true, "keywords/$draft": nil, "keywords/$seen": true}}}, "0"})
	var made, moved setResponse
	if len(got) != 2 || got[0].name != "EmailSubmission/set" || got[1].name != "Email/set" {
		w.Fatalf("%v", got)
	}
	w.decode(&made, got[0].args)
	w.decode(&moved, got[1].args)
	s := made.Created["s"].ID
	if _, ok := moved.Updated[id]; s == "" || !ok {
		w.Fatalf("%s\n%s", got[0].args, got[1].args)
	}
	if e := w.email(id, nil, "mailboxIds", "keywords"); !e.MailboxIDs[sent] || e.MailboxIDs[drafts] || e.Keywords["$draft"] || !e.Keywords["$seen"] {
		w.Errorf("the sent mail: %+v", e)
	}
	var sub struct {
		List []struct{ EmailID, UndoStatus string }
	}
	w.until("the end of the submission", func() bool {
		w.ask(&sub, "EmailSubmission/get", A{"ids": []string{s}})
		return len(sub.List) == 1 && sub.List[0].UndoStatus == "final"
	})
	if c := w.changes("EmailSubmission", before); len(c.Created) != 1 || c.Created[0] != s {
		w.Errorf("changes %+v", c)
	}
	var there []string
	w.until("the mail at its recipient", func() bool {
		there = w.site.received(w.T, subject)
		return len(there) > 0
	})
	if len(there) != 1 || strings.Contains(strings.ToLower(there[0]), "\nbcc:") {
		w.Errorf("%d arrived: %s", len(there), there)
	}
}

// RFC 8621, section 7.5: what is wrong is said before anything is sent.
func submissionRefused(w *world) {
	drafts, who := w.role("drafts"), w.identity().ID
	subject := fresh("subject")
	foreign := w.draft(drafts, subject, "somebody@else.example")
	good := w.draft(drafts, subject, w.address)
	envelope := func(rcpt ...A) A {
		return A{"mailFrom": A{"email": w.address}, "rcptTo": append([]A{}, rcpt...)}
	}
	var got setResponse
	w.ask(&got, "EmailSubmission/set", A{"create": A{
		"from":  A{"identityId": who, "emailId": foreign},
		"none":  A{"identityId": who, "emailId": good, "envelope": envelope()},
		"bad":   A{"identityId": who, "emailId": good, "envelope": envelope(A{"email": "no address"})},
		"email": A{"identityId": who, "emailId": "Enothing"},
	}})
	for id, want := range map[string]string{"from": "forbiddenFrom", "none": "noRecipients", "bad": "invalidRecipients", "email": "invalidProperties"} {
		if got.NotCreated[id].Type != want {
			w.Errorf("%s: %+v, want %s", id, got.NotCreated[id], want)
		}
	}
	if there := w.site.received(w.T, subject); len(there) > 0 {
		w.Errorf("it was sent: %q", there)
	}
}

var pushChecks = []check{{"closes after a state", pushState}, {"tells of mail", pushMail}}

// events is what a stream of events says until it ends.
func (w *world) events(ctx context.Context, types, closeAfter, ping string) (string, error) {
	path := w.path(w.session.EventSourceURL, "{types}", types, "{closeafter}", closeAfter, "{ping}", ping)
	out, err := w.wire.Do(ctx, "GET", path, "", nil)
	return string(out), err
}

// RFC 8620, section 7.3.
func pushState(w *world) {
	box, _ := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name})[name]
	type end struct {
		said string
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		said, err := w.events(w.Context(), "Email", "state", "0")
		ended <- end{said, err}
	}()
	for seen := true; ; seen = !seen { // until the stream is open and tells of it
		select {
		case e := <-ended:
			if e.err != nil || !strings.Contains(e.said, "event: state") || !strings.Contains(e.said, `"`+w.session.account+`"`) ||
				!strings.Contains(e.said, `"Email"`) || strings.Contains(e.said, `"Mailbox"`) {
				w.Errorf("%q, %v", e.said, e.err)
			}
			return
		case <-time.After(200 * time.Millisecond):
			w.set("Email", A{"update": A{id: A{"keywords/$seen": onOff(seen)}}})
		}
	}
}

// onOff is a keyword's value in a patch.
func onOff(on bool) any {
	if on {
		return true
	}
	return nil
}

// RFC 8621, section 1.5: mail that comes is told of, as Email and EmailDelivery.
func pushMail(w *world) {
	type end struct {
		said string
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		said, err := w.events(w.Context(), "EmailDelivery,Email", "state", "0")
		ended <- end{said, err}
	}()
	for wait := 500 * time.Millisecond; ; wait = patience {
		select {
		case e := <-ended:
			if e.err != nil || !strings.Contains(e.said, `"EmailDelivery"`) {
				w.Errorf("%q, %v", e.said, e.err)
			}
			return
		case <-time.After(wait):
			if wait == patience {
				w.Fatalf("nothing was told in %v", patience)
			}
			w.other.append("INBOX", letter{name: fresh("news")}.raw())
		}
	}
}
