// Package doctor looks at an installation from outside and says what stands in
// its way: the configuration, the folders, the keys, the sandbox that this
// machine grants, the mail platform behind us and the certificate in front.
//
// Each check has a name, a sentence that says what it is for, what was found
// and, unless all is well, what to do. A check finds; it never repairs, and it
// leaves nothing behind: no file, no login, no mail.
//
// It signs in nowhere, so that it needs no password: of an IMAP server it
// reports what the server says before a login.
//
// # What this package must not know
//
// The roles. It may read configurations, ask the sandbox, and greet servers.
//
// # Concurrency
//
// Run asks all that takes time (servers, sandboxes) at once and reports in a
// fixed order.
package doctor
