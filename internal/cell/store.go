package cell

import (
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

func (c *Cell) store(p *person) upstream.Store {
	return memup.New(memup.Options{}).Open()
}
