package submission

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Extensions is what a server offered in EHLO: upper-case keyword to its
// parameters, "" where it has none.
type Extensions map[string]string

// Has reports whether keyword was offered.
func (x Extensions) Has(keyword string) bool {
	_, ok := x[keyword]
	return ok
}

// HasParam reports whether keyword was offered with the given parameter.
func (x Extensions) HasParam(keyword, param string) bool {
	for _, p := range strings.Fields(x[keyword]) {
		if strings.EqualFold(p, param) {
			return true
		}
	}
	return false
}

// MaxSize returns the largest message in bytes that the server declares, 0 where
// it names none (RFC 1870, section 4).
func (x Extensions) MaxSize() int64 {
	n, err := strconv.ParseInt(x["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// parseExtensions reads the lines of an EHLO reply after the first.
func parseExtensions(lines []string) Extensions {
	x := Extensions{}
	for _, line := range lines {
		keyword, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		// "AUTH=LOGIN" was written for a client of the last century and is
		// still offered beside the real line.
		if mechs, ok := strings.CutPrefix(strings.ToUpper(keyword), "AUTH="); ok {
			keyword, params = "AUTH", mechs+" "+params
		}
		keyword = strings.ToUpper(keyword)
		if keyword == "AUTH" && x["AUTH"] != "" {
			params = x["AUTH"] + " " + params
		}
		x[keyword] = strings.TrimSpace(params)
	}
	return x
}

// greeting reads the 220 that opens a conversation.
func (c *Conn) greeting(stage Stage) *Error {
	r, err := c.readReply(c.cfg.CommandTimeout)
	if err != nil {
		return notSent(stage, true, err)
	}
	if r.Code != 220 {
		return refused(stage, r)
	}
	return nil
}

// hello introduces us. Servers without EHLO are no submission servers (RFC 6409,
// section 3.1), so that HELO is not tried.
func (c *Conn) hello() *Error {
	r, err := c.command("EHLO " + c.helloName())
	if err != nil {
		return notSent(StageHello, true, err)
	}
	if r.Code != 250 {
		return refused(StageHello, r)
	}
	c.ext = parseExtensions(r.lines()[1:])
	return nil
}

// helloName defaults to the literal of our end of the connection.
func (c *Conn) helloName() string {
	if c.cfg.HelloName != "" {
		return c.cfg.HelloName
	}
	ap, err := netip.ParseAddrPort(addrString(c.w.nc.LocalAddr()))
	if err != nil {
		return "localhost" // a pipe or unix socket has no address
	}
	return "[" + literal(ap.Addr(), "IPv6:") + "]"
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// literal writes an address with the prefix that marks IPv6.
func literal(ip netip.Addr, prefix6 string) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return prefix6 + ip.String()
}

// startTLS upgrades the connection and forgets what was said before it
// (RFC 3207, section 4.2).
func (c *Conn) startTLS(ctx context.Context) *Error {
	if !c.ext.Has("STARTTLS") {
		return notSent(StageTLS, false, ErrNoStartTLS)
	}
	r, err := c.command("STARTTLS")
	if err != nil {
		return notSent(StageTLS, true, err)
	}
	if r.Code != 220 {
		return refused(StageTLS, r)
	}
	// Bytes that came along before TLS would be read as if they were protected.
	if c.w.br.Buffered() > 0 {
		return notSent(StageTLS, false, fmt.Errorf("%w: data after the STARTTLS reply", ErrProtocol))
	}
	if e := c.handshake(ctx); e != nil {
		return e
	}
	return c.hello()
}

// xclient hands the person's address on where the server lets us. The server
// then starts again with its greeting: a refusal there may mean that it does not
// want this person's address. 501 alone says that it cannot take such an
// address (a Postfix without IPv6 does): mail goes on without.
func (c *Conn) xclient() *Error {
	if !c.cfg.Client.IsValid() || !c.ext.HasParam("XCLIENT", "ADDR") {
		return nil
	}
	line := "XCLIENT ADDR=" + literal(c.cfg.Client.Addr(), "IPV6:")
	if c.ext.HasParam("XCLIENT", "NAME") {
		line += " NAME=[UNAVAILABLE]"
	}
	if p := c.cfg.Client.Port(); p != 0 && c.ext.HasParam("XCLIENT", "PORT") {
		line += " PORT=" + strconv.Itoa(int(p))
	}
	r, err := c.command(line)
	if err != nil {
		return notSent(StageXClient, true, err)
	}
	if r.Code == 501 {
		return nil
	}
	if r.Code != 220 {
		return refused(StageXClient, r)
	}
	c.passed = true
	return c.hello()
}
