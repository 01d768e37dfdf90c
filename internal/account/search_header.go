package account

import (
	"context"
	"slices"
	"strings"

	"cofferdam/internal/message"
	"cofferdam/internal/upstream"
)

// withoutNames takes out of what a server found in a mailbox the mails in which the
// text of a header filter stands in the name of a field and not in its value (RFC
// 8621, section 4.4.1; RFC 9051, section 6.4.4: "what comes after the colon").
// Cyrus 3.6.1 searches all fields of a name as one text, in which the names of all
// but the first stand too. Only texts that a name could be found by are looked at
// again, which few are. Of more than headerMails mails the server's word is taken.
func (a *Account) withoutNames(ctx context.Context, at upstream.Place, terms []upstream.Term, found upstream.UIDSet) (upstream.UIDSet, error) {
	terms = slices.DeleteFunc(slices.Clone(terms), func(t upstream.Term) bool {
		return t.Field != upstream.FieldHeader || !inName(t.Name, t.Value)
	})
	if n := found.Count(); len(terms) == 0 || n == 0 || n > headerMails {
		return found, nil
	}
	var want upstream.Want
	for _, t := range terms {
		if !slices.ContainsFunc(want.Fields, func(f string) bool { return strings.EqualFold(f, t.Name) }) {
			want.Fields = append(want.Fields, t.Name)
		}
	}
	kept := found.Clone()
	err := a.cfg.Store.Fetch(ctx, []upstream.Ask{{At: at, UIDs: found, Want: want}}, func(c *upstream.Content) {
		h := message.ParseHeader(c.Header)
		if slices.ContainsFunc(terms, func(t upstream.Term) bool { return !inValue(h, t) }) {
			kept.Remove(c.UID)
		}
	})
	return kept, err
}

// inName reports whether a text could be found where the lines of fields of a name
// follow each other: inside of the name, over its colon, or over its beginning.
func inName(name, text string) bool {
	name, text = strings.ToLower(name), strings.ToLower(text)
	if text == "" { // the field need only be there
		return false
	}
	if strings.Contains(name+":", text) {
		return true
	}
	for rest, before := text, ""; ; {
		head, tail, ok := strings.Cut(rest, ":")
		if !ok {
			break
		}
		before += head
		if strings.HasSuffix(name, before) || strings.HasSuffix(before, " "+name) {
			return true
		}
		before, rest = before+":", tail
	}
	last := strings.LastIndexByte(text, ' ')
	return last >= 0 && strings.HasPrefix(name, text[last+1:])
}

// inValue reports whether a field has the text, as it stands or decoded.
func inValue(h message.Header, t upstream.Term) bool {
	term := message.NewTerms([]string{t.Value})
	return slices.ContainsFunc(h.All(t.Name), func(f message.Field) bool {
		return term.AllIn(strings.Join(strings.Fields(f.Raw()), " ")) || term.AllIn(f.Text())
	})
}
