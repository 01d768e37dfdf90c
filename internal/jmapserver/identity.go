package jmapserver

import "cofferdam/internal/jmap"

// identityGet is Identity/get (RFC 8621, section 6.1).
func identityGet(c *call) error {
	ids, all, err := getIDs[jmap.IdentityID](c)
	if err != nil {
		return err
	}
	want := c.properties(identityProps()...)
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		ids = nil
	}
	list, notFound, state, err := c.account.(IdentityReader).IdentityGet(c.ctx, ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, i *jmap.Identity) []byte {
		return i.AppendJSON(dst, want)
	})
}
