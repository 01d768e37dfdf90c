package jmapserver

import (
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// appendFaults appends the account's part of the vendor capability: what was found
// wrong with the person's sealed records, for them to see.
func appendFaults(dst []byte, faults []jmap.Fault) []byte {
	o := ijson.Open(dst)
	o.B = append(o.Key("faults"), '[')
	for i, f := range faults {
		if i > 0 {
			o.B = append(o.B, ',')
		}
		in := ijson.Open(o.B)
		in.Str("class", f.Class)
		in.Str("kind", f.Kind)
		in.B = append(jmap.AppendUTCDate(append(in.Key("found"), '"'), f.Found), '"')
		in.Uint("rows", uint64(f.Rows))
		o.B = in.Close()
	}
	o.B = append(o.B, ']')
	return o.Close()
}

// faultAcknowledge is AccountFault/acknowledge of the vendor capability: the
// person has seen the faults in the Session object, and they are taken down.
func faultAcknowledge(c *call) error {
	if err := c.args.done(); err != nil {
		return err
	}
	if err := c.account.(FaultAcknowledger).AcknowledgeFaults(c.ctx); err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) { o.Str("accountId", string(c.info.ID)) })
	return nil
}
