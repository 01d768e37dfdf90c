package jmapserver

import (
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// appendVendorAccount appends the account's part of the vendor capability.
func appendVendorAccount(dst []byte, info *jmap.AccountInfo) []byte {
	o := ijson.Open(dst)
	o.B = appendFaults(o.Key("faults"), info.Faults)
	if info.UndoSend != nil {
		o.B = appendUndoSend(o.Key("undoSend"), info.UndoSend)
	}
	return o.Close()
}

// appendFaults appends what was found wrong with the person's sealed records, for
// them to see.
func appendFaults(dst []byte, faults []jmap.Fault) []byte {
	dst = append(dst, '[')
	for i, f := range faults {
		if i > 0 {
			dst = append(dst, ',')
		}
		in := ijson.Open(dst)
		in.Str("class", f.Class)
		in.Str("kind", f.Kind)
		in.B = append(jmap.AppendUTCDate(append(in.Key("found"), '"'), f.Found), '"')
		in.Uint("rows", uint64(f.Rows))
		dst = in.Close()
	}
	return append(dst, ']')
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
