package replica

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/thread"
	"cofferdam/internal/upstream"
)

// emailKey and threadKey are ids in packed form. How to read one is said by its
// first byte, except for emailKeys of an account with GUIDs, which are the GUID.
type (
	emailKey  [16]byte
	threadKey [12]byte
)

// The first byte of a packed key. A length (1 to 15) means that so many bytes
// of text follow.
const (
	tagHex    = 0x80 // | n: one character, then n bytes that are 2n hex digits
	tagOwn    = 0xc0 // the rest is a keyed hash of ours
	tagLong   = 0xff // the rest is a hash of a text that is interned
	tagLength = 0x0f
)

// namer turns what the server and the mail say into keys and back.
type namer struct {
	identity upstream.Identity
	key      []byte // the account's; 32 bytes
	long     map[string]string
}

func newNamer(identity upstream.Identity, key []byte) *namer {
	return &namer{identity: identity, key: key, long: make(map[string]string)}
}

// mac is a keyed hash under a label, so that hashes for different uses say
// nothing of one another.
func (n *namer) mac(label string, parts ...[]byte) [32]byte {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte(label))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write(p)
	}
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// email is the key of a row. hdr are its parsed IndexFields.
func (n *namer) email(r *upstream.Row, hdr *fields) emailKey {
	switch {
	case r.ID == "":
		return n.fingerprint(r, hdr)
	case n.identity == upstream.IdentityObject:
		var k emailKey
		n.pack(k[:], r.ID)
		return k
	}
	return guidKey(r.ID)
}

// guidKey packs a GUID: 32 hex digits as they are, anything else (Maildir file
// names, decimal numbers) by hash.
func guidKey(guid string) emailKey {
	var k emailKey
	if len(guid) == 32 {
		if _, err := hex.Decode(k[:], []byte(guid)); err == nil && strings.ToLower(guid) == guid {
			return k
		}
	}
	sum := sha256.Sum256([]byte(guid))
	copy(k[:], sum[:])
	return k
}

// fingerprint is the key of a mail on a server that tells mails apart by uid
// alone. Only what a COPY keeps may go in.
func (n *namer) fingerprint(r *upstream.Row, hdr *fields) emailKey {
	sum := n.mac("email-fingerprint", appendInt(nil, r.Size), appendInt(nil, r.Date.Unix()),
		[]byte(hdr.mail.MessageID), hdr.raw("Date"), hdr.raw("From"), hdr.raw("Subject"))
	var k emailKey
	copy(k[:], sum[:])
	if n.identity == upstream.IdentityObject {
		k[0] = tagOwn
	}
	return k
}

func appendInt(b []byte, v int64) []byte {
	for i := 56; i >= 0; i -= 8 {
		b = append(b, byte(v>>i))
	}
	return b
}

// prefix is what tells the tiers of ids apart to a reader of logs.
func (n *namer) prefix() byte {
	switch n.identity {
	case upstream.IdentityGUID:
		return 'g'
	case upstream.IdentityGmail:
		return 'x'
	}
	return 'f'
}

// emailID is the id of a key.
func (n *namer) emailID(k emailKey) jmap.EmailID {
	if n.identity != upstream.IdentityObject {
		var b [33]byte
		b[0] = n.prefix()
		hex.Encode(b[1:], k[:])
		return jmap.EmailID(b[:])
	}
	return jmap.EmailID(n.unpack(k[:]))
}

// parseEmail is the key of an id; false if no mail can have it.
func (n *namer) parseEmail(id jmap.EmailID) (emailKey, bool) {
	var k emailKey
	if n.identity == upstream.IdentityObject {
		return k, n.parse(k[:], string(id))
	}
	if len(id) != 33 || id[0] != n.prefix() || strings.ToLower(string(id[1:])) != string(id[1:]) {
		return k, false
	}
	_, err := hex.Decode(k[:], []byte(id[1:]))
	return k, err == nil
}

// thread is the key of the thread of a row, and what is kept of its Message-ID.
// The mail that In-Reply-To names is not looked up (thread.Hasher.Place): the
// answer would depend on the order in which mails came to be known, and ids
// must be the same in every index of the account.
func (n *namer) thread(h *thread.Hasher, r *upstream.Row, key emailKey, f *fields) (k threadKey, self [6]byte) {
	f.mail.Fallback = string(key[:])
	place := h.Place(f.mail, nil)
	if f.mail.MessageID != "" {
		copy(self[:], place.Self[:])
	}
	if r.ThreadID != "" {
		n.pack(k[:], r.ThreadID)
		return k, self
	}
	k[0] = tagOwn
	copy(k[1:], place.Thread[:])
	return k, self
}

// hasher makes the account's Hasher.
func (n *namer) hasher() *thread.Hasher {
	return thread.NewHasher(thread.Key(n.mac("threads")))
}

func (n *namer) threadID(k threadKey) jmap.ThreadID { return jmap.ThreadID(n.unpack(k[:])) }

func (n *namer) parseThread(id jmap.ThreadID) (threadKey, bool) {
	var k threadKey
	return k, n.parse(k[:], string(id))
}

// messageHash is what is kept of a Message-ID.
func (n *namer) messageHash(id string) (h [6]byte) {
	if id != "" {
		sum := n.hasher().Hash(id)
		copy(h[:], sum[:])
	}
	return h
}

// boxID mints the id of a mailbox on a server that has none.
func (n *namer) boxID(name string) jmap.MailboxID {
	sum := n.mac("mailbox", []byte(name))
	return jmap.MailboxID("m" + base64.RawURLEncoding.EncodeToString(sum[:12]))
}

// pack packs a text that is a valid id, interning it if it is too long.
func (n *namer) pack(dst []byte, text string) {
	if packLong(dst, text) {
		n.long[string(dst)] = text
	}
}

// packLong packs text and reports whether it was too long, so that dst can only
// be read back with the text.
func packLong(dst []byte, text string) bool {
	if len(text) < len(dst) {
		dst[0] = byte(len(text))
		copy(dst[1:], text)
		return false
	}
	digits := text[1:]
	if len(digits)%2 == 0 && len(digits)/2 <= len(dst)-2 && strings.ToLower(digits) == digits {
		if _, err := hex.Decode(dst[2:], []byte(digits)); err == nil {
			dst[0], dst[1] = tagHex|byte(len(digits)/2), text[0]
			return false
		}
		clear(dst)
	}
	sum := sha256.Sum256([]byte(text))
	dst[0] = tagLong
	copy(dst[1:], sum[:])
	return true
}

func (n *namer) unpack(k []byte) string {
	switch tag := k[0]; {
	case tag == tagLong:
		return n.long[string(k)]
	case tag == tagOwn:
		return ownPrefix + base64.RawURLEncoding.EncodeToString(k[1:])
	case tag&0xf0 == tagHex:
		return string(k[1:2]) + hex.EncodeToString(k[2:2+tag&tagLength])
	default:
		return string(k[1 : 1+tag&tagLength])
	}
}

// sound says whether a key that was read can be read back as an id.
func (n *namer) sound(k []byte) bool {
	switch tag := k[0]; {
	case tag == tagLong, tag == tagOwn:
	case tag&0xf0 == tagHex:
		if 2+int(tag&tagLength) > len(k) {
			return false
		}
	case tag&^tagLength != 0 || 1+int(tag) > len(k):
		return false
	}
	return jmap.ValidID(n.unpack(k))
}

// soundEmail is sound of the key of a mail.
func (n *namer) soundEmail(k emailKey) bool {
	return n.identity != upstream.IdentityObject || n.sound(k[:])
}

// ownPrefix begins the text of a key of tagOwn.
const ownPrefix = "h-"

// parse is the reverse of unpack.
func (n *namer) parse(dst []byte, text string) bool {
	if text == "" {
		return false
	}
	if rest, ok := strings.CutPrefix(text, ownPrefix); ok {
		if b, err := base64.RawURLEncoding.Strict().DecodeString(rest); err == nil && len(b) == len(dst)-1 {
			dst[0] = tagOwn
			copy(dst[1:], b)
			return true
		}
	}
	packLong(dst, text)
	return true
}
