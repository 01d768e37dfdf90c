package account

import (
	"context"
	"errors"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailGet reads Emails. What the index and the remembered headers do not hold
// is fetched in one exchange.
func (a *Account) EmailGet(ctx context.Context, ids []jmap.EmailID, want *jmap.EmailFields, emit func(*jmap.Email) error) (notFound []jmap.EmailID, state jmap.State, err error) {
	metas, notFound, state, err := a.metas(ctx, ids)
	if err != nil {
		return nil, "", failure(err)
	}
	g := &getter{a: a, want: want, emit: emit, byPlace: make(map[placed]*replica.Meta)}
	var missing []*replica.Meta
	for i := range metas {
		done, err := g.fromMemory(&metas[i])
		if err != nil {
			return nil, "", err
		}
		if !done {
			missing = append(missing, &metas[i])
		}
	}
	if done, gone, err := g.oneWhole(ctx, missing); done || err != nil {
		if gone {
			notFound = append(notFound, missing[0].ID)
		}
		return notFound, state, failure(err)
	}
	for try := 0; len(missing) > 0; try++ {
		gone, left, err := g.fetch(ctx, missing, try)
		if err != nil {
			return nil, "", failure(err)
		}
		notFound = append(notFound, gone...)
		missing = left
	}
	return notFound, state, nil
}

// metas looks ids up. What is not found while the index is being built may only
// not have been read yet.
func (a *Account) metas(ctx context.Context, ids []jmap.EmailID) ([]replica.Meta, []jmap.EmailID, jmap.State, error) {
	list, notFound, state := a.mail.Emails(ids)
	if len(notFound) > 0 && !a.mail.Complete() {
		if err := a.mail.WaitComplete(ctx); err != nil {
			return nil, nil, "", err
		}
		list, notFound, state = a.mail.Emails(ids)
	}
	return list, notFound, state, nil
}

// placed names a copy.
type placed struct {
	box string
	uid upstream.UID
}

// getter is one EmailGet under way.
type getter struct {
	a       *Account
	want    *jmap.EmailFields
	emit    func(*jmap.Email) error
	byPlace map[placed]*replica.Meta
	large   []largeMail
	noText  []*previewless
	inside  *inside // of an EmailParse: the blob that the message is in
	err     error
}

// base fills in what the index knows.
func (g *getter) base(m *replica.Meta) *jmap.Email {
	e := &jmap.Email{
		ID: m.ID, ThreadID: m.ThreadID, MailboxIDs: m.MailboxIDs, Keywords: m.Keywords,
		Size: uint64(m.Size), ReceivedAt: m.ReceivedAt, HasAttachment: m.HasAttachment,
	}
	if g.want.Props&jmap.EmailPropBlobID != 0 {
		e.BlobID = g.a.messageBlob(m.ID)
	}
	return e
}

// needs are the properties that the index cannot answer.
func (g *getter) needs(m *replica.Meta) jmap.EmailProps {
	need := g.want.Props &^ jmap.IndexEmailProps
	if m.AttachmentKnown {
		need &^= jmap.EmailPropHasAttachment
	}
	return need
}

// fromMemory emits an Email that needs no exchange.
func (g *getter) fromMemory(m *replica.Meta) (bool, error) {
	need := g.needs(m)
	if need == 0 && len(g.want.Headers) == 0 {
		return true, g.emit(g.base(m))
	}
	if len(g.want.Headers) > 0 || need&^cachedProps != 0 {
		return false, nil
	}
	known, ok := g.a.headers.get(m.ID, need)
	if !ok {
		return false, nil
	}
	e := g.base(m)
	known.fill(e, need)
	return true, g.emit(e)
}

// fetch reads the content of mails and emits them. It returns the ids of those
// that turned out to be gone, and those that have to be tried again because they
// moved meanwhile.
func (g *getter) fetch(ctx context.Context, missing []*replica.Meta, try int) (gone []jmap.EmailID, left []*replica.Meta, err error) {
	clear(g.byPlace)
	var large []*replica.Meta
	var small []*replica.Meta
	for _, m := range missing {
		if g.wantsBody() && m.Size > wholeMessage {
			large = append(large, m)
		} else {
			small = append(small, m)
		}
	}
	asks := g.asks(small)
	asks = append(asks, g.largeAsks(large)...)
	err = g.a.cfg.Store.Fetch(ctx, asks, g.got)
	if err == nil {
		err = g.err
	}
	if err == nil && len(large) > 0 {
		err = g.finishLarge(ctx)
	}
	if err == nil && len(g.noText) > 0 {
		err = g.computePreviews(ctx)
	}
	if err != nil && !errors.Is(err, upstream.ErrStale) && !errors.Is(err, upstream.ErrNoBox) {
		return nil, nil, err
	}
	if len(g.byPlace) == 0 {
		return nil, nil, nil
	}
	return g.relocate(ctx, try)
}

// relocate looks again for the mails that were not where the index had them.
func (g *getter) relocate(ctx context.Context, try int) (gone []jmap.EmailID, left []*replica.Meta, err error) {
	if try > 0 {
		return nil, nil, jmap.ServerUnavailable
	}
	var ids []jmap.EmailID
	for _, m := range g.byPlace {
		ids = append(ids, m.ID)
	}
	if err := g.a.mail.Refresh(ctx); err != nil {
		return nil, nil, err
	}
	metas, gone, _ := g.a.mail.Emails(ids)
	for i := range metas {
		left = append(left, &metas[i])
	}
	return gone, left, nil
}

// wantsBody reports whether the text or the structure is asked for.
func (g *getter) wantsBody() bool { return g.want.Props&jmap.BodyEmailProps != 0 }

// asks groups mails by mailbox, each with what is wanted of it.
func (g *getter) asks(mails []*replica.Meta) []upstream.Ask {
	type group struct {
		at   upstream.Place
		want string
	}
	index := make(map[group]int)
	var asks []upstream.Ask
	for _, m := range mails {
		c := g.choose(m)
		want, key := g.wantOf(m)
		k := group{c.At, key}
		at, ok := index[k]
		if !ok {
			at = len(asks)
			index[k] = at
			asks = append(asks, upstream.Ask{At: c.At, Want: want})
		}
		asks[at].UIDs.Add(c.UID)
		g.byPlace[placed{c.At.Box, c.UID}] = m
	}
	return asks
}

// choose takes the first copy that no other mail stands for.
func (g *getter) choose(m *replica.Meta) replica.Copy { return m.Copies[0] }

// wantOf says what to fetch of a mail, and a key that is equal for equal wants.
func (g *getter) wantOf(m *replica.Meta) (upstream.Want, string) {
	need := g.needs(m)
	if g.wantsBody() {
		return upstream.Want{Body: true}, "body"
	}
	w := upstream.Want{
		Preview:   need&jmap.EmailPropPreview != 0,
		Structure: need&jmap.EmailPropHasAttachment != 0,
	}
	if need&jmap.EmailPropHeaders != 0 {
		w.Header = true
	} else {
		w.Fields = fieldsFor(need, g.want.Headers)
	}
	key := "head"
	if w.Structure {
		key = "structure"
	}
	return w, key
}

// got takes what was read of one mail.
func (g *getter) got(c *upstream.Content) {
	at := placed{c.Box, c.UID}
	m := g.byPlace[at]
	if m == nil || g.err != nil {
		return
	}
	if m.Size > wholeMessage && g.wantsBody() {
		g.gotLarge(m, c)
		return
	}
	delete(g.byPlace, at)
	e := g.base(m)
	if c.Body != nil {
		g.fillWhole(e, message.Parse(c.Body), m)
		g.err = g.give(e)
		return
	}
	h := message.ParseHeader(c.Header)
	known := &knownHeader{}
	need := g.needs(m)
	known.parse(h, need)
	if need&jmap.EmailPropHasAttachment != 0 && c.Structure != nil {
		known.hasAttachment = message.HasAttachment(c.Structure)
		g.a.mail.NoteAttachment(m.ID, known.hasAttachment)
		m.HasAttachment, m.AttachmentKnown = known.hasAttachment, true
	}
	known.preview = c.Preview
	known.have = need & cachedProps
	known.fill(e, need)
	fillHeaders(e, h, g.want)
	if w, _ := g.wantOf(m); w.Preview && !c.HasPreview {
		g.noText = append(g.noText, &previewless{m, e, known})
		return
	}
	g.a.headers.put(m.ID, known)
	g.err = g.emit(e)
}
