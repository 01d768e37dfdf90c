package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// EmailImport stores messages as they are (RFC 8621, section 4.8). Each is read
// twice: once before the turn is taken, to learn its size and what is in its
// header, and once while it is stored; none is held in memory.
func (a *Account) EmailImport(ctx context.Context, set *jmap.EmailImport) (jmap.EmailSetResult, error) {
	res := newEmailResult()
	// Whether a mail is there already is for a complete index to say.
	if err := a.mail.WaitComplete(ctx); err != nil {
		return res, failure(err)
	}
	mails := make([]*newMail, len(set.Emails))
	for i := range set.Emails {
		m, err := a.readImport(ctx, &set.Emails[i])
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			res.NotCreated[set.Emails[i].CreationID] = refused
		case err != nil:
			return res, failure(err)
		}
		mails[i] = m
	}
	err := a.mail.Change(ctx, func(c *replica.Changer) error {
		res.OldState = a.mail.States()[jmap.TypeEmail]
		if set.IfInState != "" && set.IfInState != res.OldState {
			return jmap.StateMismatch
		}
		s := &setter{ctx: ctx, a: a, c: c, res: &res}
		for i, m := range mails {
			if m != nil {
				s.importMail(set.Emails[i].CreationID, m)
			}
		}
		res.NewState = a.mail.States()[jmap.TypeEmail]
		if c.Foreign {
			res.OldState = ""
		}
		return nil
	})
	return res, failure(err)
}

func newEmailResult() jmap.EmailSetResult {
	return jmap.EmailSetResult{
		Created: map[jmap.CreationID]*jmap.EmailCreated{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.EmailID]*jmap.EmailCreated{}, NotUpdated: map[jmap.EmailID]*jmap.SetError{},
		NotDestroyed: map[jmap.EmailID]*jmap.SetError{},
	}
}

// newMail is a mail that is ready to be stored.
type newMail struct {
	mailboxIDs []jmap.MailboxID
	keywords   []jmap.Keyword
	received   time.Time // zero: now
	messageID  string    // without brackets, may be empty
	size       int64
	sum        [sha256.Size]byte             // of an import's bytes
	open       func() (io.ReadCloser, error) // exactly size bytes
}

// readImport reads a message through and learns what storing it needs. An error
// that is the client's is a *jmap.SetError.
func (a *Account) readImport(ctx context.Context, e *jmap.ImportedEmail) (*newMail, error) {
	m := &newMail{mailboxIDs: e.MailboxIDs, keywords: e.Keywords, received: e.ReceivedAt}
	m.open = func() (io.ReadCloser, error) {
		blob, err := a.openImport(ctx, e)
		if err != nil {
			return nil, err
		}
		return &mended{r: newMender(blob.Body), c: blob.Body}, nil
	}
	body, err := m.open()
	if errors.Is(err, jmap.ErrNotFound) {
		if e.Open != nil {
			return nil, &jmap.SetError{Type: jmap.SetNotFound}
		}
		return nil, invalid("blobId", "no such blob")
	}
	if err != nil {
		return nil, fmt.Errorf("opening a message to import: %w", err)
	}
	defer body.Close()
	scan := newScan(sha256.New())
	if m.size, err = io.Copy(scan, body); err != nil {
		return nil, fmt.Errorf("reading a message to import: %w", err)
	}
	h := scan.header()
	if !h.IsMessage() {
		return nil, &jmap.SetError{Type: jmap.SetInvalidEmail, Description: "the blob is not a message: it has no header field of one"}
	}
	if v, ok := h.Last("Message-ID"); ok {
		if ids := v.MessageIDs(); len(ids) > 0 {
			m.messageID = ids[0]
		}
	}
	if m.received.IsZero() {
		m.received, _ = h.ReceivedAt()
	}
	copy(m.sum[:], scan.sum.Sum(nil))
	return m, nil
}

func (a *Account) openImport(ctx context.Context, e *jmap.ImportedEmail) (*jmap.Blob, error) {
	if e.Open != nil {
		return e.Open(ctx)
	}
	return a.BlobOpen(ctx, e.BlobID, jmap.ByteRange{})
}

// importMail stores one message, unless the account has it. Mailboxes that are not
// there come first: RFC 8621, section 4.8, has no exception from invalidProperties.
func (s *setter) importMail(id jmap.CreationID, m *newMail) {
	_, err := s.boxes(m.mailboxIDs)
	if err == nil {
		var existing jmap.EmailID
		if existing, err = s.same(m); err == nil && existing != "" {
			err = exists(existing)
		}
	}
	var made *jmap.EmailCreated
	if err == nil {
		made, err = s.put(m)
	}
	if err != nil {
		s.res.NotCreated[id] = refusal(err)
		return
	}
	s.res.Created[id] = made
}

// exists is the error for a mail that the account has already.
func exists(id jmap.EmailID) *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetAlreadyExists, ExistingID: string(id)}
}

// same finds an Email whose bytes are those of m. Where ids follow from content
// (Cyrus, fingerprints) the two could not be told apart, so that two of them are
// forbidden everywhere (RFC 8621, section 4.8).
func (s *setter) same(m *newMail) (jmap.EmailID, error) {
	metas, _, _ := s.a.mail.Emails(s.a.mail.ByMessageID(m.messageID))
	compared := 0
	for _, have := range metas {
		if have.Size != m.size {
			continue
		}
		if compared++; compared > maxCompared {
			return "", nil
		}
		sum, err := s.a.sumOf(s.ctx, &have)
		if errors.Is(err, jmap.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if sum == m.sum {
			return have.ID, nil
		}
	}
	return "", nil
}

// sumOf reads a mail and returns the digest that readImport makes.
func (a *Account) sumOf(ctx context.Context, m *replica.Meta) (sum [sha256.Size]byte, err error) {
	blob, err := a.openMessage(ctx, m.ID, m.Size, jmap.ByteRange{})
	if err != nil {
		return sum, err
	}
	defer blob.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, newMender(blob.Body)); err != nil {
		return sum, err
	}
	copy(sum[:], h.Sum(nil))
	return sum, nil
}

// put stores a mail in all of its mailboxes or in none.
func (s *setter) put(m *newMail) (*jmap.EmailCreated, error) {
	boxes, err := s.boxes(m.mailboxIDs)
	if err != nil {
		return nil, err
	}
	flags, err := flagsOf(m.keywords)
	if err != nil {
		return nil, err
	}
	if most := s.a.mail.Info().MaxSize; most > 0 && m.size > most {
		return nil, &jmap.SetError{Type: jmap.SetTooLarge}
	}
	meta, err := s.append(boxes[0], m, flags)
	if err != nil {
		return nil, err
	}
	newest := newestIn(meta, boxes[0])
	if len(meta.Copies) > 1 {
		// The platform gave it the id of a mail that is there: it is no other.
		s.undo(newest)
		return nil, exists(meta.ID)
	}
	for _, to := range boxes[1:] {
		if err := s.c.Copy(s.ctx, newest.At, one(newest.UID), to.Box); err != nil {
			if metas, _, _ := s.a.mail.Emails([]jmap.EmailID{meta.ID}); len(metas) > 0 {
				s.undo(metas[0].Copies...)
			}
			return nil, err
		}
	}
	return &jmap.EmailCreated{ID: meta.ID, BlobID: s.a.messageBlob(meta.ID), ThreadID: meta.ThreadID, Size: uint64(meta.Size)}, nil
}

// append stores a mail in one mailbox and finds it there.
func (s *setter) append(at upstream.Place, m *newMail, flags []string) (*replica.Meta, error) {
	body, err := m.open()
	if err != nil {
		return nil, err
	}
	seen := &noting{ReadCloser: body}
	id, err := s.c.Append(s.ctx, at.Box, upstream.Message{Body: seen, Size: m.size, Flags: flags, Date: m.received, MessageID: m.messageID})
	body.Close() // ends a writer behind it if not all was read
	if err != nil {
		return nil, err
	}
	if id == "" && m.messageID != "" {
		id = s.byMessageID(m.messageID, at)
	}
	if id == "" {
		id = s.lastOfSize(at, m.size)
	}
	metas, _, _ := s.a.mail.Emails([]jmap.EmailID{id})
	if len(metas) == 0 {
		return nil, errors.New("a stored mail cannot be found")
	}
	if m.size > wholeMessage && metas[0].Size == m.size {
		s.a.natures.add(id, seen.eightBit)
	}
	return &metas[0], nil
}

// lastOfSize finds a mail without a Message-ID that was just stored by a server
// that did not say where: the newest of its size.
func (s *setter) lastOfSize(at upstream.Place, size int64) jmap.EmailID {
	uids, marks, err := s.a.cfg.Store.UIDs(s.ctx, at.Box)
	if err != nil {
		return ""
	}
	at.Validity = marks.UIDValidity
	var best jmap.EmailID
	tries := 0
	for uid := range uids.All() { // they ascend
		if left := uids.Count() - uint64(tries); left > maxCompared {
			tries++
			continue
		}
		id := s.a.mail.EmailAt(at, uid)
		if metas, _, _ := s.a.mail.Emails([]jmap.EmailID{id}); len(metas) == 1 && metas[0].Size == size {
			best = id
		}
	}
	return best
}

// newestIn is the copy of a mail in a mailbox that came last.
func newestIn(m *replica.Meta, at upstream.Place) replica.Copy {
	var newest replica.Copy
	for _, c := range m.Copies {
		if c.At.Box == at.Box && c.UID >= newest.UID {
			newest = c
		}
	}
	return newest
}

// undo removes copies that a failed change has made. What cannot be removed
// stays, and the person sees it.
func (s *setter) undo(copies ...replica.Copy) {
	for _, c := range copies {
		if err := s.c.Remove(s.ctx, c.At, one(c.UID)); err != nil {
			s.a.log.Info("undoing a change", "err", err)
		}
	}
}
