package jmapserver

import (
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// readWindow reads the arguments of a /query that choose a part of the result
// (RFC 8620, section 5.5). clamped is true if the limit is the server's.
func readWindow(c *call) (w jmap.Window, clamped bool) {
	w.Position = c.args.integer("position")
	w.Anchor = c.args.idOrNull("anchor")
	w.AnchorOffset = c.args.integer("anchorOffset")
	limit, given := c.args.uintOrNull("limit")
	if clamped = !given || limit > maxQueryLimit; clamped {
		limit = maxQueryLimit
	}
	w.Limit = int(limit)
	if w.Anchor == "" {
		w.AnchorOffset = 0 // MUST be ignored
	} else {
		w.Position = 0 // MUST be ignored
	}
	return w, clamped
}

// respondQuery appends the response to a /query.
func respondQuery[ID ~string](c *call, r *jmap.QueryResult[ID], total, clamped bool) {
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.Str("queryState", string(r.State))
		o.Bool("canCalculateChanges", r.CanCalculateChanges)
		o.Uint("position", uint64(r.Position))
		o.B = ijson.AppendStrings(o.Key("ids"), r.IDs)
		if total {
			o.Uint("total", uint64(r.Total))
		}
		if clamped {
			o.Uint("limit", maxQueryLimit)
		}
	})
}

// windowed is a part of a result whose whole list of ids is in memory, without its
// state.
func windowed[ID ~string](ids []ID, w jmap.Window) (r jmap.QueryResult[ID], err error) {
	anchor := -1
	if w.Anchor != "" {
		if anchor = slices.Index(ids, ID(w.Anchor)); anchor < 0 {
			return r, jmap.AnchorNotFound
		}
	}
	from, to := w.Bounds(len(ids), anchor)
	return jmap.QueryResult[ID]{Position: from, IDs: ids[from:to], Total: len(ids)}, nil
}
