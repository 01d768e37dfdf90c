package imap

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// FetchRow is one FETCH response: what the server says of one message. It is
// valid until the callback returns; Clone keeps it. Items that did not come
// are absent, never an error.
type FetchRow struct {
	seq       SeqNum
	uid       UID
	list      Node // the item list: name, value, name, value
	truncated bool
	flags     *flagTable
}

// Seq returns the sequence number.
func (r *FetchRow) Seq() SeqNum { return r.seq }

// UID returns the uid, zero when the server did not send it.
func (r *FetchRow) UID() UID { return r.uid }

// Truncated reports that parts of the row were dropped for a limit.
func (r *FetchRow) Truncated() bool { return r.truncated }

// Item returns the value of the first item of that name, whatever its case.
// For sections use Section.
func (r *FetchRow) Item(name FetchItem) Node {
	cur := r.list.cursor()
	for n := cur.next(); n.Present(); n = cur.next() {
		v := cur.next()
		if n.Is(string(name)) {
			return v
		}
	}
	return Node{}
}

// Items yields every (name, value) of the row, unknown ones included.
func (r *FetchRow) Items() iter.Seq2[Node, Node] {
	return func(yield func(Node, Node) bool) {
		cur := r.list.cursor()
		for n := cur.next(); n.Present(); n = cur.next() {
			if !yield(n, cur.next()) {
				return
			}
		}
	}
}

// Clone returns a row that stays valid.
func (r *FetchRow) Clone() *FetchRow {
	c := *r
	c.list = r.list.clone()
	c.flags = nil // the table belongs to the reading goroutine
	return &c
}

// load points the row at a FETCH response. It is false when the response is
// not shaped like one.
func (r *FetchRow) load(resp *Response, flags *flagTable) bool {
	list := resp.args.First()
	if !resp.hasNum || !list.IsList() {
		return false
	}
	*r = FetchRow{seq: SeqNum(resp.Num), list: list, truncated: resp.Truncated, flags: flags}
	cur := list.cursor()
	for name := cur.next(); name.Present(); name = cur.next() {
		value := cur.next()
		if name.Is("UID") {
			n, _ := value.Number32()
			r.uid = UID(n)
			break
		}
	}
	return true
}

// HasFlags reports whether the row carries FLAGS at all.
func (r *FetchRow) HasFlags() bool { return r.Item(ItemFlags).IsList() }

// Flags returns the flags; nil when there are none or FLAGS did not come.
func (r *FetchRow) Flags() []Flag { return flagList(r.Item(ItemFlags), r.flags) }

// AppendFlags appends the flags to dst, which a caller may reuse over rows.
func (r *FetchRow) AppendFlags(dst []Flag) []Flag {
	return appendFlags(dst, r.Item(ItemFlags), r.flags)
}

// HasFlag reports whether FLAGS holds f, without an allocation.
func (r *FetchRow) HasFlag(f Flag) bool {
	cur := r.Item(ItemFlags).cursor()
	for n := cur.next(); n.Present(); n = cur.next() {
		if n.Is(string(f)) {
			return true
		}
	}
	return false
}

// ModSeq returns MODSEQ (RFC 7162); zero when absent.
func (r *FetchRow) ModSeq() uint64 {
	n := r.Item(ItemModSeq)
	if n.IsList() {
		n = n.First()
	}
	v, _ := n.Number()
	return v
}

// Size returns RFC822.SIZE in bytes.
func (r *FetchRow) Size() (int64, bool) {
	v, ok := r.Item(ItemSize).Number()
	return int64(v), ok
}

// InternalDate returns INTERNALDATE.
func (r *FetchRow) InternalDate() (time.Time, bool) {
	return parseDateTime(r.Item(ItemInternalDate).Bytes())
}

// SaveDate returns SAVEDATE (RFC 8514); false when NIL or absent.
func (r *FetchRow) SaveDate() (time.Time, bool) {
	return parseDateTime(r.Item(ItemSaveDate).Bytes())
}

// EmailID returns EMAILID (RFC 8474, section 5.1); "" when absent or malformed.
func (r *FetchRow) EmailID() string { return objectID(r.Item(ItemEmailID)) }

// ThreadID returns THREADID (RFC 8474, section 5.2); "" when NIL or absent.
func (r *FetchRow) ThreadID() string { return objectID(r.Item(ItemThreadID)) }

// GUID returns Dovecot's X-GUID; "" when absent.
func (r *FetchRow) GUID() string { return r.Item(ItemXGUID).Text() }

// GUIDBytes is GUID without an allocation; valid until the callback returns.
func (r *FetchRow) GUIDBytes() []byte { return r.Item(ItemXGUID).Bytes() }

// GmailMsgID returns X-GM-MSGID.
func (r *FetchRow) GmailMsgID() (uint64, bool) { return gmailNumber(r.Item(ItemGmailMsgID)) }

// GmailThreadID returns X-GM-THRID.
func (r *FetchRow) GmailThreadID() (uint64, bool) { return gmailNumber(r.Item(ItemGmailThreadID)) }

// Preview returns PREVIEW (RFC 8970). ok is false when the server gave NIL or
// nothing: then compute it (Cyrus 3.6.1 announces PREVIEW and answers NIL).
func (r *FetchRow) Preview() (text string, ok bool) {
	n := r.Item(ItemPreview)
	// An early draft, FUZZY, wrapped the text in a list with the algorithm.
	if n.IsList() {
		n = n.At(1)
	}
	return n.Text(), n.IsString()
}

// Envelope decodes ENVELOPE.
func (r *FetchRow) Envelope() (*Envelope, bool) { return decodeEnvelope(r.Item(ItemEnvelope)) }

// BodyStructure decodes BODYSTRUCTURE (or BODY without a section).
func (r *FetchRow) BodyStructure() (*BodyPart, bool) {
	n := r.Item(ItemBodyStructure)
	if !n.Present() {
		n = r.Item("BODY")
	}
	return decodeBodyStructure(n)
}

// Section returns the bytes of a BODY[...] or BINARY[...] that stayed in
// memory, by the item it was asked with. The error is ErrNotPresent when the
// server sent none (or NIL), ErrTooLarge when it was streamed or too large to
// keep. The bytes are valid until the callback returns.
func (r *FetchRow) Section(item FetchItem) ([]byte, error) {
	for name, v := range r.Items() {
		if !sameSection(name.Raw(), string(item)) {
			continue
		}
		if v.Dropped() {
			return nil, ErrTooLarge
		}
		if v.IsNil() {
			return nil, ErrNotPresent
		}
		return v.Raw(), nil
	}
	return nil, ErrNotPresent
}

// BinarySize returns the answer to BINARY.SIZE[part].
func (r *FetchRow) BinarySize(part string) (int64, bool) {
	v, ok := r.Item(BinarySize(part)).Number()
	return int64(v), ok
}

// sameSection compares the name under which a section came with the item that
// asked for it: ".PEEK" and the length of the span are not echoed, and servers
// respell header names with or without quotes.
func sameSection(came []byte, asked string) bool {
	i, j := 0, 0
	if k := indexFold(asked, ".PEEK["); k >= 0 {
		asked = asked[:k] + asked[k+len(".PEEK"):]
	}
	if k := lastSpanDot(asked); k >= 0 {
		asked = asked[:k] + ">"
	}
	for {
		for i < len(came) && came[i] == '"' {
			i++
		}
		for j < len(asked) && asked[j] == '"' {
			j++
		}
		if i == len(came) || j == len(asked) {
			return i == len(came) && j == len(asked)
		}
		if upper(came[i]) != upper(asked[j]) {
			return false
		}
		i++
		j++
	}
}

func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// lastSpanDot returns where ".length>" starts in "...]<offset.length>", or -1.
func lastSpanDot(s string) int {
	if !strings.HasSuffix(s, ">") {
		return -1
	}
	open := strings.LastIndex(s, "<")
	dot := strings.LastIndex(s, ".")
	if open < 0 || dot < open {
		return -1
	}
	return dot
}

// gmailNumber reads Gmail's ids, which use all 64 bits.
func gmailNumber(n Node) (uint64, bool) {
	v, err := strconv.ParseUint(string(n.Bytes()), 10, 64)
	return v, err == nil
}
