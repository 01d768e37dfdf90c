// Package submission speaks SMTP as a client towards a submission server.
//
// It says exactly how far a message got. Every failure is an *Error with one
// of three outcomes: NotSent (the server cannot have taken the message: trying
// again is safe), Refused (the server said no, with its reply) and Uncertain
// (the end of the message may have reached the server and its answer did not
// reach us: only a person may decide to try again).
//
// Invariants
//
//   - No caller can inject a command: addresses are values of type Address, made
//     by ParseAddress alone; all other text is xtext-encoded or refused.
//   - A body reaches the wire with CRLF line ends only, dot-stuffed under DATA.
//     A bare CR or LF becomes CRLF, so no server can see another end of message
//     than we do.
//   - Uncertain begins with the first byte of the end of data, never earlier.
//   - A secret belongs to the caller. Copies made for the wire are wiped before
//     Authenticate returns; none of them is a string.
//   - Memory is bounded whatever the server sends (limits.go).
//
// It must not know accounts, identities, sessions or configuration files; who
// may send as whom is the caller's to decide before Send.
//
// Standards: RFC 5321, 6409 (submission), 3207 (STARTTLS), 8314 (implicit TLS),
// 4954 (AUTH), 5802 and 7677 (SCRAM-SHA-256), 4616 (PLAIN), 7628 (OAUTHBEARER), 1870 (SIZE), 6152 (8BITMIME),
// 6531 (SMTPUTF8), 3461 (DSN), 2920 (PIPELINING), 3030 (CHUNKING), 2034
// (ENHANCEDSTATUSCODES), 8689 (REQUIRETLS), 4865 (FUTURERELEASE); XCLIENT as Postfix documents it.
//
// # Concurrency
//
// A Conn is one conversation: its methods must not run at the same time.
// Cancelling a context ends the conversation; the Conn is then only good for
// Close. Parsers and types are plain values.
package submission
