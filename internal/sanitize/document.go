package sanitize

import (
	"strings"

	"golang.org/x/net/html"
)

// mode is a document's compatibility mode (HTML, 13.2.6.4.1). Tables and line
// heights of a mail written for one look wrong in another.
type mode byte

const (
	quirks mode = iota
	limitedQuirks
	noQuirks
)

// doctype is what puts a browser in the mode.
func (m mode) doctype() string {
	switch m {
	case noQuirks:
		return "<!DOCTYPE html>"
	case limitedQuirks:
		return `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">`
	}
	return ""
}

// quirkyPublic begin the public identifiers that mean quirks mode, as far as
// pages that still exist name them.
var quirkyPublic = []string{
	"-//w3o//dtd w3 html strict 3.0//en//", "-/w3c/dtd html 4.0 transitional/en", "html",
	"+//silmaril//dtd html pro", "-//as//dtd html", "-//advasoft ltd//dtd html", "-//ietf//dtd html", "-//metrius//dtd",
	"-//microsoft//dtd internet explorer", "-//netscape comm. corp.//dtd", "-//o'reilly and associates//dtd html",
	"-//sq//dtd html", "-//softquad", "-//spyglass//dtd html", "-//sun microsystems corp.//dtd hotjava",
	"-//w3c//dtd html 3", "-//w3c//dtd html 4.0 frameset//", "-//w3c//dtd html 4.0 transitional//",
	"-//w3c//dtd html experimental", "-//w3c//dtd w3 html", "-//w3o//dtd w3 html", "-//webtechs//dtd mozilla html",
}

// modeOf reads the mode from a parsed document's doctype.
func modeOf(doc *html.Node) mode {
	for n := doc.FirstChild; n != nil; n = n.NextSibling {
		if n.Type == html.DoctypeNode {
			public := strings.ToLower(attribute(n, "public"))
			return doctypeMode(n.Data, public, attribute(n, "system"))
		}
	}
	return quirks
}

func doctypeMode(name, public, system string) mode {
	if name != "html" || strings.EqualFold(system, "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd") {
		return quirks
	}
	for _, p := range quirkyPublic {
		if strings.HasPrefix(public, p) && (p != "html" || public == p) {
			return quirks
		}
	}
	old := strings.HasPrefix(public, "-//w3c//dtd html 4.01 frameset//") || strings.HasPrefix(public, "-//w3c//dtd html 4.01 transitional//")
	switch {
	case old && system == "":
		return quirks
	case old, strings.HasPrefix(public, "-//w3c//dtd xhtml 1.0 frameset//"), strings.HasPrefix(public, "-//w3c//dtd xhtml 1.0 transitional//"):
		return limitedQuirks
	}
	return noQuirks
}

// page is what stands around a mail.
type page struct {
	mode      mode
	sheet     string // our own style
	mailStyle string // the mail's, scoped
}

// write makes the whole document. Its parts are constants, style text without
// "<", and the serialised tree.
func (p page) write(tree *node) string {
	var b strings.Builder
	b.WriteString(p.mode.doctype())
	b.WriteString(`<html><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width,initial-scale=1">` +
		`<meta name="referrer" content="no-referrer">` +
		`<meta http-equiv="x-dns-prefetch-control" content="off">` +
		`<title></title><style>`)
	b.WriteString(p.sheet)
	b.WriteString("</style>")
	if p.mailStyle != "" {
		b.WriteString("<style>")
		b.WriteString(p.mailStyle)
		b.WriteString("</style>")
	}
	b.WriteString("</head><body>")
	tree.write(&b)
	b.WriteString("</body></html>")
	return b.String()
}

const (
	sheetBase = `html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;overflow-wrap:break-word;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
:where(#mail){overflow-x:auto;box-sizing:border-box}
`
	sheetHTML = `:where(#mail){min-height:100vh}
:where(#mail>div){margin:8px}
:where(#mail) img:not(td *){max-width:100%;height:auto}
:where(#mail) img:not([src]){display:inline-block;box-sizing:border-box;max-width:100%;overflow:hidden;font-size:12px;color:GrayText}
:where(#mail) pre{white-space:pre-wrap}
`
	sheetText = `body{font-size:15px;line-height:1.5}
:where(#mail){padding:16px;max-width:80ch}
:where(#mail) .t{white-space:pre-wrap}
:where(#mail) blockquote{margin:4px 0;padding:0 0 0 12px;border-left:2px solid color-mix(in srgb,currentColor 35%,Canvas);color:color-mix(in srgb,CanvasText 72%,Canvas)}
:where(#mail) .sig{color:color-mix(in srgb,CanvasText 60%,Canvas)}
`
	sheetLight = ":root{color-scheme:light}\nbody{background:#fff;color:#1b1b1f}\n"
	sheetDark  = ":root{color-scheme:dark}\nbody{color:CanvasText}\n"
	sheetAuto  = ":root{color-scheme:light dark}\nbody{color:CanvasText}\n"
)

// htmlSheet is our style for HTML. A mail that brings colors expects a white
// page, unless it brings rules for dark ones too.
func (c *cleaner) htmlSheet() string {
	theme := c.opt.Theme
	if c.ownColors && !c.darkRules {
		theme = ThemeLight
	}
	return sheetBase + sheetHTML + theme.sheet()
}

func (t Theme) sheet() string {
	switch t {
	case ThemeLight:
		return sheetLight
	case ThemeDark:
		return sheetDark
	}
	return sheetAuto
}
