package managesieve

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// Capabilities are what a server says of itself (RFC 5804, section 1.7).
type Capabilities struct {
	Implementation string
	SASL           []string // in upper case
	Sieve          []string // extensions, as "require" names them
	Notify         []string // URI schemes of enotify
	MaxRedirects   *uint64  // nil: not said
	StartTLS       bool
	Version        string // "": from before RFC 5804, without RENAMESCRIPT and CHECKSCRIPT
}

// Has reports whether the server's Sieve has an extension.
func (c *Capabilities) Has(extension string) bool { return slices.Contains(c.Sieve, extension) }

func capabilities(res *response) Capabilities {
	var c Capabilities
	for _, line := range res.lines {
		value := ""
		if len(line) > 1 {
			value = line[1].text
		}
		switch strings.ToUpper(line[0].text) {
		case "IMPLEMENTATION":
			c.Implementation = value
		case "SASL":
			c.SASL = strings.Fields(strings.ToUpper(value))
		case "SIEVE":
			c.Sieve = strings.Fields(value)
		case "NOTIFY":
			c.Notify = strings.Fields(value)
		case "MAXREDIRECTS":
			if n, err := strconv.ParseUint(value, 10, 32); err == nil {
				c.MaxRedirects = &n
			}
		case "STARTTLS":
			c.StartTLS = true
		case "VERSION":
			c.Version = value
		}
	}
	return c
}

// Capabilities returns what the server said last.
func (c *Conn) Capabilities() Capabilities { return c.caps }

// Refresh asks for the capabilities again: they may be others after signing in.
func (c *Conn) Refresh(ctx context.Context) (Capabilities, error) {
	res, err := c.command(ctx, "CAPABILITY", nil)
	if err != nil {
		return Capabilities{}, err
	}
	c.caps = capabilities(res)
	return c.caps, nil
}
