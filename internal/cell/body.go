package cell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
)

// rasters are the image types that are shown inside of a body: those that a
// browser decodes without markup or script in them.
var rasters = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}

// serveBody answers what the frame of a mail asks for: the document, or an image
// of the mail. Gate has checked the ticket and sets the policy.
func (c *Cell) serveBody(w http.ResponseWriter, r *http.Request, p *person) {
	email, blob := jmap.EmailID(r.PathValue("email")), r.PathValue("blob")
	var err error
	if blob != "" {
		err = c.serveImage(w, r, p, email, jmap.BlobID(blob))
	} else {
		err = c.serveDocument(w, r, p, email)
	}
	if err == nil {
		return
	}
	text, status := "This mail cannot be shown right now. Please try again.", http.StatusServiceUnavailable
	if ipc.CodeOf(err) == ipc.CodeNotFound {
		text, status = "This mail is not there any more.", http.StatusNotFound
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the frame may be gone
}

func (c *Cell) serveDocument(w http.ResponseWriter, r *http.Request, p *person, email jmap.EmailID) error {
	doc, err := c.document(r.Context(), p, email, r.URL.Query().Get("theme"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(doc.Document)))
	_, err = io.WriteString(w, doc.Document)
	return ignoreWrite(err)
}

// ignoreWrite drops the error of a write: the frame is gone, and the answer has
// begun.
func ignoreWrite(error) error { return nil }

// drawing is one way to show a mail.
type drawing struct {
	email jmap.EmailID
	theme string
}

// document reads a mail's body and has it rendered, once for all who ask.
func (c *Cell) document(ctx context.Context, p *person, email jmap.EmailID, theme string) (ipc.Rendered, error) {
	return p.drawn.Get(ctx, p.ctx, drawing{email, theme}, func(ctx context.Context) (ipc.Rendered, error) {
		return c.draw(ctx, p, email, theme)
	})
}

func (c *Cell) draw(ctx context.Context, p *person, email jmap.EmailID, theme string) (ipc.Rendered, error) {
	b, err := p.account.Body(ctx, email)
	if errors.Is(err, jmap.ErrNotFound) {
		return ipc.Rendered{}, ipc.Errorf(ipc.CodeNotFound, "no such mail")
	}
	if err != nil {
		return ipc.Rendered{}, err
	}
	c.people.shown(p, email, b.CIDs)
	doc, err := c.render(ctx, b, theme)
	doc.IsText = doc.IsText || !b.IsHTML
	if err == nil || !b.IsHTML {
		return doc, err
	}
	// The render died with this HTML or ran out of time: the text is shown.
	c.counts.renderFailures.Inc()
	text, err := textBody(ctx, p.account, email)
	if err != nil {
		return ipc.Rendered{}, err
	}
	doc, err = c.render(ctx, text, theme)
	doc.IsText = true
	return doc, err
}

// textBody reads the plain text of a mail (RFC 8621 section 4.1.4). A mail that
// has none says so.
func textBody(ctx context.Context, a *account.Account, id jmap.EmailID) (account.Body, error) {
	var b account.Body
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropTextBody | jmap.EmailPropBodyValues,
		BodyProps: jmap.DefaultBodyProps, FetchTextBodyValues: true}
	_, _, err := a.EmailGet(ctx, []jmap.EmailID{id}, want, func(e *jmap.Email) error {
		plain := map[string]bool{}
		for _, p := range e.TextBody {
			plain[p.PartID] = p.Type == "text/plain"
		}
		for _, v := range e.BodyValues {
			if plain[v.PartID] {
				b.Value += v.Value + "\n"
			}
		}
		return nil
	})
	if b.Value == "" {
		b.Value = "This mail could not be shown safely, and it has no plain text. You can download it.\n"
	}
	return b, err
}

// render has a body made harmless. Images of the mail are beside the document.
func (c *Cell) render(ctx context.Context, b account.Body, theme string) (ipc.Rendered, error) {
	req := ipc.RenderRequest{Body: b.Value, Flowed: b.Flowed, DelSp: b.DelSp, CIDs: map[string]string{}}
	if theme == "light" || theme == "dark" {
		req.Theme = theme
	}
	for cid, blob := range b.CIDs {
		req.CIDs[cid] = "p/" + string(blob)
	}
	path := ipc.RenderText
	if b.IsHTML {
		path = ipc.RenderHTML
	}
	return c.renders.render(ctx, path, req)
}

// findings lets a person's account tell what a rendered body holds.
type findings struct {
	c *Cell
	p *person
}

// Findings implements account.Renderer. They are the same in every theme.
func (f findings) Findings(ctx context.Context, id jmap.EmailID) (account.Findings, error) {
	doc, err := f.doc(ctx, id)
	if ipc.CodeOf(err) == ipc.CodeNotFound {
		return account.Findings{}, jmap.ErrNotFound
	}
	if err != nil {
		return account.Findings{}, err
	}
	return account.Findings{Remote: doc.Findings.Remote, RemoteHosts: doc.Findings.RemoteHosts, Links: doc.Findings.Links,
		Removed: doc.Findings.Removed, IsText: doc.IsText}, nil
}

func (f findings) doc(ctx context.Context, id jmap.EmailID) (ipc.Rendered, error) {
	if one := f.p.drawn.Find(func(d drawing) bool { return d.email == id }); one != nil {
		if doc, err := one.Wait(ctx); err == nil {
			return doc, nil
		}
	}
	return f.c.document(ctx, f.p, id, "")
}

// belongs says whether an image is one of the mail that the ticket names: a
// ticket for one mail opens nothing of another.
func (c *Cell) belongs(ctx context.Context, p *person, email jmap.EmailID, image jmap.BlobID) bool {
	if has, known := c.people.holds(p, email, image); known {
		return has
	}
	b, err := p.account.Body(ctx, email) // shown by another process than this
	if err != nil {
		return false
	}
	c.people.shown(p, email, b.CIDs)
	has, _ := c.people.holds(p, email, image)
	return has
}

// serveImage answers an image of the mail, if its bytes are one.
func (c *Cell) serveImage(w http.ResponseWriter, r *http.Request, p *person, email jmap.EmailID, id jmap.BlobID) error {
	if !c.belongs(r.Context(), p, email, id) {
		return ipc.Errorf(ipc.CodeNotFound, "no image of this mail")
	}
	blob, err := p.account.BlobOpen(r.Context(), id, jmap.ByteRange{})
	if err != nil {
		return ipc.Errorf(ipc.CodeNotFound, "no such image")
	}
	defer blob.Body.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(blob.Body, head)
	if n == 0 {
		return ipc.Errorf(ipc.CodeNotFound, "no image: %v", err)
	}
	kind := http.DetectContentType(head[:n]) // by its bytes, whatever the mail calls it
	if !slices.Contains(rasters, kind) {
		return ipc.Errorf(ipc.CodeNotFound, "not an image that is shown")
	}
	w.Header().Set("Content-Type", kind)
	_, err = io.Copy(w, io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), blob.Body), maxInline))
	return ignoreWrite(err)
}
