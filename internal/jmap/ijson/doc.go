// Package ijson reads and writes I-JSON (RFC 7493), the strict subset of JSON in
// which JMAP speaks (RFC 8620, section 1.5).
//
// Parse accepts a whole text or nothing: UTF-8 without surrogates and
// noncharacters, no member name twice in an object, no number beyond a double,
// no byte after the value, and no more nesting and no more values than the
// caller allows. A Value is read-only and shares the memory of its text.
//
// The Append functions write values that Parse accepts, whatever bytes they are
// given: what is not allowed in I-JSON becomes U+FFFD.
//
// It knows nothing of JMAP. Values are safe for concurrent use.
package ijson
