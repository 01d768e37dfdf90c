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

// Limits that the Session does not name.
const (
	MaxValuesInRequest  = maxValuesInRequest
	MaxDepthInRequest   = maxDepthInRequest
	MaxQueryLimit       = maxQueryLimit
	MaxFilterConditions = maxFilterConditions
	MaxComparators      = maxComparators
	MaxReferencesInCall = maxReferencesInCall
	MaxProperties       = maxProperties
	MaxPaths            = maxPaths
	MaxNewParts         = maxNewParts
	MaxDataSources      = maxDataSources
	MinPing             = minPing
	MaxPing             = maxPing
)
