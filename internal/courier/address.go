package courier

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// errAddress is a refusal to connect.
var errAddress = errors.New("the address is not one that may be reached")

// special4 is the registry of special-purpose IPv4 addresses (RFC 6890 and IANA's
// list since), and what is not unicast.
var special4 = [...]string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
}

// special6 is what is special within 2000::/3, the only part of IPv6 in use: IETF
// protocol assignments (Teredo and ORCHID among them), documentation, 6to4, which
// holds an IPv4 address, AS 112. Outside lie loopback, link-local, unique local and
// multicast addresses, IPv4 in IPv6, and NAT64's prefixes (RFC 6052, RFC 8215).
var special6 = [...]string{"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"}

const (
	global6   = "2000::/3"
	httpsPort = 443
)

// reach says what may be connected to. It does not change.
type reach struct {
	global  netip.Prefix
	special []netip.Prefix
	refuse  []netip.Prefix
	own     []netip.Addr
	private []netip.AddrPort
	host    string
	only    []string
}

func newReach(cfg Config) *reach {
	r := &reach{global: netip.MustParsePrefix(global6), own: cfg.Own, private: cfg.Private, host: plainHost(cfg.Host), only: cfg.Only}
	for _, p := range slices.Concat(special4[:], special6[:]) {
		r.special = append(r.special, netip.MustParsePrefix(p))
	}
	for _, p := range cfg.Refuse {
		r.refuse = append(r.refuse, p.Masked())
	}
	return r
}

// plainHost is a host name as it is compared.
func plainHost(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// control is net.Dialer.ControlContext: it sees each address that a name led to,
// before the connection is made.
func (r *reach) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !r.allows(at) {
		return errAddress
	}
	return nil
}

// allows says whether a connection to an address may be made.
func (r *reach) allows(at netip.AddrPort) bool {
	if slices.Contains(r.private, at) {
		return true
	}
	return at.Port() == httpsPort && r.public(at.Addr()) && !slices.Contains(r.own, at.Addr())
}

// public says whether an address is one of the internet's. IPv4 that is written as
// IPv6 is not: connecting by it would reach what the IPv4 rules refuse.
func (r *reach) public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || !a.Is4() && !r.global.Contains(a) {
		return false
	}
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	return !slices.ContainsFunc(r.special, within) && !slices.ContainsFunc(r.refuse, within)
}

// serves says whether a host is one that the operator lets us post to.
func (r *reach) serves(host string) bool {
	return len(r.only) == 0 || slices.ContainsFunc(r.only, func(name string) bool {
		below, wild := strings.CutPrefix(plainHost(name), "*")
		return host == below || wild && strings.HasSuffix(host, below)
	})
}

// checkHost refuses by the URL alone what control would refuse later: then the asker
// may be told, as nothing of the network is told by it.
func (r *reach) checkHost(host string, port uint16) error {
	if plainHost(host) == r.host {
		return fmt.Errorf("this is our own host: %w", errAddress)
	}
	if !r.serves(plainHost(host)) {
		return fmt.Errorf("the operator did not name this push service: %w", errAddress)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if !r.allows(netip.AddrPortFrom(a, port)) {
			return errAddress
		}
		return nil
	}
	if port != httpsPort && !slices.ContainsFunc(r.private, func(p netip.AddrPort) bool { return p.Port() == port }) {
		return fmt.Errorf("port %d: %w", port, errAddress)
	}
	return nil
}
