package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// Probe starts a short-lived child of this binary under the profile and returns
// what it reports of each layer: what doctor prints. args must lead the child to
// ProbeMain. A report with missing layers is no error.
func Probe(ctx context.Context, h *Host, p Profile, args ...string) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	done, err := p.Prepare(cmd, h)
	if err != nil {
		return Report{}, err
	}
	defer done()
	if err := cmd.Run(); err != nil {
		return Report{}, fmt.Errorf("probing the sandbox of %s: %w: %s", p.Role, err, bytes.TrimSpace(stderr.Bytes()))
	}
	var r Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return Report{}, fmt.Errorf("probing the sandbox of %s: reading its report: %w", p.Role, err)
	}
	return r, nil
}

// ProbeMain is the child of Probe: it enters the sandbox and writes the report.
func ProbeMain(w io.Writer) error {
	p, err := Inherited()
	if err != nil {
		return err
	}
	r, err := Enter(p)
	if missing := (*MissingError)(nil); err != nil && !errors.As(err, &missing) {
		return err
	}
	return json.NewEncoder(w).Encode(r)
}
