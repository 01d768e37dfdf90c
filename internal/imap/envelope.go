package imap

import (
	"strings"
	"time"
)

// Envelope is the ENVELOPE of a message (RFC 9051, section 7.5.2). Header
// values are as the server parsed them: encoded words are not decoded.
type Envelope struct {
	Date      string // the Date field as it stands
	Subject   string
	From      []Address
	Sender    []Address
	ReplyTo   []Address
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo string
	MessageID string
}

// Address is an address of an ENVELOPE. Group syntax: Host is absent, and
// Mailbox names the group, or is absent too at the group's end.
type Address struct {
	Name    string
	Route   string
	Mailbox string
	Host    string
	// IsGroupStart and IsGroupEnd mark group syntax.
	IsGroupStart, IsGroupEnd bool
}

// Addr returns "mailbox@host", or "" for the marks of a group.
func (a Address) Addr() string {
	if a.IsGroupStart || a.IsGroupEnd || a.Mailbox == "" && a.Host == "" {
		return ""
	}
	return a.Mailbox + "@" + a.Host
}

// decodeEnvelope reads an envelope. All strings share one copy of the bytes,
// so that a row costs few allocations. Fields that are missing or of another
// kind stay empty.
func decodeEnvelope(n Node) (*Envelope, bool) {
	if !n.IsList() {
		return nil, false
	}
	d := newDecoder(n)
	e := new(Envelope)
	cur := n.cursor()
	e.Date = d.text(cur.next())
	e.Subject = d.text(cur.next())
	e.From = d.addresses(cur.next())
	e.Sender = d.addresses(cur.next())
	e.ReplyTo = d.addresses(cur.next())
	e.To = d.addresses(cur.next())
	e.Cc = d.addresses(cur.next())
	e.Bcc = d.addresses(cur.next())
	e.InReplyTo = d.text(cur.next())
	e.MessageID = d.text(cur.next())
	return e, true
}

// decoder turns nodes into strings that are slices of one copy of the bytes.
type decoder struct {
	copied string
	base   uint32
	slab   []Address // unused addresses of one allocation
	parts  int       // parts decoded, bounded
}

func newDecoder(n Node) *decoder {
	k := n.tok()
	d := &decoder{base: k.start, copied: string(n.t.buf[k.start:k.end])}
	count := 0
	for i := n.i; i < k.after; i++ {
		if n.t.tok[i].kind == KindList {
			count++ // an upper bound of the addresses below
		}
	}
	d.slab = make([]Address, 0, min(count, maxRowAddresses))
	return d
}

// text returns the node's string, "" for NIL and for lists.
func (d *decoder) text(n Node) string {
	if n.IsNil() {
		return ""
	}
	k := n.tok()
	switch k.kind {
	case KindAtom, KindQuoted, KindLiteral:
		return d.copied[k.start-d.base : k.end-d.base]
	}
	return ""
}

func (d *decoder) addresses(n Node) []Address {
	if !n.IsList() {
		return nil
	}
	from := len(d.slab)
	cur := n.cursor()
	for a := cur.next(); a.Present() && len(d.slab) < cap(d.slab); a = cur.next() {
		if a.IsList() {
			d.slab = append(d.slab, d.address(a))
		}
	}
	if len(d.slab) == from {
		return nil
	}
	return d.slab[from:len(d.slab):len(d.slab)]
}

func (d *decoder) address(n Node) Address {
	cur := n.cursor()
	a := Address{Name: d.text(cur.next()), Route: d.text(cur.next())}
	mailbox, host := cur.next(), cur.next()
	a.Mailbox, a.Host = d.text(mailbox), d.text(host)
	if host.IsNil() {
		a.IsGroupEnd = mailbox.IsNil()
		a.IsGroupStart = !a.IsGroupEnd
	}
	return a
}

// parseDateTime reads RFC 9051's date-time, " 1-Jan-2026 00:00:00 +0000",
// tolerating a missing zone and a day of one digit.
func parseDateTime(b []byte) (time.Time, bool) {
	if t, ok := fastDateTime(b); ok {
		return t, true
	}
	s := strings.TrimSpace(string(b))
	for _, layout := range [...]string{"2-Jan-2006 15:04:05 -0700", "2-Jan-2006 15:04:05", "2-Jan-2006 15:04:05 MST"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// fastDateTime reads the exact form of 26 bytes without an allocation, as a
// time in UTC when the zone is +0000 and in a fixed zone else.
func fastDateTime(b []byte) (time.Time, bool) {
	if len(b) != 26 || b[2] != '-' || b[6] != '-' || b[11] != ' ' || b[14] != ':' || b[17] != ':' || b[20] != ' ' {
		return time.Time{}, false
	}
	month := strings.Index(months, string(b[3:6]))
	day, ok1 := digits(b[0:2])
	year, ok2 := digits(b[7:11])
	hour, ok3 := digits(b[12:14])
	minute, ok4 := digits(b[15:17])
	sec, ok5 := digits(b[18:20])
	zh, ok6 := digits(b[22:24])
	zm, ok7 := digits(b[24:26])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) || month < 0 || month%3 != 0 || (b[21] != '+' && b[21] != '-') {
		return time.Time{}, false
	}
	if day < 1 || day > 31 || hour > 23 || minute > 59 || sec > 60 {
		return time.Time{}, false
	}
	offset := zh*3600 + zm*60
	if b[21] == '-' {
		offset = -offset
	}
	t := time.Date(year, time.Month(month/3+1), day, hour, minute, sec, 0, time.UTC)
	return t.Add(-time.Duration(offset) * time.Second), true
}

// digits reads up to four digits; a leading space counts as zero.
func digits(b []byte) (int, bool) {
	v := 0
	for i, c := range b {
		if c == ' ' && i == 0 && len(b) == 2 {
			continue
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}
