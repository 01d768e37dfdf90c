package account

import (
	"container/list"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// cachedProps are the properties that are remembered.
const cachedProps = jmap.EmailPropMessageID | jmap.EmailPropInReplyTo | jmap.EmailPropReferences |
	jmap.EmailPropSender | jmap.EmailPropFrom | jmap.EmailPropTo | jmap.EmailPropCc | jmap.EmailPropBcc |
	jmap.EmailPropReplyTo | jmap.EmailPropSubject | jmap.EmailPropSentAt | jmap.EmailPropHasAttachment |
	jmap.EmailPropPreview

// knownHeader is what was read of one mail's header. It does not change once it
// is in the cache.
type knownHeader struct {
	have                               jmap.EmailProps
	messageID, inReplyTo, references   []string
	sender, from, to, cc, bcc, replyTo []jmap.Address
	subject                            *string
	sentAt                             jmap.Date
	hasAttachment                      bool
	preview                            string
}

// parse reads the wanted properties out of a header.
func (k *knownHeader) parse(h message.Header, want jmap.EmailProps) {
	ids := func(p jmap.EmailProps, name string, to *[]string) {
		if want&p != 0 {
			if f, ok := h.Last(name); ok {
				*to = f.MessageIDs()
			}
		}
	}
	ids(jmap.EmailPropMessageID, "Message-ID", &k.messageID)
	ids(jmap.EmailPropInReplyTo, "In-Reply-To", &k.inReplyTo)
	ids(jmap.EmailPropReferences, "References", &k.references)
	people := func(p jmap.EmailProps, name string, to *[]jmap.Address) {
		if want&p != 0 {
			if f, ok := h.Last(name); ok {
				*to = addresses(f.Addresses())
			}
		}
	}
	people(jmap.EmailPropSender, "Sender", &k.sender)
	people(jmap.EmailPropFrom, "From", &k.from)
	people(jmap.EmailPropTo, "To", &k.to)
	people(jmap.EmailPropCc, "Cc", &k.cc)
	people(jmap.EmailPropBcc, "Bcc", &k.bcc)
	people(jmap.EmailPropReplyTo, "Reply-To", &k.replyTo)
	if f, ok := h.Last("Subject"); ok && want&jmap.EmailPropSubject != 0 {
		text := f.Text()
		k.subject = &text
	}
	if f, ok := h.Last("Date"); ok && want&jmap.EmailPropSentAt != 0 {
		if t, ok := f.Date(); ok {
			k.sentAt = jmap.Date{Time: t}
		}
	}
}

// fill puts the wanted properties into an Email.
func (k *knownHeader) fill(e *jmap.Email, want jmap.EmailProps) {
	e.MessageID, e.InReplyTo, e.References = k.messageID, k.inReplyTo, k.references
	e.Sender, e.From, e.To, e.Cc, e.Bcc, e.ReplyTo = k.sender, k.from, k.to, k.cc, k.bcc, k.replyTo
	e.Subject, e.SentAt, e.Preview = k.subject, k.sentAt, k.preview
	if want&jmap.EmailPropHasAttachment != 0 {
		e.HasAttachment = k.hasAttachment
	}
}

// with is k together with what only old has.
func (k *knownHeader) with(old *knownHeader) *knownHeader {
	more := old.have &^ k.have
	if more == 0 {
		return k
	}
	all := *old
	take := func(p jmap.EmailProps, f func()) {
		if k.have&p != 0 {
			f()
		}
	}
	take(jmap.EmailPropMessageID, func() { all.messageID = k.messageID })
	take(jmap.EmailPropInReplyTo, func() { all.inReplyTo = k.inReplyTo })
	take(jmap.EmailPropReferences, func() { all.references = k.references })
	take(jmap.EmailPropSender, func() { all.sender = k.sender })
	take(jmap.EmailPropFrom, func() { all.from = k.from })
	take(jmap.EmailPropTo, func() { all.to = k.to })
	take(jmap.EmailPropCc, func() { all.cc = k.cc })
	take(jmap.EmailPropBcc, func() { all.bcc = k.bcc })
	take(jmap.EmailPropReplyTo, func() { all.replyTo = k.replyTo })
	take(jmap.EmailPropSubject, func() { all.subject = k.subject })
	take(jmap.EmailPropSentAt, func() { all.sentAt = k.sentAt })
	take(jmap.EmailPropHasAttachment, func() { all.hasAttachment = k.hasAttachment })
	take(jmap.EmailPropPreview, func() { all.preview = k.preview })
	all.have |= k.have
	return &all
}

// size is about what it takes in memory.
func (k *knownHeader) size() int {
	n := 400 + len(k.preview)
	for _, l := range [][]jmap.Address{k.sender, k.from, k.to, k.cc, k.bcc, k.replyTo} {
		for _, a := range l {
			n += 80 + len(a.Email)
		}
	}
	for _, l := range [][]string{k.messageID, k.inReplyTo, k.references} {
		for _, s := range l {
			n += 16 + len(s)
		}
	}
	if k.subject != nil {
		n += 16 + len(*k.subject)
	}
	return n
}

// headerCache remembers the headers used last. Content is immutable, so nothing
// in it can be wrong; that the mail exists is for the index to say.
type headerCache struct {
	mu    sync.Mutex // guards all below
	byID  map[jmap.EmailID]*list.Element
	order *list.List // of *cacheEntry, the latest first
	bytes int
	max   int // bytes
}

type cacheEntry struct {
	id    jmap.EmailID
	known *knownHeader
	size  int
}

func newHeaderCache(most int) *headerCache {
	return &headerCache{byID: make(map[jmap.EmailID]*list.Element), order: list.New(), max: most}
}

func (c *headerCache) get(id jmap.EmailID, want jmap.EmailProps) (*knownHeader, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byID[id]
	if el == nil {
		return nil, false
	}
	e := el.Value.(*cacheEntry)
	if want&^e.known.have != 0 {
		return nil, false
	}
	c.order.MoveToFront(el)
	return e.known, true
}

func (c *headerCache) put(id jmap.EmailID, k *knownHeader) {
	if k.have == 0 || c.max == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.byID[id]; el != nil {
		k = k.with(el.Value.(*cacheEntry).known)
		c.drop(el)
	}
	e := &cacheEntry{id: id, known: k, size: k.size()}
	c.byID[id] = c.order.PushFront(e)
	c.bytes += e.size
	for c.order.Len() > maxHeaderMails || c.bytes > c.max && c.order.Len() > 1 {
		c.drop(c.order.Back())
	}
}

func (c *headerCache) drop(el *list.Element) {
	e := el.Value.(*cacheEntry)
	c.order.Remove(el)
	delete(c.byID, e.id)
	c.bytes -= e.size
}
