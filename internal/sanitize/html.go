package sanitize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"strings"

	"golang.org/x/net/html"
)

// Theme is how a document is colored.
type Theme string

const (
	ThemeAuto  Theme = ""      // as the browser prefers
	ThemeLight Theme = "light" // light
	ThemeDark  Theme = "dark"  // dark, where the mail has no colors of its own
)

// Options say what a document may show.
type Options struct {
	// CID gives the path on our own host of the part with that Content-ID. Nil
	// shows none.
	CID func(cid string) (path string, ok bool)
	// Remote gives the path on our own host that shows a remote picture. Nil
	// blocks and counts all.
	Remote func(url string) (path string, ok bool)
	Theme  Theme
}

// Result is a whole HTML document and what was found.
type Result struct {
	Document string
	IsText   bool // HTML could not be shown; Document shows its text
	// LimitHit says that a limit on size, nodes, memory or time was reached, or
	// that a parser failed. A process that parses for others should not go on.
	LimitHit bool
	Findings Findings
}

// HTML makes a harmless document of a mail's HTML, given in UTF-8. It never
// fails: what cannot be made harmless within the limits is shown as text, and
// Findings.Fallback says why. The time limit is ctx's deadline or MaxTime.
func HTML(ctx context.Context, src string, opt Options) Result {
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	c := newCleaner(ctx, opt)
	doc, err := c.html(ctx, src)
	if err != nil {
		r := Text(PlainText(src), TextOptions{Theme: opt.Theme})
		f := c.result()
		f.Fallback, f.Truncated = err.Error(), r.Findings.Truncated
		f.Links, f.LinkList = r.Findings.Links, r.Findings.LinkList
		return Result{Document: r.Document, IsText: true, LimitHit: !errors.Is(err, errFrames) && !errors.Is(err, errTree), Findings: f}
	}
	return Result{Document: doc, Findings: c.result()}
}

func newCleaner(ctx context.Context, opt Options) *cleaner {
	return &cleaner{opt: opt, kinds: map[string]bool{}, inlined: map[string]string{}, stop: func() error {
		if ctx.Err() != nil {
			return errTime
		}
		return nil
	}}
}

// html is HTML without its fallback.
func (c *cleaner) html(ctx context.Context, src string) (string, error) {
	if len(src) > MaxInput {
		return "", errSize
	}
	parsed, err := parse(ctx, src, false)
	if err != nil {
		return "", err
	}
	mode := modeOf(parsed)
	tree, err := c.document(parsed)
	if err != nil {
		return "", err
	}
	page := page{mode: mode, mailStyle: c.style.String(), sheet: c.htmlSheet()}
	return page.settle(ctx, tree)
}

// settle writes the tree and reads it again until both are the same.
func (p page) settle(ctx context.Context, tree *node) (string, error) {
	for range MaxRounds {
		out := p.write(tree)
		back, err := readBack(ctx, out)
		if err != nil {
			return "", err
		}
		if equal(tree, back) {
			return out, nil
		}
		tree = back
	}
	return "", errTree
}

// readBack parses what we wrote. Everything in it must be on our lists again.
func readBack(ctx context.Context, doc string) (*node, error) {
	parsed, err := parse(ctx, doc, true)
	if err != nil {
		return nil, err
	}
	htmlNode := child(parsed, "html")
	if htmlNode == nil {
		return nil, errTree
	}
	body := child(htmlNode, "body")
	if body == nil || body.FirstChild == nil || body.FirstChild != body.LastChild || attribute(body.FirstChild, "id") != scopeID {
		return nil, errTree
	}
	return copyBack(body.FirstChild, 0)
}

// copyBack copies a parsed tree as it is, refusing what we never write.
func copyBack(from *html.Node, depth int) (*node, error) {
	if from.Namespace != "" || !allowedTags[from.Data] || depth > MaxDepth+10 {
		return nil, errTree
	}
	n := element(from.Data)
	for _, a := range from.Attr {
		if _, ok := kindOf(from.Data, a.Key); a.Namespace != "" || !ok && a.Key != "target" && a.Key != "rel" {
			return nil, errTree
		}
		n.set(a.Key, a.Val)
	}
	for k := from.FirstChild; k != nil; k = k.NextSibling {
		switch k.Type {
		case html.TextNode:
			n.addText(k.Data)
		case html.ElementNode:
			kid, err := copyBack(k, depth+1)
			if err != nil {
				return nil, err
			}
			n.add(kid)
		default:
			return nil, errTree
		}
	}
	return n, nil
}

// parse runs the parser of x/net/html within limits. It cannot be stopped from
// outside, so it is fed in small pieces, with a look at the clock and at the
// memory between them: few bytes can make many nodes.
func parse(ctx context.Context, src string, scripting bool) (doc *html.Node, err error) {
	defer func() {
		// The parser panics where it refuses; and a fault in it must cost one mail
		// its HTML and no more.
		if v := recover(); v != nil {
			doc, err = nil, fmt.Errorf("%w: %v", errParse, v)
		}
	}()
	g := &guard{ctx: ctx, r: strings.NewReader(src), limit: allocated() + parseMemory + parseFactor*uint64(len(src))}
	doc, err = html.ParseWithOptions(g, html.ParseOptionEnableScripting(scripting))
	switch {
	case g.err != nil:
		return nil, g.err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errParse, err)
	}
	return doc, nil
}

// guard hands out its reader in pieces until a limit is reached.
type guard struct {
	ctx   context.Context
	r     io.Reader
	limit uint64
	reads int
	err   error
}

func (g *guard) Read(p []byte) (int, error) {
	g.reads++
	switch {
	case g.ctx.Err() != nil:
		g.err = errTime
	case g.reads%memoryEvery == 0 && allocated() > g.limit:
		g.err = errNodes
	}
	if g.err != nil {
		return 0, errors.New("stopped")
	}
	return g.r.Read(p[:min(len(p), parseChunk)])
}

// allocated is the number of bytes the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
