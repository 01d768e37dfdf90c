package sanitize

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// cleanURL does what a browser does before it reads a URL (WHATWG URL, 4.4):
// controls and spaces at the ends, tabs and line ends anywhere are dropped.
func cleanURL(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s)
}

// scheme is the scheme of a cleaned URL in lower case, and what follows the
// colon. Without one it is "".
func schemeOf(s string) (scheme, rest string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':' && i > 0:
			return strings.ToLower(s[:i]), s[i+1:]
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		default:
			return "", s
		}
	}
	return "", s
}

// looksRemote says whether an address would be loaded from elsewhere.
func looksRemote(s string) bool {
	s = cleanURL(s)
	scheme, rest := schemeOf(s)
	switch scheme {
	case "http", "https", "ftp", "ws", "wss":
		return true
	case "":
		return strings.HasPrefix(strings.ReplaceAll(rest, `\`, "/"), "//")
	}
	return false
}

// webURL writes an http(s) URL as a browser will read it: two slashes, no
// backslash before the path. Host is the host that is really contacted, with
// neither name and password nor port, lower case, in ASCII; "" if there is none.
func webURL(scheme, rest string) (url, host string) {
	rest = strings.TrimLeft(rest, `/\`)
	end := strings.IndexAny(rest, `/\?#`)
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if strings.HasPrefix(tail, `\`) {
		tail = "/" + tail[1:]
	}
	host = hostOf(authority)
	if host == "" {
		return "", ""
	}
	return scheme + "://" + authority + tail, host
}

// hostOf takes the host out of an authority, refusing what no browser takes.
func hostOf(authority string) string {
	h := authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.HasPrefix(h, "[") {
		end := strings.IndexByte(h, ']')
		if end < 0 {
			return ""
		}
		return strings.ToLower(h[:end+1])
	}
	if i := strings.LastIndexByte(h, ':'); i >= 0 {
		h = h[:i]
	}
	h = strings.ToLower(percentUnescape(h))
	if h == "" || strings.ContainsAny(h, " <>\"^`{|}%\x7f\\#?/@:[]") {
		return ""
	}
	for _, r := range h {
		if r < ' ' {
			return ""
		}
	}
	if a, err := idna.Lookup.ToASCII(strings.TrimSuffix(h, ".")); err == nil {
		return a
	}
	return strings.TrimSuffix(h, ".")
}

func percentUnescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHexByte(s[i+1]) && isHexByte(s[i+2]) {
			b.WriteByte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// link decides about the target of a link. Ok is false when the link must go.
func (c *cleaner) link(href string) (target, host string, ok bool) {
	if len(href) > MaxAttr {
		return "", "", false
	}
	s := cleanURL(href)
	scheme, rest := schemeOf(s)
	switch scheme {
	case "http", "https":
		target, host = webURL(scheme, rest)
		return target, host, target != ""
	case "mailto", "tel", "sms", "xmpp", "sip":
		return s, "", true
	case "":
		if strings.HasPrefix(s, "#") && len(s) > 1 && !c.bare {
			return "#" + idStart + s[1:], "", true
		}
		if looksRemote(s) {
			target, host = webURL("https", rest)
			return target, host, target != ""
		}
		return "", "", false // relative: it would name a page of ours
	}
	if scheme == "javascript" || scheme == "vbscript" || scheme == "data" || scheme == "livescript" {
		c.removed("script link")
	}
	return "", "", false
}

// dataImages are the pictures a data: URL may hold. SVG is a document, not a
// picture, and is not among them.
var dataImages = set(`image/png image/gif image/jpeg image/jpg image/webp image/bmp image/x-icon image/avif`)

// resource decides about a picture's address: its own path of cid:, the path
// that the caller gives a remote one, or a data: URL of a picture.
func (c *cleaner) resource(address string) (path string, ok bool) {
	s := cleanURL(address)
	scheme, rest := schemeOf(s)
	switch scheme {
	case "cid":
		if c.opt.CID != nil && len(rest) <= MaxAttr {
			path, ok = c.opt.CID(percentUnescape(rest))
		}
		return path, ok && isOurPath(path)
	case "data":
		if isDataImage(rest) {
			return s, true
		}
		c.removed("data address")
		return "", false
	case "http", "https", "":
		if scheme == "" && !looksRemote(s) {
			return "", false
		}
		if scheme == "" {
			scheme = "https"
		}
		url, host := webURL(scheme, rest)
		c.remote(host)
		if c.bare {
			return url, scheme == "https" && url != "" && len(url) <= MaxAttr
		}
		if url == "" || c.opt.Remote == nil || len(url) > MaxAttr {
			return "", false
		}
		path, ok = c.opt.Remote(url)
		return path, ok && isOurPath(path)
	}
	if looksRemote(s) {
		c.blocked(s)
	}
	return "", false
}

// isDataImage checks "image/png;base64,....": nothing but a picture in base64.
func isDataImage(rest string) bool {
	if len(rest) > MaxDataURL {
		return false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok {
		return false
	}
	kind, encoding, _ := strings.Cut(strings.ToLower(head), ";")
	if !dataImages[strings.TrimSpace(kind)] || !strings.HasSuffix(strings.TrimSpace(encoding), "base64") {
		return false
	}
	for i := 0; i < len(data); i++ {
		if ch := data[i]; !isNameByte(ch) && ch != '+' && ch != '/' && ch != '=' && ch != '%' && ch != ' ' || ch >= 0x80 {
			return false
		}
	}
	return true
}

// isOurPath says whether a path that a caller's function gave stays on our own
// host: absolute, or beside the document. A mistake there must not become a
// request elsewhere.
func isOurPath(p string) bool {
	if p == "" || len(p) > MaxAttr || strings.Contains(p, "//") || strings.Contains(p, "..") {
		return false
	}
	for i := 0; i < len(p); i++ {
		if c := p[i]; c >= 0x80 || !isNameByte(c) && strings.IndexByte("/.~%?=&+,@", c) < 0 {
			return false
		}
	}
	return p[0] == '/' || isNameByte(p[0])
}

// blocked counts an address that is not loaded, if it would have been.
func (c *cleaner) blocked(address string) {
	s := cleanURL(address)
	if !looksRemote(s) {
		return
	}
	_, rest := schemeOf(s)
	_, host := webURL("https", rest)
	c.remote(host)
}

// registrable is the part of a host that one owner registers.
func registrable(host string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}

// namedHost is the host that a link's text seems to name, or "".
func namedHost(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if scheme, rest := schemeOf(cleanURL(text)); scheme == "http" || scheme == "https" {
		_, host := webURL(scheme, rest)
		return host
	}
	if strings.ContainsAny(text, " \t\n@") || !strings.Contains(text, ".") {
		return ""
	}
	end := strings.IndexAny(text, `/\?#:`)
	if end < 0 {
		end = len(text)
	}
	host := hostOf(text[:end])
	if _, icann := publicsuffix.PublicSuffix(host); !icann || !strings.Contains(host, ".") {
		return ""
	}
	return host
}
