// Package sandboxtest is the list of things an intruder tries who runs code in a
// role: the sandbox's own tests and the break-in test of the whole product run the
// same list.
//
// An Attempt breaks out when it returns nil. It must do so in a process with no
// defence, or it proves nothing inside; what a machine cannot show (a kernel
// without the feature, a start without root) is told with its reason and never
// passed over.
//
// The package is linked into test builds only. It knows nothing of roles.
//
// # Concurrency
//
// Attempts may run at the same time in different processes. Within one process
// run them one after the other; a deadly one ends the process when the sandbox
// holds.
package sandboxtest
