//go:build !cofferdam_breakin

package sandbox

// testOnlyLayersOff says whether Profile.Without is honoured. It is a constant of
// the build, so that nothing at run time can change it.
const testOnlyLayersOff = false
