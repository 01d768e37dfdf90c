package sanitize

import "time"

const (
	// MaxInput bounds the HTML or text taken. Webmail elsewhere cuts at 100 kB to
	// 2 MB; the largest body in our corpus has 1.3 MB. HTML above it is shown as
	// text; text above it is cut.
	MaxInput = 8 << 20
	// MaxNodes bounds the elements and texts of a tree. 2 MB of newsletter have
	// about 60,000.
	MaxNodes = 500_000
	// MaxDepth bounds the nesting of our tree. Inside of it, only text is kept:
	// newsletters stay below 100, and browsers slow down long before 512.
	MaxDepth = 250
	// MaxAttr bounds one attribute's value. Pictures in data: URLs are the only
	// long ones.
	MaxAttr = 4096
	// MaxDataURL bounds a picture in a data: URL.
	MaxDataURL = 2 << 20
	// MaxInline bounds one style attribute, and maxInlined the answers kept.
	MaxInline  = 16 << 10
	maxInlined = 1000
	// MaxStyle bounds the CSS of one mail, before and after, all style elements
	// together. Rules after it are left out.
	MaxStyle = 1 << 20
	// MaxDeclarations bounds a rule or style attribute.
	MaxDeclarations = 500
	// MaxSelectors and MaxCompounds bound a rule's selectors and the steps of
	// one: matching is the browser's work.
	MaxSelectors = 200
	MaxCompounds = 20
	// MaxCSSDepth bounds brackets within a value and @media within @media.
	MaxCSSDepth = 10
	// MaxLinks bounds the links described in the findings; all are counted.
	MaxLinks = 500
	// MaxHosts bounds the hosts named in the findings.
	MaxHosts = 20
	// MaxLinkText bounds the text of a link in the findings, in characters.
	MaxLinkText = 200
	// MaxRounds bounds writing and reading again. Broken mail settles in two.
	MaxRounds = 4
	// MaxQuote bounds the nesting of quotations in text.
	MaxQuote = 30
	// parseChunk is how much the parser is given before the time is looked at
	// again, and memoryEvery how often the memory is, which costs more. The worst
	// known input makes 500 nodes of four bytes, with 100,000 comparisons.
	parseChunk  = 256
	memoryEvery = 8
	// parseMemory and parseFactor bound what parsing may allocate: a fixed part
	// and a multiple of the input.
	parseMemory = 64 << 20
	parseFactor = 100
	// MaxTime bounds the work on one document when the context has no deadline.
	// The slowest mail of our corpus needs a fifth of a second.
	MaxTime = 5 * time.Second
)
