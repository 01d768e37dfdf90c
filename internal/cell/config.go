package cell

// Config is what the supervisor tells a cell.
type Config struct {
	Name string `json:"name"` // the provider's
	// HeaderMemory is for the parsed headers of one person, in bytes.
	HeaderMemory int64 `json:"headerMemory"`
}
