// Package browser shows the product as a person meets it: Chromium, driven by
// Playwright, on the demo and on an installation with real Dovecot and Postfix.
//
// The Go tests start what is needed (e2e/platform, e2e/system, the demo) and run
// the Playwright project of the same name from specs/; what they started is told
// to it by the variable COFFERDAM_STACK, one JSON object. A small control server
// on loopback delivers mail for the specs, as mail from elsewhere would come.
//
//	npm test           everything, as go test does
//	npm run shots      pictures of the main screens, into shots/
//	npm run stack      starts the stack, prints the variable, and holds it, so
//	                   that specs can be written: npx playwright test --project=mail
//
// Invariants of every spec (lib/fixtures.ts): no console error or warning, no
// uncaught error, no refusal by a Content Security Policy or Trusted Types, no
// dialog, and no request to another origin, in any page or frame.
package browser
