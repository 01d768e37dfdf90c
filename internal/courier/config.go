package courier

import "net/netip"

// Config is what the supervisor tells courier.
type Config struct {
	VAPIDKey []byte `json:"vapidKey"` // private
	// Contact is the URI by which push services reach the operator (RFC 8292, section
	// 2.1), "" for none.
	Contact string `json:"contact,omitempty"`
	// Host is the installation's own public name: nothing is posted there.
	Host string `json:"host,omitempty"`
	// Own are the addresses of this machine, which are refused where they are public.
	Own []netip.Addr `json:"own,omitempty"`
	// Only are the hosts that are posted to, "*.name" for those below a name; empty:
	// any.
	Only []string `json:"only,omitempty"`
	// Refuse are further networks that are not to be reached.
	Refuse []netip.Prefix `json:"refuse,omitempty"`
	// Private are services that are reached although their address or port would be
	// refused.
	Private []netip.AddrPort `json:"private,omitempty"`
	Roots   []byte           `json:"roots,omitempty"` // PEM, beside the system's
	// HostRate is how many pushes an hour go to one host, all people together.
	HostRate int `json:"hostRate"`
}
