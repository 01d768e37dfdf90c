package account

import (
	"context"
	"slices"
	"strings"

	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// withoutMarkup takes out of what a server found in a mailbox the mails in which a
// word stands in the markup of HTML alone: tags, most attributes, styles, scripts
// (RFC 8621, section 4.4.1). Servers without a full-text index search the bytes
// as they stand (Dovecot 2.3.19). Only a mail in which the word is seen to be
// markup is taken out: one that matches in another way, as by the stem of a word,
// stays. Of more than markupMails, or of large ones, the server's word is taken.
func (a *Account) withoutMarkup(ctx context.Context, at upstream.Place, terms []upstream.Term, found upstream.UIDSet) (upstream.UIDSet, error) {
	terms = slices.DeleteFunc(slices.Clone(terms), func(t upstream.Term) bool {
		return t.Field != upstream.FieldText && t.Field != upstream.FieldBody
	})
	if n := found.Count(); len(terms) == 0 || n == 0 || n > markupMails {
		return found, nil
	}
	mails := make(map[upstream.UID]*message.Message)
	var asks []upstream.Ask
	left := int64(markupBytes)
	err := a.cfg.Store.Fetch(ctx, []upstream.Ask{{At: at, UIDs: found, Want: upstream.Want{Header: true, Structure: true}}}, func(c *upstream.Content) {
		sections, size := markupSections(c.Structure)
		if len(sections) == 0 || size > left {
			return
		}
		left -= size
		mails[c.UID] = &message.Message{Header: message.ParseHeader(c.Header), Body: c.Structure}
		asks = append(asks, upstream.Ask{At: at, UIDs: one(c.UID), Want: upstream.Want{Sections: sections}})
	})
	if err != nil || len(asks) == 0 {
		return found, err
	}
	kept := found.Clone()
	err = a.cfg.Store.Fetch(ctx, asks, func(c *upstream.Content) {
		takeSections(mails[c.UID], c)
		if slices.ContainsFunc(terms, func(t upstream.Term) bool { return isMarkup(mails[c.UID], t) }) {
			kept.Remove(c.UID)
		}
		delete(mails, c.UID) // its text has been used
	})
	return kept, err
}

// markupSections are the text parts of a mail and their size; none if it has no
// HTML, or a part in which the server may have found what we cannot see.
func markupSections(body *message.Part) (out []upstream.Section, size int64) {
	if body == nil {
		return nil, 0
	}
	html, opaque := false, false
	body.Walk(func(p *message.Part) {
		major, _, _ := strings.Cut(p.Type, "/")
		switch {
		case p.IsText():
			html = html || p.Type == "text/html"
			if p.EncodedSize > 0 {
				out = append(out, upstream.Section{ID: p.Section, Limit: int(min(p.EncodedSize, markupBytes))})
				size += p.EncodedSize
			}
		case major != "multipart" && major != "image" && major != "audio" && major != "video":
			opaque = true
		}
	})
	if !html || opaque {
		return nil, 0
	}
	return out, size
}

// isMarkup reports whether a word of a mail stands in markup and nowhere else.
func isMarkup(msg *message.Message, t upstream.Term) bool {
	if msg == nil {
		return false
	}
	word := message.NewTerms([]string{t.Value})
	if t.Field == upstream.FieldText && slices.ContainsFunc(msg.Header, func(f message.Field) bool { return word.AllIn(f.Text()) }) {
		return false
	}
	shown, raw := false, false
	msg.Body.Walk(func(p *message.Part) {
		if shown = shown || word.AllIn(p.Name); shown || !p.IsText() {
			return
		}
		text := p.Value(0).Value
		if shown = word.AllIn(message.SearchText(p.Type, text)); !shown && p.Type == "text/html" {
			raw = raw || word.AllIn(text)
		}
	})
	return raw && !shown
}
