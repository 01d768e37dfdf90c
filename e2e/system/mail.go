package system

import (
	"context"
	"encoding/json"
	"fmt"
)

// Properties as our own client asks for them (web/src/store/email.ts).
var (
	lightProperties = []string{"id", "threadId", "mailboxIds", "keywords", "from", "receivedAt", "hasAttachment"}
	rowProperties   = append(append([]string{}, lightProperties...), "to", "subject", "preview")
	openProperties  = append(append([]string{}, rowProperties...), "blobId", "size", "messageId", "inReplyTo", "references",
		"cc", "bcc", "replyTo", "sentAt", "attachments")
)

// Email is what tests read of one.
type Email struct {
	ID, ThreadID, Subject, Preview, BlobID string
	Keywords                               map[string]bool
	MailboxIDs                             map[string]bool
	MessageID                              []string
	Size                                   int64
}

// Page is one window of a list.
type Page struct {
	Position int
	Total    int
	IDs      []string
	Emails   []Email // the rows
}

// List asks for a window of a mailbox as our client does: conversations, newest
// first, in one round trip.
func (p *Person) List(ctx context.Context, filter Args, position, limit int, collapse bool) (Page, error) {
	text, err := p.Exchange(ctx, ListCalls(filter, position, limit, collapse)...)
	if err != nil {
		return Page{}, err
	}
	return ReadPage(text)
}

// ListCalls are the calls of List.
func ListCalls(filter Args, position, limit int, collapse bool) []Call {
	calls := []Call{
		{"Email/query", Args{"filter": filter, "sort": []Args{{"property": "receivedAt", "isAscending": false}},
			"collapseThreads": collapse, "position": position, "limit": limit, "calculateTotal": true}},
		{"Email/get", Args{"#ids": Ref("0", "Email/query", "/ids"), "properties": rowProperties}},
	}
	if collapse {
		calls = append(calls,
			Call{"Thread/get", Args{"#ids": Ref("1", "Email/get", "/list/*/threadId")}},
			Call{"Email/get", Args{"#ids": Ref("2", "Thread/get", "/list/*/emailIds"), "properties": lightProperties}})
	}
	return calls
}

// ReadPage reads the answer to ListCalls.
func ReadPage(text []byte) (Page, error) {
	a, err := ReadAnswers(text)
	if err != nil {
		return Page{}, err
	}
	var query struct {
		IDs             []string
		Position, Total int
	}
	if err := a.Into(0, &query); err != nil {
		return Page{}, err
	}
	var rows struct{ List []Email }
	if err := a.Into(1, &rows); err != nil {
		return Page{}, err
	}
	if len(rows.List) != len(query.IDs) {
		return Page{}, fmt.Errorf("%d rows for %d ids", len(rows.List), len(query.IDs))
	}
	return Page{query.Position, query.Total, query.IDs, rows.List}, nil
}

// Detail is what our client asks for when a mail is opened.
func (p *Person) Detail(ctx context.Context, id string) (Email, error) {
	text, err := p.Exchange(ctx, DetailCall(id))
	if err != nil {
		return Email{}, err
	}
	return ReadDetail(text, id)
}

// DetailCall is the call of Detail.
func DetailCall(id string) Call {
	return Call{"Email/get", Args{"ids": []string{id}, "properties": openProperties}}
}

// ReadDetail reads the answer to DetailCall.
func ReadDetail(text []byte, id string) (Email, error) {
	a, err := ReadAnswers(text)
	if err != nil {
		return Email{}, err
	}
	var got struct{ List []Email }
	if err := a.Into(0, &got); err != nil {
		return Email{}, err
	}
	if len(got.List) != 1 {
		return Email{}, fmt.Errorf("mail %s is not there", id)
	}
	return got.List[0], nil
}

// OpenMail reads a mail's detail, a ticket, and the document for the frame.
func (p *Person) OpenMail(ctx context.Context, id string) (Email, []byte, error) {
	e, err := p.Detail(ctx, id)
	if err != nil {
		return e, nil, err
	}
	path, err := p.Ticket(ctx, id)
	if err != nil {
		return e, nil, err
	}
	doc, err := p.Get(ctx, path)
	return e, doc, err
}

// Ticket is the path of a mail's document.
func (p *Person) Ticket(ctx context.Context, id string) (string, error) {
	text, err := p.Post(ctx, "/api/tickets", Args{"purpose": "body", "ids": []string{id}})
	if err != nil {
		return "", err
	}
	var out struct{ Tickets map[string]string }
	if err := json.Unmarshal(text, &out); err != nil {
		return "", err
	}
	if out.Tickets[id] == "" {
		return "", fmt.Errorf("no ticket for %s", id)
	}
	return out.Tickets[id], nil
}

// SetKeyword sets or removes one keyword.
func (p *Person) SetKeyword(ctx context.Context, id, keyword string, on bool) error {
	var value any
	if on {
		value = true
	}
	a, err := p.Call(ctx, Call{"Email/set", Args{"update": Args{id: Args{"keywords/" + keyword: value}}}})
	if err != nil {
		return err
	}
	var out struct{ NotUpdated map[string]MethodError }
	if err := a.Into(0, &out); err != nil {
		return err
	}
	if no, ok := out.NotUpdated[id]; ok {
		return &no
	}
	return nil
}

// Outgoing is one mail to send.
type Outgoing struct {
	To, Subject, Text, MessageID string
	Blob                         string // attached, where not empty
	AskReceipt                   bool   // by SendHeld alone
	Drafts, Sent                 string // mailboxes
	Identity                     string
}

// Ready fills in what sending needs of the account.
func (p *Person) Ready(ctx context.Context) (Outgoing, error) {
	var o Outgoing
	a, err := p.Call(ctx, Call{"Mailbox/get", Args{"ids": nil}}, Call{"Identity/get", Args{"ids": nil}})
	if err != nil {
		return o, err
	}
	var boxes struct{ List []Mailbox }
	var identities struct{ List []struct{ ID, Email string } }
	if err := a.Into(0, &boxes); err != nil {
		return o, err
	}
	if err := a.Into(1, &identities); err != nil {
		return o, err
	}
	for _, m := range boxes.List {
		switch m.Role {
		case "drafts":
			o.Drafts = m.ID
		case "sent":
			o.Sent = m.ID
		}
	}
	if o.Drafts == "" || o.Sent == "" || len(identities.List) == 0 {
		return o, fmt.Errorf("no Drafts, Sent or identity")
	}
	o.Identity = identities.List[0].ID
	return o, nil
}

// NotStored is a mail that could not even be laid into Drafts: a client still
// has it in its composer.
type NotStored struct{ Err *MethodError }

func (e *NotStored) Error() string { return "draft not stored: " + e.Err.Error() }

// Send sends as our client does, in one request: create the draft, submit it, and
// on success move it to Sent. A *NotStored or *MethodError means that it was not
// taken.
func (p *Person) Send(ctx context.Context, o Outgoing) error {
	email := Args{
		"mailboxIds": Args{o.Drafts: true}, "keywords": Args{"$draft": true, "$seen": true},
		"from": []Args{{"name": nil, "email": p.Login}}, "to": []Args{{"name": nil, "email": o.To}},
		"subject": o.Subject, "messageId": []string{o.MessageID},
		"bodyValues": Args{"text": Args{"value": o.Text}}, "textBody": []Args{{"partId": "text", "type": "text/plain"}},
	}
	if o.Blob != "" {
		email["attachments"] = []Args{{"blobId": o.Blob, "type": "application/octet-stream", "name": "file.bin", "disposition": "attachment"}}
	}
	a, err := p.Call(ctx,
		Call{"Email/set", Args{"create": Args{"draft": email}}},
		Call{"EmailSubmission/set", Args{"create": Args{"send": Args{"identityId": o.Identity, "emailId": "#draft"}},
			"onSuccessUpdateEmail": Args{"#send": Args{"mailboxIds/" + o.Drafts: nil, "mailboxIds/" + o.Sent: true, "keywords/$draft": nil}}}})
	if err != nil {
		return err
	}
	var made, sent struct {
		Created    map[string]json.RawMessage
		NotCreated map[string]MethodError
	}
	if err := a.Into(0, &made); err != nil {
		return err
	}
	if no, ok := made.NotCreated["draft"]; ok {
		return &NotStored{&no}
	}
	if err := a.Into(1, &sent); err != nil {
		return err
	}
	if no, ok := sent.NotCreated["send"]; ok {
		return &no
	}
	if sent.Created["send"] == nil {
		return fmt.Errorf("submission was neither created nor refused")
	}
	return nil
}

// WasSent looks a mail up among the newest in Sent, as our client does when a
// send had no answer.
func (p *Person) WasSent(ctx context.Context, o Outgoing) (bool, error) {
	a, err := p.Call(ctx,
		Call{"Email/query", Args{"filter": Args{"inMailbox": o.Sent}, "sort": []Args{{"property": "receivedAt", "isAscending": false}}, "position": 0, "limit": 20}},
		Call{"Email/get", Args{"#ids": Ref("0", "Email/query", "/ids"), "properties": []string{"messageId"}}})
	if err != nil {
		return false, err
	}
	var got struct{ List []Email }
	if err := a.Into(1, &got); err != nil {
		return false, err
	}
	for _, e := range got.List {
		for _, id := range e.MessageID {
			if id == o.MessageID {
				return true, nil
			}
		}
	}
	return false, nil
}
