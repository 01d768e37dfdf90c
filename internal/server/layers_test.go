package server

import (
	"reflect"
	"slices"
	"testing"
	"time"

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

// What changes with the next start stays as it was for roles that are started
// before it; what a reload takes is taken.
func TestReloadKeepsWhatNeedsAStart(t *testing.T) {
	old := config.Default()
	old.Data, old.Web.Listen = "/old", []string{":443"}
	cfg := config.Default()
	cfg.Data, cfg.Web.Listen, cfg.Web.Origin, cfg.Web.TLS, cfg.Web.ProxyProtocol = "/new", []string{":444"}, "https://other.test", "off", true
	cfg.Admin.Listen, cfg.Cells.Cells, cfg.Cells.PeoplePerCell, cfg.Cells.Renders, cfg.Cells.Memory = ":1", 77, 7, 9, 1
	cfg.Cells.Idle, cfg.Web.Name, cfg.SignIn.FailsAccount = config.Duration(time.Hour+time.Second), "Other", 77
	want := old
	want.Cells.Idle, want.Web.Name, want.SignIn.FailsAccount = cfg.Cells.Idle, "Other", 77
	got := untilStart(old, cfg)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if names := needStart(old, got); len(names) > 0 {
		t.Errorf("still to change: %v", names)
	}
	if names := needStart(old, cfg); len(names) != 7 {
		t.Errorf("the operator is told of %v", names)
	}
}
