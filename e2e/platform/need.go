package platform

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Variable is the environment variable that decides what a missing server means:
// with the value "require" the test fails, else it is skipped.
const Variable = "COFFERDAM_E2E"

// Need is something that a test needs on the machine.
type Need struct {
	// Path or name of the program, and the Debian package that has it.
	program, apt string
	root         bool
}

// What tests can ask for.
var (
	Dovecot  = Need{program: "/usr/sbin/dovecot", apt: "dovecot-imapd"}
	LMTP     = Need{program: "/usr/lib/dovecot/lmtp", apt: "dovecot-lmtpd"}
	POP3     = Need{program: "/usr/lib/dovecot/pop3", apt: "dovecot-pop3d"}
	Sieve    = Need{program: "/usr/lib/dovecot/managesieve", apt: "dovecot-managesieved"}
	Postfix  = Need{program: "/usr/sbin/postfix", apt: "postfix", root: true}
	Python   = Need{program: "python3", apt: "python3"}
	Chromium = Need{program: "chromium", apt: "chromium"}
)

// Missing returns why the machine cannot provide n, "" if it can.
func (n Need) Missing() string {
	if _, err := exec.LookPath(n.program); err != nil {
		return n.program + " is missing: apt-get install " + n.apt
	}
	if n.root && os.Geteuid() != 0 {
		return n.program + " has to be started as root"
	}
	return ""
}

// Require skips the test, or fails it under COFFERDAM_E2E=require, when
// something is missing, and names the package to install.
func Require(t testing.TB, needs ...Need) {
	t.Helper()
	var missing []string
	for _, n := range needs {
		if m := n.Missing(); m != "" {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		Unmet(t, strings.Join(missing, "; "))
	}
}

// Unmet skips or fails the test with the given reason, as Require does.
func Unmet(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(Variable) == "require" {
		t.Fatalf("%s=require: %s", Variable, reason)
	}
	t.Skip(reason)
}
