package jmapserver

import (
	"cmp"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// mailboxGet is Mailbox/get (RFC 8621, section 2.1).
func mailboxGet(c *call) error {
	ids, all, err := getIDs[jmap.MailboxID](c)
	if err != nil {
		return err
	}
	want := jmap.AllMailboxProps
	if names, given := c.args.stringsOrNull("properties"); given {
		want = jmap.MailboxPropID
		for _, n := range names {
			p := jmap.ParseMailboxProp(n)
			if p == 0 && c.args.err == nil {
				c.args.err = invalidArguments("properties: no property %s", clip(n))
			}
			want |= p
		}
	}
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		ids = nil
	}
	list, notFound, state, err := c.account.MailboxGet(c.ctx, ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, m *jmap.Mailbox) []byte {
		return m.AppendJSON(dst, want)
	})
}

// mailboxChanges is Mailbox/changes (RFC 8621, section 2.2).
func mailboxChanges(c *call) error {
	ch, err := readChanges(c, jmap.TypeMailbox)
	if err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) {
		appendChanges(o, c, &ch)
		if ch.CountsOnly {
			o.B = append(o.Key("updatedProperties"), `["totalEmails","unreadEmails","totalThreads","unreadThreads"]`...)
		} else {
			o.Null("updatedProperties")
		}
	})
	return nil
}

// mailboxQuery is Mailbox/query (RFC 8621, section 2.3). There are so few
// Mailboxes that it is done here, over all of them.
func mailboxQuery(c *call) error {
	run := readMailboxQuery(c)
	w, clamped := readWindow(c)
	total := c.args.boolean("calculateTotal")
	if err := c.args.done(); err != nil {
		return err
	}
	q, err := run()
	if err != nil {
		return err
	}
	return q.answer(c, w, total, clamped)
}

// mailboxQueryChanges is Mailbox/queryChanges (RFC 8621, section 2.4).
func mailboxQueryChanges(c *call) error {
	run := readMailboxQuery(c)
	a := readChangesArgs(c)
	if err := c.args.done(); err != nil {
		return err
	}
	q, err := run()
	if err != nil {
		return err
	}
	return q.answerChanges(c, a)
}

// readMailboxQuery reads what Mailbox/query and Mailbox/queryChanges have in
// common. The result makes the query.
func readMailboxQuery(c *call) func() (*wholeQuery[jmap.MailboxID], error) {
	filter := readFilter(&c.args, readMailboxCondition)
	sort := readSort(&c.args, func(p jmap.SortProperty) bool { return p == "sortOrder" || p == "name" },
		func(jmap.SortProperty) bool { return false })
	asTree, filterTree := c.args.boolean("sortAsTree"), c.args.boolean("filterAsTree")
	q := &wholeQuery[jmap.MailboxID]{kind: jmap.TypeMailbox, constant: true,
		args: digestArgs(c, "filter", "sort", "sortAsTree", "filterAsTree")}
	return func() (*wholeQuery[jmap.MailboxID], error) {
		all, _, state, err := c.account.MailboxGet(c.ctx, nil)
		if err != nil {
			return nil, err
		}
		t := newMailboxTree(all)
		q.ids, q.state = t.query(filter, sort, asTree, filterTree), state
		if asTree || filterTree {
			q.dependents = t.addBelow
		}
		return q, nil
	}
}

func readMailboxCondition(name string, v ijson.Value, c *jmap.MailboxCondition) (bool, error) {
	switch name {
	case "parentId":
		return readIDOrNull(v, &c.ParentID), nil
	case "name":
		return readText(v, &c.Name), nil
	case "role":
		role := new(jmap.Role)
		c.Role = role
		s, ok := v.Str()
		*role = jmap.Role(s)
		return ok && s != "" || v.Kind() == ijson.Null, nil
	case "hasAnyRole":
		return readBool(v, &c.HasAnyRole), nil
	case "isSubscribed":
		return readBool(v, &c.IsSubscribed), nil
	}
	return false, noCondition(name)
}

// mailboxTree knows the ancestors of each Mailbox.
type mailboxTree struct {
	all  []jmap.Mailbox
	byID map[jmap.MailboxID]*jmap.Mailbox
	key  map[jmap.MailboxID]string // name, ready to be compared
}

func newMailboxTree(all []jmap.Mailbox) *mailboxTree {
	t := &mailboxTree{all, make(map[jmap.MailboxID]*jmap.Mailbox, len(all)), make(map[jmap.MailboxID]string, len(all))}
	for i := range all {
		t.byID[all[i].ID] = &all[i]
		t.key[all[i].ID] = jmap.UnicodeCasemap(all[i].Name)
	}
	return t
}

func (t *mailboxTree) query(f *jmap.Filter[jmap.MailboxCondition], sort []jmap.Comparator, asTree, filterTree bool) []jmap.MailboxID {
	hit := make(map[jmap.MailboxID]bool, len(t.all))
	for i := range t.all {
		m := &t.all[i]
		hit[m.ID] = f.Match(func(c *jmap.MailboxCondition) bool { return t.match(c, m) })
	}
	var ids []jmap.MailboxID
	for i := range t.all {
		path := t.path(&t.all[i])
		if filterTree && slices.ContainsFunc(path, func(m *jmap.Mailbox) bool { return !hit[m.ID] }) {
			continue
		}
		if hit[t.all[i].ID] {
			ids = append(ids, t.all[i].ID)
		}
	}
	slices.SortFunc(ids, func(a, b jmap.MailboxID) int {
		x, y := t.byID[a], t.byID[b]
		if asTree {
			return t.compareInTree(x, y, sort)
		}
		return t.compare(x, y, sort)
	})
	return ids
}

func (t *mailboxTree) match(c *jmap.MailboxCondition, m *jmap.Mailbox) bool {
	return (c.ParentID == nil || *c.ParentID == m.ParentID) &&
		(c.Name == "" || strings.Contains(t.key[m.ID], jmap.UnicodeCasemap(c.Name))) &&
		(c.Role == nil || *c.Role == m.Role) &&
		(c.HasAnyRole == nil || *c.HasAnyRole == (m.Role != "")) &&
		(c.IsSubscribed == nil || *c.IsSubscribed == m.IsSubscribed)
}

// addBelow adds what lies below the Mailboxes in changed: their names and whether
// they are in decides about all of it. What was below them and is not any more has
// itself been changed.
func (t *mailboxTree) addBelow(changed map[jmap.MailboxID]bool) {
	var below []jmap.MailboxID
	for i := range t.all {
		m := &t.all[i]
		if _, ok := changed[m.ID]; ok {
			continue
		}
		for _, above := range t.path(m) {
			if _, ok := changed[above.ID]; ok {
				below = append(below, m.ID)
				break
			}
		}
	}
	for _, id := range below {
		changed[id] = true
	}
}

// path returns the ancestors of m from the top, and m. A parent that is not
// there, or that is its own ancestor, ends it: a loop must not hang us.
func (t *mailboxTree) path(m *jmap.Mailbox) []*jmap.Mailbox {
	path := []*jmap.Mailbox{m}
	for p := t.byID[m.ParentID]; p != nil && !slices.Contains(path, p); p = t.byID[p.ParentID] {
		path = append(path, p)
	}
	slices.Reverse(path)
	return path
}

// compareInTree puts ancestors first, and compares the nearest ancestors that
// are siblings (RFC 8621, section 2.3).
func (t *mailboxTree) compareInTree(a, b *jmap.Mailbox, sort []jmap.Comparator) int {
	x, y := t.path(a), t.path(b)
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			return t.compare(x[i], y[i], sort)
		}
	}
	return cmp.Compare(len(x), len(y))
}

// compare ends with the id, so that the order is always the same.
func (t *mailboxTree) compare(a, b *jmap.Mailbox, sort []jmap.Comparator) int {
	for _, s := range sort {
		n := 0
		if s.Property == "sortOrder" {
			n = cmp.Compare(a.SortOrder, b.SortOrder)
		} else {
			n = strings.Compare(t.key[a.ID], t.key[b.ID])
		}
		if s.Descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return strings.Compare(string(a.ID), string(b.ID))
}
