// Package imap is a client of IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051)
// and of the extensions that webmail lives on. It speaks the protocol and
// knows nothing else: no accounts, no JMAP, no storage, no configuration.
//
// # Shape
//
// A [Client] owns one connection. Every command method starts a command and
// returns at once with a [Future]; Wait blocks for the tagged answer. Commands
// started without waiting are pipelined, usually in one write:
//
//	sel := c.Select("INBOX", imap.SelectOptions{})
//	rows := c.FetchSeq(imap.SeqRange(99951, 100000), items, imap.FetchOptions{}, onRow)
//	if _, err := sel.Wait(ctx); err != nil { ... }
//	if _, err := rows.Wait(ctx); err != nil { ... }
//
// What the server says by itself (EXISTS, VANISHED, flags changed elsewhere,
// STATUS from NOTIFY, BYE) goes to the one handler in [Options].
//
// # Tolerance
//
// A response is read into a token tree ([Node]) before anybody looks for
// meaning. Unknown FETCH items, response codes and untagged words are kept in
// the tree and harm nothing. Only a broken frame ends the connection: an
// announced literal that is too large to skip, a line that never ends.
//
// # Bounds
//
// The server is taken for hostile. Every size that it controls is limited by
// a constant of limits.go; what exceeds a limit inside one response is dropped
// and marked (Response.Truncated, ErrTooLarge), so that one monstrous mail
// does not take the mailbox away.
//
// # Concurrency
//
// A Client may be used by many goroutines. One goroutine of the client reads
// and one writes; both end with Close or when the connection fails. Callbacks
// (the handler, rows, literal writers) run on the reading goroutine, in the
// order of the wire: they must not block on this client's futures, and what
// they are given is valid only until they return. After Wait has returned,
// with whatever error, no callback of that command runs any more.
//
// # Secrets
//
// A password is passed as bytes that the caller owns. It is copied into one
// buffer, which is wiped after the write; with TLS the copy inside crypto/tls
// is encrypted in place. Nothing else of this package keeps it.
package imap
