package account

import (
	"strings"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// cachedProps are the properties that are remembered.
const cachedProps = jmap.EmailPropMessageID | jmap.EmailPropInReplyTo | jmap.EmailPropReferences |
	jmap.EmailPropSender | jmap.EmailPropFrom | jmap.EmailPropTo | jmap.EmailPropCc | jmap.EmailPropBcc |
	jmap.EmailPropReplyTo | jmap.EmailPropSubject | jmap.EmailPropSentAt | jmap.EmailPropHasAttachment |
	jmap.EmailPropPreview

// seldomProps are those of a seldomHeader.
const seldomProps = jmap.EmailPropMessageID | jmap.EmailPropInReplyTo | jmap.EmailPropReferences | jmap.EmailPropSender |
	jmap.EmailPropCc | jmap.EmailPropBcc | jmap.EmailPropReplyTo

// knownHeader is what was read of one mail's header. It does not change once it
// is in the cache.
type knownHeader struct {
	have          jmap.EmailProps
	from, to      []jmap.Address
	subject       *string
	sentAt        jmap.Date
	hasAttachment bool
	preview       string
	seldom        *seldomHeader // nil: nothing of it
}

// seldomHeader is what no list shows, or few mails have.
type seldomHeader struct {
	messageID, inReplyTo, references []string
	sender, cc, bcc, replyTo         []jmap.Address
}

// words and people are the lists of a header, to be read or replaced.
func (k *knownHeader) words() []*[]string {
	if k.seldom == nil {
		return nil
	}
	return []*[]string{&k.seldom.messageID, &k.seldom.inReplyTo, &k.seldom.references}
}

func (k *knownHeader) people() []*[]jmap.Address {
	if k.seldom == nil {
		return []*[]jmap.Address{&k.from, &k.to}
	}
	return []*[]jmap.Address{&k.from, &k.to, &k.seldom.sender, &k.seldom.cc, &k.seldom.bcc, &k.seldom.replyTo}
}

// parse reads the wanted properties out of a header.
func (k *knownHeader) parse(h message.Header, want jmap.EmailProps) {
	seldom := &seldomHeader{}
	ids := func(p jmap.EmailProps, name string, to *[]string) {
		if want&p != 0 {
			if f, ok := h.Last(name); ok {
				*to = f.MessageIDs()
			}
		}
	}
	ids(jmap.EmailPropMessageID, "Message-ID", &seldom.messageID)
	ids(jmap.EmailPropInReplyTo, "In-Reply-To", &seldom.inReplyTo)
	ids(jmap.EmailPropReferences, "References", &seldom.references)
	people := func(p jmap.EmailProps, name string, to *[]jmap.Address) {
		if want&p != 0 {
			if f, ok := h.Last(name); ok {
				*to = addresses(f.Addresses())
			}
		}
	}
	people(jmap.EmailPropSender, "Sender", &seldom.sender)
	people(jmap.EmailPropFrom, "From", &k.from)
	people(jmap.EmailPropTo, "To", &k.to)
	people(jmap.EmailPropCc, "Cc", &seldom.cc)
	people(jmap.EmailPropBcc, "Bcc", &seldom.bcc)
	people(jmap.EmailPropReplyTo, "Reply-To", &seldom.replyTo)
	if f, ok := h.Last("Subject"); ok && want&jmap.EmailPropSubject != 0 {
		text := f.Text()
		k.subject = &text
	}
	if f, ok := h.Last("Date"); ok && want&jmap.EmailPropSentAt != 0 {
		if t, ok := f.Date(); ok {
			k.sentAt = jmap.Date{Time: t}
		}
	}
	if want&seldomProps != 0 {
		k.seldom = seldom
	}
}

// fill puts the wanted properties into an Email.
func (k *knownHeader) fill(e *jmap.Email, want jmap.EmailProps) {
	e.From, e.To = k.from, k.to
	if s := k.seldom; s != nil {
		e.MessageID, e.InReplyTo, e.References = s.messageID, s.inReplyTo, s.references
		e.Sender, e.Cc, e.Bcc, e.ReplyTo = s.sender, s.cc, s.bcc, s.replyTo
	}
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
	all, mine, both := *old, seldomHeader{}, seldomHeader{}
	if old.seldom != nil {
		both = *old.seldom
	}
	if k.seldom != nil {
		mine = *k.seldom
	}
	take := func(p jmap.EmailProps, f func()) {
		if k.have&p != 0 {
			f()
		}
	}
	take(jmap.EmailPropMessageID, func() { both.messageID = mine.messageID })
	take(jmap.EmailPropInReplyTo, func() { both.inReplyTo = mine.inReplyTo })
	take(jmap.EmailPropReferences, func() { both.references = mine.references })
	take(jmap.EmailPropSender, func() { both.sender = mine.sender })
	take(jmap.EmailPropFrom, func() { all.from = k.from })
	take(jmap.EmailPropTo, func() { all.to = k.to })
	take(jmap.EmailPropCc, func() { both.cc = mine.cc })
	take(jmap.EmailPropBcc, func() { both.bcc = mine.bcc })
	take(jmap.EmailPropReplyTo, func() { both.replyTo = mine.replyTo })
	take(jmap.EmailPropSubject, func() { all.subject = k.subject })
	take(jmap.EmailPropSentAt, func() { all.sentAt = k.sentAt })
	take(jmap.EmailPropHasAttachment, func() { all.hasAttachment = k.hasAttachment })
	take(jmap.EmailPropPreview, func() { all.preview = k.preview })
	all.have |= k.have
	if all.have&seldomProps != 0 {
		all.seldom = &both
	}
	return &all
}

// measure counts the bytes of text in a header, its strings but the preview, and its
// addresses.
func (k *knownHeader) measure() (text, words, people int) {
	text = len(k.preview)
	if k.subject != nil {
		text, words = text+len(*k.subject), 1
	}
	for _, l := range k.words() {
		words += len(*l)
		for _, s := range *l {
			text += len(s)
		}
	}
	for _, l := range k.people() {
		people += len(*l)
		for _, a := range *l {
			text += len(a.Email)
			if a.Name != nil {
				text, words = text+len(*a.Name), words+1
			}
		}
	}
	return text, words, people
}

// packed is k in four pieces of memory at most, with id, where parsing makes dozens: what
// lives for long among what dies at once keeps memory from being given back. It also
// lets go of the request that id came with. size is about what it takes.
func (k *knownHeader) packed(id jmap.EmailID) *cacheEntry {
	text, words, people := k.measure()
	p := packer{words: make([]string, 0, words), people: make([]jmap.Address, 0, people)}
	p.text.Grow(len(id) + text)
	e := &cacheEntry{id: jmap.EmailID(p.add(string(id))), known: *k, size: entryBytes + len(id) + text + 16*words + 24*people}
	e.known.preview = p.add(k.preview)
	if k.subject != nil {
		e.known.subject = p.word(*k.subject)
	}
	if k.seldom != nil {
		seldom := *k.seldom
		e.known.seldom, e.size = &seldom, e.size+seldomBytes
	}
	for _, l := range e.known.words() {
		from := len(p.words)
		for _, s := range *l {
			p.word(s)
		}
		if *l != nil {
			*l = p.words[from:len(p.words):len(p.words)]
		}
	}
	for _, l := range e.known.people() {
		if *l != nil {
			*l = p.addresses(*l)
		}
	}
	return e
}

// packer takes copies into room that was made for all of them.
type packer struct {
	text   strings.Builder
	words  []string
	people []jmap.Address
}

func (p *packer) add(s string) string {
	from := p.text.Len()
	p.text.WriteString(s)
	return p.text.String()[from:]
}

func (p *packer) word(s string) *string {
	p.words = append(p.words, p.add(s))
	return &p.words[len(p.words)-1]
}

func (p *packer) addresses(list []jmap.Address) []jmap.Address {
	from := len(p.people)
	for _, a := range list {
		if a.Name != nil {
			a.Name = p.word(*a.Name)
		}
		a.Email = p.add(a.Email)
		p.people = append(p.people, a)
	}
	return p.people[from:len(p.people):len(p.people)]
}

// headerCache remembers the headers used last. Content is immutable, so nothing
// in it can be wrong; that the mail exists is for the index to say.
type headerCache struct {
	mu    sync.Mutex // guards all below
	byID  map[jmap.EmailID]*cacheEntry
	order cacheEntry // the ring's start: the one used last follows it
	bytes int
	max   int // bytes
}

// cacheEntry is one mail's place in the cache, and in the ring of its order.
type cacheEntry struct {
	older, newer *cacheEntry
	id           jmap.EmailID
	known        knownHeader
	size         int
}

func newHeaderCache(most int) *headerCache {
	c := &headerCache{byID: make(map[jmap.EmailID]*cacheEntry), max: most}
	c.order.older, c.order.newer = &c.order, &c.order
	return c
}

func (c *headerCache) get(id jmap.EmailID, want jmap.EmailProps) (*knownHeader, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil || want&^e.known.have != 0 {
		return nil, false
	}
	c.unlink(e)
	c.link(e)
	return &e.known, true
}

func (c *headerCache) put(id jmap.EmailID, k *knownHeader) {
	if k.have == 0 || c.max == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		k = k.with(&e.known)
		c.drop(e)
	}
	e := k.packed(id)
	c.byID[e.id] = e
	c.link(e)
	c.bytes += e.size
	for len(c.byID) > maxHeaderMails || c.bytes > c.max && len(c.byID) > 1 {
		c.drop(c.order.newer)
	}
}

func (c *headerCache) link(e *cacheEntry) {
	e.newer, e.older = &c.order, c.order.older
	e.newer.older, e.older.newer = e, e
}

func (c *headerCache) unlink(e *cacheEntry) { e.newer.older, e.older.newer = e.older, e.newer }

func (c *headerCache) drop(e *cacheEntry) {
	c.unlink(e)
	delete(c.byID, e.id)
	c.bytes -= e.size
}
