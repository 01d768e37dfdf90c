package sanitize

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// Snippet makes a harmless piece of HTML that can stand in the body of any page or
// mail: no html, head, body or style element, no names and classes, which would
// mean something there. A piece that was made here stays as it is when it is made
// again. The error says why src cannot be one; the time limit is as in HTML.
func Snippet(ctx context.Context, src string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	if len(src) > MaxInput {
		return "", errSize
	}
	parsed, err := parse(ctx, src, false)
	if err != nil {
		return "", err
	}
	body := bodyOf(parsed)
	if body == nil {
		return "", errFrames
	}
	c := newCleaner(ctx, Options{})
	c.bare = true
	tree := element("div")
	c.children(tree, body, 1)
	if c.err != nil {
		return "", c.err
	}
	for range MaxRounds {
		out := tree.inner()
		back, err := readSnippet(ctx, out)
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

func bodyOf(doc *html.Node) *html.Node {
	if h := child(doc, "html"); h != nil {
		return child(h, "body")
	}
	return nil
}

// inner writes what is in n.
func (n *node) inner() string {
	var b strings.Builder
	for _, k := range n.kids {
		k.write(&b)
	}
	return b.String()
}

// readSnippet parses a piece where it will stand. All that is on no list of ours,
// or gets out of the element around it, is an error.
func readSnippet(ctx context.Context, piece string) (*node, error) {
	parsed, err := parse(ctx, "<!DOCTYPE html><html><head></head><body><div>"+piece+"</div></body></html>", true)
	if err != nil {
		return nil, err
	}
	body := bodyOf(parsed)
	if body == nil || body.FirstChild == nil || body.FirstChild != body.LastChild || body.FirstChild.Data != "div" {
		return nil, fmt.Errorf("%w: it ends the element around it", errTree)
	}
	return copyBack(body.FirstChild, 0)
}
