package imap

// ThreadAlgorithm is a threading algorithm (RFC 5256).
type ThreadAlgorithm string

// The algorithms.
const (
	ThreadOrderedSubject ThreadAlgorithm = "ORDEREDSUBJECT"
	ThreadReferences     ThreadAlgorithm = "REFERENCES"
	ThreadRefs           ThreadAlgorithm = "REFS" // Dovecot and Cyrus: by ids alone
)

// ThreadNode is a message and the answers to it. Number zero is a message that
// is not in the mailbox.
type ThreadNode struct {
	Number   uint32
	Children []*ThreadNode
}

// Thread starts a UID THREAD (or THREAD with BySeq; other options do not
// apply). The value is the list of threads; nesting beyond a limit is cut off.
func (c *Client) Thread(alg ThreadAlgorithm, key SearchKey, opts SearchOptions) *Future[[]*ThreadNode] {
	verb := searchVerb("THREAD", opts)
	e := c.encode(verb)
	e.sp().atom(string(alg))
	encodeProgram(e, key, opts, true)
	v := new([]*ThreadNode)
	return start(c, v, &command{name: verb, enc: e, kind: "THREAD", claim: func(r *Response, deliver bool) bool {
		if r.Word != "THREAD" {
			return false
		}
		if deliver {
			*v = append(*v, parseThreads(r.rest)...)
		}
		return true
	}})
}
