package courier

import (
	"net/netip"
	"testing"
)

// TestAddresses: what the internet's addresses are, one of each kind that is not.
func TestAddresses(t *testing.T) {
	r := newReach(Config{Host: "Mail.Example.org", Own: []netip.Addr{netip.MustParseAddr("185.7.7.7")},
		Refuse:  []netip.Prefix{netip.MustParsePrefix("185.8.8.8/24"), netip.MustParsePrefix("2a00:64::/96")},
		Private: []netip.AddrPort{netip.MustParseAddrPort("10.9.9.9:8443"), netip.MustParseAddrPort("[fd00::1]:443")}})
	for _, c := range []struct {
		at   string
		want bool
		what string
	}{
		{"8.8.8.8:443", true, "public"},
		{"1.1.1.1:443", true, "public"},
		{"9.255.255.255:443", true, "below 10/8"},
		{"100.63.255.255:443", true, "below CGNAT"},
		{"172.15.255.255:443", true, "below 172.16/12"},
		{"172.32.0.0:443", true, "above 172.16/12"},
		{"[2a00:1450:4001:80b::200a]:443", true, "public IPv6"},
		{"[2606:4700::1111]:443", true, "public IPv6"},
		{"[2001:4860:4860::8888]:443", true, "above 2001::/23"},
		{"8.8.8.8:80", false, "another port"},
		{"8.8.8.8:22", false, "another port"},
		{"8.8.8.8:8443", false, "another port"},
		{"0.0.0.0:443", false, "this network"},
		{"0.1.2.3:443", false, "this network"},
		{"10.0.0.1:443", false, "private"},
		{"100.64.0.1:443", false, "CGNAT"},
		{"100.127.255.255:443", false, "CGNAT"},
		{"127.0.0.1:443", false, "loopback"},
		{"127.255.255.254:443", false, "loopback"},
		{"169.254.169.254:443", false, "link-local: a cloud's metadata"},
		{"172.16.0.1:443", false, "private"},
		{"172.31.255.255:443", false, "private"},
		{"192.0.0.8:443", false, "IETF protocol assignments"},
		{"192.0.2.1:443", false, "documentation"},
		{"192.31.196.1:443", false, "AS112"},
		{"192.52.193.1:443", false, "AMT"},
		{"192.88.99.1:443", false, "6to4 relay"},
		{"192.168.1.1:443", false, "private"},
		{"192.175.48.1:443", false, "AS112"},
		{"198.18.0.1:443", false, "benchmark"},
		{"198.19.255.255:443", false, "benchmark"},
		{"198.51.100.1:443", false, "documentation"},
		{"203.0.113.1:443", false, "documentation"},
		{"224.0.0.1:443", false, "multicast"},
		{"239.255.255.255:443", false, "multicast"},
		{"240.0.0.1:443", false, "reserved"},
		{"255.255.255.255:443", false, "broadcast"},
		{"[::]:443", false, "unspecified"},
		{"[::1]:443", false, "loopback"},
		{"[::127.0.0.1]:443", false, "IPv4-compatible"},
		{"[::ffff:8.8.8.8]:443", false, "IPv4-mapped, though public"},
		{"[::ffff:127.0.0.1]:443", false, "IPv4-mapped"},
		{"[::ffff:0:127.0.0.1]:443", false, "IPv4-translated"},
		{"[64:ff9b::8.8.8.8]:443", false, "NAT64"},
		{"[64:ff9b::10.0.0.1]:443", false, "NAT64 of private"},
		{"[64:ff9b:1::10.0.0.1]:443", false, "local NAT64"},
		{"[100::1]:443", false, "discard"},
		{"[2001::1]:443", false, "Teredo"},
		{"[2001:2::1]:443", false, "benchmark"},
		{"[2001:10::1]:443", false, "ORCHID"},
		{"[2001:20::1]:443", false, "ORCHIDv2"},
		{"[2001:1ff:ffff::1]:443", false, "end of 2001::/23"},
		{"[2001:db8::1]:443", false, "documentation"},
		{"[2002:7f00:1::1]:443", false, "6to4 of loopback"},
		{"[2002:808:808::1]:443", false, "6to4, though public"},
		{"[2620:4f:8000::1]:443", false, "AS112"},
		{"[3fff::1]:443", false, "documentation"},
		{"[3fff:fff::1]:443", false, "end of 3fff::/20"},
		{"[4000::1]:443", false, "outside of 2000::/3"},
		{"[5f00::1]:443", false, "segment routing"},
		{"[fc00::1]:443", false, "unique local"},
		{"[fd12:3456::1]:443", false, "unique local"},
		{"[fe80::1]:443", false, "link-local"},
		{"[fe80::1%1]:443", false, "link-local with a zone"},
		{"[2a00:1450::1%1]:443", false, "a zone"},
		{"[fec0::1]:443", false, "site-local"},
		{"[ff02::1]:443", false, "multicast"},
		{"185.7.7.7:443", false, "this machine's own"},
		{"185.8.8.1:443", false, "refused by the operator"},
		{"[2a00:64::8.8.8.8]:443", false, "the operator's NAT64 prefix"},
		{"10.9.9.9:8443", true, "named by the operator"},
		{"10.9.9.9:443", false, "another port of it"},
		{"10.9.9.8:8443", false, "its neighbour"},
		{"[fd00::1]:443", true, "named by the operator"},
	} {
		network := "tcp4"
		if a := netip.MustParseAddrPort(c.at).Addr(); !a.Is4() {
			network = "tcp6"
		}
		if err := r.control(t.Context(), network, c.at, nil); (err == nil) != c.want {
			t.Errorf("%s (%s): %v", c.at, c.what, err)
		}
	}
	for _, network := range []string{"udp4", "unix", "tcp"} {
		if r.control(t.Context(), network, "8.8.8.8:443", nil) == nil {
			t.Errorf("a connection by %s", network)
		}
	}
	if r.control(t.Context(), "tcp4", "push.example.net:443", nil) == nil {
		t.Error("a name where an address belongs")
	}
}
