package message

const (
	// MaxParts bounds the parts of one message. A part costs an attacker six
	// bytes and us some 400; the largest honest message in our corpus has a few
	// dozen. What comes after stays inside the last part, as with Dovecot.
	MaxParts = 10000
	// MaxDepth bounds the nesting of multiparts and messages, since the tree is
	// walked by recursion. A deeper multipart is shown as text.
	MaxDepth = 100
	// MaxHeaderBytes bounds one header block; what follows, up to the empty
	// line, is skipped. Mail systems refuse much smaller ones.
	MaxHeaderBytes = 1 << 20
	// MaxHeaderFields bounds the fields kept of one header block.
	MaxHeaderFields = 5000
	// MaxBoundary bounds a boundary's length. RFC 2046 allows 70; Dovecot
	// compares the first 80 bytes, and the same cut gives the same parts.
	MaxBoundary = 80
	// maxCodedLine bounds a line of a part that is decoded while it is read. RFC
	// 2045 allows encoded lines 76 letters, RFC 5322 any line 998 octets.
	maxCodedLine = 64 << 10
	// maxReported bounds the recipients of one report: a mail has 1,000 at most.
	maxReported = 1000
	// maxExtensions bounds the extension fields, and apart from them the errors, of
	// one disposition notification; maxReceiptText is bytes of its text for people.
	maxExtensions  = 50
	maxReceiptText = 64 << 10
	// MaxAddresses bounds the addresses of one field: more are dropped.
	MaxAddresses = 20000
	// MaxMessageIDs bounds the ids of one field. The first and the last ones
	// matter for threads, so the middle is dropped.
	MaxMessageIDs = 2000
	// MaxParams bounds the parameters of one Content-Type or Content-Disposition.
	MaxParams = 200
	// MaxParamBytes bounds the part of such a field that is looked at.
	MaxParamBytes = 64 << 10
	// maxLiteral bounds a domain literal ("[IPv6:...]").
	maxLiteral = 256
	// MaxNameRunes bounds a part's name. File systems stop at 255 bytes.
	MaxNameRunes = 1000
	// MaxCommentDepth bounds nested comments; a deeper "(" is text.
	MaxCommentDepth = 50
	// PreviewRunes is the length of a preview (RFC 8621, section 4.1.4).
	PreviewRunes = 256
	// PreviewScanBytes bounds the decoded bytes looked at for a preview: the
	// style sheet before a newsletter's first word can be long.
	PreviewScanBytes = 96 << 10
	// maxSniff bounds the bytes in which a charset declared by HTML is looked
	// for, as browsers do.
	maxSniff = 1024
	// maxLabel bounds the name of a charset. The longest registered one has 45
	// bytes; looking one up takes time by its length, squared.
	maxLabel = 80
	// maxWordText bounds the text of an encoded word. RFC 2047 allows 75 characters;
	// some senders write a whole subject as one. Each "=?" of a field may cost the
	// search for an end as far as this.
	maxWordText = 16 << 10
	// maxAddressTokens bounds what is cut out of a list of addresses before it is
	// read, of some 40 bytes each: ten for each of MaxAddresses.
	maxAddressTokens = 10 * MaxAddresses
	// maxLine is the longest line that may be written, without CRLF (RFC 5322,
	// section 2.1.1), and foldLine is the length that folding aims at.
	maxLine  = 998
	foldLine = 76
	// MaxBuildDepth and MaxBuildParts bound a draft's structure.
	MaxBuildDepth = 20
	MaxBuildParts = 1000
)
