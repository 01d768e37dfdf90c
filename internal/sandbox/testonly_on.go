//go:build cofferdam_breakin

package sandbox

// testOnlyLayersOff says whether Profile.Without is honoured. This is the test
// build: its binaries are never shipped.
const testOnlyLayersOff = true
