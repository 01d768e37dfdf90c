package imap

import "strings"

// StatusItem is what STATUS may be asked for.
type StatusItem string

// Items of STATUS.
const (
	StatusMessages       StatusItem = "MESSAGES"
	StatusRecent         StatusItem = "RECENT" // RFC 3501 only
	StatusUIDNext        StatusItem = "UIDNEXT"
	StatusUIDValidity    StatusItem = "UIDVALIDITY"
	StatusUnseen         StatusItem = "UNSEEN"
	StatusDeleted        StatusItem = "DELETED"         // RFC 9051, RFC 9208
	StatusDeletedStorage StatusItem = "DELETED-STORAGE" // RFC 9208
	StatusSize           StatusItem = "SIZE"            // RFC 8438
	StatusHighestModSeq  StatusItem = "HIGHESTMODSEQ"   // RFC 7162
	StatusAppendLimit    StatusItem = "APPENDLIMIT"     // RFC 7889
	StatusXGUID          StatusItem = "X-GUID"          // Dovecot
	// StatusMailboxID (RFC 8474) must be asked for alone: Cyrus 3.6.1 answers
	// garbage when it stands with other items.
	StatusMailboxID StatusItem = "MAILBOXID"
)

// Status is what STATUS says of a mailbox. Has tells which items came.
type Status struct {
	Mailbox       string
	Messages      uint32
	Recent        uint32
	UIDNext       UID
	UIDValidity   uint32
	Unseen        uint32
	Deleted       uint32
	Size          int64 // bytes
	HighestModSeq uint64
	AppendLimit   int64  // bytes; -1 when the server says NIL
	MailboxID     string // "" when malformed
	GUID          string // Dovecot's X-GUID

	items map[string]string // every item by upper-case name
}

// Has reports whether the server sent the item.
func (s *Status) Has(item StatusItem) bool {
	_, ok := s.items[strings.ToUpper(string(item))]
	return ok
}

// Other returns the text of an item the struct has no field for.
func (s *Status) Other(item StatusItem) (string, bool) {
	v, ok := s.items[strings.ToUpper(string(item))]
	return v, ok
}

// Status asks for the state of a mailbox without selecting it. A server that
// answers OK and no STATUS leaves a value with nothing in it.
func (c *Client) Status(mailbox string, items ...StatusItem) *Future[*Status] {
	e := c.encode("STATUS")
	e.sp().mailbox(mailbox).raw(" (").label(joinStatus(items)).raw(")")
	v := &Status{Mailbox: mailbox}
	claim := func(r *Response, deliver bool) bool {
		if r.Word != "STATUS" || !sameMailbox(decodeMailbox(r.Arg(0).Raw(), c.utf8On()), mailbox) {
			return false
		}
		if deliver {
			*v = *decodeStatus(r, c.utf8On())
		}
		return true
	}
	return start(c, &v, &command{name: "STATUS", enc: e, claim: claim})
}

func joinStatus(items []StatusItem) string {
	words := make([]string, len(items))
	for i, it := range items {
		words[i] = string(it)
	}
	return strings.Join(words, " ")
}

// sameMailbox compares names; INBOX is case-insensitive (RFC 9051, section 5.1).
func sameMailbox(a, b string) bool {
	return a == b || strings.EqualFold(a, b) && strings.EqualFold(a, "INBOX")
}

func decodeStatus(r *Response, utf8ok bool) *Status {
	s := &Status{Mailbox: decodeMailbox(r.Arg(0).Raw(), utf8ok), items: map[string]string{}}
	cur := r.Arg(1).cursor()
	for name := cur.next(); name.Present() && len(s.items) < maxFlags; name = cur.next() {
		s.set(upperString(name.Raw()), cur.next())
	}
	return s
}

func (s *Status) set(name string, v Node) {
	if v.IsList() { // MAILBOXID (F...)
		v = v.First()
	}
	s.items[name] = v.Text()
	n, _ := v.Number()
	n32, _ := v.Number32()
	switch StatusItem(name) {
	case StatusMessages:
		s.Messages = n32
	case StatusRecent:
		s.Recent = n32
	case StatusUIDNext:
		s.UIDNext = UID(n32)
	case StatusUIDValidity:
		s.UIDValidity = n32
	case StatusUnseen:
		s.Unseen = n32
	case StatusDeleted:
		s.Deleted = n32
	case StatusSize:
		s.Size = int64(n)
	case StatusHighestModSeq:
		s.HighestModSeq = n
	case StatusAppendLimit:
		s.AppendLimit = int64(n)
		if v.IsNil() {
			s.AppendLimit = -1
		}
	case StatusMailboxID:
		s.MailboxID = validObjectID(v.Text())
	case StatusXGUID:
		s.GUID = v.Text()
	}
}

// objectID reads RFC 8474's "(" objectid ")", or a bare one.
func objectID(n Node) string {
	if n.IsList() {
		n = n.First()
	}
	return validObjectID(n.Text())
}

// validObjectID returns s if it is an objectid (RFC 8474, section 7: 1 to 255
// of A-Z a-z 0-9 _ -), else "": Cyrus 3.6.1 can send freed memory.
func validObjectID(s string) string {
	if len(s) > 255 {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return ""
		}
	}
	return s
}
