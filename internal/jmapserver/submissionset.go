package jmapserver

import (
	"errors"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// submissionSet is EmailSubmission/set (RFC 8621, section 7.5).
func submissionSet(c *call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	onUpdate := c.args.objectOrNull("onSuccessUpdateEmail")
	for _, m := range onUpdate {
		if !validReference(m.Name()) || m.Kind() != ijson.Object {
			c.args.fail("onSuccessUpdateEmail", "Id[PatchObject]|null")
		}
	}
	onDestroy, _ := c.args.stringsOrNull("onSuccessDestroyEmail")
	if slices.ContainsFunc(onDestroy, func(id string) bool { return !validReference(id) }) {
		c.args.fail("onSuccessDestroyEmail", "Id[]|null")
	}
	if err := c.args.done(); err != nil {
		return err
	}
	if len(onUpdate)+len(onDestroy) > c.h.limits.MaxObjectsInSet {
		return jmap.RequestTooLarge
	}
	r, emails, err := c.setSubmissions(&s)
	if err != nil {
		return err
	}
	respondSet(c, c.name, r, appendSubmissionCreated)
	c.afterSubmission(&s, r, emails, onUpdate, onDestroy)
	return nil
}

func appendSubmissionCreated(dst []byte, s *jmap.Submission) []byte {
	return s.AppendJSON(dst, func(p string) bool { return p != "identityId" && p != "emailId" })
}

// setSubmissions makes the changes of s. emails maps each Submission that was
// there before, or was made, to its Email.
func (c *call) setSubmissions(s *setArgs) (*jmap.SubmissionSetResult, map[jmap.SubmissionID]jmap.EmailID, error) {
	r := newResult[jmap.SubmissionID, jmap.Submission]()
	set := jmap.SubmissionSet{IfInState: s.ifInState}
	emailOf := map[jmap.CreationID]jmap.EmailID{}
	for _, m := range s.create {
		sub, bad := c.readSubmission(m)
		if bad != nil {
			r.NotCreated[jmap.CreationID(m.Name())] = bad
			continue
		}
		set.Create = append(set.Create, *sub)
		emailOf[sub.CreationID] = sub.EmailID
	}
	if refersTo(s.create, s.update, s.destroy) {
		if err := c.runSubmissionSet(&set, &r); err != nil {
			return nil, nil, err
		}
		set = jmap.SubmissionSet{}
	}
	emails, err := c.readSubmissionChanges(s, &set, &r)
	if err == nil {
		err = c.runSubmissionSet(&set, &r)
	}
	if err != nil {
		return nil, nil, partly(err, len(r.Created))
	}
	for cid, sub := range r.Created {
		emails[sub.ID] = emailOf[cid]
	}
	return &r, emails, nil
}

func (c *call) runSubmissionSet(set *jmap.SubmissionSet, r *jmap.SubmissionSetResult) error {
	next, err := c.account.(Submitter).SubmissionSet(c.ctx, set)
	if err != nil {
		return err
	}
	remember(c, next.Created, func(s *jmap.Submission) string { return string(s.ID) })
	merge(r, &next)
	return nil
}

// readSubmission reads an EmailSubmission to be created.
func (c *call) readSubmission(v ijson.Value) (*jmap.SubmissionCreate, *jmap.SetError) {
	s := &jmap.SubmissionCreate{CreationID: jmap.CreationID(v.Name())}
	var wrong []string
	for _, m := range v.Elems() {
		ok := false
		switch m.Name() {
		case "identityId":
			ok = c.readReference(m, (*string)(&s.IdentityID))
		case "emailId":
			ok = c.readReference(m, (*string)(&s.EmailID))
		case "envelope":
			s.Envelope, ok = readEnvelope(m)
		}
		if !ok {
			wrong = append(wrong, m.Name())
		}
	}
	if v.Get("identityId").Kind() == ijson.Absent {
		wrong = append(wrong, "identityId")
	}
	if v.Get("emailId").Kind() == ijson.Absent {
		wrong = append(wrong, "emailId")
	}
	if wrong != nil {
		return nil, invalid(wrong...)
	}
	return s, nil
}

// readReference reads an Id, or the creation id of one.
func (c *call) readReference(v ijson.Value, into *string) bool {
	s, ok := v.Str()
	if ok {
		*into, ok = c.reference(s)
	}
	return ok
}

func readEnvelope(v ijson.Value) (*jmap.Envelope, bool) {
	if v.Kind() == ijson.Null {
		return nil, true
	}
	e := &jmap.Envelope{}
	rcpt := v.Get("rcptTo")
	if !only(v, "mailFrom", "rcptTo") || rcpt.Kind() != ijson.Array || !readEnvelopeAddress(v.Get("mailFrom"), &e.MailFrom) {
		return nil, false
	}
	e.RcptTo = make([]jmap.EnvelopeAddress, rcpt.Len())
	for i, a := range rcpt.Elems() {
		if !readEnvelopeAddress(a, &e.RcptTo[i]) {
			return nil, false
		}
	}
	return e, true
}

func readEnvelopeAddress(v ijson.Value, into *jmap.EnvelopeAddress) (ok bool) {
	into.Email, ok = v.Get("email").Str()
	if !ok || !only(v, "email", "parameters") {
		return false
	}
	p := v.Get("parameters")
	switch p.Kind() {
	case ijson.Absent, ijson.Null:
		return true
	case ijson.Object:
	default:
		return false
	}
	into.Parameters = make(map[string]*string, p.Len())
	for _, m := range p.Elems() {
		var value *string
		if !readStringOrNull(m, &value) {
			return false
		}
		into.Parameters[m.Name()] = value
	}
	return true
}

// readSubmissionChanges puts updates and destroys into set, and what is wrong
// with them into r.
func (c *call) readSubmissionChanges(s *setArgs, set *jmap.SubmissionSet, r *jmap.SubmissionSetResult) (map[jmap.SubmissionID]jmap.EmailID, error) {
	var update []jmap.SubmissionID
	patches := map[jmap.SubmissionID]ijson.Value{}
	for _, m := range s.update {
		id, ok := c.reference(m.Name())
		sid := jmap.SubmissionID(id)
		switch _, twice := patches[sid]; {
		case !ok:
			r.NotUpdated[jmap.SubmissionID(m.Name())] = &jmap.SetError{Type: jmap.SetNotFound}
		case twice:
			r.NotUpdated[jmap.SubmissionID(m.Name())] = invalidPatch("patched twice")
		default:
			patches[sid] = m
			update = append(update, sid)
		}
	}
	for _, given := range s.destroy {
		id, ok := c.reference(given)
		sid := jmap.SubmissionID(id)
		switch {
		case !ok:
			r.NotDestroyed[jmap.SubmissionID(given)] = &jmap.SetError{Type: jmap.SetNotFound}
		case !slices.Contains(set.Destroy, sid):
			set.Destroy = append(set.Destroy, sid)
		}
	}
	emails := map[jmap.SubmissionID]jmap.EmailID{}
	if len(update)+len(set.Destroy) == 0 {
		return emails, nil
	}
	now, missing, _, err := c.account.(Submitter).SubmissionGet(c.ctx, append(slices.Clone(update), set.Destroy...))
	if err != nil {
		return nil, err
	}
	for i := range now {
		emails[now[i].ID] = now[i].EmailID
	}
	for _, id := range update {
		i := slices.IndexFunc(now, func(s jmap.Submission) bool { return s.ID == id })
		switch {
		case i < 0 || slices.Contains(missing, id):
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetNotFound}
		case slices.Contains(set.Destroy, id):
			r.NotUpdated[id] = &jmap.SetError{Type: jmap.SetWillDestroy}
		default:
			readSubmissionPatch(&now[i], patches[id], set, r)
		}
	}
	return emails, nil
}

// readSubmissionPatch reads a patch: nothing can change but undoStatus from
// pending to canceled.
func readSubmissionPatch(now *jmap.Submission, patch ijson.Value, set *jmap.SubmissionSet, r *jmap.SubmissionSetResult) {
	current, err := ijson.Parse(string(now.AppendJSON(nil, func(string) bool { return true })),
		ijson.Limits{Depth: 1000, Values: maxValuesInRequest})
	var wrong []string
	cancel := false
	for _, m := range patch.Elems() {
		status, _ := m.Str()
		switch {
		case strings.Contains(m.Name(), "/"):
			r.NotUpdated[now.ID] = invalidPatch("a path leads into a property that cannot change")
			return
		case err == nil && ijson.Equal(m, current.Get(m.Name())):
		case m.Name() == "undoStatus" && status == string(jmap.UndoCanceled):
			cancel = true
		default:
			wrong = append(wrong, m.Name())
		}
	}
	switch {
	case wrong != nil:
		r.NotUpdated[now.ID] = invalid(wrong...)
	case cancel && now.UndoStatus == jmap.UndoPending:
		set.Cancel = append(set.Cancel, now.ID)
	case cancel:
		r.NotUpdated[now.ID] = &jmap.SetError{Type: jmap.SetCannotUnsend}
	default:
		r.Updated[now.ID] = nil
	}
}

// afterSubmission makes the one implicit Email/set that onSuccessUpdateEmail and
// onSuccessDestroyEmail ask for. Its response follows that of the submission; if
// it fails, so does its error: the submission stands.
func (c *call) afterSubmission(s *setArgs, r *jmap.SubmissionSetResult, emails map[jmap.SubmissionID]jmap.EmailID, onUpdate []ijson.Value, onDestroy []string) {
	succeeded := func(ref string) (jmap.EmailID, bool) {
		id, ok := c.reference(ref)
		if !ok {
			return "", false
		}
		sid := jmap.SubmissionID(id)
		_, updated := r.Updated[sid]
		created := false
		for _, sub := range r.Created {
			created = created || sub.ID == sid
		}
		if !created && !updated && !slices.Contains(r.Destroyed, sid) {
			return "", false
		}
		email, ok := emails[sid]
		return email, ok
	}
	var next setArgs
	for _, m := range onUpdate {
		if email, ok := succeeded(m.Name()); ok {
			next.update = append(next.update, m.Named(string(email)))
		}
	}
	for _, ref := range onDestroy {
		if email, ok := succeeded(ref); ok && !slices.Contains(next.destroy, string(email)) {
			next.destroy = append(next.destroy, string(email))
		}
	}
	c.implicitEmailSet(next)
}

// implicitEmailSet changes Emails as other methods ask for on their success. Its
// response follows theirs; if it fails, so does its error.
func (c *call) implicitEmailSet(next setArgs) {
	if len(next.update)+len(next.destroy) == 0 {
		return
	}
	out, done := len(c.out), len(c.done)
	if err := c.setEmails(next); err != nil {
		c.out, c.done = c.out[:out], c.done[:done]
		if errors.Is(err, jmap.StateMismatch) {
			err = jmap.ServerFail // no state was given to be mismatched
		}
		c.respondError(err)
	}
}
