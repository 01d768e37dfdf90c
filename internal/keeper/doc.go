// Package keeper is the role that knows who is signed in.
//
// It opens sessions and holds the root keys of live people, gives each person
// to one cell under a lease, hands that cell the class keys, stores sealed
// records that it does not read, and ends what is over. It parses no foreign
// protocol: gate's requests are ours, porter and vault answer ours.
//
// # A sign-in
//
//	gate   sealed box            -> keeper
//	keeper box                   -> porter   authenticates at the platform
//	keeper login                 -> vault    its keyed hash; the database has no address
//	keeper salt                  -> porter   A = Argon2id(password)
//	keeper proof of A, slot      -> vault    P, and the slot without its outer layer
//	keeper KEK(A, P)                         opens the slot: UMK
//	keeper capability, class keys -> cell, credential -> porter
//	gate   cookie, grant
//
// # When a process dies
//
// Keeper's successor gets the epoch keys from vault, finds leases and sessions in
// the database, knows capabilities again by their MAC (capability.go), and opens
// each session at its next request. A cell's or porter's successor is told its
// people again.
//
// # Concurrency
//
// live and cells have a mutex each; a sign-in holds none of them over a call.
package keeper
