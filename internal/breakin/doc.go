// Package breakin puts an intruder into running roles, for the break-in test of
// the whole product (e2e/system). It exists under the build tag cofferdam_breakin
// alone: in every other build its functions do nothing, no role answers anything
// more, and no variable is read.
//
// In a test build
//
//   - each role answers /breakin/ on the supervisor's own line to it: it makes an
//     attempt of sandboxtest, or says something on one of its lines;
//   - the admin listener passes /breakin/ on to a role;
//   - COFFERDAM_BREAKIN_WITHOUT names sandbox layers that cells and renders are
//     started without (all, or a list; all,!seccomp keeps one).
//
// Such a binary is never shipped: TestNormalBuildHasNoBreakIn looks into one.
//
// # Concurrency
//
// Nothing here has state.
package breakin
