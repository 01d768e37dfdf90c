// Package jmap holds the words of JMAP (RFC 8620) and of JMAP for Mail
// (RFC 8621): identifiers, states, calls, results, errors, and the typed shape
// of every object, filter, comparator and patch.
//
// # What for
//
// jmapserver turns JSON into these values and these values into JSON; what is
// below it (account, and what account stands on) never sees JSON and never a
// map of anything. A mix-up of two kinds of id does not compile.
//
// # Invariants
//
// A value that jmapserver hands down is valid by the RFC: ids have the form of
// RFC 8620 section 1.2, keywords are lower case and have the form of RFC 8621
// section 4.1.1, header properties name a form that their field allows.
//
// # What this package must not know
//
// It does no I/O, starts no goroutine, reads no clock, and knows nothing of
// IMAP, of MIME syntax or of any server. Parsing a header field's value into a
// form belongs to message; naming the form belongs here.
//
// # Concurrency
//
// Values are plain data. They are safe for concurrent use as long as nobody
// changes them.
package jmap
