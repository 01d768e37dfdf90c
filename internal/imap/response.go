package imap

import "iter"

// Response is one response of the server: untagged data, a status, a tagged
// answer or a continuation. What callbacks are given is reused when they
// return; Clone keeps it.
type Response struct {
	// Word is the response's name in upper case: "FETCH", "EXISTS", "LIST",
	// "OK". Empty for a continuation request.
	Word string
	// Num is the leading number of EXISTS, EXPUNGE, FETCH, RECENT.
	Num uint32
	// Kind is set for status responses (OK, NO, BAD, BYE, PREAUTH).
	Kind StatusKind
	// Code is the response code of a status response.
	Code Code
	// Text is the human-readable text of a status or continuation, or the
	// rest of the line of SEARCH, SORT and THREAD; cut at a limit.
	Text string
	// Tag is the tag of a tagged answer.
	Tag string
	// Truncated reports that parts were dropped for a limit.
	Truncated bool

	hasNum bool
	cont   bool // a continuation request
	rest   []byte
	tree   *tree
	args   Node // list of the arguments
}

// Arg returns the i-th argument after the word, or the absent Node.
func (r *Response) Arg(i int) Node { return r.args.At(i) }

// Args yields the arguments after the word.
func (r *Response) Args() iter.Seq[Node] { return r.args.Children() }

// Clone returns a copy that stays valid.
func (r *Response) Clone() *Response {
	c := *r
	c.args = r.args.clone()
	c.tree = c.args.t
	c.rest = append([]byte(nil), r.rest...)
	return &c
}
