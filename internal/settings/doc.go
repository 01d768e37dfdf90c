// Package settings is what a person has set that no mail server keeps: the
// identities they send as (RFC 8621, section 6) and the order of their mailboxes
// (section 2, sortOrder), and for how long a sent mail can be taken back. It is kept as sealed records of class settings.
//
// # Invariants
//
//   - There is one identity for each address that the platform lets the person
//     send as, whatever is stored: it cannot be deleted, and its id depends on the
//     address alone. A record of the same id holds what the person changed in it.
//     Further identities are records only.
//   - An identity whose address is not the person's any more is kept and not
//     shown, so that an alias that comes back has its signature. Whether a mail may
//     be sent is never decided here: porter's guard does, by the platform's word.
//   - A signature in HTML is stored as Config.Snippet returned it, never as it
//     came.
//   - What was answered with success is stored. When the records are locked
//     nothing can be changed, since it could not be kept.
//   - Identity's states outlive the process: each record has the number of its
//     last change, and of what was deleted a mark stays (see limits.go).
//
// A stored record that cannot be read is left where it is: a newer version may
// have written it.
//
// # What this package must not know
//
// How records are sealed, and how a snippet is made harmless.
//
// # Concurrency
//
// All methods may run at once. Writers take turns, and a wait for the turn ends
// with the caller's ctx; mu is held over no call.
package settings
