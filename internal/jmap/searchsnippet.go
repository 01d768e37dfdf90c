package jmap

import "cofferdam/internal/jmap/ijson"

// SearchSnippet shows where words of a filter stand in an Email (RFC 8621, section
// 5). Subject and Preview are HTML; nil is null.
type SearchSnippet struct {
	EmailID EmailID
	Subject *string
	Preview *string // at most MaxSnippetOctets
}

// AppendJSON appends s as JSON.
func (s *SearchSnippet) AppendJSON(dst []byte) []byte {
	o := ijson.Open(dst)
	o.Str("emailId", string(s.EmailID))
	for _, p := range []struct {
		name  string
		value *string
	}{{"subject", s.Subject}, {"preview", s.Preview}} {
		if p.value == nil {
			o.Null(p.name)
		} else {
			o.Str(p.name, *p.value)
		}
	}
	return o.Close()
}
