package system

import (
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// TestReceipt: a mail asks for a receipt (RFC 9007), its recipient has one sent, from
// the null sender through a Postfix that checks who sends as whom, and the
// submission's status says that the mail was displayed.
func TestReceipt(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2, Postfix: true})
	s := Start(t, p, Options{})
	both := signInAll(t, s, p.Users)
	ann, bob := both[0], both[1]
	out, err := ann.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out.To, out.Subject, out.Text, out.MessageID, out.AskReceipt = bob.Login, "read me", "Hello.", "receipt@cofferdam.test", true
	id, err := ann.SendHeld(t.Context(), out, 0)
	if err != nil {
		t.Fatal(err)
	}
	mail := awaitSubject(t, bob, "read me")
	from, err := bob.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipt := Call{"MDN/send", Args{"identityId": from.Identity,
		"send":                 Args{"k": Args{"forEmailId": mail, "disposition": Args{"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}}},
		"onSuccessUpdateEmail": Args{"#k": Args{"keywords/$mdnsent": true}}}}
	for n, want := range []string{"", "mdnAlreadySent"} {
		a, err := bob.Call(t.Context(), receipt)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ NotSent map[string]MethodError }
		if err := a.Into(0, &got); err != nil || got.NotSent["k"].Type != want {
			t.Fatalf("call %d: %+v, %v", n, got.NotSent, err)
		}
	}
	blob := awaitDisplayed(t, ann, id, bob.Login)
	a, err := ann.Call(t.Context(), Call{"MDN/parse", Args{"blobIds": []string{blob}}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Parsed map[string]struct {
			ForEmailID, FinalRecipient, OriginalMessageID string
			Disposition                                   struct{ Type string }
		}
	}
	if err := a.Into(0, &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Parsed[blob]; m.FinalRecipient != "rfc822; "+bob.Login || m.OriginalMessageID != "<"+out.MessageID+">" || m.Disposition.Type != "displayed" {
		t.Errorf("%+v", m)
	}
}

// awaitSubject waits for a mail in the inbox.
func awaitSubject(t *testing.T, p *Person, subject string) (id string) {
	t.Helper()
	inbox, err := p.ByRole(t.Context(), "inbox")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		a, err := p.Call(t.Context(), Call{"Email/query", Args{"filter": Args{"inMailbox": inbox, "subject": subject}}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ IDs []string }
		if err := a.Into(0, &got); err == nil && len(got.IDs) == 1 {
			return got.IDs[0]
		}
	}
	t.Fatalf("no mail %q came", subject)
	return ""
}

// awaitDisplayed waits until a submission is told as read by somebody, and returns
// the blob of the receipt.
func awaitDisplayed(t *testing.T, p *Person, id, by string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		list, err := p.GetSubmissions(t.Context(), id)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if list[0].DeliveryStatus[by].Displayed == "yes" && len(list[0].MDNBlobIDs) == 1 {
			return list[0].MDNBlobIDs[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the receipt was not heard: %+v", list[0])
		}
	}
}
