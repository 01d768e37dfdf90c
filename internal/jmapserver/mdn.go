package jmapserver

import (
	"context"
	"errors"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// MDNSender is the optional ability to send and to read receipts (RFC 9007). An
// account that has it also is an IdentityReader; it is announced where the account
// may send.
type MDNSender interface {
	// MDNSend sends a receipt in an identity's name and marks the mail with
	// $mdnsent; it returns the receipt as it was sent. An error of the object is a
	// *jmap.SetError: notFound (of the mail, or it asks for no receipt),
	// mdnAlreadySent, forbidden, forbiddenFrom, tooLarge, rateLimit,
	// invalidProperties, serverFail; nothing was sent then, and the mail is not
	// marked.
	MDNSend(ctx context.Context, identity jmap.IdentityID, m *jmap.MDN) (*jmap.MDN, error)

	// MDNParse calls emit for each blob that is a receipt, in the order of ids.
	MDNParse(ctx context.Context, ids []jmap.BlobID, emit func(jmap.BlobID, *jmap.MDN) error) (notParsable, notFound []jmap.BlobID, err error)
}

// mdnSend is MDN/send (RFC 9007, section 2.1).
func mdnSend(c *call) error {
	if !slices.Contains(c.using, jmap.CapabilityMail) {
		return &jmap.MethodError{Type: jmap.UnknownMethod, Description: "MDN/send needs " + jmap.CapabilityMail + " in using"}
	}
	identity, known := c.reference(c.args.str("identityId"))
	send, onUpdate := c.args.objectOrNull("send"), c.args.objectOrNull("onSuccessUpdateEmail")
	if err := c.args.done(); err != nil {
		return err
	}
	if len(send) > c.h.limits.MaxObjectsInSet {
		return jmap.RequestTooLarge
	}
	if err := marksEach(send, onUpdate); err != nil {
		return err
	}
	list, _, _, err := c.account.(IdentityReader).IdentityGet(c.ctx, []jmap.IdentityID{jmap.IdentityID(identity)})
	if err != nil {
		return err
	}
	if !known || len(list) == 0 {
		return invalidArguments("identityId: no such Identity")
	}
	sent, notSent, err := c.sendEach(send, jmap.IdentityID(identity))
	if err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) { appendMDNSent(o, c.info.ID, send, sent, notSent) })
	var next setArgs
	for _, patch := range onUpdate {
		if m := sent[patch.Name()[1:]]; m != nil {
			next.update = append(next.update, patch.Named(string(m.ForEmailID)))
		}
	}
	c.implicitEmailSet(next)
	return nil
}

// marksEach refuses a call that would leave an Email without $mdnsent: "the server
// MUST reject" it.
func marksEach(send, onUpdate []ijson.Value) error {
	for _, patch := range onUpdate {
		if n := patch.Name(); len(n) < 2 || n[0] != '#' || patch.Kind() != ijson.Object ||
			!slices.ContainsFunc(send, func(m ijson.Value) bool { return m.Name() == n[1:] }) {
			return invalidArguments("onSuccessUpdateEmail: %s: expected a creation id of this call and a PatchObject", clip(n))
		}
	}
	for _, m := range send {
		i := slices.IndexFunc(onUpdate, func(p ijson.Value) bool { return p.Name() == "#"+m.Name() })
		if i < 0 || !marks(onUpdate[i]) {
			return invalidArguments("onSuccessUpdateEmail: %s does not set keywords/$mdnsent", clip(m.Name()))
		}
	}
	return nil
}

func marks(patch ijson.Value) bool {
	mark := string(jmap.KeywordMDNSent)
	one, _ := patch.Get("keywords/" + mark).True()
	all, _ := patch.Get("keywords").Get(mark).True()
	return one || all
}

// sendEach sends the receipts one by one.
func (c *call) sendEach(send []ijson.Value, identity jmap.IdentityID) (map[string]*jmap.MDN, map[string]*jmap.SetError, error) {
	sent, notSent := map[string]*jmap.MDN{}, map[string]*jmap.SetError{}
	for _, v := range send {
		m, bad := c.readMDN(v)
		if bad == nil {
			done, err := c.account.(MDNSender).MDNSend(c.ctx, identity, m)
			no, told := errors.AsType[*jmap.SetError](err)
			switch {
			case err == nil:
				sent[v.Name()] = done
				continue
			case told:
				bad = no
			case len(sent) > 0: // what was sent is not told as failed
				bad = &jmap.SetError{Type: jmap.SetServerFail}
			default:
				return nil, nil, err
			}
		}
		notSent[v.Name()] = bad
	}
	return sent, notSent, nil
}

// readMDN reads a receipt to be sent. The sample of section 3.1 spells
// extensionFields "extension".
func (c *call) readMDN(v ijson.Value) (*jmap.MDN, *jmap.SetError) {
	if v.Kind() != ijson.Object {
		return nil, invalid()
	}
	m := &jmap.MDN{}
	var wrong []string
	for _, p := range v.Elems() {
		ok := false
		switch p.Name() {
		case "forEmailId":
			ok = c.readReference(p, (*string)(&m.ForEmailID))
		case "subject":
			ok = readStringOrNull(p, &m.Subject)
		case "textBody":
			ok = readStringOrNull(p, &m.TextBody)
		case "includeOriginalMessage":
			m.IncludeOriginal, ok = p.True()
		case "reportingUA":
			ok = readStringOrNull(p, &m.ReportingUA)
		case "disposition":
			m.Disposition, ok = readDisposition(p)
		case "finalRecipient":
			ok = readStringOrNull(p, &m.FinalRecipient)
		case "extensionFields", "extension":
			ok = m.Extension == nil && readFields(p, &m.Extension)
		}
		if !ok {
			wrong = append(wrong, p.Name())
		}
	}
	for _, must := range []string{"forEmailId", "disposition"} {
		if v.Get(must).Kind() == ijson.Absent {
			wrong = append(wrong, must)
		}
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return m, nil
}

func readDisposition(v ijson.Value) (d jmap.Disposition, ok bool) {
	if !only(v, "actionMode", "sendingMode", "type") {
		return d, false
	}
	d.ActionMode, _ = v.Get("actionMode").Str()
	d.SendingMode, _ = v.Get("sendingMode").Str()
	d.Type, _ = v.Get("type").Str()
	return d, d.Valid()
}

// readFields reads a String[String]|null.
func readFields(v ijson.Value, into *map[string]string) bool {
	if v.Kind() == ijson.Null {
		return true
	}
	if v.Kind() != ijson.Object {
		return false
	}
	*into = map[string]string{}
	for _, f := range v.Elems() {
		s, ok := f.Str()
		if !ok {
			return false
		}
		(*into)[f.Name()] = s
	}
	return true
}

// appendMDNSent appends the arguments of the response.
func appendMDNSent(o *ijson.Out, id jmap.AccountID, send []ijson.Value, sent map[string]*jmap.MDN, notSent map[string]*jmap.SetError) {
	o.Str("accountId", string(id))
	if len(sent) == 0 {
		o.Null("sent")
	} else {
		in := ijson.Open(o.Key("sent"))
		for _, v := range send {
			if m := sent[v.Name()]; m != nil {
				in.B = m.AppendSent(in.Key(v.Name()), func(p string) bool {
					return v.Get(p).Kind() != ijson.Absent && v.Get(p).Kind() != ijson.Null ||
						p == "extensionFields" && v.Get("extension").Kind() != ijson.Absent
				})
			}
		}
		o.B = in.Close()
	}
	if len(notSent) == 0 {
		o.Null("notSent")
		return
	}
	in := ijson.Open(o.Key("notSent"))
	for _, v := range send {
		if no := notSent[v.Name()]; no != nil {
			in.B = no.AppendJSON(in.Key(v.Name()))
		}
	}
	o.B = in.Close()
}

// mdnParse is MDN/parse (RFC 9007, section 2.2).
func mdnParse(c *call) error {
	ids, err := c.blobIDs("blobIds")
	if err != nil {
		return err
	}
	if err := c.args.done(); err != nil {
		return err
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		o.B = o.Key("parsed")
		from := len(o.B)
		in, any := ijson.Open(o.B), false
		notParsable, notFound, failed := c.account.(MDNSender).MDNParse(c.ctx, ids, func(id jmap.BlobID, m *jmap.MDN) error {
			any = true
			if in.B = m.AppendJSON(in.Key(string(id))); len(in.B) > maxResponseOctets {
				return errStop
			}
			return nil
		})
		if err = failed; any {
			o.B = in.Close()
		} else {
			o.B = append(in.B[:from], "null"...)
		}
		idsOrNull(o, "notParsable", notParsable)
		idsOrNull(o, "notFound", notFound)
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return err
}
