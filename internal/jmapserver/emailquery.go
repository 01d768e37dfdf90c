package jmapserver

import (
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// emailQuery is Email/query (RFC 8621, section 4.4).
func emailQuery(c *call) error {
	q := c.emailQueryArgs()
	var clamped bool
	q.Window, clamped = readWindow(c)
	if err := c.args.done(); err != nil {
		return err
	}
	r, err := c.account.EmailQuery(c.ctx, &q)
	if err != nil {
		return err
	}
	r.CanCalculateChanges = r.CanCalculateChanges && able[EmailQueryChanger](c.account)
	respondQuery(c, &r, q.CalculateTotal, clamped)
	return nil
}

// emailQueryArgs reads what Email/query and Email/queryChanges have in common.
func (c *call) emailQueryArgs() jmap.EmailQuery {
	return jmap.EmailQuery{
		Filter: readFilter(&c.args, c.readEmailCondition),
		Sort: readSort(&c.args, func(p jmap.SortProperty) bool {
			return slices.Contains(c.info.Mail.EmailQuerySortOptions, p)
		}, needsKeyword),
		CollapseThreads: c.args.boolean("collapseThreads"),
		CalculateTotal:  c.args.boolean("calculateTotal"),
	}
}

func needsKeyword(p jmap.SortProperty) bool {
	return p == jmap.SortHasKeyword || p == jmap.SortAllInThread || p == jmap.SortSomeInThread
}

// readEmailCondition reads one property of a FilterCondition: of the RFC, or, for
// who uses the vendor capability, ours.
func (c *call) readEmailCondition(name string, v ijson.Value, into *jmap.EmailCondition) (bool, error) {
	if name == "search" && c.searches() {
		return readSearch(v, into)
	}
	return readEmailCondition(name, v, into)
}

// readEmailCondition reads one property of the FilterCondition of RFC 8621,
// section 4.4.1.
func readEmailCondition(name string, v ijson.Value, c *jmap.EmailCondition) (bool, error) {
	switch name {
	case "inMailbox":
		return readID(v, &c.InMailbox), nil
	case "inMailboxOtherThan":
		return readIDs(v, &c.InMailboxOtherThan), nil
	case "before":
		return readUTCDate(v, &c.Before), nil
	case "after":
		return readUTCDate(v, &c.After), nil
	case "minSize":
		return readUint(v, &c.MinSize), nil
	case "maxSize":
		c.MaxSize = new(uint64)
		return readUint(v, c.MaxSize), nil
	case "allInThreadHaveKeyword":
		return readKeyword(v, &c.AllInThreadHaveKeyword), nil
	case "someInThreadHaveKeyword":
		return readKeyword(v, &c.SomeInThreadHaveKeyword), nil
	case "noneInThreadHaveKeyword":
		return readKeyword(v, &c.NoneInThreadHaveKeyword), nil
	case "hasKeyword":
		return readKeyword(v, &c.HasKeyword), nil
	case "notKeyword":
		return readKeyword(v, &c.NotKeyword), nil
	case "hasAttachment":
		return readBool(v, &c.HasAttachment), nil
	case "header":
		return readHeaderMatch(v, c), nil
	}
	if into := textCondition(name, c); into != nil {
		return readText(v, into), nil
	}
	return false, noCondition(name)
}

func textCondition(name string, c *jmap.EmailCondition) *string {
	switch name {
	case "text":
		return &c.Text
	case "from":
		return &c.From
	case "to":
		return &c.To
	case "cc":
		return &c.Cc
	case "bcc":
		return &c.Bcc
	case "subject":
		return &c.Subject
	case "body":
		return &c.Body
	}
	return nil
}

// readHeaderMatch reads one or two strings: a field name and a text.
func readHeaderMatch(v ijson.Value, c *jmap.EmailCondition) bool {
	list, ok := stringsOf(v)
	if !ok || len(list) < 1 || len(list) > 2 {
		return false
	}
	c.Header = &jmap.HeaderMatch{Name: list[0]}
	if len(list) == 2 {
		c.Header.Text = list[1]
	}
	return jmap.ValidFieldName(list[0])
}

// emailQueryChanges is Email/queryChanges (RFC 8621, section 4.5).
func emailQueryChanges(c *call) error {
	q := jmap.EmailQueryChanges{Query: c.emailQueryArgs()}
	q.Since = jmap.QueryState(c.args.str("sinceQueryState"))
	q.MaxChanges = readMaxChanges(c)
	q.UpToID = jmap.EmailID(c.args.idOrNull("upToId"))
	if err := c.args.done(); err != nil {
		return err
	}
	r, err := c.account.(EmailQueryChanger).EmailQueryChanges(c.ctx, &q)
	if err != nil {
		return err
	}
	respondQueryChanges(c, q.Since, &r, q.Query.CalculateTotal)
	return nil
}
