package demo

import (
	"strings"
	"time"

	netmail "net/mail"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Search finds mails in the selected mailbox.
func (s *session) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (*imap.SearchData, error) {
	s.acct.mu.Lock()
	defer s.acct.mu.Unlock()
	var seqs imap.SeqSet
	var uids imap.UIDSet
	data := &imap.SearchData{}
	for i, m := range s.view.box.mails {
		seq := s.view.tracker.EncodeSeqNum(uint32(i) + 1)
		if seq == 0 {
			continue
		}
		f := &finder{acct: s.acct, view: s.view, mail: m, seq: seq}
		if !f.matches(c) {
			continue
		}
		n := seq
		if kind == imapserver.NumKindUID {
			n = uint32(m.uid)
		}
		seqs.AddNum(seq)
		uids.AddNum(m.uid)
		if data.Min == 0 {
			data.Min = n
		}
		data.Max = n
		data.Count++
	}
	if o.ReturnSave {
		s.view.saved = uids
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	return data, nil
}

// finder checks one mail. It reads the mail when a criterion first asks for it.
type finder struct {
	acct *account
	view *view
	mail *mail
	seq  uint32
	text *searchText
}

func (f *finder) matches(c *imap.SearchCriteria) bool {
	return f.numbers(c) && f.dates(c) && f.flags(c) && f.sizes(c) && f.words(c) && f.logic(c)
}

func (f *finder) numbers(c *imap.SearchCriteria) bool {
	for _, set := range c.SeqNum {
		seqs, uids := f.view.static(set)
		if !seqs.Contains(f.seq) && !uids.Contains(f.mail.uid) {
			return false
		}
	}
	for _, set := range c.UID {
		if !f.view.uids(set).Contains(f.mail.uid) {
			return false
		}
	}
	return true
}

func (f *finder) dates(c *imap.SearchCriteria) bool {
	if !between(f.mail.date, c.Since, c.Before) {
		return false
	}
	if c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true
	}
	sent, err := netmail.ParseDate(f.load().header.Get("Date"))
	return err == nil && between(sent, c.SentSince, c.SentBefore)
}

// between compares days and forgets hours and zones (RFC 9051, section 6.4.4).
func between(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

func (f *finder) flags(c *imap.SearchCriteria) bool {
	for _, flag := range c.Flag {
		if !hasFlag(f.mail.flags, flag) {
			return false
		}
	}
	for _, flag := range c.NotFlag {
		if hasFlag(f.mail.flags, flag) {
			return false
		}
	}
	return true
}

func (f *finder) sizes(c *imap.SearchCriteria) bool {
	return (c.Larger == 0 || f.mail.size > c.Larger) && (c.Smaller == 0 || f.mail.size < c.Smaller)
}

func (f *finder) words(c *imap.SearchCriteria) bool {
	for _, h := range c.Header {
		if !f.load().inHeader(h.Key, h.Value) {
			return false
		}
	}
	for _, s := range c.Body {
		if !strings.Contains(f.load().bodyText(), fold(s)) {
			return false
		}
	}
	for _, s := range c.Text {
		if !strings.Contains(f.load().headText(), fold(s)) && !strings.Contains(f.load().bodyText(), fold(s)) {
			return false
		}
	}
	return true
}

func (f *finder) logic(c *imap.SearchCriteria) bool {
	for i := range c.Not {
		if f.matches(&c.Not[i]) {
			return false
		}
	}
	for i := range c.Or {
		if !f.matches(&c.Or[i][0]) && !f.matches(&c.Or[i][1]) {
			return false
		}
	}
	return true
}

func (f *finder) load() *searchText {
	if f.text == nil {
		body, err := f.acct.read(f.mail)
		if err != nil {
			body = nil // found by nothing
		}
		f.text = newSearchText(body)
	}
	return f.text
}
