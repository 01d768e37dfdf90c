package account

// ForgetHeaders empties the memory of parsed headers.
func ForgetHeaders(a *Account) { a.headers.forget() }

func (c *headerCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byID)
	c.order.Init()
	c.bytes = 0
}
