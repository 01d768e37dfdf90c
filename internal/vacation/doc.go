// Package vacation writes the Sieve script that answers mail for somebody who is
// away (RFC 5230), and reads back the settings that it was made of (RFC 8621,
// section 8).
//
// # Invariants
//
//   - Parse gives back exactly the Settings that Script was given: they stand in a
//     comment at the head of the script. The platform's server runs what is below
//     it, and keeps both: what is in a vacation response is not sealed.
//   - A script speaks for the person's own addresses alone, and has no command but
//     vacation and include: porter's guard has nothing to ask about it.
//   - The answer follows RFC 3834: not to lists, to programs and to spam, once in
//     some days to each sender, and marked as automatic, which RFC 5230 asks of the
//     server.
//   - The answer is decided before the person's own script runs, which is included
//     below: a "stop" in it, as most rules end with, would end ours too.
//
// It knows nothing of ManageSieve, JMAP's methods or how scripts are kept. All
// functions are pure and may be called concurrently.
package vacation
