package cell

// Config is what the supervisor tells a cell.
type Config struct {
	Name string `json:"name"` // the provider's
}
