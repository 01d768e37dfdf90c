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

// BuiltWithCgo says whether this program was built with cgo. Sandbox layers are
// set for all threads of a role at once, which Go does only for threads that it
// started itself: there are others in a program with cgo.
func BuiltWithCgo() bool {
	value, _ := buildSetting("CGO_ENABLED")
	return value == "1"
}

// checkProgram is for who built by hand, without the Makefile.
func checkProgram(cgo bool) Finding {
	f := Finding{Check: "program", About: "Roles can be closed in only if the program is static, built without cgo."}
	if cgo {
		return f.fail("Build it with make build, or with CGO_ENABLED=0 in the environment; the checks of the sandboxes were left out.", "built with cgo")
	}
	return f.ok("static")
}

// buildTime is when the source of this binary was committed.
func buildTime() (time.Time, bool) {
	text, ok := buildSetting("vcs.time")
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// buildSetting is what the Go tool noted in this program of how it was built.
func buildSetting(key string) (string, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value, true
		}
	}
	return "", false
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
