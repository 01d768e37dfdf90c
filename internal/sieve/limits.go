package sieve

const (
	// MaxScript is the most bytes of a script. Dovecot takes 1 MiB, Cyrus 32 KiB;
	// the largest that people export from filter editors have some 100 KiB.
	MaxScript = 512 << 10
	// MaxDepth bounds nesting of blocks and tests; Dovecot stops at 32.
	MaxDepth = 32
	// MaxNodes bounds commands and tests, and so the memory of a parsed script: a
	// script of MaxScript with nothing but "keep;" would have 100,000.
	MaxNodes = 50_000
)
