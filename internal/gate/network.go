package gate

import (
	"net/http"
	"net/netip"
	"strings"
)

// network is the asker's IP address: the connection's, or what a listed proxy
// says in X-Forwarded-For (the last entry that is not itself a listed proxy;
// everything before it could have been made up).
func (g *Gate) network(r *http.Request) string {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip := addr.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && g.isProxy(ip); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap()
	}
	return ip.WithZone("").String()
}

// parseHop reads an address. Some proxies put the port beside it, and IPv6 in
// brackets.
func parseHop(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr(), nil
	}
	return netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
}

func (g *Gate) isProxy(ip netip.Addr) bool {
	for _, p := range g.live.Load().proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
