package vacation

const (
	// MaxBody bounds each of the two bodies in bytes. Both stand in the script
	// twice, as a setting and encoded to be sent; so they fit into sieve.MaxScript
	// unless most of them is escaped. An answer has a few hundred bytes.
	MaxBody = 64 << 10
	// MaxSubject bounds the subject in bytes: a line of a header has 998 (RFC 5322,
	// section 2.1.1), and letters grow when they are encoded.
	MaxSubject = 500
	// MaxAddresses bounds the addresses of the person that a mail may have been
	// sent to in order to be answered. Who has more than that is answered for by
	// the first of them; the server knows the one that a mail came by.
	MaxAddresses = 200
	// days is how long a sender is not answered again: RFC 3834, section 2 asks
	// for several days.
	days = 7
)
