package breakin

// Order says something on one of a role's lines, as an intruder in it would.
type Order struct {
	Line   string            `json:"line"`             // the peer: keeper, porter
	Path   string            `json:"path"`             // of the call or pipe
	Header map[string]string `json:"header,omitempty"` // such as the capability
	Body   []byte            `json:"body,omitempty"`   // of a call
	Say    string            `json:"say,omitempty"`    // into a pipe, once it is open
}

// Heard is what came back. Status is 101 for a pipe that was opened; Text is the
// body of an answer, or what was said in the pipe within a moment.
type Heard struct {
	Status int    `json:"status"`
	Text   string `json:"text"`
}
