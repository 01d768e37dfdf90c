package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cofferdam/internal/config"
	"cofferdam/internal/sandbox"
)

const aboutSandbox = "Each role is closed in by layers that overlap; doctor starts a child under the role's profile and tries every layer."

// checkSandboxes probes every role's profile on this machine.
func checkSandboxes(ctx context.Context, host *sandbox.Host, probe []string, c config.Config) []Finding {
	var checks []func() []Finding
	abi := make([]int, len(profiles(c)))
	for i, p := range profiles(c) {
		checks = append(checks, func() []Finding {
			ctx, cancel := context.WithTimeout(ctx, sandboxTime)
			defer cancel()
			f, report := checkSandbox(ctx, host, probe, p, c.MissingLayers())
			abi[i] = report.LandlockABI
			return []Finding{f}
		})
	}
	out := together(checks...)
	return append(out, checkLandlock(slices.Max(abi))) // 0 is also that of a probe that failed
}

// profiles are the sandboxes of the roles as serve starts them.
func profiles(c config.Config) []sandbox.Profile {
	gate := sandbox.Gate(nil, nil)
	if c.Web.TLS == "acme" {
		gate = sandbox.Gate([]string{filepath.Join(c.Data, "gate")}, nil).WithDialOut()
	}
	out := []sandbox.Profile{
		sandbox.Cell(int64(c.Cells.Memory)),
		sandbox.Render(int64(c.Cells.RenderMemory)),
		sandbox.Keeper(filepath.Join(c.Data, "keeper")),
		sandbox.Vault(filepath.Join(c.Data, "vault")),
		sandbox.Porter(),
		gate,
	}
	if c.Push.Enabled {
		out = append(out, sandbox.Courier())
	}
	return out
}

func checkSandbox(ctx context.Context, host *sandbox.Host, probe []string, p sandbox.Profile, permitted []string) (Finding, sandbox.Report) {
	f := Finding{Check: "sandbox " + p.Role, About: aboutSandbox}
	p.Permit = sandbox.Layers() // a probe reports; whether to start is serve's to say
	report, err := sandbox.Probe(ctx, host, p, probe...)
	if err != nil {
		return f.fail("Run doctor as who runs Cofferdam, with the same rights.", "%s", clip(err.Error(), maxProbeWords)), report
	}
	var off, lines, refused []string
	var allowed []sandbox.Layer
	for _, name := range permitted {
		allowed = append(allowed, sandbox.Layer(name))
	}
	held := 0
	for _, e := range report.Entries {
		switch {
		case e.State == sandbox.Active:
			held++
		case e.State == sandbox.Off || e.Layer.Optional():
			off = append(off, string(e.Layer))
		default:
			refused = append(refused, string(e.Layer))
			lines = append(lines, fmt.Sprintf("%s: %s\n  %s", e.Layer, e.Words, e.Layer.Explain()))
		}
	}
	found := fmt.Sprintf("%d of %d layers hold", held, len(report.Entries))
	if len(off) > 0 {
		found += "; not used: " + strings.Join(off, ", ")
	}
	switch {
	case len(lines) == 0:
		return f.ok("%s", found), report
	case report.Check(allowed) == nil:
		return f.warn("You permitted these layers by name as missing_sandbox under [unsafe].", "%s\nrefused: %s", found, strings.Join(lines, "\n")), report
	}
	return f.fail("Let the machine grant them, or name them under [unsafe], missing_sandbox = \""+strings.Join(refused, ", ")+": the reason\"; without either serve does not start.",
		"%s\nrefused: %s", found, strings.Join(lines, "\n")), report
}

// clip keeps the first lines of a text: a child that crashes says hundreds.
func clip(text string, lines int) string {
	all := strings.Split(text, "\n")
	if len(all) <= lines {
		return text
	}
	return strings.Join(all[:lines], "\n") + fmt.Sprintf("\n(and %d lines more)", len(all)-lines)
}

// checkLandlock says which version the kernel has, for later ones close more.
func checkLandlock(abi int) Finding {
	f := Finding{Check: "landlock", About: "Landlock keeps a role from files and from signals to others. Version 4 restricts TCP ports, 6 abstract sockets and signals."}
	switch {
	case abi == 0:
		return f.fail("Boot with landlock in the kernel's list of security modules (lsm=landlock,...).", "this kernel has no Landlock")
	case abi < 4:
		return f.warn("A kernel from 6.7 on restricts ports as well; the other layers hold meanwhile.", "version %d", abi)
	}
	return f.ok("version %d", abi)
}
