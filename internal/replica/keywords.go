package replica

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// marks are the flags and keywords of a mail or a copy: eight bits, and the
// number of a set of keywords above them.
type marks uint32

const (
	markSeen marks = 1 << iota
	markFlagged
	markAnswered
	markDraft
	markAttachKnown // markAttach is true to the mail
	markAttach

	markBits   = 8
	markSystem = markSeen | markFlagged | markAnswered | markDraft
	markOwn    = markAttachKnown | markAttach // of the content: the same for all copies
)

func (m marks) set() uint32 { return uint32(m >> markBits) }

func (m marks) withSet(set uint32) marks {
	return m&(1<<markBits-1) | marks(set)<<markBits
}

// unread is RFC 8621, section 2: neither $seen nor $draft.
func (m marks) unread() bool { return m&(markSeen|markDraft) == 0 }

// keywords interns sets of keywords. Set 0 is empty.
type keywords struct {
	sets [][]jmap.Keyword // sorted
	ids  map[string]uint32
}

func newKeywords() keywords {
	return keywords{sets: make([][]jmap.Keyword, 1), ids: make(map[string]uint32)}
}

// intern returns the number of a set. list is sorted in place and not kept.
func (k *keywords) intern(list []jmap.Keyword) uint32 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > MaxKeywordsPerMail {
		list = list[:MaxKeywordsPerMail]
	}
	var text strings.Builder
	for _, w := range list {
		text.WriteString(string(w))
		text.WriteByte(' ') // no keyword holds one
	}
	if id, ok := k.ids[text.String()]; ok {
		return id
	}
	if len(k.sets) >= MaxKeywordSets {
		return 0
	}
	id := uint32(len(k.sets))
	k.sets = append(k.sets, slices.Clone(list))
	k.ids[text.String()] = id
	return id
}

// union is the number of the set of all keywords in two sets.
func (k *keywords) union(a, b uint32) uint32 {
	if a == b || b == 0 {
		return a
	}
	if a == 0 {
		return b
	}
	return k.intern(slices.Concat(k.sets[a], k.sets[b]))
}

// having returns for each set whether it has the keyword.
func (k *keywords) having(w jmap.Keyword) []bool {
	out := make([]bool, len(k.sets))
	for i, s := range k.sets {
		_, out[i] = slices.BinarySearch(s, w)
	}
	return out
}

// systemMark is the bit of a keyword that is a system flag in IMAP, or 0.
func systemMark(w jmap.Keyword) marks {
	switch w {
	case jmap.KeywordSeen:
		return markSeen
	case jmap.KeywordFlagged:
		return markFlagged
	case jmap.KeywordAnswered:
		return markAnswered
	case jmap.KeywordDraft:
		return markDraft
	}
	return 0
}

// appendKeywords appends the keywords of m as JMAP names them.
func (k *keywords) appendKeywords(dst []jmap.Keyword, m marks) []jmap.Keyword {
	for _, w := range [...]jmap.Keyword{jmap.KeywordSeen, jmap.KeywordFlagged, jmap.KeywordAnswered, jmap.KeywordDraft} {
		if m&systemMark(w) != 0 {
			dst = append(dst, w)
		}
	}
	return append(dst, k.sets[m.set()]...)
}

// Flags that say what is in a mail (RFC 5788's registry: Dovecot and others set
// them at delivery).
const (
	keywordHasAttachment   = "$hasattachment"
	keywordHasNoAttachment = "$hasnoattachment"
)

// read turns a server's flags into marks. deleted is \Deleted. What is not a
// keyword in JMAP is left out.
func (k *keywords) read(flags []string) (m marks, deleted bool) {
	var buf [8]jmap.Keyword
	words := buf[:0]
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) {
			switch strings.ToLower(f) {
			case `\seen`:
				m |= markSeen
			case `\flagged`:
				m |= markFlagged
			case `\answered`:
				m |= markAnswered
			case `\draft`:
				m |= markDraft
			case `\deleted`:
				deleted = true
			}
			continue
		}
		w, ok := jmap.ParseKeyword(f)
		if !ok || systemMark(w) != 0 {
			// A keyword "$seen" would be taken for \Seen by JMAP clients.
			continue
		}
		switch w {
		case keywordHasAttachment:
			m |= markAttachKnown | markAttach
		case keywordHasNoAttachment:
			m |= markAttachKnown
		}
		words = append(words, w)
	}
	return m.withSet(k.intern(words)), deleted
}
