package keeper

import "time"

// Config is what the supervisor tells keeper.
type Config struct {
	Database      string        `json:"database"` // file
	Uploads       string        `json:"uploads"`  // folder
	Indexes       string        `json:"indexes"`  // folder
	Node          string        `json:"node"`
	Cells         int           `json:"cells"`
	PeoplePerCell int           `json:"peoplePerCell"` // 0: Cells fixed cells
	CellIdle      time.Duration `json:"cellIdle"`
	Idle          time.Duration `json:"idle"`
	Absolute      time.Duration `json:"absolute"`
	Shared        time.Duration `json:"shared"`
	FailsNetwork  int           `json:"failsNetwork"`
	DeviceKey     []byte        `json:"deviceKey"` // 32 bytes
}
