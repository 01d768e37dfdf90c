// Package user names people: by a random ID everywhere inside, and by a Login
// only where somebody signs in.
//
// An ID is what stores, keys and logs carry; it says nothing about its owner.
// A Login is the canonical form of what a person types as user name, so that
// two spellings of one account meet in one ID. It is personal data: nobody
// stores it or logs it, and vault turns it into a keyed hash.
//
// The package does no I/O and knows no mail domain, tenant or key. All values
// are immutable and safe for concurrent use.
package user
