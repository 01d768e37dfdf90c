package jmapserver

import (
	"crypto/sha256"
	"encoding/base64"
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

// windowed makes the result of a query whose whole list of ids is in memory.
func windowed[ID ~string](ids []ID, w jmap.Window) (r jmap.QueryResult[ID], err error) {
	anchor := -1
	if w.Anchor != "" {
		if anchor = slices.Index(ids, ID(w.Anchor)); anchor < 0 {
			return r, jmap.AnchorNotFound
		}
	}
	from, to := w.Bounds(len(ids), anchor)
	sum := sha256.New()
	for _, id := range ids {
		sum.Write([]byte(id))
		sum.Write([]byte{0})
	}
	return jmap.QueryResult[ID]{
		State:    jmap.QueryState("q" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])),
		Position: from,
		IDs:      ids[from:to],
		Total:    len(ids),
	}, nil
}
