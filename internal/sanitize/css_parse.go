package sanitize

import "strings"

// declaration is one property with the tokens of its value.
type declaration struct {
	name      string // lower case
	value     []cssToken
	important bool
}

// cssRule is a rule of a style sheet: a qualified rule, or an at-rule when at is
// not empty.
type cssRule struct {
	at      string // lower case
	prelude []cssToken
	block   []cssToken // nil when the rule has none
}

// parseRules cuts tokens into rules (section 5.4.1). Comments are gone already;
// CDO and CDC are skipped, as at the top of a sheet.
func parseRules(toks []cssToken) []cssRule {
	var rules []cssRule
	for i := 0; i < len(toks); {
		switch toks[i].kind {
		case cssSpace, cssCDO, cssCDC:
			i++
			continue
		}
		var r cssRule
		if toks[i].kind == cssAt {
			r.at = strings.ToLower(toks[i].text)
			i++
		}
		var whole bool
		r, i, whole = consumeRule(r, toks, i)
		if whole {
			rules = append(rules, r)
		}
	}
	return rules
}

// consumeRule reads a prelude and a block from i. Whole is false for a
// qualified rule that the end cut off (section 5.4.3).
func consumeRule(r cssRule, toks []cssToken, i int) (_ cssRule, next int, whole bool) {
	start := i
	for i < len(toks) {
		t := toks[i]
		switch {
		case t.kind == cssSemicolon && r.at != "":
			r.prelude = toks[start:i]
			return r, i + 1, true
		case t.kind == cssOpen && t.text == "{":
			r.prelude = toks[start:i]
			end := blockEnd(toks, i)
			r.block = toks[i+1 : end]
			return r, min(end+1, len(toks)), true
		case t.kind == cssOpen || t.kind == cssFunction:
			i = min(blockEnd(toks, i)+1, len(toks))
		default:
			i++
		}
	}
	r.prelude = toks[start:]
	return r, i, r.at != ""
}

// blockEnd is the index of the token that closes the block or function opened
// at i, or the end (section 5.4.8).
func blockEnd(toks []cssToken, i int) int {
	var stack []byte
	for ; i < len(toks); i++ {
		switch t := toks[i]; t.kind {
		case cssFunction:
			stack = append(stack, ')')
		case cssOpen:
			stack = append(stack, closerOf(t.text))
		case cssClose:
			if n := len(stack); n > 0 && stack[n-1] == t.text[0] {
				if stack = stack[:n-1]; len(stack) == 0 {
					return i
				}
			}
		}
	}
	return i
}

func closerOf(open string) byte {
	switch open {
	case "(":
		return ')'
	case "[":
		return ']'
	}
	return '}'
}

// parseDeclarations reads the declarations of a block or a style attribute
// (section 5.4.4). Nested rules are not CSS that mail uses; they are dropped.
func parseDeclarations(toks []cssToken) []declaration {
	var out []declaration
	for i := 0; i < len(toks) && len(out) < MaxDeclarations; {
		start := i
		for i < len(toks) && toks[i].kind != cssSemicolon {
			if toks[i].kind == cssOpen || toks[i].kind == cssFunction {
				i = min(blockEnd(toks, i)+1, len(toks))
				continue
			}
			i++
		}
		if d, ok := parseDeclaration(trimSpace(toks[start:i])); ok {
			out = append(out, d)
		}
		i++
	}
	return out
}

func parseDeclaration(toks []cssToken) (declaration, bool) {
	if len(toks) < 2 || toks[0].kind != cssIdent {
		return declaration{}, false
	}
	d := declaration{name: strings.ToLower(toks[0].text)}
	rest := trimSpace(toks[1:])
	if len(rest) == 0 || rest[0].kind != cssColon {
		return declaration{}, false
	}
	d.value = trimSpace(rest[1:])
	d.value, d.important = cutImportant(d.value)
	return d, len(d.value) > 0
}

// cutImportant takes "!important" off the end of a value.
func cutImportant(v []cssToken) ([]cssToken, bool) {
	n := len(v)
	if n < 2 || v[n-1].kind != cssIdent || !strings.EqualFold(v[n-1].text, "important") {
		return v, false
	}
	rest := trimSpace(v[:n-1])
	if k := len(rest); k > 0 && rest[k-1].kind == cssDelim && rest[k-1].text == "!" {
		return trimSpace(rest[:k-1]), true
	}
	return v, false
}

func trimSpace(toks []cssToken) []cssToken {
	for len(toks) > 0 && toks[0].kind == cssSpace {
		toks = toks[1:]
	}
	for len(toks) > 0 && toks[len(toks)-1].kind == cssSpace {
		toks = toks[:len(toks)-1]
	}
	return toks
}

// splitComma cuts at the commas that stand outside of brackets.
func splitComma(toks []cssToken) [][]cssToken {
	var out [][]cssToken
	start := 0
	for i := 0; i < len(toks); {
		switch toks[i].kind {
		case cssComma:
			out = append(out, toks[start:i])
			i++
			start = i
		case cssOpen, cssFunction:
			i = min(blockEnd(toks, i)+1, len(toks))
		default:
			i++
		}
	}
	return append(out, toks[start:])
}
