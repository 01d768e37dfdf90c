package settings

const (
	// MaxIdentities bounds the identities that a person makes beside those of
	// their addresses: more would not fit a menu.
	MaxIdentities = 100
	// MaxName bounds the name of an identity or address, in bytes: a From field
	// with it stays well below the 998 of a line (RFC 5322, section 2.1.1).
	MaxName = 500
	// MaxTextSignature bounds a signature in text, MaxHTMLSignature one in HTML as
	// it is kept, in bytes. A picture in a data: URL makes the latter long.
	MaxTextSignature = 16 << 10
	MaxHTMLSignature = 128 << 10
	// MaxAddresses bounds replyTo and bcc.
	MaxAddresses = 50
	// maxAddress bounds one address in bytes: local part and domain as RFC 5321,
	// section 4.5.3.1 does, in UTF-8.
	maxAddress = 320
	// maxDeleted bounds the marks of deleted identities. A client that was away
	// for longer asks for all of them again.
	maxDeleted = 100
	// MaxOrders bounds the mailboxes whose order is kept. An entry has some 60
	// bytes, and all are one record.
	MaxOrders = 10_000
)
