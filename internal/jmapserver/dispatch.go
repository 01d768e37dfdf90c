package jmapserver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// method is what a name of a call stands for.
type method struct {
	capability string
	// able reports whether an account has the ability; nil: every account has.
	able   func(Account) bool
	writes bool           // refused on a read-only account
	lost   jmap.ErrorType // what an account that is not there is answered; "": accountNotFound
	run    func(*call) error
}

// methods returns all there are. What is not here is unknownMethod.
func methods() map[string]method {
	mail, submission := jmap.CapabilityMail, jmap.CapabilitySubmission
	return map[string]method{
		"Core/echo": {capability: jmap.CapabilityCore, run: echo},

		"PushSubscription/get": {capability: jmap.CapabilityCore, run: pushGet},
		"PushSubscription/set": {capability: jmap.CapabilityCore, run: pushSet, writes: true},

		"Blob/copy":   {capability: jmap.CapabilityCore, run: blobCopy},
		"Blob/upload": {capability: jmap.CapabilityBlob, run: blobUpload},
		"Blob/get":    {capability: jmap.CapabilityBlob, run: blobGet},
		"Blob/lookup": {capability: jmap.CapabilityBlob, run: blobLookup, able: able[BlobReferrer]},

		"Mailbox/get":     {capability: mail, run: mailboxGet},
		"Mailbox/changes": {capability: mail, run: mailboxChanges},
		"Mailbox/query":   {capability: mail, run: mailboxQuery},
		"Mailbox/set":     {capability: mail, run: mailboxSet, able: able[MailboxSetter], writes: true},

		"Mailbox/queryChanges": {capability: mail, run: mailboxQueryChanges},

		"Thread/get":     {capability: mail, run: threadGet},
		"Thread/changes": {capability: mail, run: changesOf(jmap.TypeThread)},

		"Email/get":          {capability: mail, run: emailGet},
		"Email/changes":      {capability: mail, run: changesOf(jmap.TypeEmail)},
		"Email/query":        {capability: mail, run: emailQuery},
		"Email/queryChanges": {capability: mail, run: emailQueryChanges, able: able[EmailQueryChanger]},
		"Email/set":          {capability: mail, run: emailSet, writes: true},
		"Email/import":       {capability: mail, run: emailImport, able: able[EmailImporter], writes: true},
		"Email/copy":         {capability: mail, run: emailCopy, able: able[EmailImporter], writes: true},
		"Email/parse":        {capability: mail, run: emailParse, able: able[EmailParser]},

		"MDN/send":  {capability: jmap.CapabilityMDN, run: mdnSend, able: able[MDNSender], writes: true, lost: jmap.InvalidArguments},
		"MDN/parse": {capability: jmap.CapabilityMDN, run: mdnParse, able: able[MDNSender], lost: jmap.InvalidArguments},

		"SearchSnippet/get": {capability: mail, run: searchSnippetGet, able: able[SnippetReader]},

		"Identity/get":     {capability: submission, run: identityGet, able: able[IdentityReader]},
		"Identity/changes": {capability: submission, run: changesOf(jmap.TypeIdentity), able: able[IdentityReader]},
		"Identity/set":     {capability: submission, run: identitySet, able: able[IdentitySetter], writes: true},

		"EmailSubmission/get":          {capability: submission, run: submissionGet, able: able[Submitter]},
		"EmailSubmission/changes":      {capability: submission, run: changesOf(jmap.TypeEmailSubmission), able: able[Submitter]},
		"EmailSubmission/query":        {capability: submission, run: submissionQuery, able: able[Submitter]},
		"EmailSubmission/queryChanges": {capability: submission, run: submissionQueryChanges, able: able[Submitter]},
		"EmailSubmission/set":          {capability: submission, run: submissionSet, able: able[Submitter], writes: true},

		"EmailSearch/query":   {capability: jmap.CapabilityVendor, run: emailSearchQuery, able: able[Searcher]},
		"EmailSearch/explain": {capability: jmap.CapabilityVendor, run: emailSearchExplain, able: able[Searcher]},

		"VacationResponse/get": {capability: jmap.CapabilityVacation, run: vacationGet, able: able[Vacationer]},
		"VacationResponse/set": {capability: jmap.CapabilityVacation, run: vacationSet, able: able[Vacationer], writes: true},

		"SieveScript/get":      {capability: jmap.CapabilitySieve, run: sieveGet, able: able[SieveScripter]},
		"SieveScript/set":      {capability: jmap.CapabilitySieve, run: sieveSet, able: able[SieveScripter], writes: true},
		"SieveScript/query":    {capability: jmap.CapabilitySieve, run: sieveQuery, able: able[SieveScripter]},
		"SieveScript/validate": {capability: jmap.CapabilitySieve, run: sieveValidate, able: able[SieveScripter]},

		"Quota/get":          {capability: jmap.CapabilityQuota, run: quotaGet, able: able[QuotaReader]},
		"Quota/changes":      {capability: jmap.CapabilityQuota, run: quotaChanges, able: able[QuotaReader]},
		"Quota/query":        {capability: jmap.CapabilityQuota, run: quotaQuery, able: able[QuotaReader]},
		"Quota/queryChanges": {capability: jmap.CapabilityQuota, run: quotaQueryChanges, able: able[QuotaReader]},

		"AccountFault/acknowledge": {capability: jmap.CapabilityVendor, run: faultAcknowledge, able: able[FaultAcknowledger]},
		"UndoSend/set":             {capability: jmap.CapabilityVendor, run: undoSendSet, able: able[UndoSender], writes: true},
		"MessageView/get":          {capability: jmap.CapabilityVendor, run: messageViewGet, able: able[Viewer]},
	}
}

func able[T any](a Account) bool {
	_, ok := a.(T)
	return ok
}

// exchange is the state that the calls of one request share.
type exchange struct {
	h       *Handler
	person  *Person
	using   []string
	created map[jmap.CreationID]string
	out     []byte // the Response so far
	done    []response
	refs    int // values of our own responses that may still be parsed
	walk    int // values that references may still lead through
}

// response is where a response stands in exchange.out.
type response struct {
	name, id string
	from, to int         // its arguments
	parsed   ijson.Value // by a result reference; Absent before
}

// call is one method call while it runs.
type call struct {
	ctx context.Context
	*exchange
	name, id string
	account  Account
	info     jmap.AccountInfo
	args     args
}

// run processes one call: it appends one response or more.
func (x *exchange) run(ctx context.Context, inv invocation) {
	c := &call{ctx: ctx, exchange: x, name: inv.name, id: inv.id}
	out, done := len(x.out), len(x.done)
	err := c.start(inv)
	if err == nil {
		return
	}
	// RFC 8620, section 3.6.2: the error stands in place of what the method
	// would have said.
	x.out, x.done = x.out[:out], x.done[:done]
	c.respondError(err)
}

func (c *call) start(inv invocation) error {
	m, ok := c.h.methods[inv.name]
	if !ok || !slices.Contains(c.using, m.capability) {
		return jmap.UnknownMethod
	}
	members, err := c.resolveReferences(inv.args.Elems())
	if err != nil {
		return err
	}
	c.args = newArgs(members)
	if m.capability != jmap.CapabilityCore {
		if err := c.findAccount(&m); err != nil {
			return err
		}
	}
	return m.run(c)
}

// findAccount reads accountId and checks what the account can do.
func (c *call) findAccount(m *method) error {
	id := c.args.str("accountId")
	if c.args.err != nil {
		return c.args.err
	}
	for _, a := range c.person.Accounts {
		if info := a.Info(); info.ID == jmap.AccountID(id) {
			c.account, c.info = a, info
		}
	}
	switch {
	case c.account == nil && m.lost != "":
		return m.lost
	case c.account == nil:
		return jmap.AccountNotFound
	case !has(m.capability, c.account, &c.info):
		return jmap.AccountNotSupportedByMethod
	case m.able != nil && !slices.ContainsFunc(c.person.Accounts, m.able):
		return jmap.UnknownMethod
	case m.able != nil && !m.able(c.account):
		return jmap.AccountNotSupportedByMethod
	case m.writes && c.info.IsReadOnly:
		return jmap.AccountReadOnly
	}
	return nil
}

// respond appends a response. write appends its arguments.
func (c *call) respond(name string, write func(*ijson.Out)) {
	if len(c.done) > 0 {
		c.out = append(c.out, ',')
	}
	c.out = append(ijson.AppendString(append(c.out, '['), name), ',')
	from := len(c.out)
	o := ijson.Open(c.out)
	write(&o)
	c.out = o.Close()
	c.finish(name, from)
}

// finish ends a response whose arguments begin at from.
func (c *call) finish(name string, from int) {
	c.done = append(c.done, response{name: name, id: c.id, from: from, to: len(c.out)})
	c.out = append(ijson.AppendString(append(c.out, ','), c.id), ']')
}

// respondError appends the "error" response for err.
func (c *call) respondError(err error) {
	me := c.h.methodError(c.ctx, c.name, err)
	if len(c.done) > 0 {
		c.out = append(c.out, ',')
	}
	c.out = append(c.out, `["error",`...)
	from := len(c.out)
	c.out = me.AppendJSON(c.out)
	c.finish("error", from)
}

// methodError turns an error of an account into words of the RFC. The text of an
// error that has none stays here.
func (h *Handler) methodError(ctx context.Context, name string, err error) *jmap.MethodError {
	var me *jmap.MethodError
	var t jmap.ErrorType
	switch {
	case errors.As(err, &me):
		return me
	case errors.As(err, &t):
		return &jmap.MethodError{Type: t}
	case ctx.Err() != nil:
		return &jmap.MethodError{Type: jmap.ServerUnavailable, Description: "the call took too long"}
	}
	h.log.Error("method failed", "method", name, "cause", cause(err))
	return &jmap.MethodError{Type: jmap.ServerFail, Description: "an unexpected error; the server's log has its time"}
}

// cause is the type of the innermost error: what may be logged of an error whose
// text may hold names of folders or addresses.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return fmt.Sprintf("%T", err)
		}
		err = next
	}
}

// echo is Core/echo (RFC 8620, section 4).
func echo(c *call) error {
	c.respond(c.name, func(o *ijson.Out) {
		for _, m := range c.args.members {
			o.B = m.Append(o.Key(m.Name()))
			if len(o.B) > maxResponseOctets {
				return
			}
		}
	})
	if len(c.out) > maxResponseOctets {
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return &jmap.MethodError{Type: jmap.RequestTooLarge, Description: "the answer would be too large"}
}
