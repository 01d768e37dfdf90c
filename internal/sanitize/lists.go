package sanitize

import "strings"

// allowedTags are the elements that are copied.
var allowedTags = set(`
	a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del
	dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main
	map mark menu nav nobr ol p pre q rp rt ruby s samp section small span strike strong sub sup table tbody
	td tfoot th thead time tr tt u ul var wbr`)

// droppedTags go with all that is in them, and what is told of it.
var droppedTags = map[string]string{
	"script": "script", "noscript": "script", "template": "script", "style": "", "title": "", "head": "",
	"iframe": "frame", "frame": "frame", "frameset": "frame", "noframes": "", "embed": "embedded object",
	"select": "form control", "textarea": "form control", "input": "form control", "datalist": "form control",
	"option": "form control", "optgroup": "form control", "keygen": "form control", "output": "", "progress": "", "meter": "",
	"link": "", "meta": "", "base": "", "param": "", "source": "", "track": "", "noembed": "",
	"bgsound": "media", "dialog": "", "slot": "", "portal": "frame", "fencedframe": "frame",
}

// unwrappedKinds are elements that go while what is in them stays; every unknown
// element is treated so. Here are those that are told of.
var unwrappedKinds = map[string]string{
	"form": "form", "button": "form control", "object": "embedded object", "applet": "embedded object",
	"video": "media", "audio": "media", "picture": "", "canvas": "", "marquee": "animation",
}

// renamedTags become another element.
var renamedTags = map[string]string{"plaintext": "pre", "xmp": "pre", "listing": "pre", "image": "img", "summary": "div", "details": "div", "legend": "div", "fieldset": "div"}

// valueKind is how an attribute's value is checked.
type valueKind byte

const (
	anyText   valueKind = iota // up to MaxAttr bytes
	word                       // letters, digits, "-" and "_"
	number                     // digits with an optional sign
	dimension                  // digits with an optional % or px, or "*"
	color                      // any legacy color
	ident                      // an id or name: prefixed
	classes
	linkTarget
	imageSource
	inlineStyle
	coords
	idReference // "#name"
)

// globalAttributes may stand on each element, tagAttributes on one.
var globalAttributes = map[string]valueKind{
	"class": classes, "id": ident, "style": inlineStyle, "title": anyText, "dir": word, "lang": word,
	"align": word, "role": word, "aria-label": anyText, "aria-hidden": word,
}

var tagAttributes = func() map[string]map[string]valueKind {
	m := map[string]map[string]valueKind{}
	add := func(tags, attrs string, kind valueKind) {
		for tag := range set(tags) {
			if m[tag] == nil {
				m[tag] = map[string]valueKind{}
			}
			for name := range set(attrs) {
				m[tag][name] = kind
			}
		}
	}
	const cells = "td th"
	const tableParts = "table tbody thead tfoot tr td th col colgroup caption"
	add(tableParts, "valign char", word)
	add(tableParts, "width height", dimension)
	add(tableParts, "bgcolor bordercolor", color)
	add(tableParts, "background", imageSource)
	add("table", "border cellpadding cellspacing hspace vspace", dimension)
	add("table", "frame rules", word)
	add("table", "summary", anyText)
	add(cells, "colspan rowspan", number)
	add(cells, "scope", word)
	add(cells, "nowrap", word)
	add(cells, "abbr", anyText)
	add("col colgroup", "span", number)
	add("img", "src", imageSource)
	add("img", "alt", anyText)
	add("img", "width height border hspace vspace", dimension)
	add("img", "usemap", idReference)
	add("a area", "href", linkTarget)
	add("a map", "name", ident)
	add("area", "shape", word)
	add("area", "coords", coords)
	add("area", "alt", anyText)
	add("font", "color", color)
	add("font", "face", anyText)
	add("font", "size", number)
	add("hr", "width size", dimension)
	add("hr", "color", color)
	add("hr", "noshade", word)
	add("ol ul li", "type", word)
	add("ol", "start", number)
	add("ol", "reversed", word)
	add("li", "value", number)
	add("br", "clear", word)
	add("dir dl menu ol ul", "compact", word)
	add("pre", "width", number)
	add("time del ins", "datetime", anyText)
	return m
}()

// kindOf is how an attribute of an element is checked; ok is false for those
// that are not kept.
func kindOf(tag, name string) (valueKind, bool) {
	if k, ok := tagAttributes[tag][name]; ok {
		return k, true
	}
	k, ok := globalAttributes[name]
	return k, ok
}

// plainValue checks the kinds that need no context.
func plainValue(kind valueKind, v string) (string, bool) {
	if len(v) > MaxAttr {
		return "", false
	}
	t := strings.TrimSpace(v)
	switch kind {
	case anyText:
		return v, true
	case word:
		return t, len(t) <= 100 && consistsOf(t, "-_")
	case number:
		return t, t != "" && len(t) <= 6 && strings.Trim(t, "+-0123456789") == ""
	case dimension:
		return t, isDimension(t)
	case color:
		return t, len(t) <= 64 && t != "" && consistsOf(t, "#(),.% -")
	case coords:
		return t, strings.Trim(t, "0123456789,. -") == ""
	case classes:
		return v, len(t) <= 1000
	case ident:
		return idStart + t, t != "" && len(t) <= 200
	case idReference:
		name, ok := strings.CutPrefix(t, "#")
		return "#" + idStart + name, ok && name != "" && len(name) <= 200
	}
	return "", false
}

// consistsOf says whether s is ASCII letters, digits and the extra ones.
func consistsOf(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

// isDimension reads "100", "50%", "12.5px", "2*".
func isDimension(s string) bool {
	s = strings.TrimSuffix(strings.ToLower(s), ";")
	for _, unit := range []string{"%", "px", "*", "em", "pt"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, unit))
	}
	return len(s) <= 10 && s != "" && strings.Trim(s, "0123456789.") == ""
}
