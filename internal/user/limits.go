package user

const (
	// MaxLocal bounds the part of a login before the "@", in bytes: RFC 5321,
	// section 4.5.3.1.1 gives a local part 64 octets.
	MaxLocal = 64
	// MaxDomain bounds the part after the "@", in bytes of its ASCII form: RFC
	// 5321, section 4.5.3.1.2 gives a domain 255 octets.
	MaxDomain = 255
	// MaxLogin bounds what is looked at at all, in bytes as typed; Unicode
	// domains are longer as typed than in their ASCII form.
	MaxLogin = 1024
)
