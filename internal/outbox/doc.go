// Package outbox is mail on its way out (DESIGN section 3, RFC 8621 section 7).
//
// A submission is a sealed record: envelope, Message-ID, id of the draft, state;
// never the message. Its states:
//
//	held > waiting > attempting > accepted
//	     > canceled <           > refused
//	                            > uncertain
//
// A submission is held for as long as its client asks (HOLDFOR or HOLDUNTIL of
// RFC 4865, at most Outbox.MaxHold: not at all if nothing can be stored), so that
// it can be taken back.
//
// # Invariants
//
//   - "waiting" is durable before the sender is called, and "attempting" before
//     the sender sees the end of the mail (handover.go). A platform takes no mail
//     whose end it has not seen; so only what dies between the end of the mail
//     and the stored answer is in doubt, and nothing else is ever sent twice.
//   - A record that is found in "attempting" when the outbox opens belongs to a
//     process that died: nobody knows whether the mail was taken. It becomes
//     uncertain, is shown, and is never tried again by itself. One found in
//     "waiting" was not taken: it becomes refused.
//   - One that was held, and was not handed over, goes on in the next process, until
//     resumeFor after its time; then it is refused. Its asker was told that it is on
//     its way: if it does not go out, its mail is put back to where it was (back.go).
//   - "canceled" is durable before it is told; what is canceled is never sent.
//   - Destroying the mail does not cancel its sending: a copy of it is kept while it
//     is on its way (stash.go), in memory, or sealed outside if it is held or large.
//     The copy is what is sent, so that the platform is asked for a mail once. A mail
//     too large for a copy is asked for once if the account wrote it itself, and
//     says whether it has 8-bit content: that is checked before its end is given.
//   - At most one attempt of a mail is under way, and the same mail does not go to
//     the same people again within an hour of its being taken: a client that lost
//     an answer cannot double it.
//   - Once the platform has taken a mail, nothing that fails afterwards makes it
//     look unsent: the record's last write is repeated, the mail is not.
//   - A create that is not answered with success leaves its mail in Drafts. Success
//     means that the mail was taken, that it is held, or that the platform has thought about it for
//     createWait: its refusal then is in the submission's delivery status.
//   - What goes out has no Bcc, on whatever line ends it was written (wire.go), and
//     is byte for byte the mail otherwise. Its size, 8-bit content and UTF-8
//     addresses are known before the first command (scan.go). If its size was only
//     foretold, it is not larger.
//
// When the person's sealed records are locked (Records answers ErrLocked), the
// records of this session live in memory alone.
//
// A stored record that cannot be read is left where it is, since a newer version
// may have written it; Unreadable counts them.
//
// # Concurrency
//
// All methods may run at once. An attempt runs in a goroutine of its own, which
// Run waits for at its end, and alone writes its record until it is over. A
// record's fields are read and written under the outbox's mutex, which is held
// over no call to Records, Sender or Mails.
package outbox
