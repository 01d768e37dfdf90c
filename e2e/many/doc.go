// Package many does to all of 30,000 mails of a mailbox what people do, on real
// servers (trap 10 of docs/conformance/traps.md). It is here and not with package
// account, whose tests run under the race detector: there it would take a minute.
package many
