// Package message turns the bytes of one mail into the words of RFC 8621, and
// drafts back into bytes.
//
// Parse never fails: real mail is broken in every way, and a person still wants
// to read it. What cannot be understood is shown as text, and what had to be
// guessed is said (BodyValue.IsEncodingProblem).
//
// # Invariants
//
//   - Part identifiers are IMAP section numbers (RFC 9051, section 6.4.5.1), so
//     that a tree parsed here and one filled from a server's BODYSTRUCTURE name
//     the same parts.
//   - Every limit is in limits.go. Time and memory are linear in the input.
//   - A Message keeps slices of the bytes it was parsed from: they must not be
//     changed afterwards.
//   - What Compose writes is a valid message, whatever the values were; values
//     that could end a header field are refused with the property's name.
//
// # What this package must not know
//
// Who reads the mail, how it was fetched, JSON, ids and blobs. It does no I/O
// except through readers and writers it is given, and logs nothing.
//
// # Concurrency
//
// A parsed Message may be read by many goroutines; nothing in it changes
// after Parse, except by SetBody, which the caller must order.
//
// RFCs: 5322 and 6532 (messages), 2045 to 2047, 2049, 2183, 2231, 2387 (MIME),
// 2369 (list headers), 2152 (UTF-7), 8621 section 4.1 (the forms and bodies).
package message
