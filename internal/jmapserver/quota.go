package jmapserver

import (
	"cmp"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// quotas are those that the client may see: their types are the ones whose
// capability is in "using", and none is shown without a type (RFC 9425, section
// 4.1). The account's quotas are on mail alone.
func (c *call) quotas(ids []jmap.QuotaID) ([]jmap.Quota, []jmap.QuotaID, jmap.State, error) {
	list, notFound, state, err := c.account.(QuotaReader).QuotaGet(c.ctx, ids)
	if err == nil && !slices.Contains(c.using, jmap.CapabilityMail) {
		for i := range list {
			if ids != nil {
				notFound = append(notFound, list[i].ID)
			}
		}
		list = nil
	}
	return list, notFound, state, err
}

// quotaGet is Quota/get (RFC 9425, section 4.2).
func quotaGet(c *call) error {
	ids, all, err := getIDs[jmap.QuotaID](c)
	if err != nil {
		return err
	}
	want := c.properties("resourceType", "used", "hardLimit", "scope", "name", "types", "warnLimit", "softLimit", "description")
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		ids = nil
	}
	list, notFound, state, err := c.quotas(ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, q *jmap.Quota) []byte { return q.AppendJSON(dst, want) })
}

// quotaChanges is Quota/changes (RFC 9425, section 4.3).
func quotaChanges(c *call) error {
	ch, err := readChanges(c, jmap.TypeQuota)
	if err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) {
		appendChanges(o, c, &ch)
		if ch.CountsOnly {
			o.B = append(o.Key("updatedProperties"), `["used"]`...)
		} else {
			o.Null("updatedProperties")
		}
	})
	return nil
}

// quotaQuery is Quota/query (RFC 9425, section 4.4).
func quotaQuery(c *call) error {
	run := readQuotaQuery(c)
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

// quotaQueryChanges is Quota/queryChanges (RFC 9425, section 4.5).
func quotaQueryChanges(c *call) error {
	run := readQuotaQuery(c)
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

// readQuotaQuery reads what Quota/query and Quota/queryChanges have in common. The
// result makes the query.
func readQuotaQuery(c *call) func() (*wholeQuery[jmap.QuotaID], error) {
	filter := readFilter(&c.args, readQuotaCondition)
	sort := readSort(&c.args, func(p jmap.SortProperty) bool { return p == "name" || p == "used" },
		func(jmap.SortProperty) bool { return false })
	byUse := slices.ContainsFunc(sort, func(s jmap.Comparator) bool { return s.Property == "used" })
	q := &wholeQuery[jmap.QuotaID]{kind: jmap.TypeQuota, constant: !byUse, args: digestArgs(c, "filter", "sort")}
	return func() (*wholeQuery[jmap.QuotaID], error) {
		all, _, state, err := c.quotas(nil)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(q jmap.Quota) bool {
			return !filter.Match(func(c *jmap.QuotaCondition) bool { return matchQuota(c, &q) })
		})
		slices.SortFunc(all, func(a, b jmap.Quota) int { return compareQuotas(&a, &b, sort) })
		q.ids, q.state = make([]jmap.QuotaID, len(all)), state
		for i := range all {
			q.ids[i] = all[i].ID
		}
		return q, nil
	}
}

func readQuotaCondition(name string, v ijson.Value, c *jmap.QuotaCondition) (bool, error) {
	s, ok := v.Str()
	switch name {
	case "name":
		c.Name = s
	case "scope":
		c.Scope = s
	case "resourceType":
		c.ResourceType = s
	case "type":
		c.Type = jmap.Type(s)
	default:
		return false, noCondition(name)
	}
	return ok && s != "", nil
}

func matchQuota(c *jmap.QuotaCondition, q *jmap.Quota) bool {
	return strings.Contains(q.Name, c.Name) &&
		(c.Scope == "" || c.Scope == q.Scope) &&
		(c.ResourceType == "" || c.ResourceType == q.ResourceType) &&
		(c.Type == "" || slices.Contains(q.Types, c.Type))
}

// compareQuotas ends with the id.
func compareQuotas(a, b *jmap.Quota, sort []jmap.Comparator) int {
	for _, s := range sort {
		n := strings.Compare(jmap.UnicodeCasemap(a.Name), jmap.UnicodeCasemap(b.Name))
		if s.Property == "used" {
			n = cmp.Compare(a.Used, b.Used)
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
