package jmap

// Limits of the vocabulary itself. What a server is willing to do is limited in
// jmapserver.
const (
	// MaxIDOctets is the length of the longest Id (RFC 8620, section 1.2).
	MaxIDOctets = 255
	// MaxKeywordOctets is the length of the longest keyword (RFC 8621, section
	// 4.1.1).
	MaxKeywordOctets = 255
	// MaxSafeInteger is the largest Int: beyond it a double loses units, and
	// I-JSON forbids relying on more (RFC 7493, section 2.2; RFC 8620, section
	// 1.3).
	MaxSafeInteger = 1<<53 - 1
	// MaxPreviewChars is the length of the longest preview (RFC 8621, section
	// 4.1.4).
	MaxPreviewChars = 256
	// MaxSnippetOctets is the length of the longest preview of a SearchSnippet (RFC
	// 8621, section 5).
	MaxSnippetOctets = 255
	// MaxSortOrder is the largest sortOrder of a Mailbox (RFC 8621, section 2).
	MaxSortOrder = 1<<31 - 1
	// MaxSearchOctets is the length of the longest SearchText: what package search
	// reads, ten lines of a person's typing.
	MaxSearchOctets = 1000
)
