package jmapserver

// MethodsOf returns the names of the methods of a capability.
func MethodsOf(capability string) []string {
	var names []string
	for name, m := range methods() {
		if m.capability == capability {
			names = append(names, name)
		}
	}
	return names
}
