// Package server wires and supervises the roles. It alone reads the
// configuration, and it alone knows who may talk to whom (links.go).
//
// Run is the supervisor: it makes every line, opens the listening sockets, starts
// each role as its own process in its own sandbox, hands over configuration,
// lines and sockets, restarts what ends, and drains everything when told to
// stop. It answers nobody from outside but the admin listener.
//
// RunRole is the other side: the same binary, started again as one role.
//
// # Concurrency
//
// One goroutine a role owns that role's process; supervisor.mu guards the table
// of roles and links.
package server
