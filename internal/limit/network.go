package limit

import "net/netip"

// Network is what one attacker usually has, as a key to count by: an IPv4 address,
// an IPv6 /64. What is no address is one network of its own.
func Network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "?"
	}
	a = a.Unmap().WithZone("") // IPv4 inside of IPv6 is not one network
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "?"
	}
	return p.String()
}
