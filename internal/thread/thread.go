package thread

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
)

// Key is the account's secret that ids and hashes depend on.
type Key [32]byte

// Hash is the keyed hash of a Message-ID, as the index stores it. Of 100,000
// mails with ten ids each, two differing ids agree with a chance of 1 in 30
// million.
type Hash [8]byte

// ID identifies a thread.
type ID [12]byte

// String is the id in 16 characters that a JMAP Id may have (RFC 8620, section
// 1.2).
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Mail is what a header says about its conversation: ids without angle brackets,
// in header order, and the decoded subject.
type Mail struct {
	MessageID  string // "" when there is none
	InReplyTo  []string
	References []string
	Subject    string
	// Fallback stands for the Message-ID of a mail that has none; anything that
	// is the mail's own and stays the same.
	Fallback string
}

// Place is where a mail belongs. An index stores Self and Root of each mail, so
// that answers to it find their thread.
type Place struct {
	Thread ID
	Root   Hash // of the id that the conversation began with
	Self   Hash // of the mail's own id
}

// Hasher makes hashes under one key. It is not safe for concurrent use.
type Hasher struct {
	mac hash.Hash
	buf [sha256.Size]byte
}

// NewHasher makes a Hasher.
func NewHasher(k Key) *Hasher { return &Hasher{mac: hmac.New(sha256.New, k[:])} }

// Hash is the hash of a Message-ID without angle brackets.
func (h *Hasher) Hash(messageID string) Hash {
	return Hash(h.sum("id", messageID)[:8])
}

// sum is the HMAC of a label and values, each with its length before it.
func (h *Hasher) sum(label string, values ...string) []byte {
	h.mac.Reset()
	var n [8]byte
	h.mac.Write([]byte(label))
	for _, v := range values {
		binary.BigEndian.PutUint64(n[:], uint64(len(v)))
		h.mac.Write(n[:])
		h.mac.Write([]byte(v))
	}
	return h.mac.Sum(h.buf[:0])
}

// Place finds a mail's conversation. Its root is the first id in References;
// else the root of the mail named by In-Reply-To, if parent knows it; else that
// id itself; else its own. The thread is the root together with the Topic, so
// that an answer with a new subject begins a new thread. Parent may be nil.
func (h *Hasher) Place(m Mail, parent func(Hash) (root Hash, ok bool)) Place {
	p := Place{Self: h.Hash(own(m))}
	switch {
	case len(m.References) > 0:
		p.Root = h.Hash(m.References[0])
	case len(m.InReplyTo) > 0:
		p.Root = h.Hash(m.InReplyTo[0])
		if parent != nil {
			if root, ok := parent(p.Root); ok {
				p.Root = root
			}
		}
	default:
		p.Root = p.Self
	}
	p.Thread = ID(h.sum("thread", string(p.Root[:]), Topic(m.Subject))[:12])
	return p
}

func own(m Mail) string {
	if m.MessageID != "" {
		return m.MessageID
	}
	return "\x00" + m.Fallback // no Message-ID begins like this
}
