package imap

import (
	"fmt"
	"slices"
	"strings"
)

// Capability asks for the capability list anew.
func (c *Client) Capability() *Future[Caps] {
	v := new(Caps)
	return start(c, v, &command{name: "CAPABILITY", enc: c.encode("CAPABILITY"), finish: func(*Response) { *v = c.Caps() }})
}

// Enable turns extensions on (RFC 5161) and returns those that are on. Wait
// for the answer before relying on it: QRESYNC changes SELECT, UTF8=ACCEPT
// changes mailbox names and strings.
func (c *Client) Enable(names ...string) *Future[[]string] {
	e := c.encode("ENABLE")
	for _, n := range names {
		e.sp().atom(n)
	}
	v := new([]string)
	return start(c, v, &command{name: "ENABLE", enc: e, kind: "ENABLE", claim: func(r *Response, deliver bool) bool {
		if r.Word != "ENABLED" {
			return false
		}
		for a := range r.Args() {
			if deliver && len(*v) < maxCaps {
				*v = append(*v, upperString(a.Raw()))
			}
		}
		return true
	}})
}

// Enabled reports whether an extension has been turned on by ENABLE.
func (c *Client) Enabled(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enabled[strings.ToUpper(name)]
}

// ID exchanges identification (RFC 2971). fields may be nil. Keys of the
// answer are in lower case.
func (c *Client) ID(fields map[string]string) *Future[map[string]string] {
	e := c.encode("ID")
	if len(fields) > 30 { // RFC 2971, section 3.3
		e.fail("ID with more than 30 fields")
	}
	encodeID(e, fields)
	v := &map[string]string{}
	return start(c, v, &command{name: "ID", enc: e, kind: "ID", claim: func(r *Response, deliver bool) bool {
		if r.Word != "ID" {
			return false
		}
		cur := r.Arg(0).cursor()
		for k := cur.next(); deliver && k.Present() && len(*v) < maxCaps; k = cur.next() {
			(*v)[strings.ToLower(k.Text())] = cur.next().Text()
		}
		return true
	}})
}

func encodeID(e *encoder, fields map[string]string) {
	if len(fields) == 0 {
		e.raw(" NIL")
		return
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.raw(" (")
	for i, k := range keys {
		if i > 0 {
			e.sp()
		}
		e.str(k).sp().str(fields[k])
	}
	e.raw(")")
}

// Namespace is one namespace (RFC 2342; in RFC 9051).
type Namespace struct {
	Prefix    string
	Delimiter string // "" when NIL
}

// Namespaces are the personal, other users' and shared namespaces.
type Namespaces struct{ Personal, Other, Shared []Namespace }

// Namespace asks for the namespaces.
func (c *Client) Namespace() *Future[Namespaces] {
	v := new(Namespaces)
	return start(c, v, &command{name: "NAMESPACE", enc: c.encode("NAMESPACE"), claim: func(r *Response, deliver bool) bool {
		if r.Word != "NAMESPACE" {
			return false
		}
		if !deliver {
			return true
		}
		v.Personal = decodeNamespaces(r.Arg(0), c.utf8On())
		v.Other = decodeNamespaces(r.Arg(1), c.utf8On())
		v.Shared = decodeNamespaces(r.Arg(2), c.utf8On())
		return true
	}})
}

func decodeNamespaces(n Node, utf8ok bool) []Namespace {
	var out []Namespace
	for d := range n.Children() {
		if len(out) < maxCaps {
			out = append(out, Namespace{decodeMailbox(d.At(0).Raw(), utf8ok), d.At(1).Text()})
		}
	}
	return out
}

// MyRights asks for one's rights on a mailbox (RFC 4314, section 3.5), as
// "lrswipkxte".
func (c *Client) MyRights(mailbox string) *Future[string] {
	e := c.encode("MYRIGHTS")
	e.sp().mailbox(mailbox)
	v := new(string)
	return start(c, v, &command{name: "MYRIGHTS", enc: e, claim: func(r *Response, deliver bool) bool {
		if r.Word != "MYRIGHTS" || !sameMailbox(decodeMailbox(r.Arg(0).Raw(), c.utf8On()), mailbox) {
			return false
		}
		if deliver {
			*v = r.Arg(1).Text()
		}
		return true
	}})
}

// QuotaResource is the use and limit of one resource. STORAGE counts units of
// 1,024 octets (RFC 9208, section 5).
type QuotaResource struct {
	Name         string // upper case, as "STORAGE"
	Usage, Limit uint64
}

// QuotaRoot is a quota root with its resources.
type QuotaRoot struct {
	Name      string
	Resources []QuotaResource
}

// QuotaRoots asks which quotas hold for a mailbox and how full they are
// (RFC 9208, section 4.1.3).
func (c *Client) QuotaRoots(mailbox string) *Future[[]QuotaRoot] {
	e := c.encode("GETQUOTAROOT")
	e.sp().mailbox(mailbox)
	return startQuota(c, "GETQUOTAROOT", e)
}

// Quota asks for one quota root.
func (c *Client) Quota(root string) *Future[[]QuotaRoot] {
	e := c.encode("GETQUOTA")
	e.sp().astring(root)
	return startQuota(c, "GETQUOTA", e)
}

func startQuota(c *Client, verb string, e *encoder) *Future[[]QuotaRoot] {
	v := new([]QuotaRoot)
	return start(c, v, &command{name: verb, enc: e, kind: "QUOTA", claim: func(r *Response, deliver bool) bool {
		switch r.Word {
		case "QUOTAROOT":
			return true
		case "QUOTA":
			if deliver && len(*v) < maxCaps {
				*v = append(*v, decodeQuota(r))
			}
			return true
		}
		return false
	}})
}

func decodeQuota(r *Response) QuotaRoot {
	q := QuotaRoot{Name: r.Arg(0).Text()}
	cur := r.Arg(1).cursor()
	for n := cur.next(); n.Present() && len(q.Resources) < maxCaps; n = cur.next() {
		use, _ := cur.next().Number()
		limit, _ := cur.next().Number()
		q.Resources = append(q.Resources, QuotaResource{upperString(n.Raw()), use, limit})
	}
	return q
}

// MetadataEntry is one annotation (RFC 5464).
type MetadataEntry struct {
	Name  string
	Value []byte // nil when NIL or too large
}

// MetadataOptions modify a GETMETADATA.
type MetadataOptions struct {
	MaxSize uint32 // leave out bigger values; zero means no bound
	Depth   string // "", "0", "1" or "infinity"
}

// GetMetadata asks for annotations of a mailbox, or of the server for "".
func (c *Client) GetMetadata(mailbox string, opts MetadataOptions, entries ...string) *Future[[]MetadataEntry] {
	e := c.encode("GETMETADATA")
	var words []string
	if opts.MaxSize > 0 {
		words = append(words, fmt.Sprintf("MAXSIZE %d", opts.MaxSize))
	}
	if opts.Depth != "" {
		words = append(words, "DEPTH "+opts.Depth)
	}
	if len(words) > 0 {
		e.sp().items(words)
	}
	e.sp().mailbox(mailbox).raw(" (")
	for i, name := range entries {
		if i > 0 {
			e.sp()
		}
		e.astring(name)
	}
	e.raw(")")
	v := new([]MetadataEntry)
	return start(c, v, &command{name: "GETMETADATA", enc: e, kind: "METADATA", claim: func(r *Response, deliver bool) bool {
		if r.Word != "METADATA" || !r.Arg(1).IsList() || !sameMailbox(decodeMailbox(r.Arg(0).Raw(), c.utf8On()), mailbox) {
			return false
		}
		if deliver && len(*v) < maxListRows {
			*v = append(*v, decodeMetadata(r.Arg(1))...)
		}
		return true
	}})
}

func decodeMetadata(n Node) []MetadataEntry {
	var out []MetadataEntry
	cur := n.cursor()
	for name := cur.next(); name.Present() && len(out) < maxFlags; name = cur.next() {
		out = append(out, MetadataEntry{name.Text(), append([]byte(nil), cur.next().Bytes()...)})
	}
	return out
}
