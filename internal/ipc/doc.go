// Package ipc is how the roles of Cofferdam talk: HTTP with small, strictly
// decoded JSON bodies over unix sockets that have no name.
//
// # Lines
//
// Two roles that may talk share a Line: the two ends of one SOCK_SEQPACKET
// socket pair, made by the supervisor and handed to each of them. To dial, a
// role makes a fresh stream socket pair and passes one end down the line; the
// other side receives it as an accepted connection. So
//
//   - a role reaches whom it was given a line to, and nobody else: there is no
//     path to connect to and no address to guess, and a role that may not call
//     connect(2) can still ask for new connections;
//   - the line a connection came by is the identity of the peer;
//   - a line outlives a process. The supervisor keeps both ends, a restarted
//     role gets the same end again, and connections that were asked for in the
//     meantime wait in the line's queue until their deadline.
//
// # Calls
//
// A call is POST of one JSON value and answers one JSON value. Unknown fields,
// trailing bytes, bodies over the stated size, values nested too deep and calls
// over their time are refused. An error travels as *Error: a code that the
// caller decides by and a sentence for the log; no inner text crosses a line
// otherwise.
//
// # What this package must not know
//
// It parses no mail, opens no file and holds no key. The types of the calls
// (keeper.go, porter.go, vault.go, cell.go, render.go, gate.go) are here because
// roles never import each other: they meet on the wire.
//
// # Concurrency
//
// A Line, a Client and a Role may be used by many goroutines at once.
package ipc
