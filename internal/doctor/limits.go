package doctor

import "time"

const (
	serverTime   = 10 * time.Second          // one server's greeting; a person waits for it
	sandboxTime  = 10 * time.Second          // one probe takes about 10 ms
	soon         = 21 * 24 * time.Hour       // less is left: warn; renewals of 90-day certificates come at 30 days
	maxKeyFile   = 64 << 10                  // bytes of a key, document or certificate file
	maxHealth    = 1 << 10                   // bytes of an answer to /healthz
	healthTime   = 2 * time.Second           // a listener on this machine
	clockAhead   = 20 * 365 * 24 * time.Hour // a clock further ahead of the build is wrong
	maxShownCaps = 40                        // capabilities named in one line
	// maxProbeWords is how many lines are shown of a probe that ended with an error.
	maxProbeWords = 3
)
