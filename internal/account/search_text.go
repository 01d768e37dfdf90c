package account

import (
	"slices"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/search"
)

// SearchExplain says what the parts of a text are taken for.
func (a *Account) SearchExplain(s *jmap.SearchText) (spans []jmap.SearchSpan, operators []string) {
	_, list := search.Parse(s.Text, a.searchEnv(s))
	spans = make([]jmap.SearchSpan, len(list))
	for i, p := range list {
		spans[i] = jmap.SearchSpan{Start: p.Start, End: p.End, Kind: string(p.Kind), Operator: p.Operator, Suggest: p.Suggest}
	}
	return spans, search.Operators()
}

// searchEnv is what words mean to this person now.
func (a *Account) searchEnv(s *jmap.SearchText) *search.Env {
	return &search.Env{Now: time.Now().In(s.Zone), Mailboxes: a.mailboxesNamed, Me: a.cfg.Addresses}
}

// understood returns a filter in which what people typed has become conditions of
// the RFC, and is f itself if nobody typed anything.
func (a *Account) understood(f *jmap.Filter[jmap.EmailCondition]) (*jmap.Filter[jmap.EmailCondition], error) {
	if !typed(f) {
		return f, nil
	}
	out := a.replaceTyped(f)
	var texts []*jmap.EmailCondition
	collect(out, &texts)
	if len(texts) > maxTypedConditions {
		return nil, jmap.UnsupportedFilter
	}
	return out, nil
}

// typed reports whether a filter has a text that a person typed.
func typed(f *jmap.Filter[jmap.EmailCondition]) bool {
	if f == nil {
		return false
	}
	if f.Op == "" {
		return f.Leaf.Search != nil
	}
	return slices.ContainsFunc(f.Nodes, typed)
}

// replaceTyped copies what it changes: the caller's filter is only read.
func (a *Account) replaceTyped(f *jmap.Filter[jmap.EmailCondition]) *jmap.Filter[jmap.EmailCondition] {
	if !typed(f) {
		return f
	}
	if f.Op != "" {
		out := &jmap.Filter[jmap.EmailCondition]{Op: f.Op}
		for _, n := range f.Nodes {
			out.Nodes = append(out.Nodes, a.replaceTyped(n))
		}
		return out
	}
	rest := *f.Leaf
	rest.Search = nil
	asked, _ := search.Parse(f.Leaf.Search.Text, a.searchEnv(f.Leaf.Search))
	if asked == nil { // nothing yet: true, as a condition without properties is
		return &jmap.Filter[jmap.EmailCondition]{Leaf: &rest}
	}
	if rest.IsEmpty() {
		return asked
	}
	return &jmap.Filter[jmap.EmailCondition]{Op: jmap.OpAnd, Nodes: []*jmap.Filter[jmap.EmailCondition]{{Leaf: &rest}, asked}}
}

// rolesByWord are the words, beside the names of roles, that people have for them.
var rolesByWord = map[string]jmap.Role{"spam": jmap.RoleJunk, "bin": jmap.RoleTrash, "starred": jmap.RoleFlagged}

// mailboxesNamed are the Mailboxes that a person means by a word: a role, else a
// name, or a path of names with "/" between them. Case does not count.
func (a *Account) mailboxesNamed(word string) []jmap.MailboxID {
	folded := jmap.UnicodeCasemap(strings.Trim(word, "/"))
	role := jmap.Role(strings.ToLower(word))
	if r, ok := rolesByWord[string(role)]; ok {
		role = r
	}
	list, _ := a.mail.Mailboxes()
	byID := make(map[jmap.MailboxID]*jmap.Mailbox, len(list))
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	var byRole, byName []jmap.MailboxID
	for i := range list {
		m := &list[i]
		if m.Role == role && role != "" {
			byRole = append(byRole, m.ID)
		}
		if jmap.UnicodeCasemap(m.Name) == folded || jmap.UnicodeCasemap(pathOf(m, byID)) == folded {
			byName = append(byName, m.ID)
		}
	}
	if len(byRole) > 0 {
		return byRole
	}
	return byName
}

// pathOf is a Mailbox's name with those above it.
func pathOf(m *jmap.Mailbox, byID map[jmap.MailboxID]*jmap.Mailbox) string {
	path := m.Name
	for range len(byID) { // a circle, which no server has, ends too
		parent := byID[m.ParentID]
		if parent == nil {
			break
		}
		m = parent
		path = m.Name + "/" + path
	}
	return path
}
