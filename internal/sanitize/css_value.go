package sanitize

import "strings"

// allowedProperties are the properties that mail may set. Anything that moves a
// box out of the flow onto others is checked in checkDeclaration; what runs over
// time, loads or reaches outside of an element's box is not here.
var allowedProperties = set(`
	align-content align-items align-self background background-attachment background-blend-mode background-clip
	background-color background-image background-origin background-position background-position-x
	background-position-y background-repeat background-size border border-block border-block-end
	border-block-start border-bottom border-bottom-color border-bottom-left-radius
	border-bottom-right-radius border-bottom-style border-bottom-width border-collapse border-color
	border-image border-image-outset border-image-repeat border-image-slice border-image-source
	border-image-width border-inline border-inline-end border-inline-start border-left
	border-left-color border-left-style border-left-width border-radius border-right
	border-right-color border-right-style border-right-width border-spacing border-style border-top
	border-top-color border-top-left-radius border-top-right-radius border-top-style
	border-top-width border-width bottom box-shadow box-sizing break-after break-before break-inside
	caption-side clear color column-count column-fill column-gap column-rule column-rule-color
	column-rule-style column-rule-width column-span column-width columns content cursor direction
	display empty-cells flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap
	float font font-family font-feature-settings font-kerning font-size font-size-adjust
	font-stretch font-style font-variant font-variant-caps font-variant-ligatures
	font-variant-numeric font-weight gap grid grid-area grid-auto-columns grid-auto-flow
	grid-auto-rows grid-column grid-column-end grid-column-gap grid-column-start grid-gap grid-row
	grid-row-end grid-row-gap grid-row-start grid-template grid-template-areas
	grid-template-columns grid-template-rows height hyphens image-rendering inset justify-content
	justify-items justify-self left letter-spacing line-break line-height list-style
	list-style-image list-style-position list-style-type margin margin-block margin-block-end
	margin-block-start margin-bottom margin-inline margin-inline-end margin-inline-start margin-left
	margin-right margin-top max-height max-width min-height min-width mix-blend-mode object-fit
	object-position opacity order orphans outline outline-color outline-offset outline-style
	outline-width overflow overflow-wrap overflow-x overflow-y padding padding-block
	padding-block-end padding-block-start padding-bottom padding-inline padding-inline-end
	padding-inline-start padding-left padding-right padding-top page-break-after page-break-before
	page-break-inside position quotes right row-gap tab-size table-layout text-align
	text-align-last text-decoration text-decoration-color text-decoration-line
	text-decoration-style text-decoration-thickness text-indent text-justify text-overflow
	text-rendering text-shadow text-size-adjust text-transform text-underline-offset top transform
	transform-origin unicode-bidi vertical-align visibility white-space widows width word-break
	word-spacing word-wrap writing-mode z-index
	-moz-osx-font-smoothing -ms-interpolation-mode -ms-text-size-adjust -webkit-border-radius
	-webkit-box-shadow -webkit-box-sizing -webkit-font-smoothing -webkit-text-fill-color
	-webkit-text-size-adjust`)

// allowedFunctions are the functions a value may call. url() is apart.
var allowedFunctions = set(`
	calc clamp circle cubic-bezier fit-content hsl hsla hwb lab lch linear-gradient matrix max min minmax
	oklab oklch radial-gradient conic-gradient repeat repeating-linear-gradient
	repeating-radial-gradient rgb rgba rotate rotatex rotatey rotatez scale scalex scaley skew skewx
	skewy translate translatex translatey -webkit-linear-gradient -webkit-radial-gradient
	-moz-linear-gradient -o-linear-gradient`)

// loadingFunctions load what their strings name.
var loadingFunctions = set(`image image-set -webkit-image-set cross-fade -webkit-cross-fade src`)

// stringProperties may hold strings, which elsewhere could be addresses.
var stringProperties = set(`content font font-family font-feature-settings grid grid-area grid-template grid-template-areas
	list-style list-style-type quotes text-overflow hyphens`)

// set makes a set of words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// declarations keeps the declarations that are on our lists.
func (c *cleaner) declarations(list []declaration) []declaration {
	var out []declaration
	for _, d := range list {
		if v, ok := c.value(d); ok {
			d.value = v
			out = append(out, d)
		}
	}
	return out
}

// value checks one declaration and returns its value with addresses replaced.
func (c *cleaner) value(d declaration) ([]cssToken, bool) {
	if !allowedProperties[d.name] {
		c.noteProperty(d)
		return nil, false
	}
	if d.name == "position" && !isFlowPosition(d.value) {
		c.removed("position")
		return nil, false
	}
	out := make([]cssToken, 0, len(d.value))
	depth := 0
	for i := 0; i < len(d.value); i++ {
		t := d.value[i]
		switch t.kind {
		case cssFunction, cssOpen:
			if t.text == "url" || loadingFunctions[t.text] {
				return c.loading(d, t)
			}
			if depth++; depth > MaxCSSDepth || t.kind == cssFunction && !allowedFunctions[t.text] || t.text == "{" {
				return nil, false
			}
		case cssClose:
			depth--
		case cssURL:
			path, ok := c.resource(t.text)
			if !ok {
				return c.withoutImage(d)
			}
			t.text = path
		case cssString:
			if !stringProperties[d.name] {
				return nil, false
			}
		case cssBad, cssAt, cssColon, cssSemicolon, cssCDO, cssCDC:
			return nil, false
		case cssDelim:
			if !strings.Contains("/+-*.%", t.text) {
				return nil, false
			}
		}
		out = append(out, t)
	}
	return out, depth == 0
}

// isFlowPosition says whether a position stays in the flow: fixed, absolute and
// sticky boxes can cover what is not theirs.
func isFlowPosition(v []cssToken) bool {
	return len(v) == 1 && v[0].kind == cssIdent && (strings.EqualFold(v[0].text, "static") || strings.EqualFold(v[0].text, "relative"))
}

// loading handles url("...") and functions that load what their strings name.
func (c *cleaner) loading(d declaration, f cssToken) ([]cssToken, bool) {
	if f.text != "url" {
		for _, t := range d.value {
			if t.kind == cssString || t.kind == cssURL {
				c.blocked(t.text)
			}
		}
		return nil, false
	}
	return c.value(declaration{name: d.name, value: quotedURLs(d.value), important: d.important})
}

// quotedURLs turns url("x") into the token of url(x). What has modifiers, or is
// no string, becomes a bad token.
func quotedURLs(v []cssToken) []cssToken {
	var out []cssToken
	for i := 0; i < len(v); i++ {
		if v[i].kind != cssFunction || v[i].text != "url" {
			out = append(out, v[i])
			continue
		}
		end := blockEnd(v, i)
		inner := trimSpace(v[i+1 : end])
		if len(inner) == 1 && inner[0].kind == cssString {
			out = append(out, cssToken{kind: cssURL, text: inner[0].text})
		} else {
			out = append(out, cssToken{kind: cssBad})
		}
		i = end
	}
	return out
}

// withoutImage drops a declaration whose picture is blocked, but keeps the color
// of a background shorthand, without which text may be unreadable.
func (c *cleaner) withoutImage(d declaration) ([]cssToken, bool) {
	if d.name != "background" {
		return nil, false
	}
	var out []cssToken
	for i := 0; i < len(d.value); i++ {
		t := d.value[i]
		switch {
		case t.kind == cssURL:
		case t.kind == cssHash, t.kind == cssIdent && isColorName(t.text):
			out = append(out, t)
		case t.kind == cssFunction && strings.HasPrefix(t.text, "rgb"), t.kind == cssFunction && strings.HasPrefix(t.text, "hsl"):
			end := blockEnd(d.value, i)
			if end >= len(d.value) {
				return nil, false
			}
			out = append(out, d.value[i:end+1]...)
			i = end
		}
	}
	if len(out) == 0 || len(out) > 20 {
		return nil, false
	}
	return c.value(declaration{name: d.name, value: out})
}

// noteProperty records what a person may want to know was taken out.
func (c *cleaner) noteProperty(d declaration) {
	switch d.name {
	case "behavior", "-moz-binding":
		c.removed("script")
	case "animation", "animation-name", "transition":
		c.removed("animation")
	}
	for i, t := range d.value {
		if t.kind == cssURL || t.kind == cssString && i > 0 && d.value[i-1].kind == cssFunction {
			c.blocked(t.text)
		}
	}
}

// writeDeclarations writes "a:b;c:d".
func writeDeclarations(b *strings.Builder, list []declaration) {
	for i, d := range list {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(d.name) // of allowedProperties
		b.WriteByte(':')
		writeCSS(b, d.value)
		if d.important {
			b.WriteString("!important")
		}
	}
}

// isColorName says whether s is one of the named colours of CSS Color Level 4.
func isColorName(s string) bool { return colorNames[strings.ToLower(s)] }

var colorNames = set(`
	aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood
	cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan
	darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange
	darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey
	darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite
	forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
	hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue
	lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon
	lightseagreen lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime
	limegreen linen magenta maroon mediumaquamarine mediumblue mediumorchid mediumpurple
	mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred midnightblue
	mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
	palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum
	powderblue purple rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen
	seashell sienna silver skyblue slateblue slategray slategrey snow springgreen steelblue tan teal
	thistle tomato turquoise violet wheat white whitesmoke yellow yellowgreen transparent
	currentcolor`)
