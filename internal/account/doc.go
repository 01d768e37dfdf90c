// Package account is one unlocked person and all one may ask of their mail: it
// answers the interfaces of jmapserver out of the index (replica), the mail
// platform (upstream), the outbox and the uploads.
//
// # Invariants
//
//   - What the index can answer is answered without a network.
//   - What needs content is one pipelined exchange for the whole call.
//   - Content is immutable: what was parsed once is true for the life of the
//     Email. It is kept in a bounded memory and nowhere else.
//   - A blob id of a mail or a part is a function of the Email and the part; it
//     survives moves, restarts and a lost index.
//   - Flags are written to every copy of a mail, and never by replacement.
//   - A change of several mails is as many commands as there are different
//     changes, not as there are mails.
//
// # What this package must not know
//
// JSON, HTTP, IMAP, keys of sealed records, other people.
//
// # Concurrency
//
// An Account is safe for concurrent use. Changes of mails take their turn in the
// replica; everything else runs beside them.
package account
