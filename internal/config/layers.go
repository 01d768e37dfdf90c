package config

import (
	"slices"
	"strings"
)

// layers are the names of the sandbox's layers. They stand here as the list that
// missing_sandbox is checked against; server has a test that the sandbox has the
// same.
var layers = [...]string{
	"identity", "network-namespace", "pid-namespace", "ipc-namespace", "uts-namespace", "empty-root", "limits",
	"memory-limit", "cgroup-memory", "no-dump", "capabilities", "no-new-privs", "landlock", "seccomp",
}

// Layers are the names that missing_sandbox may have.
func Layers() []string { return layers[:] }

// MissingLayers are the layers of the sandbox that [unsafe] lets be missing, by
// missing_sandbox = "NAME, NAME: the reason".
func (c *Config) MissingLayers() []string {
	names, _, _ := missingLayers(c.Unsafe[UnsafeMissingLayers])
	if !c.Permits(UnsafeMissingLayers) {
		return nil
	}
	return names
}

// missingLayers takes the value of missing_sandbox apart. ok is false when it names
// nothing.
func missingLayers(value string) (names []string, reason string, ok bool) {
	list, reason, ok := strings.Cut(value, ":")
	if !ok {
		return nil, "", false
	}
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names, strings.TrimSpace(reason), true
}

func checkMissingLayers(f *faults, value string) {
	names, _, ok := missingLayers(value)
	if !ok {
		f.add("unsafe.%s names no layer; it must be the layers that may be missing, a colon, and the reason, such as %q. Layers are: %s",
			UnsafeMissingLayers, "pid-namespace, empty-root: this container has no user namespaces", strings.Join(layers[:], ", "))
		return
	}
	for _, name := range names {
		if !slices.Contains(layers[:], name) {
			f.add("unsafe.%s: %q is not the name of a layer; they are: %s", UnsafeMissingLayers, name, strings.Join(layers[:], ", "))
		}
	}
}
