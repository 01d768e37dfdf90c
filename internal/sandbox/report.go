package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// State says whether a layer holds.
type State string

const (
	// Active: put on, and an attempt against it was refused.
	Active State = "active"
	// Refused: the kernel, the container or the machine's settings said no.
	Refused State = "refused"
	// Off: the role has no use for it (a role that dials out keeps the host's
	// network), or a test build left it out.
	Off State = "off"
)

// Entry is one line of a Report.
type Entry struct {
	Layer Layer  `json:"layer"`
	State State  `json:"state"`
	Words string `json:"words,omitempty"` // the kernel's words, or what was tried
}

// Report says of each layer whether it holds for one role.
type Report struct {
	Role    string  `json:"role"`
	Entries []Entry `json:"entries"`
	// LandlockABI is the version that the kernel offers; 0 is none.
	LandlockABI int `json:"landlockABI"`
}

// Missing lists the layers that were refused and that the role needs.
func (r Report) Missing() []Entry {
	var m []Entry
	for _, e := range r.Entries {
		if e.State == Refused && !e.Layer.Optional() {
			m = append(m, e)
		}
	}
	return m
}

// Check is nil when no layer is missing but those permitted, else a
// *MissingError.
func (r Report) Check(permitted []Layer) error {
	var m []Entry
	for _, e := range r.Missing() {
		if !slices.Contains(permitted, e.Layer) {
			m = append(m, e)
		}
	}
	if len(m) == 0 {
		return nil
	}
	return &MissingError{Role: r.Role, Entries: m}
}

// State finds the state of one layer; Off when the report does not list it.
func (r Report) State(l Layer) State {
	for _, e := range r.Entries {
		if e.Layer == l {
			return e.State
		}
	}
	return Off
}

// MissingError names the layers without which a role does not start.
type MissingError struct {
	Role    string
	Entries []Entry
}

func (e *MissingError) Error() string {
	words := make([]string, len(e.Entries))
	for i, m := range e.Entries {
		words[i] = fmt.Sprintf("%s (%s)", m.Layer, m.Words)
	}
	return fmt.Sprintf("sandbox of %s is incomplete: %s", e.Role, strings.Join(words, "; "))
}
