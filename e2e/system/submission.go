package system

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Submission is what tests read of an EmailSubmission (RFC 8621, section 7).
type Submission struct {
	ID, EmailID, UndoStatus, SendAt string
	DeliveryStatus                  map[string]struct{ SMTPReply, Delivered, Displayed string }
	DSNBlobIDs, MDNBlobIDs          []string
}

// SendHeld sends as our client does, to wait for so many seconds before it goes out;
// 0 sends at once. It returns the submission's id. Errors are those of Send.
func (p *Person) SendHeld(ctx context.Context, o Outgoing, seconds int) (string, error) {
	email := Args{
		"mailboxIds": Args{o.Drafts: true}, "keywords": Args{"$draft": true, "$seen": true},
		"from": []Args{{"name": nil, "email": p.Login}}, "to": []Args{{"name": nil, "email": o.To}},
		"subject": o.Subject, "messageId": []string{o.MessageID},
		"bodyValues": Args{"text": Args{"value": o.Text}}, "textBody": []Args{{"partId": "text", "type": "text/plain"}},
	}
	if o.AskReceipt {
		email["header:Disposition-Notification-To:asAddresses"] = []Args{{"name": nil, "email": p.Login}}
	}
	submission := Args{"identityId": o.Identity, "emailId": "#draft"}
	if seconds > 0 {
		submission["envelope"] = Args{"mailFrom": Args{"email": p.Login, "parameters": Args{"HOLDFOR": strconv.Itoa(seconds)}}, "rcptTo": []Args{{"email": o.To}}}
	}
	a, err := p.Call(ctx,
		Call{"Email/set", Args{"create": Args{"draft": email}}},
		Call{"EmailSubmission/set", Args{"create": Args{"send": submission},
			"onSuccessUpdateEmail": Args{"#send": Args{"mailboxIds/" + o.Drafts: nil, "mailboxIds/" + o.Sent: true, "keywords/$draft": nil}}}})
	if err != nil {
		return "", err
	}
	var made struct{ NotCreated map[string]MethodError }
	var sent struct {
		Created    map[string]struct{ ID string }
		NotCreated map[string]MethodError
	}
	if err := a.Into(0, &made); err != nil {
		return "", err
	}
	if no, ok := made.NotCreated["draft"]; ok {
		return "", &NotStored{&no}
	}
	if err := a.Into(1, &sent); err != nil {
		return "", err
	}
	if no, ok := sent.NotCreated["send"]; ok {
		return "", &no
	}
	if sent.Created["send"].ID == "" {
		return "", fmt.Errorf("submission was neither created nor refused")
	}
	return sent.Created["send"].ID, nil
}

// submissionsAtOnce is how many are read in one request: few enough for any
// maxObjectsInGet (RFC 8620 section 2).
const submissionsAtOnce = 200

// Submissions reads them all, newest first, by the Message-ID of their mails; one
// whose mail is gone has none.
func (p *Person) Submissions(ctx context.Context) (map[string][]Submission, error) {
	out := map[string][]Submission{}
	for at := 0; ; at += submissionsAtOnce {
		n, err := p.someSubmissions(ctx, at, out)
		if err != nil || n < submissionsAtOnce {
			return out, err
		}
	}
}

// someSubmissions adds those from a position on to out, and returns how many they are.
func (p *Person) someSubmissions(ctx context.Context, at int, out map[string][]Submission) (int, error) {
	a, err := p.Call(ctx,
		Call{"EmailSubmission/query", Args{"sort": []Args{{"property": "sentAt", "isAscending": false}}, "position": at, "limit": submissionsAtOnce}},
		Call{"EmailSubmission/get", Args{"#ids": Ref("0", "EmailSubmission/query", "/ids"), "properties": []string{"id", "emailId", "undoStatus", "deliveryStatus"}}},
		Call{"Email/get", Args{"#ids": Ref("1", "EmailSubmission/get", "/list/*/emailId"), "properties": []string{"messageId"}}})
	if err != nil {
		return 0, err
	}
	var subs struct{ List []Submission }
	var mails struct{ List []Email }
	if err := a.Into(1, &subs); err != nil {
		return 0, err
	}
	if err := a.Into(2, &mails); err != nil {
		return 0, err
	}
	name := map[string]string{}
	for _, e := range mails.List {
		if len(e.MessageID) == 1 {
			name[e.ID] = e.MessageID[0]
		}
	}
	for _, s := range subs.List {
		out[name[s.EmailID]] = append(out[name[s.EmailID]], s)
	}
	return len(subs.List), nil
}

// GetSubmissions reads some by their ids; those that are not there are left out.
func (p *Person) GetSubmissions(ctx context.Context, ids ...string) ([]Submission, error) {
	a, err := p.Call(ctx, Call{"EmailSubmission/get", Args{"ids": ids}})
	if err != nil {
		return nil, err
	}
	var got struct {
		List     []Submission
		NotFound json.RawMessage
	}
	err = a.Into(0, &got)
	return slices.Clip(got.List), err
}
