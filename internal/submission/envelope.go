package submission

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Return says what a failure notice should carry (RFC 3461, section 4.3).
type Return string

// The values of RET; empty leaves it to the server.
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// Notify is a set of events worth a notice about one recipient (RFC 3461, section
// 4.1). The zero value leaves it to the server; NotifyNever excludes the others.
type Notify uint8

// The events.
const (
	NotifySuccess Notify = 1 << iota
	NotifyFailure
	NotifyDelay
	NotifyNever
)

// DSN is what the sender wants to be told. It is dropped silently where the
// server does not offer DSN; Result.DSN says whether it was passed on.
type DSN struct {
	// Notify has what is wanted of each recipient, in the order of RcptTo; it may
	// be shorter.
	Notify []Notify
	Return Return
	EnvID  string // printable ASCII, at most MaxEnvID bytes
}

// Envelope is everything about a transaction but the message.
type Envelope struct {
	// MailFrom is the reverse path; the zero Address is "<>".
	MailFrom Address
	// RcptTo has 1 to MaxRecipients addresses.
	RcptTo []Address
	DSN    DSN
	// Size is the message's size in bytes as it goes over the wire, 0 where
	// unknown. It is checked against the server's limit beforehand.
	Size int64
	// EightBit says that the body has bytes above 127, UTF8 that headers have
	// (RFC 6532). A server that cannot take them makes Send fail beforehand.
	EightBit, UTF8 bool
	// RequireTLS asks for TLS on the whole way (RFC 8689).
	RequireTLS bool
	// Release is when the server shall release the message, zero at once (RFC 4865).
	// A server that does not hold it for so long makes Send fail beforehand.
	Release time.Time
	// AllOrNothing refuses the whole message when one recipient is refused,
	// instead of sending it to the others.
	AllOrNothing bool
	// Further are parameters of MAIL FROM that this package knows nothing of: they
	// are said as they are, whatever the server offers.
	Further []Parameter
}

// Parameter is an SMTP parameter (esmtp-param of RFC 5321, section 4.1.2).
type Parameter struct {
	Name  string // esmtp-keyword
	Value string // esmtp-value; "": it has none
}

func (p Parameter) validate() error {
	name := p.Name != "" && strings.Trim(strings.ToUpper(p.Name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" && p.Name[0] != '-'
	value := !strings.ContainsFunc(p.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '=' })
	if !name || !value || len(p.Name)+len(p.Value) > maxParameter {
		return fmt.Errorf("%w: a parameter that cannot be said", ErrEnvelope)
	}
	return nil
}

func (v Envelope) validate() error {
	switch n := len(v.RcptTo); {
	case n == 0:
		return fmt.Errorf("%w: no recipient", ErrEnvelope)
	case n > MaxRecipients:
		return fmt.Errorf("%w: more than %d recipients", ErrEnvelope, MaxRecipients)
	}
	for _, a := range v.RcptTo {
		if a.IsZero() {
			return fmt.Errorf("%w: empty recipient", ErrEnvelope)
		}
	}
	for _, p := range v.Further {
		if err := p.validate(); err != nil {
			return err
		}
	}
	if v.Size < 0 {
		return fmt.Errorf("%w: negative size", ErrEnvelope)
	}
	return v.DSN.validate()
}

func (d DSN) validate() error {
	for _, n := range d.Notify {
		if n >= NotifyNever<<1 || n&NotifyNever != 0 && n != NotifyNever {
			return fmt.Errorf("%w: contradicting notify events", ErrEnvelope)
		}
	}
	if d.Return != "" && d.Return != ReturnFull && d.Return != ReturnHeaders {
		return fmt.Errorf("%w: unknown return type", ErrEnvelope)
	}
	if len(d.EnvID) > MaxEnvID {
		return fmt.Errorf("%w: envelope id longer than %d bytes", ErrEnvelope, MaxEnvID)
	}
	for i := range len(d.EnvID) {
		if d.EnvID[i] < ' ' || d.EnvID[i] > '~' {
			return fmt.Errorf("%w: envelope id is not printable ASCII", ErrEnvelope)
		}
	}
	return nil
}

// String returns the NOTIFY value, "" for the zero value.
func (n Notify) String() string {
	var s []string
	for i, word := range []string{"SUCCESS", "FAILURE", "DELAY", "NEVER"} {
		if n&(1<<i) != 0 {
			s = append(s, word)
		}
	}
	return strings.Join(s, ",")
}

// needsUTF8 reports whether SMTPUTF8 is needed for the transaction.
func (v Envelope) needsUTF8() bool {
	need := v.UTF8
	for _, a := range append([]Address{v.MailFrom}, v.RcptTo...) {
		_, ok := a.ascii()
		need = need || !ok
	}
	return need
}

// commands returns MAIL and the RCPT lines for a server that offers x.
func (v Envelope) commands(x Extensions) ([]string, error) {
	utf8 := v.needsUTF8()
	switch {
	case utf8 && !x.Has("SMTPUTF8"):
		return nil, ErrNeedUTF8
	case (v.EightBit || utf8) && !x.Has("8BITMIME"):
		return nil, ErrNeed8Bit
	case v.RequireTLS && !x.Has("REQUIRETLS"):
		return nil, ErrNeedRequireTLS
	}
	if limit := x.MaxSize(); limit > 0 && v.Size > limit {
		return nil, fmt.Errorf("%w: %d bytes, server takes %d", ErrTooLarge, v.Size, limit)
	}
	hold, err := v.holdFor(x, time.Now())
	if err != nil {
		return nil, err
	}
	out := []string{v.mailCommand(x, utf8) + hold}
	for i, a := range v.RcptTo {
		var n Notify
		if i < len(v.DSN.Notify) {
			n = v.DSN.Notify[i]
		}
		out = append(out, rcptCommand(a, n, x, utf8))
	}
	return out, nil
}

func (v Envelope) mailCommand(x Extensions, utf8 bool) string {
	from, _ := v.MailFrom.ascii()
	s := "MAIL FROM:<" + from.String() + ">"
	if x.Has("SIZE") && v.Size > 0 {
		s += " SIZE=" + strconv.FormatInt(v.Size, 10)
	}
	if v.EightBit || utf8 {
		s += " BODY=8BITMIME"
	}
	if utf8 {
		s += " SMTPUTF8"
	}
	if v.RequireTLS {
		s += " REQUIRETLS"
	}
	if x.Has("DSN") && v.DSN.Return != "" {
		s += " RET=" + string(v.DSN.Return)
	}
	if x.Has("DSN") && v.DSN.EnvID != "" {
		s += " ENVID=" + xtext(v.DSN.EnvID)
	}
	for _, p := range v.Further {
		s += " " + p.Name
		if p.Value != "" {
			s += "=" + p.Value
		}
	}
	return s
}

func rcptCommand(a Address, n Notify, x Extensions, utf8 bool) string {
	to, _ := a.ascii()
	s := "RCPT TO:<" + to.String() + ">"
	if !x.Has("DSN") || n == 0 {
		return s
	}
	s += " NOTIFY=" + n.String()
	if isASCII(to.String()) {
		// RFC 3461, section 4.2, so that the notice names what the person wrote.
		s += " ORCPT=rfc822;" + xtext(to.String())
	}
	return s
}

// xtext encodes printable ASCII as RFC 3461, section 4 says.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
