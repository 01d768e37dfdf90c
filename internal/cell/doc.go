// Package cell is the role that does the mail work of the people assigned to it.
//
// It holds the class keys of its live people and nothing else of worth: no
// password, no root key, no database credential. It has no network, opens no
// file and starts no program (sandbox.Cell). What it reaches are its outlets:
//
//   - answers to gate's requests (/jmap/, /body/),
//   - IMAP pipes and mail submission through porter, which guards both,
//   - sealed records through keeper, which cannot read them,
//   - its own renders, which make bodies harmless.
//
// A person is here because keeper said so, under a fence; each session of theirs
// has a capability. A request with a capability that is not known gets 421
// before anything is done. Nothing is shared between people: each has an account
// of their own.
//
// # Concurrency
//
// people is guarded by its mutex; accounts are safe for concurrent use.
package cell
