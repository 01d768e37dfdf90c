package gate

import (
	"net/http"
	"strings"
)

// headers sets what every answer carries. A handler can add to it, and cannot
// opt out by omission.
func (g *Gate) headers(h http.Header, path string) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if g.https() {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	if strings.HasPrefix(path, "/b/") {
		g.bodyHeaders(h)
		return
	}
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	if strings.HasPrefix(path, "/jmap/") { // a cell's words: never a page of ours
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
		return
	}
	h.Set("Content-Security-Policy", g.appPolicy())
}

// appPolicy is the policy of the client's pages: scripts from our origin alone,
// no string becomes markup, and frames show mail bodies alone (DESIGN section 6).
func (g *Gate) appPolicy() string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self'",
		"manifest-src 'self'",
		"worker-src 'self'",
		"frame-src " + g.cfg.Origin + "/b/",
		"form-action 'none'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// bodyHeaders is the policy of a mail's body: a document of nobody's origin that
// runs nothing and reaches nothing but our own image path.
func (g *Gate) bodyHeaders(h http.Header) {
	h.Set("Content-Security-Policy", strings.Join([]string{
		"sandbox allow-popups allow-popups-to-escape-sandbox",
		"default-src 'none'",
		"img-src " + g.cfg.Origin + "/b/ data:",
		"style-src 'unsafe-inline'",
		"form-action 'none'",
		"base-uri 'none'",
		"frame-ancestors " + g.cfg.Origin,
	}, "; "))
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the frame is opaque: its own images are cross-origin to it
	h.Set("Cache-Control", "private, max-age=600")
}
