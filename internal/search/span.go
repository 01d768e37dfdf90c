package search

// Kind is what a Span was taken for.
type Kind string

// The kinds of spans.
const (
	KindWord       Kind = "word"       // searched as it stands
	KindPhrase     Kind = "phrase"     // in quotes, which belong to the span
	KindOperator   Kind = "operator"   // a name with its colon
	KindValue      Kind = "value"      // what follows an operator, understood
	KindNot        Kind = "not"        // "-" or NOT
	KindOr         Kind = "or"         // OR or "|"
	KindAnd        Kind = "and"        // AND, which needs not be written
	KindGroup      Kind = "group"      // one parenthesis
	KindUnknown    Kind = "unknown"    // looks like an operator or its value, and is searched as words
	KindIncomplete Kind = "incomplete" // begun; asks nothing yet
)

// Span is a part of the text.
type Span struct {
	Start, End int // octets, half open
	Kind       Kind
	// Operator is the name, in the form of Operators, of an operator or value.
	Operator string
	// Suggest is the operator that an unknown one looks like, or "".
	Suggest string
}

func (p *parser) mark(start, end int, kind Kind, operator string) {
	p.spans = append(p.spans, Span{Start: start, End: end, Kind: kind, Operator: operator})
}

// suggest is an operator whose name is one letter off, or "".
func suggest(name string) string {
	for _, o := range operators {
		if len(name) >= 2 && oneOff(name, o.name) {
			return o.name
		}
	}
	return ""
}

// oneOff reports whether a becomes b by one letter changed, added, dropped, or
// two neighbours swapped.
func oneOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
