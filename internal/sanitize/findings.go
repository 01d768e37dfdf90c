package sanitize

import (
	"sort"
	"strings"
)

// Findings are facts about a document, for the reader. All are text.
type Findings struct {
	Remote      int      // remote resources, shown or not
	RemoteHosts []string // their hosts, in the order met, at most MaxHosts
	Trackers    int      // of Remote, pictures of at most one pixel
	Links       int
	LinkList    []Link // at most MaxLinks
	Forms       int
	Removed     []string // kinds of content taken out, sorted
	// Fallback says why HTML is shown as text, "" when it is not.
	Fallback string
	// Truncated says that the end of a text was cut off.
	Truncated bool
}

// Link is one link as it works, not as it looks.
type Link struct {
	Href     string
	Host     string // that a browser would contact, ASCII; "" for mailto: and the like
	Text     string // at most MaxLinkText characters
	Mismatch bool   // the text names a host of another owner
}

// remote counts a remote resource.
func (c *cleaner) remote(host string) {
	c.found.Remote++
	if host == "" || len(c.found.RemoteHosts) >= MaxHosts {
		return
	}
	for _, h := range c.found.RemoteHosts {
		if h == host {
			return
		}
	}
	c.found.RemoteHosts = append(c.found.RemoteHosts, host)
}

// removed records a kind of content that was taken out.
func (c *cleaner) removed(kind string) { c.kinds[kind] = true }

// addLink records a link once its text is known.
func (c *cleaner) addLink(href, host, text string) {
	c.found.Links++
	if len(c.found.LinkList) >= MaxLinks {
		return
	}
	text = strings.Join(strings.Fields(text), " ")
	l := Link{Href: href, Host: host, Text: cutRunes(text, MaxLinkText)}
	if named := namedHost(text); named != "" && host != "" {
		l.Mismatch = registrable(named) != registrable(host)
	}
	c.found.LinkList = append(c.found.LinkList, l)
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// result is what was found, with its lists in order.
func (c *cleaner) result() Findings {
	f := c.found
	f.Removed = make([]string, 0, len(c.kinds))
	for k := range c.kinds {
		f.Removed = append(f.Removed, k)
	}
	sort.Strings(f.Removed)
	return f
}
