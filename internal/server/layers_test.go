package server

import (
	"slices"
	"testing"

	"cofferdam/internal/config"
	"cofferdam/internal/sandbox"
)

// The configuration names the very layers that the sandbox has.
func TestLayersOfTheConfiguration(t *testing.T) {
	var have []string
	for _, l := range sandbox.Layers() {
		have = append(have, string(l))
	}
	if !slices.Equal(have, config.Layers()) {
		t.Errorf("configuration: %v\nsandbox: %v", config.Layers(), have)
	}
}

// Only what the operator named may be missing in a role.
func TestNamedLayersAlonePermitted(t *testing.T) {
	p := &plan{}
	c := config.Default()
	c.Unsafe = map[string]string{config.UnsafeMissingLayers: "landlock, empty-root: the vendor's kernel"}
	p.set(c)
	_, profile, err := p.settings("render/0.0")
	if err != nil || !slices.Equal(profile.Permit, []sandbox.Layer{sandbox.LayerLandlock, sandbox.LayerRoot}) {
		t.Errorf("permitted %v, %v", profile.Permit, err)
	}
	c.Unsafe = nil
	p.set(c)
	if _, profile, err = p.settings("render/0.0"); err != nil || len(profile.Permit) > 0 {
		t.Errorf("permitted %v, %v", profile.Permit, err)
	}
}
