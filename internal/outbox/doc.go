// Package outbox is mail on its way out (DESIGN section 3, RFC 8621 section 7).
//
// A submission is a sealed record: envelope, Message-ID, id of the draft, state;
// never the message. Its states:
//
//	waiting > attempting > accepted
//	                     > refused
//	                     > uncertain
//
// # Invariants
//
//   - "attempting" is durable before the sender is called, and at most one
//     attempt of a draft is under way. So a mail is sent twice by nobody but a
//     person.
//   - A record that is found in "attempting" when the outbox opens belongs to a
//     process that died: nobody knows whether the mail was taken. It becomes
//     uncertain, is shown, and is never tried again by itself.
//   - Once the platform has taken a mail, nothing that fails afterwards makes it
//     look unsent: the record's last write is repeated, the mail is not.
//   - A mail that was not taken stays where it is, in Drafts.
//
// When the person's sealed records are locked (Records answers ErrLocked), the
// records of this session live in memory alone.
//
// # Concurrency
//
// All methods may run at once. An attempt runs in a goroutine of its own, which
// Run waits for at its end.
package outbox
