//go:build cofferdam_breakin

package breakin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/sandbox"
)

func TestWithout(t *testing.T) {
	all := sandbox.Layers()
	for _, c := range []struct {
		text string
		want []sandbox.Layer
	}{
		{"", nil},
		{"all", all},
		{"all,!seccomp", all[:len(all)-1]},
		{"seccomp,landlock", []sandbox.Layer{sandbox.LayerLandlock, sandbox.LayerSeccomp}},
	} {
		if diff := cmp.Diff(c.want, without(c.text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}
