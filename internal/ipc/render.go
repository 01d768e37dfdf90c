package ipc

// Calls that a render answers on its cell's line.
const (
	RenderHTML = "/render/html" // RenderRequest -> Rendered
	RenderText = "/render/text" // RenderRequest -> Rendered
	// RenderSnippet makes a piece of HTML that can stand in any body. IsText: it
	// cannot, and Document is empty.
	RenderSnippet = "/render/snippet" // RenderRequest -> Rendered
)

// RenderRequest is one decoded body. CIDs maps a Content-ID to the path that
// shows it.
type RenderRequest struct {
	Body   string            `json:"body"` // UTF-8
	Flowed bool              `json:"flowed,omitempty"`
	DelSp  bool              `json:"delSp,omitempty"`
	CIDs   map[string]string `json:"cids,omitempty"`
	Theme  string            `json:"theme,omitempty"` // "", "light" or "dark"
}

// Rendered is a harmless document and what was found on the way.
type Rendered struct {
	Document string   `json:"document"`
	IsText   bool     `json:"isText"` // HTML could not be shown: Document is the text
	Findings Findings `json:"findings"`
}

// Findings are facts for the reader, text only.
type Findings struct {
	Remote      int      `json:"remote"`      // remote resources blocked
	RemoteHosts []string `json:"remoteHosts"` // of those, at most 20
	Links       int      `json:"links"`
	Forms       int      `json:"forms"`
	Removed     []string `json:"removed"` // kinds of content taken out
}
