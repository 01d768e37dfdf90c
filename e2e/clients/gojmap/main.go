// Command gojmap drives a JMAP server with a client that we did not write,
// git.sr.ht/~rockorager/go-jmap: it reads, threads, flags, moves, sends, and waits
// to be told of what it sent. It ends with an error at the first thing that is not
// as that client expects. The environment names SESSION (a URL), LOGIN and
// PASSWORD; a mail with the subject "talk" and an answer to it are in the inbox.
//
// It is a module of its own, so that what the client leans on is not among the
// product's dependencies.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"git.sr.ht/~rockorager/go-jmap"
	"git.sr.ht/~rockorager/go-jmap/core/push"
	"git.sr.ht/~rockorager/go-jmap/mail"
	"git.sr.ht/~rockorager/go-jmap/mail/email"
	"git.sr.ht/~rockorager/go-jmap/mail/emailsubmission"
	"git.sr.ht/~rockorager/go-jmap/mail/identity"
	"git.sr.ht/~rockorager/go-jmap/mail/mailbox"
	"git.sr.ht/~rockorager/go-jmap/mail/thread"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type driver struct {
	c       *jmap.Client
	account jmap.ID
	boxes   map[mailbox.Role]jmap.ID

	mail  *email.Email // the first of the conversation
	state string       // of Emails, when it was read
	sent  jmap.ID
	told  chan *jmap.StateChange
	ended chan error // of the stream of events
}

func run() error {
	d := &driver{c: (&jmap.Client{SessionEndpoint: os.Getenv("SESSION")}).WithBasicAuth(os.Getenv("LOGIN"), os.Getenv("PASSWORD"))}
	if err := d.c.Authenticate(); err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	d.account = d.c.Session.PrimaryAccounts[mail.URI]
	for _, step := range []struct {
		name string
		f    func() error
	}{{"mailboxes", d.mailboxes}, {"read", d.read}, {"thread", d.thread}, {"flag", d.flag}, {"move", d.move}, {"blob", d.blob}, {"send", d.send}, {"push", d.push}} {
		if err := step.f(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println(step.name)
	}
	return nil
}

// call sends one request and returns the arguments of its responses.
func (d *driver) call(methods ...jmap.Method) ([]any, error) {
	req := &jmap.Request{}
	for _, m := range methods {
		req.Invoke(m)
	}
	resp, err := d.c.Do(req)
	if err != nil {
		return nil, err
	}
	var out []any
	for _, r := range resp.Responses {
		if e, ok := r.Args.(*jmap.MethodError); ok {
			return nil, fmt.Errorf("%s: %s", r.Name, e.Type)
		}
		out = append(out, r.Args)
	}
	return out, nil
}

func (d *driver) mailboxes() error {
	got, err := d.call(&mailbox.Get{Account: d.account})
	if err != nil {
		return err
	}
	d.boxes = map[mailbox.Role]jmap.ID{}
	for _, m := range got[0].(*mailbox.GetResponse).List {
		d.boxes[m.Role] = m.ID
	}
	for _, role := range []mailbox.Role{mailbox.RoleInbox, mailbox.RoleDrafts, mailbox.RoleSent, mailbox.RoleArchive} {
		if d.boxes[role] == "" {
			return fmt.Errorf("no mailbox of role %s", role)
		}
	}
	return nil
}

// read finds a conversation and its first mail in one request, by references.
func (d *driver) read() error {
	req := &jmap.Request{}
	query := req.Invoke(&email.Query{Account: d.account, Filter: &email.FilterCondition{InMailbox: d.boxes[mailbox.RoleInbox], Subject: "talk"},
		Sort: []*email.SortComparator{{Property: "receivedAt", IsAscending: true}}, CollapseThreads: true, CalculateTotal: true})
	req.Invoke(&email.Get{Account: d.account, FetchTextBodyValues: true, ReferenceIDs: &jmap.ResultReference{ResultOf: query, Name: "Email/query", Path: "/ids"}})
	resp, err := d.c.Do(req)
	if err != nil {
		return err
	}
	if len(resp.Responses) != 2 {
		return fmt.Errorf("%d responses", len(resp.Responses))
	}
	emails, ok := resp.Responses[1].Args.(*email.GetResponse)
	if !ok || len(emails.List) != 1 {
		return fmt.Errorf("one conversation is not %+v", resp.Responses)
	}
	e := emails.List[0]
	if len(e.TextBody) != 1 || !strings.Contains(e.BodyValues[e.TextBody[0].PartID].Value, "Hello") || e.From[0].Email != "ann@example.org" || e.Subject != "talk" {
		return fmt.Errorf("the mail is %+v", e)
	}
	d.mail, d.state = e, emails.State
	return nil
}

// thread reads the whole conversation by its id.
func (d *driver) thread() error {
	req := &jmap.Request{}
	get := req.Invoke(&thread.Get{Account: d.account, IDs: []jmap.ID{d.mail.ThreadID}})
	req.Invoke(&email.Get{Account: d.account, Properties: []string{"subject", "threadId"}, ReferenceIDs: &jmap.ResultReference{ResultOf: get, Name: "Thread/get", Path: "/list/*/emailIds"}})
	resp, err := d.c.Do(req)
	if err != nil {
		return err
	}
	threads, ok := resp.Responses[0].Args.(*thread.GetResponse)
	emails, ok2 := resp.Responses[1].Args.(*email.GetResponse)
	if !ok || !ok2 || len(threads.List) != 1 || len(threads.List[0].EmailIDs) != 2 || threads.List[0].EmailIDs[0] != d.mail.ID || len(emails.List) != 2 {
		return fmt.Errorf("a conversation of two mails is not %+v", resp.Responses)
	}
	subjects := []string{emails.List[0].Subject, emails.List[1].Subject}
	if slices.Sort(subjects); !slices.Equal(subjects, []string{"Re: talk", "talk"}) {
		return fmt.Errorf("the conversation is %q", subjects)
	}
	return nil
}

// flag sets keywords, and is told of that as a change.
func (d *driver) flag() error {
	e, err := d.update(jmap.Patch{"keywords/$seen": true, "keywords/$flagged": true})
	if err == nil && (!e.Keywords["$flagged"] || !e.Keywords["$seen"] || !e.MailboxIDs[d.boxes[mailbox.RoleInbox]]) {
		err = fmt.Errorf("after flagging: %+v", e)
	}
	return err
}

// move moves the mail: its id stays.
func (d *driver) move() error {
	archive := d.boxes[mailbox.RoleArchive]
	e, err := d.update(jmap.Patch{"mailboxIds": map[jmap.ID]bool{archive: true}})
	if err == nil && (!e.MailboxIDs[archive] || len(e.MailboxIDs) != 1 || !e.Keywords["$flagged"]) {
		err = fmt.Errorf("after the move: %+v", e)
	}
	return err
}

// update changes the mail and returns it as it is then. It is the one thing that
// has changed since it was read.
func (d *driver) update(patch jmap.Patch) (*email.Email, error) {
	got, err := d.call(
		&email.Set{Account: d.account, Update: map[jmap.ID]jmap.Patch{d.mail.ID: patch}},
		&email.Changes{Account: d.account, SinceState: d.state},
		&email.Get{Account: d.account, IDs: []jmap.ID{d.mail.ID}, Properties: []string{"mailboxIds", "keywords"}})
	if err != nil {
		return nil, err
	}
	if no := got[0].(*email.SetResponse).NotUpdated[d.mail.ID]; no != nil {
		return nil, fmt.Errorf("not updated: %s", no.Type)
	}
	if c := got[1].(*email.ChangesResponse); !slices.Equal(c.Updated, []jmap.ID{d.mail.ID}) || len(c.Created)+len(c.Destroyed) > 0 {
		return nil, fmt.Errorf("told as %+v", c)
	}
	if list := got[2].(*email.GetResponse).List; len(list) == 1 {
		return list[0], nil
	}
	return nil, errors.New("it is gone")
}

func (d *driver) blob() error {
	up, err := d.c.Upload(d.account, strings.NewReader("some bytes"))
	if err != nil {
		return err
	}
	down, err := d.c.Download(d.account, up.ID)
	if err != nil {
		return err
	}
	defer down.Close()
	var b [100]byte
	n, _ := down.Read(b[:])
	if string(b[:n]) != "some bytes" || up.Size != 10 {
		return fmt.Errorf("%q of %+v", b[:n], up)
	}
	return nil
}

// send writes to itself, with a stream of events open.
func (d *driver) send() error {
	d.told, d.ended = make(chan *jmap.StateChange, 100), make(chan error, 1)
	stream := &push.EventSource{Client: d.c, Handler: func(s *jmap.StateChange) { d.told <- s }, Events: []jmap.EventType{"EmailDelivery"}}
	go func() { d.ended <- stream.Listen() }()
	time.Sleep(time.Second) // the stream says nothing when it is open

	me, drafts, sent := os.Getenv("LOGIN"), d.boxes[mailbox.RoleDrafts], d.boxes[mailbox.RoleSent]
	got, err := d.call(&identity.Get{Account: d.account})
	if err != nil {
		return err
	}
	ids := got[0].(*identity.GetResponse).List
	if len(ids) == 0 {
		return errors.New("no identity")
	}
	got, err = d.call(
		&email.Set{Account: d.account, Create: map[jmap.ID]*email.Email{"d": {
			MailboxIDs: map[jmap.ID]bool{drafts: true}, Keywords: map[string]bool{"$draft": true}, Subject: "from a foreign client",
			From: []*mail.Address{{Email: me}}, To: []*mail.Address{{Email: me}},
			BodyValues: map[string]*email.BodyValue{"t": {Value: "Hello"}}, TextBody: []*email.BodyPart{{PartID: "t", Type: "text/plain"}}}}},
		&emailsubmission.Set{Account: d.account, Create: map[jmap.ID]*emailsubmission.EmailSubmission{"s": {IdentityID: ids[0].ID, EmailID: "#d"}},
			OnSuccessUpdateEmail: map[jmap.ID]jmap.Patch{"#s": {"mailboxIds": map[jmap.ID]bool{sent: true}, "keywords/$draft": nil}}})
	if err != nil {
		return err
	}
	made, submitted := got[0].(*email.SetResponse), got[1].(*emailsubmission.SetResponse)
	if made.Created["d"] == nil || submitted.Created["s"] == nil {
		text, _ := json.Marshal(got)
		return fmt.Errorf("not sent: %s", text)
	}
	d.sent = made.Created["d"].ID
	got, err = d.call(&email.Get{Account: d.account, IDs: []jmap.ID{d.sent}, Properties: []string{"mailboxIds", "keywords"}})
	if err != nil {
		return err
	}
	if list := got[0].(*email.GetResponse).List; len(list) != 1 || !list[0].MailboxIDs[sent] || list[0].Keywords["$draft"] {
		return fmt.Errorf("the sent mail: %+v", list)
	}
	return nil
}

// push waits for the event of the mail's coming, and finds it.
func (d *driver) push() error {
	select {
	case s := <-d.told:
		if s.Type != "StateChange" || s.Changed[d.account]["EmailDelivery"] == "" {
			return fmt.Errorf("told %+v", s)
		}
	case err := <-d.ended:
		return fmt.Errorf("the stream ended: %w", err)
	case <-time.After(20 * time.Second):
		return errors.New("nobody told of the mail")
	}
	got, err := d.call(&email.Query{Account: d.account, Filter: &email.FilterCondition{InMailbox: d.boxes[mailbox.RoleInbox], Subject: "foreign"}})
	if err != nil {
		return err
	}
	if q := got[0].(*email.QueryResponse); len(q.IDs) != 1 {
		return fmt.Errorf("the inbox has %v", q.IDs)
	}
	return nil
}
