package imap

import "bytes"

// numbersInto reads the numbers of a SEARCH or SORT response, and RFC 7162's
// "(MODSEQ n)" at its end.
func (r *Response) numbersInto(v *SearchResult) {
	b := r.rest
	v.Truncated = v.Truncated || r.Truncated
	if r.Truncated { // half of a number is another number
		b = b[:bytes.LastIndexByte(b, ' ')+1]
	}
	if i := bytes.IndexByte(b, '('); i >= 0 {
		tail := lexAll(b[i:]).First()
		if tail.First().Is("MODSEQ") {
			v.ModSeq, _ = tail.At(1).Number()
		}
		b = b[:i]
	}
	if v.Numbers == nil {
		v.Numbers = make([]uint32, 0, min(len(b)/4+1, maxFound))
	}
	for len(b) > 0 {
		word, rest := cutSpace(b)
		b = rest
		n, ok := parseNumber(word)
		if !ok || n == 0 || n > 0xffffffff {
			continue
		}
		if len(v.Numbers) >= maxFound {
			v.Truncated = true
			return
		}
		v.Numbers = append(v.Numbers, uint32(n))
	}
}

// decodeESearch reads "ESEARCH (TAG x MAILBOX m UIDVALIDITY n) UID name value
// ..." (RFC 4731, RFC 7377, RFC 5267, RFC 9394). Mailbox is left encoded.
func decodeESearch(r *Response) *SearchResult {
	v := &SearchResult{Truncated: r.Truncated}
	cur := r.args.cursor()
	if first := cur.peek(); first.IsList() && isCorrelator(first) {
		v.correlate(cur.next())
	}
	if cur.peek().Is("UID") {
		v.IsUID = true
		cur.next()
	}
	for name := cur.next(); name.Present(); name = cur.next() {
		v.returned(name, cur.next())
	}
	return v
}

func isCorrelator(n Node) bool {
	f := n.First()
	return f.Is("TAG") || f.Is("MAILBOX") || f.Is("UIDVALIDITY")
}

func (v *SearchResult) correlate(n Node) {
	cur := n.cursor()
	for name := cur.next(); name.Present(); name = cur.next() {
		value := cur.next()
		switch {
		case name.Is("TAG"):
			v.Tag = string(value.Raw())
		case name.Is("MAILBOX"):
			v.Mailbox = string(value.Raw())
		case name.Is("UIDVALIDITY"):
			v.UIDValidity, _ = value.Number32()
		}
	}
}

func (v *SearchResult) returned(name, value Node) {
	switch {
	case name.Is("MIN"):
		v.Min, _ = value.Number32()
	case name.Is("MAX"):
		v.Max, _ = value.Number32()
	case name.Is("COUNT"):
		v.Count, v.HasCount = value.Number32()
	case name.Is("MODSEQ"):
		v.ModSeq, _ = value.Number()
	case name.Is("ALL"):
		v.Numbers = v.expand(v.Numbers, value)
	case name.Is("PARTIAL"):
		v.HasPartial = true
		v.Partial = parsePartial(value.First().Text())
		if set := value.At(1); !set.IsNil() {
			v.Numbers = v.expand(v.Numbers, set)
		}
	case name.Is("ADDTO"):
		v.AddTo = v.positioned(v.AddTo, value)
	case name.Is("REMOVEFROM"):
		v.RemoveFrom = v.positioned(v.RemoveFrom, value)
	}
}

func (v *SearchResult) positioned(dst []PositionedSet, n Node) []PositionedSet {
	cur := n.cursor()
	for pos := cur.next(); pos.Present() && len(dst) < maxFlags; pos = cur.next() {
		at, _ := pos.Number32()
		dst = append(dst, PositionedSet{at, v.expand(nil, cur.next())})
	}
	return dst
}

// expand appends the numbers of a set in its own order (RFC 5267, section 3:
// the order of ESORT), as many as maxFound allows.
func (v *SearchResult) expand(dst []uint32, n Node) []uint32 {
	ranges, err := parseRanges[UID](n.Text())
	if err != nil {
		return dst
	}
	for _, r := range ranges {
		step := 1
		if r.Stop < r.Start {
			step = -1
		}
		for u := int64(r.Start); ; u += int64(step) {
			if len(dst) >= maxFound {
				v.Truncated = true
				return dst
			}
			dst = append(dst, uint32(u))
			if u == int64(r.Stop) {
				break
			}
		}
	}
	return dst
}

func parsePartial(s string) PartialRange {
	var p PartialRange
	from, to, _ := bytes.Cut([]byte(s), []byte(":"))
	p.From, p.To = signed(from), signed(to)
	return p
}

func signed(b []byte) int64 {
	neg := len(b) > 0 && b[0] == '-'
	n, _ := parseNumber(bytes.TrimPrefix(b, []byte("-")))
	if neg {
		return -int64(n)
	}
	return int64(n)
}

// parseThreads reads RFC 5256's thread lists: "(2)(3 6 (4 23)(44 7 96))". In a
// list, each number is the child of the one before; a list is a branch below
// the last number.
func parseThreads(b []byte) []*ThreadNode {
	root := &ThreadNode{}
	at := []*ThreadNode{root} // where the next number of each open list hangs
	skipped, count := 0, 0
	for i := 0; i < len(b) && count < maxFound; {
		switch c := b[i]; {
		case c == '(':
			if len(at) > maxDepth {
				skipped++
			} else {
				at = append(at, at[len(at)-1])
			}
			i++
		case c == ')':
			if skipped > 0 {
				skipped--
			} else if len(at) > 1 {
				at = at[:len(at)-1]
			}
			i++
		case '0' <= c && c <= '9':
			end := i
			for end < len(b) && b[end] >= '0' && b[end] <= '9' {
				end++
			}
			if n, ok := parseNumber(b[i:end]); ok && n <= 0xffffffff && len(at) > 1 {
				node := &ThreadNode{Number: uint32(n)}
				parent := at[len(at)-1]
				parent.Children = append(parent.Children, node)
				at[len(at)-1] = node
				count++
			}
			i = end
		default:
			i++
		}
	}
	return root.Children
}

// vanishedOf reads VANISHED [(EARLIER)] uids (RFC 7162, section 3.2.10).
func vanishedOf(r *Response) (set UIDSet, earlier, ok bool) {
	if r.Word != "VANISHED" {
		return UIDSet{}, false, false
	}
	cur := r.args.cursor()
	if first := cur.peek(); first.IsList() {
		earlier = first.First().Is("EARLIER")
		cur.next()
	}
	set, err := ParseUIDSet(cur.next().Text())
	return set, earlier, err == nil && !set.HasStar()
}
