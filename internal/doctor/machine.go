package doctor

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cofferdam/internal/sandbox"
)

// checkClock compares the clock with what cannot be: certificates, key documents
// and sessions all end by the clock.
func checkClock() Finding {
	f := Finding{Check: "clock", About: "Certificates, key documents and sessions begin and end by this machine's clock."}
	const advice = "Run a time service such as systemd-timesyncd or chrony."
	now := time.Now()
	built, known := buildTime()
	switch {
	case known && now.Before(built):
		return f.fail(advice, "it is %s, before this program was made (%s)", now.UTC().Format(time.RFC3339), built.UTC().Format(time.RFC3339))
	case known && now.After(built.Add(clockAhead)):
		return f.fail(advice, "it is %s, more than 20 years after this program was made", now.UTC().Format(time.RFC3339))
	}
	var tx unix.Timex // Modes 0: only ask
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		return f.warn(advice, "the kernel does not say whether the clock is kept: %s", err)
	}
	if state == unix.TIME_ERROR || tx.Status&unix.STA_UNSYNC != 0 {
		return f.warn(advice, "nothing keeps this clock right")
	}
	return f.ok("kept right to within %s", time.Duration(tx.Maxerror)*time.Microsecond)
}

// buildTime is when the source of this binary was committed.
func buildTime() (time.Time, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}, false
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, err := time.Parse(time.RFC3339, s.Value)
			return t, err == nil
		}
	}
	return time.Time{}, false
}

// checkNamespaces says what the machine refuses before any role asks for it.
func checkNamespaces(host *sandbox.Host) Finding {
	f := Finding{Check: "namespaces", About: "Roles are cut off from network, processes and files by the kernel's namespaces; without root that takes user namespaces."}
	who := "an ordinary user"
	if host.Root() {
		who = "root"
	}
	var lines []string
	for _, e := range host.Refused() {
		if !e.Layer.Optional() {
			lines = append(lines, fmt.Sprintf("%s: %s", e.Layer, e.Words))
		}
	}
	if len(lines) > 0 {
		return f.warn("Start as root, or allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns. In a container: its seccomp profile.",
			"started by %s, this machine refuses\n%s", who, strings.Join(lines, "\n"))
	}
	return f.ok("started by %s, this machine grants all of them", who)
}
