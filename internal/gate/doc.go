// Package gate is the role that faces the internet: TLS, HTTP limits, the static
// client, cookies, and the way to the right cell.
//
// What it holds: cookies and answers in flight. A password passes through it
// sealed to porter's key; HTTP Basic, which the operator must switch on, is the
// one exception. It opens no file, knows no database and parses no mail.
//
// # Flow of a request
//
// cookie or bearer token -> grant (cached for a minute, else asked of keeper)
// -> reverse proxy to the cell that the grant names. A cell that does not know
// the capability (it was restarted) answers 421 before it does anything; gate
// then opens the session again and repeats the request once.
//
// Bodies of mails are shown in frames that carry no cookie. Their address is a
// ticket: session, mail and expiry under a MAC (ticket.go).
//
// # Concurrency
//
// All handlers run at once. sessions is guarded by its own mutex.
package gate
