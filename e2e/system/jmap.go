package system

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Session is what a client needs of the JMAP session (RFC 8620, section 2).
type Session struct {
	Account                                    string
	API, Upload, Download, EventSource, PState string
}

// Args are the arguments of a method.
type Args map[string]any

// Ref makes "#name" arguments (RFC 8620, section 3.7).
func Ref(resultOf, name, path string) Args {
	return Args{"resultOf": resultOf, "name": name, "path": path}
}

// Call is one method call; its id is its place in the batch.
type Call struct {
	Name string
	Args Args
}

// MethodError is a method that was answered "error" (RFC 8620, section 3.6.2).
type MethodError struct {
	Type        string `json:"type"`
	Description string `json:"description"`
}

func (e *MethodError) Error() string { return "method: " + e.Type + ": " + e.Description }

// Answers are the answers of a batch, in order.
type Answers [][]json.RawMessage

// Into decodes the answer of the i-th call.
func (a Answers) Into(i int, out any) error {
	id := fmt.Sprint(i)
	for _, one := range a {
		var name, call string
		if len(one) != 3 || json.Unmarshal(one[0], &name) != nil || json.Unmarshal(one[2], &call) != nil {
			return fmt.Errorf("answer is no method response: %s", one)
		}
		if call != id {
			continue
		}
		if name == "error" {
			var e MethodError
			if err := json.Unmarshal(one[1], &e); err != nil {
				return err
			}
			return &e
		}
		return json.Unmarshal(one[1], out)
	}
	return fmt.Errorf("call %d was not answered", i)
}

// Open reads the session object once; every JMAP method below calls it.
func (p *Person) Open(ctx context.Context) (*Session, error) {
	p.mu.Lock()
	s := p.session
	p.mu.Unlock()
	if s != nil {
		return s, nil
	}
	var wire struct {
		PrimaryAccounts                                            map[string]string
		APIURL, UploadURL, DownloadURL, EventSourceURL, Capability string
		State                                                      string
	}
	if err := p.getInto(ctx, "/jmap/session", &wire); err != nil {
		return nil, err
	}
	path := func(u string) string { return strings.TrimPrefix(u, p.origin) }
	s = &Session{Account: wire.PrimaryAccounts[capMail], API: path(wire.APIURL), Upload: path(wire.UploadURL),
		Download: path(wire.DownloadURL), EventSource: path(wire.EventSourceURL), PState: wire.State}
	if s.Account == "" {
		return nil, fmt.Errorf("the session has no mail account")
	}
	p.mu.Lock()
	p.session = s
	p.mu.Unlock()
	return s, nil
}

const (
	capCore       = "urn:ietf:params:jmap:core"
	capMail       = "urn:ietf:params:jmap:mail"
	capSubmission = "urn:ietf:params:jmap:submission"
	capMDN        = "urn:ietf:params:jmap:mdn"
)

// Exchange makes one request of method calls and returns the answer as it came.
func (p *Person) Exchange(ctx context.Context, calls ...Call) ([]byte, error) {
	s, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	methods, names := make([][]any, len(calls)), make([]string, len(calls))
	for i, c := range calls {
		args := Args{"accountId": s.Account}
		for k, v := range c.Args {
			args[k] = v
		}
		methods[i], names[i] = []any{c.Name, args, fmt.Sprint(i)}, c.Name
	}
	body, err := json.Marshal(Args{"using": []string{capCore, capMail, capSubmission, capMDN}, "methodCalls": methods})
	if err != nil {
		return nil, err
	}
	return p.observed(ctx, strings.Join(names, " "), http.MethodPost, s.API, "application/json", body)
}

// ReadAnswers reads what Exchange returned.
func ReadAnswers(text []byte) (Answers, error) {
	var out struct{ MethodResponses Answers }
	err := json.Unmarshal(text, &out)
	return out.MethodResponses, err
}

// Call sends a batch.
func (p *Person) Call(ctx context.Context, calls ...Call) (Answers, error) {
	text, err := p.Exchange(ctx, calls...)
	if err != nil {
		return nil, err
	}
	return ReadAnswers(text)
}

// UploadBlob stores bytes and returns their blob id (RFC 8620, section 6.1).
func (p *Person) UploadBlob(ctx context.Context, kind string, data []byte) (string, error) {
	s, err := p.Open(ctx)
	if err != nil {
		return "", err
	}
	text, err := p.Do(ctx, http.MethodPost, strings.ReplaceAll(s.Upload, "{accountId}", url.PathEscape(s.Account)), kind, data)
	if err != nil {
		return "", err
	}
	var out struct{ BlobID string }
	return out.BlobID, json.Unmarshal(text, &out)
}

// Mailbox is what a client needs of one.
type Mailbox struct {
	ID, Name, Role           string
	TotalEmails, TotalThread int
}

// Mailboxes lists all.
func (p *Person) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	a, err := p.Call(ctx, Call{"Mailbox/get", Args{"ids": nil}})
	if err != nil {
		return nil, err
	}
	var out struct{ List []Mailbox }
	return out.List, a.Into(0, &out)
}

// ByRole finds a mailbox by its role, "" when there is none.
func (p *Person) ByRole(ctx context.Context, role string) (string, error) {
	all, err := p.Mailboxes(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if m.Role == role {
			return m.ID, nil
		}
	}
	return "", fmt.Errorf("there is no mailbox with role %s", role)
}
