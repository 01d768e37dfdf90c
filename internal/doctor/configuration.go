package doctor

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"cofferdam/internal/config"
)

// checkConfiguration loads the file as serve does. The result is nil when it
// does not load.
func checkConfiguration(file string) (*config.Loaded, []Finding) {
	f := Finding{Check: "configuration", About: "serve reads this file and its drop-ins at the start and at SIGHUP, and refuses what it does not understand."}
	loaded, err := config.Load(file)
	var faults config.Error
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []Finding{f.fail("Write one with: cofferdam config example > "+file+"\nThe checks that need a configuration were left out.", "%s is not there", file)}
	case errors.As(err, &faults):
		return nil, []Finding{f.fail("Mend the file; the checks that need a configuration were left out.", "%s", faults)}
	case err != nil:
		return nil, []Finding{f.fail("Make the file readable to who runs Cofferdam; the checks that need it were left out.", "%s", err)}
	}
	return loaded, []Finding{f.ok("%s", describe(loaded))}
}

func describe(l *config.Loaded) string {
	lines := []string{l.File + " loads"}
	for _, o := range l.Overrides {
		lines = append(lines, "local override: "+o)
	}
	for _, d := range l.Differences() {
		lines = append(lines, d.Key+" = "+d.Value+" (default "+d.Default+")")
	}
	return strings.Join(lines, "\n")
}

// checkUnsafe has a finding for each defence that the operator took away.
func checkUnsafe(l *config.Loaded) []Finding {
	costs := config.Unsafes()
	f := Finding{Check: "unsafe settings", About: "Each entry of [unsafe] takes a defence away and needs a reason."}
	if len(l.Unsafe) == 0 {
		return []Finding{f.ok("none")}
	}
	var out []Finding
	for _, name := range slices.Sorted(maps.Keys(l.Unsafe)) {
		one := f
		one.Check = "unsafe " + name
		out = append(out, one.warn("Remove it as soon as the reason is gone.", "%s\nreason given: %s", costs[name], l.Unsafe[name]))
	}
	return out
}
