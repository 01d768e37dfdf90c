package gate

import "time"

// Config is what the supervisor tells gate.
type Config struct {
	Name          string        `json:"name"`                  // the provider's
	Origin        string        `json:"origin"`                // scheme://host[:port]
	TLS           string        `json:"tls"`                   // files, acme, off
	Certificate   []byte        `json:"certificate,omitempty"` // PEM
	Key           []byte        `json:"key,omitempty"`         // PEM
	ACME          ACME          `json:"acme"`
	Proxies       []string      `json:"proxies,omitempty"`
	ProxyProtocol bool          `json:"proxyProtocol,omitempty"`
	HTTPBasic     bool          `json:"httpBasic,omitempty"`
	OperatorKey   []byte        `json:"operatorKey"` // the JSON of /operator.json
	TicketKey     []byte        `json:"ticketKey"`   // 32 bytes, the same for each gate process of this run
	Idle          time.Duration `json:"idle"`        // how long the session cookie is kept
}

// ACME says where certificates come from when TLS is "acme".
type ACME struct {
	Email     string `json:"email,omitempty"`
	Directory string `json:"directory,omitempty"`
	Roots     []byte `json:"roots,omitempty"` // PEM
	Folder    string `json:"folder,omitempty"`
}
