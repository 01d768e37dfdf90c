package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// Renderer is the cell's own render, which makes bodies harmless.
type Renderer interface {
	// Findings renders the body of a mail and says what was found in it. An id
	// that does not exist is jmap.ErrNotFound.
	Findings(ctx context.Context, id jmap.EmailID) (Findings, error)
}

// Findings are facts about a rendered body.
type Findings struct {
	Remote      int      // remote resources that were not loaded
	RemoteHosts []string // some of their hosts
	Links       int
	Removed     []string // kinds of content that were taken out
	IsText      bool     // it is shown as text
}

// Body is what is shown of a mail.
type Body struct {
	IsHTML bool
	Value  string // UTF-8
	Flowed bool   // format=flowed (RFC 3676)
	DelSp  bool
	// CIDs maps the Content-IDs of the mail to the blobs that they name.
	CIDs map[string]jmap.BlobID
}

// Body reads what is shown of a mail: its HTML if it has any, else its text. An
// id that does not exist is jmap.ErrNotFound.
func (a *Account) Body(ctx context.Context, id jmap.EmailID) (Body, error) {
	return a.body(ctx, id, jmap.EmailPropHTMLBody)
}

// TextBody reads the text of a mail, for where its HTML cannot be shown. Of a
// mail that has no text it is the text of the HTML.
func (a *Account) TextBody(ctx context.Context, id jmap.EmailID) (Body, error) {
	b, err := a.body(ctx, id, jmap.EmailPropTextBody)
	if b.IsHTML {
		b.IsHTML, b.Value = false, htmlText(b.Value)
	}
	return b, err
}

func (a *Account) body(ctx context.Context, id jmap.EmailID, list jmap.EmailProps) (Body, error) {
	var out Body
	want := &jmap.EmailFields{
		Props:       jmap.EmailPropID | list | jmap.EmailPropBodyValues | jmap.EmailPropBodyStructure,
		BodyProps:   jmap.DefaultBodyProps,
		BodyHeaders: []jmap.HeaderProp{{Name: "Content-Type", Form: jmap.FormRaw}},

		FetchHTMLBodyValues: list == jmap.EmailPropHTMLBody,
		FetchTextBodyValues: list == jmap.EmailPropTextBody,
	}
	notFound, _, err := a.EmailGet(ctx, []jmap.EmailID{id}, want, func(e *jmap.Email) error {
		out = bodyOf(e)
		return nil
	})
	if err == nil && len(notFound) > 0 {
		err = jmap.ErrNotFound
	}
	return out, err
}

// bodyOf puts the parts that are shown together.
func bodyOf(e *jmap.Email) Body {
	b := Body{CIDs: make(map[string]jmap.BlobID)}
	values := make(map[string]string)
	for _, v := range e.BodyValues {
		values[v.PartID] = v.Value
	}
	shown := slices.Concat(e.HTMLBody, e.TextBody) // one of them was asked for
	for _, p := range shown {
		b.IsHTML = b.IsHTML || p.Type == "text/html"
	}
	var all strings.Builder
	for _, p := range shown {
		v, ok := values[p.PartID]
		switch {
		case !ok:
		case b.IsHTML && p.Type != "text/html":
			all.WriteString("<pre>" + escape(v) + "</pre>")
		default:
			all.WriteString(v)
			b.Flowed, b.DelSp = flowed(p)
		}
	}
	b.Value = all.String()
	collectCIDs(e.BodyStructure, b.CIDs)
	return b
}

// flowed reads format and delsp out of a part's Content-Type.
func flowed(p *jmap.BodyPart) (flowed, delSp bool) {
	if len(p.Values) == 0 || len(p.Values[0]) == 0 {
		return false, false
	}
	t := strings.ToLower(strings.ReplaceAll(p.Values[0][0].Text, `"`, ""))
	return strings.Contains(t, "format=flowed"), strings.Contains(t, "delsp=yes")
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func collectCIDs(p *jmap.BodyPart, out map[string]jmap.BlobID) {
	if p == nil {
		return
	}
	if p.CID != nil && p.BlobID != "" {
		out[*p.CID] = p.BlobID
	}
	for _, s := range p.SubParts {
		collectCIDs(s, out)
	}
}

// MessageView says what rendering found in mails.
func (a *Account) MessageView(ctx context.Context, ids []jmap.EmailID) (list []jmap.MessageView, notFound []jmap.EmailID, err error) {
	for _, id := range ids {
		v, err := a.viewOf(ctx, id)
		if errors.Is(err, jmap.ErrNotFound) {
			notFound = append(notFound, id)
			continue
		}
		if err != nil {
			return nil, nil, failure(err)
		}
		list = append(list, v)
	}
	return list, notFound, nil
}

func (a *Account) viewOf(ctx context.Context, id jmap.EmailID) (jmap.MessageView, error) {
	if a.cfg.Renderer == nil {
		b, err := a.Body(ctx, id)
		return jmap.MessageView{ID: id, IsHTML: b.IsHTML}, err
	}
	f, err := a.cfg.Renderer.Findings(ctx, id)
	return jmap.MessageView{ID: id, IsHTML: !f.IsText, Links: f.Links, Removed: f.Removed,
		Remote: jmap.RemoteContent{Count: f.Remote, Hosts: f.RemoteHosts}}, err
}
