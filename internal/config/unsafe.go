package config

import (
	"fmt"
	"maps"
	"slices"
)

// Names of the table [unsafe]. Each takes one defence away; the value is the
// reason, in the operator's words, and is shown by config check and doctor.
const (
	UnsafePlainIMAP       = "plain_imap"          // IMAP without TLS to a host that is not this one
	UnsafePlainSubmission = "plain_submission"    // submission without TLS to a host that is not this one
	UnsafePlainSieve      = "plain_sieve"         // ManageSieve without TLS to a host that is not this one
	UnsafePlainWeb        = "plain_web"           // HTTP without TLS on an address that is not loopback
	UnsafeOnlineKey       = "online_operator_key" // the operator key is made by serve and lies beside the data
	UnsafePublicAdmin     = "public_admin"        // the admin listener is not on loopback
	UnsafePushPrivate     = "push_private"        // push.private names services that are not on the internet
	UnsafeMissingLayers   = "missing_sandbox"     // start although the kernel refuses the sandbox layers that it names (layers.go)
)

// Unsafes says what each name costs.
func Unsafes() map[string]string {
	return map[string]string{
		UnsafePlainIMAP:       "passwords and mail cross the network to the IMAP server in clear",
		UnsafePlainSubmission: "passwords and mail cross the network to the submission server in clear",
		UnsafePlainSieve:      "passwords and mail filters cross the network to the Sieve server in clear",
		UnsafePlainWeb:        "whoever sits on the network reads mail and takes sessions",
		UnsafeOnlineKey:       "who takes over this machine can make a sign-in key of his own that pages will trust",
		UnsafePublicAdmin:     "figures about the installation are open to other hosts",
		UnsafePushPrivate:     "whoever is signed in can make us post to the services that push.private names",
		UnsafeMissingLayers:   "a break-in into a role meets one wall less",
	}
}

// Permits says whether [unsafe] names what, with a reason.
func (c *Config) Permits(what string) bool {
	reason := c.Unsafe[what]
	if what == UnsafeMissingLayers {
		_, reason, _ = missingLayers(reason)
	}
	return len(reason) >= minReason
}

// minReason keeps "x" and "yes" from passing as a reason.
const minReason = 8

func (c *Config) checkUnsafe(f *faults) {
	known := Unsafes()
	if value, ok := c.Unsafe[UnsafeMissingLayers]; ok {
		checkMissingLayers(f, value)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Unsafe)) {
		if _, ok := known[name]; !ok {
			f.add("unsafe.%s is not the name of an unsafe setting; they are %v", name, slices.Sorted(maps.Keys(known)))
		} else if _, _, named := missingLayers(c.Unsafe[name]); name == UnsafeMissingLayers && !named {
			continue // checkMissingLayers said it
		} else if !c.Permits(name) {
			f.add("unsafe.%s needs a reason of at least %d letters: %s", name, minReason, known[name])
		}
	}
}

// refuseUnless refuses an unsafe setting that [unsafe] does not name.
func (c *Config) refuseUnless(f *faults, what, setting string) {
	if !c.Permits(what) {
		f.add("%s is refused: %s. If it must be so, give the reason as %s under [unsafe]", setting, Unsafes()[what], what)
	}
}

type faults struct{ list Error }

func (f *faults) add(format string, args ...any) {
	f.list = append(f.list, Fault{Text: fmt.Sprintf(format, args...)})
}
