package search

const (
	// MaxText bounds a search text, in octets: ten lines of a person's typing.
	// Callers refuse a longer one.
	MaxText = 1000

	// maxDepth bounds parentheses; deeper ones are letters like others. The
	// filter that comes of them is walked by recursion.
	maxDepth = 16

	// maxCount bounds the number before a unit of time, so that no date leaves
	// the years that RFC 3339 can write.
	maxCount = 1500

	// maxSize bounds larger: and smaller:, in octets: what JMAP's UnsignedInt holds.
	maxSize = 1<<53 - 1
)
