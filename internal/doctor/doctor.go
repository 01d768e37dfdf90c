package doctor

import (
	"context"
	"fmt"
	"sync"

	"cofferdam/internal/config"
	"cofferdam/internal/sandbox"
)

// Result is how a check ended.
type Result string

// The results. Only Fail keeps people from working, or a promise from holding.
const (
	OK   Result = "ok"
	Warn Result = "warn"
	Fail Result = "fail"
)

// Finding is what one check has to say.
type Finding struct {
	Check  string `json:"check"`  // name, stable: scripts may look for it
	About  string `json:"about"`  // what the check is for, in a sentence
	Result Result `json:"result"` //
	Found  string `json:"found"`  // what was found
	Advice string `json:"advice,omitempty"`
}

// Options is what doctor works with.
type Options struct {
	// File is the configuration to look at.
	File string
	// Probe leads a child of this binary to sandbox.ProbeMain.
	Probe []string
	// SignInPublic is the public half of porter's sign-in key of a data folder
	// that has one.
	SignInPublic func(config.Config) (string, error)
}

// Run makes all checks. When the configuration does not load, what depends on
// it is left out, and the finding about it says so.
func Run(ctx context.Context, o Options) []Finding {
	loaded, out := checkConfiguration(o.File)
	if loaded == nil {
		return append(out, machine(ctx, o, config.Default())...)
	}
	out = append(out, checkUnsafe(loaded)...)
	out = append(out, checkFolder(loaded.Data))
	out = append(out, checkKeys(loaded.Config, o.SignInPublic)...)
	out = append(out, checkWeb(&loaded.Web))
	out = append(out, checkPorts(ctx, &loaded.Config)...)
	return append(out, together(
		func() []Finding { return machine(ctx, o, loaded.Config) },
		func() []Finding { return checkPlatforms(ctx, loaded.Platform) },
	)...)
}

// machine is what concerns this machine and no setting.
func machine(ctx context.Context, o Options, c config.Config) []Finding {
	program := checkProgram(BuiltWithCgo())
	out := []Finding{program, checkClock()}
	host, err := sandbox.Detect(sandbox.HostConfig{Cgroup: true})
	if err != nil {
		return append(out, Finding{Check: "sandbox", About: aboutSandbox, Result: Fail, Found: err.Error(),
			Advice: "Roles are closed in on Linux only; run Cofferdam there."})
	}
	out = append(out, checkNamespaces(host))
	if program.Result == Fail {
		return out // each role would only crash
	}
	return append(out, checkSandboxes(ctx, host, o.Probe, c)...)
}

// Worst is the worst result of findings.
func Worst(list []Finding) Result {
	worst := OK
	for _, f := range list {
		switch {
		case f.Result == Fail:
			return Fail
		case f.Result == Warn:
			worst = Warn
		}
	}
	return worst
}

// together runs checks at once and keeps their order.
func together(checks ...func() []Finding) []Finding {
	parts := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { parts[i] = check() })
	}
	wg.Wait()
	var out []Finding
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func (f Finding) ok(format string, args ...any) Finding {
	f.Result, f.Found = OK, fmt.Sprintf(format, args...)
	return f
}

func (f Finding) warn(advice, format string, args ...any) Finding {
	f.Result, f.Found, f.Advice = Warn, fmt.Sprintf(format, args...), advice
	return f
}

func (f Finding) fail(advice, format string, args ...any) Finding {
	f.Result, f.Found, f.Advice = Fail, fmt.Sprintf(format, args...), advice
	return f
}
