package jmapserver

import (
	"slices"
	"time"

	// A cell sees no file, and so no time zones but those in the program. This is
	// the one import for effect, as it is the one way that the library has.
	_ "time/tzdata"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// searches reports whether the condition "search" exists for this call.
func (c *call) searches() bool {
	_, able := c.account.(Searcher)
	return able && slices.Contains(c.using, jmap.CapabilityVendor)
}

// readSearch reads {"text": String, "timeZone": String}; the zone is a name of the
// IANA time zone database, and UTC by default.
func readSearch(v ijson.Value, c *jmap.EmailCondition) (bool, error) {
	if v.Kind() != ijson.Object {
		return false, nil
	}
	c.Search = &jmap.SearchText{Zone: time.UTC}
	given := false
	for _, m := range v.Elems() {
		s, ok := m.Str()
		switch {
		case !ok:
			return false, nil
		case m.Name() == "text" && len(s) > jmap.MaxSearchOctets:
			return true, invalidArguments("filter: search: text is longer than %d octets", jmap.MaxSearchOctets)
		case m.Name() == "text":
			c.Search.Text, given = s, true
		case m.Name() == "timeZone":
			zone, err := time.LoadLocation(s)
			if err != nil || s == "" || s == "Local" {
				return true, invalidArguments("filter: search: no time zone %s", clip(s))
			}
			c.Search.Zone = zone
		default:
			return true, noCondition(m.Name())
		}
	}
	return given, nil
}

// emailSearchQuery is EmailSearch/query of the vendor capability: Email/query that
// answers before all folders have been searched. Beside the arguments of that it
// takes the searchState of an earlier answer.
func emailSearchQuery(c *call) error {
	q := c.emailQueryArgs()
	var clamped bool
	q.Window, clamped = readWindow(c)
	since := c.args.strOrNull("sinceSearchState")
	if err := c.args.done(); err != nil {
		return err
	}
	r, err := c.account.(Searcher).EmailSearch(c.ctx, &q, since)
	if err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.Str("queryState", string(r.State))
		o.Str("searchState", r.SearchState)
		o.Bool("isComplete", r.IsComplete)
		o.Uint("searched", uint64(r.Searched))
		o.Uint("toSearch", uint64(r.ToSearch))
		o.Uint("position", uint64(r.Position))
		o.B = ijson.AppendStrings(o.Key("ids"), r.IDs)
		if q.CalculateTotal {
			o.Uint("total", uint64(r.Total))
		}
		if clamped {
			o.Uint("limit", maxQueryLimit)
		}
	})
	return nil
}

// emailSearchExplain is EmailSearch/explain of the vendor capability: what each
// part of a search text is taken for, so that a client can show it.
func emailSearchExplain(c *call) error {
	var cond jmap.EmailCondition
	ok, err := readSearch(c.args.get("search"), &cond)
	if err == nil && !ok {
		c.args.fail("search", "an object with text")
	}
	if err == nil {
		err = c.args.done()
	}
	if err != nil {
		return err
	}
	spans, operators := c.account.(Searcher).SearchExplain(cond.Search)
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = append(o.Key("spans"), '[')
		at := utf16Offsets{s: cond.Search.Text}
		for i, s := range spans {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			item := ijson.Open(o.B)
			item.Uint("start", at.of(s.Start))
			item.Uint("end", at.of(s.End))
			item.Str("kind", s.Kind)
			if s.Operator != "" {
				item.Str("operator", s.Operator)
			}
			if s.Suggest != "" {
				item.Str("suggest", s.Suggest)
			}
			o.B = item.Close()
		}
		o.B = append(o.B, ']')
		o.B = ijson.AppendStrings(o.Key("operators"), operators)
	})
	return nil
}

// utf16Offsets turns ascending places in octets into places in UTF-16, in which
// browsers count.
type utf16Offsets struct {
	s       string
	at      int
	counted uint64
}

// of returns the place of an octet that is not before the one asked last.
func (u *utf16Offsets) of(octet int) uint64 {
	for _, r := range u.s[u.at:octet] {
		u.counted++
		if r > 0xffff {
			u.counted++
		}
	}
	u.at = octet
	return u.counted
}
