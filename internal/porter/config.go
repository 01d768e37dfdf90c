package porter

// Config is what the supervisor tells porter.
type Config struct {
	SignInKey     []byte     `json:"signInKey"`     // private key of the sign-in box
	KeyDocument   []byte     `json:"keyDocument"`   // its public half, signed by the operator key (JSON)
	CredentialKey []byte     `json:"credentialKey"` // private key of the credential box
	Platforms     []Platform `json:"platforms"`
	FailsAccount  int        `json:"failsAccount"` // an hour, from networks not known to the account
}

// Platform is one mail platform.
type Platform struct {
	Name       string   `json:"name"`
	Domains    []string `json:"domains"`
	Default    bool     `json:"default"`
	IMAP       Server   `json:"imap"`
	Submission Server   `json:"submission"`
	Sieve      *Server  `json:"sieve,omitempty"`   // nil: the platform has none
	Aliases    string   `json:"aliases,omitempty"` // file
	MaxPipes   int      `json:"maxPipes"`
	Recipients int      `json:"recipients"` // an hour and person
	// Parameters are names of further parameters of MAIL FROM that cells may say, in
	// upper case.
	Parameters []string `json:"parameters,omitempty"`
}

// Server is one service of a platform.
type Server struct {
	Address    string `json:"address"`
	TLS        string `json:"tls"` // implicit, starttls, none
	ServerName string `json:"serverName,omitempty"`
	Roots      []byte `json:"roots,omitempty"` // PEM; empty: the system's
	Auth       string `json:"auth"`            // plain, login, oauthbearer, xoauth2; for submission also scram-sha-256
	Login      string `json:"login"`           // address or local
	HideIP     bool   `json:"hideIP,omitempty"`
}
