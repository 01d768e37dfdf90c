// Package sanitize makes harmless documents of hostile HTML and of plain text.
//
// HTML is parsed as browsers do (x/net/html), and only what is on our lists is
// copied to a small tree of our own: HTML elements, their harmless attributes,
// declarations of CSS whose property and every token are known. The tree is
// written by our own serialiser and read again: when the second tree is not the
// first, the written form would mean something else to a browser than to us, so
// what was read is taken, written and read once more, and if it does not settle,
// the mail is shown as text.
//
// # Invariants
//
//   - A document has no script, no event handler, no form, no frame, no element
//     outside the HTML namespace and no address that is loaded by itself, except
//     what the caller's functions return for cid: and remote images, and
//     pictures in data: URLs.
//   - Every link opens outside of the frame, without opener and referrer.
//   - Identifiers of the mail are prefixed, so that none can stand for one of
//     ours; its style rules reach nothing outside of the mail's own element.
//   - Time and memory are bounded by limits.go; what breaks a limit is shown as
//     text, cut if need be, and the findings say so.
//
// Snippet is for text of the person's own, such as a signature, that goes into
// mails and pages of theirs. It differs in one thing: pictures that are somewhere
// on the web stay. Whether they are loaded, the page decides that shows it.
//
// What is decided here does not replace the frame's Content-Security-Policy:
// the CSP is the network policy, this package is what makes the page readable
// and harmless on its own.
//
// CSS is cut into tokens by a tokenizer of our own, after CSS Syntax Level 3: it
// is small, has to be read by whoever trusts it, and its tokens are written back
// from their values with our own escaping, which no library offers.
//
// # What this package must not know
//
// Who reads, which server it came from, HTTP. It fetches nothing and logs
// nothing.
//
// # Concurrency
//
// All functions may be called at once; but the limit on memory looks at what the
// whole process allocates, so one document at a time gives the full allowance.
package sanitize
