// Package porter is the role that speaks with the mail platform: it alone ever
// sees a password.
//
// It opens sealed sign-ins, authenticates at the platform, derives A from the
// password for keeper, holds the credentials of live sessions, and gives cells
// authenticated, guarded pipes: IMAP as bytes with every verb looked at, mail
// submission and mail filters as calls whose SMTP and ManageSieve it speaks
// itself, with the guards that DESIGN section 2 names.
//
// # Invariants
//
//   - A cell is hostile. What it may reach is decided by the capability that
//     keeper registered and by the line it came by, never by what it says.
//   - A capability that ended, expired or has an older fence closes its pipes.
//   - A password lives in one byte slice per login, and is wiped when the last
//     capability that needs it ends.
//   - Porter holds no database and no epoch key, and keeps nothing on disk.
//
// # Concurrency
//
// All calls may run at once; registry, refs and throttle have a mutex each.
package porter
