// Package jmapserver serves JMAP (RFC 8620), with mail (RFC 8621), blobs (RFC 9404)
// and Sieve scripts (RFC 9661), over HTTP inside a cell: it decodes requests
// strictly, dispatches their calls in order, asks an Account, and encodes the
// answers.
//
// # Invariants
//
// A limit that the Session announces is enforced, and what is enforced is
// announced. A method that an account cannot answer is unknownMethod. No text of
// an inner error reaches a client. What a client did not opt into by "using"
// does not exist for it.
//
// # What this package must not know
//
// How mail is stored, fetched, parsed, rendered or sent; keys, passwords,
// sessions and cookies. It is told who asks (Config.Person) and asks the
// interfaces of account.go.
//
// # Files
//
// One data type a file (email.go, mailbox.go, thread.go, ...), each with the
// methods of that type. api.go is a request as a whole, dispatch.go the order of
// calls and what references they may make, session.go, blob.go and event.go the
// other resources.
//
// # Concurrency
//
// A Handler serves any number of requests at once. The calls of one request run
// one after the other, on the goroutine of the request.
package jmapserver
