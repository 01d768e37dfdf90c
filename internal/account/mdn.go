package account

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
	"cofferdam/internal/outbox"
)

// MDNSend sends a receipt for a mail (RFC 9007, section 2.1). The mail is marked
// with $mdnsent first, and unmarked if nothing was sent: no second one may ever be
// issued (RFC 3798, section 3.2.6.3), whereas nobody is harmed by one that is lost.
func (a *Account) MDNSend(ctx context.Context, id jmap.IdentityID, m *jmap.MDN) (*jmap.MDN, error) {
	if a.cfg.Outbox == nil {
		return nil, jmap.AccountNotSupportedByMethod
	}
	all, _ := a.cfg.Settings.Identities()
	identity, ok := findIdentity(all, id)
	if !ok {
		return nil, jmap.InvalidArguments
	}
	select { // of two receipts for one mail, the second sees the first one's mark
	case a.receipts <- struct{}{}:
		defer func() { <-a.receipts }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	about, err := a.receiptFor(ctx, m.ForEmailID)
	if err != nil {
		return nil, err
	}
	sent := about.fill(m, identity)
	if !a.ownRecipient(*sent.FinalRecipient) {
		return nil, &jmap.SetError{Type: jmap.SetForbiddenFrom, Description: "The recipient is not an address of this account."}
	}
	mail, err := a.composeReceipt(ctx, sent, about, identity)
	if err != nil {
		return nil, err
	}
	if err := a.markReceipt(ctx, m.ForEmailID, true); err != nil {
		return nil, err
	}
	err = a.cfg.Outbox.Notice(ctx, about.to, mail)
	if err == nil || errors.Is(err, outbox.ErrUncertain) {
		return sent, nil // it may have gone out: to send it once more is what must not be
	}
	if again := a.markReceipt(context.WithoutCancel(ctx), m.ForEmailID, false); again != nil {
		a.log.Warn("mail stays marked though its receipt was not sent", "err", again)
	}
	return nil, noReceipt(err)
}

// noReceipt puts why nothing was sent into RFC 9007's words.
func noReceipt(err error) error {
	no, ok := errors.AsType[*outbox.Refusal](err)
	switch {
	case !ok:
		return &jmap.SetError{Type: jmap.SetServerFail, Description: "The mail server cannot be reached right now. No receipt was sent."}
	case no.Kind == outbox.ByRate:
		return &jmap.SetError{Type: jmap.SetRateLimit, Description: "You have written to too many recipients within an hour. No receipt was sent."}
	}
	return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail server refused the receipt: " + no.Reply}
}

// receiptMail is what must be known of a mail to send a receipt for it.
type receiptMail struct {
	to                []string // who asks
	subject           string
	originalRecipient string
	messageID         string // with angle brackets; "": it has none
	size              int64
}

// receiptFor reads the mail and refuses one for which none may be sent.
func (a *Account) receiptFor(ctx context.Context, id jmap.EmailID) (*receiptMail, error) {
	var headers []jmap.HeaderProp
	for _, name := range []string{"header:Disposition-Notification-To:asAddresses", "header:Disposition-Notification-Options",
		"header:Original-Recipient", "header:Message-ID:asMessageIds"} {
		p, ok := jmap.ParseHeaderProp(name)
		if !ok {
			return nil, errors.New("header property " + name)
		}
		headers = append(headers, p)
	}
	about, found := &receiptMail{}, false
	var refused error
	want := &jmap.EmailFields{Props: jmap.EmailPropID | jmap.EmailPropSubject | jmap.EmailPropKeywords | jmap.EmailPropSize, Headers: headers}
	_, _, err := a.EmailGet(ctx, []jmap.EmailID{id}, want, func(e *jmap.Email) error {
		found = true
		refused = about.read(e)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &jmap.SetError{Type: jmap.SetNotFound}
	}
	return about, refused
}

// read takes over what EmailGet found; nothing of e is kept.
func (r *receiptMail) read(e *jmap.Email) error {
	text := func(i int) string {
		if len(e.Values[i]) == 0 {
			return ""
		}
		return strings.Clone(strings.TrimSpace(e.Values[i][0].Text))
	}
	if slices.Contains(e.Keywords, jmap.KeywordMDNSent) {
		return &jmap.SetError{Type: jmap.SetMDNAlreadySent, Description: "A receipt for this mail was sent already."}
	}
	if v := e.Values[0]; len(v) > 0 {
		for _, to := range v[0].Addresses {
			if at := strings.LastIndexByte(to.Email, '@'); at > 0 && at < len(to.Email)-1 && !slices.Contains(r.to, to.Email) {
				r.to = append(r.to, strings.Clone(to.Email))
			}
		}
	}
	switch {
	case len(r.to) == 0:
		return &jmap.SetError{Type: jmap.SetNotFound, Description: "The mail asks for no receipt."}
	case len(r.to) > maxReceiptTo:
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail asks for receipts to too many addresses."}
	case requiredOption(text(1)):
		// RFC 3798, section 2.2.
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail asks for a kind of receipt that is not known."}
	}
	if e.Subject != nil {
		r.subject = strings.Clone(*e.Subject)
	}
	r.originalRecipient = text(2)
	if v := e.Values[3]; len(v) > 0 && len(v[0].Strings) > 0 {
		r.messageID = "<" + v[0].Strings[0] + ">"
	}
	r.size = int64(e.Size)
	return nil
}

// requiredOption says whether Disposition-Notification-Options have a parameter
// that must be understood: we understand none, as none is defined.
func requiredOption(options string) bool {
	for p := range strings.SplitSeq(options, ";") {
		_, value, _ := strings.Cut(p, "=")
		importance, _, _ := strings.Cut(value, ",")
		if strings.EqualFold(strings.TrimSpace(importance), "required") {
			return true
		}
	}
	return false
}

// fill makes the receipt out of what the client asked for and what the mail says.
func (r *receiptMail) fill(m *jmap.MDN, identity jmap.Identity) *jmap.MDN {
	sent := *m
	if sent.Subject == nil {
		s := strings.TrimSpace("Read: " + r.subject)
		sent.Subject = &s
	}
	if sent.TextBody == nil {
		s := "Your mail was displayed to its recipient. This does not say that it was read or understood.\n"
		if m.Disposition.Type != "displayed" {
			s = "Your mail was " + m.Disposition.Type + " by its recipient. This does not say whether it was read.\n"
		}
		sent.TextBody = &s
	}
	if sent.FinalRecipient == nil {
		s := "rfc822; " + identity.Email
		sent.FinalRecipient = &s
	}
	if r.originalRecipient != "" {
		sent.OriginalRecipient = &r.originalRecipient
	}
	if r.messageID != "" {
		sent.OriginalMessageID = &r.messageID
	}
	return &sent
}

// ownRecipient says whether a final recipient is one of the person's addresses (RFC
// 9007, section 5).
func (a *Account) ownRecipient(final string) bool {
	kind, address, found := strings.Cut(final, ";")
	if !found || !strings.EqualFold(strings.TrimSpace(kind), "rfc822") {
		return false
	}
	all, _ := a.cfg.Settings.Identities()
	return slices.ContainsFunc(all, func(i jmap.Identity) bool { return strings.EqualFold(i.Email, strings.TrimSpace(address)) })
}

// composeReceipt writes the receipt, with the mail itself if that is asked for.
func (a *Account) composeReceipt(ctx context.Context, m *jmap.MDN, about *receiptMail, identity jmap.Identity) ([]byte, error) {
	if m.IncludeOriginal && about.size > maxReceipt {
		return nil, receiptTooLarge()
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	d := message.ReceiptDraft{From: message.Address{Name: identity.Name, Email: identity.Email}, Domain: identity.Email[strings.LastIndexByte(identity.Email, '@')+1:]}
	for _, to := range about.to {
		d.To = append(d.To, message.Address{Email: to})
	}
	d.Subject, d.Text = *m.Subject, *m.TextBody
	d.Disposition = message.Disposition{ReportingUA: text(m.ReportingUA), OriginalRecipient: text(m.OriginalRecipient),
		FinalRecipient: *m.FinalRecipient, OriginalMessageID: text(m.OriginalMessageID), Extension: m.Extension,
		ActionMode: m.Disposition.ActionMode, SendingMode: m.Disposition.SendingMode, Type: m.Disposition.Type}
	if m.IncludeOriginal {
		original, err := a.readBlob(ctx, a.messageBlob(m.ForEmailID))
		if err != nil {
			return nil, failure(err)
		}
		d.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(original)), nil }
	}
	mail, err := message.ComposeReceipt(d)
	if wrong, ok := errors.AsType[*message.PropertyError](err); ok {
		return nil, invalid(wrong.Property, wrong.Reason)
	}
	if err != nil {
		return nil, err
	}
	if mail.Size() > maxReceipt {
		return nil, receiptTooLarge()
	}
	var b bytes.Buffer
	_, err = mail.WriteTo(&b)
	return b.Bytes(), err
}

func receiptTooLarge() error { return &jmap.SetError{Type: jmap.SetTooLarge, MaxSize: maxReceipt} }

// markReceipt sets or takes away $mdnsent. A mail that cannot be marked gets no
// receipt.
func (a *Account) markReceipt(ctx context.Context, id jmap.EmailID, on bool) error {
	p := &jmap.SetPatch[jmap.Keyword]{}
	if list := []jmap.Keyword{jmap.KeywordMDNSent}; on {
		p.Add = list
	} else {
		p.Remove = list
	}
	res, err := a.EmailSet(ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: id, Keywords: p}}})
	if err != nil {
		return err
	}
	if no := res.NotUpdated[id]; no != nil {
		if no.Type == jmap.SetNotFound {
			return no
		}
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "The mail cannot be marked, so that no receipt may be sent."}
	}
	return nil
}

// MDNParse reads blobs as receipts (RFC 9007, section 2.2).
func (a *Account) MDNParse(ctx context.Context, ids []jmap.BlobID, emit func(jmap.BlobID, *jmap.MDN) error) (notParsable, notFound []jmap.BlobID, err error) {
	for _, id := range ids {
		m, err := a.parseReceipt(ctx, id)
		switch {
		case errors.Is(err, jmap.ErrNotFound):
			notFound = append(notFound, id)
		case errors.Is(err, errTooLong), err == nil && m == nil:
			notParsable = append(notParsable, id)
		case err != nil:
			return nil, nil, failure(err)
		default:
			if err := emit(id, m); err != nil {
				return nil, nil, err
			}
		}
	}
	return notParsable, notFound, nil
}

// parseReceipt returns nil for a blob that is no receipt.
func (a *Account) parseReceipt(ctx context.Context, id jmap.BlobID) (*jmap.MDN, error) {
	release, err := a.mayParse(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	data, err := a.wholeBlob(ctx, id)
	if err != nil {
		return nil, err
	}
	r, ok := message.ReadReceipt(message.Parse(data))
	if !ok {
		return nil, nil
	}
	orNull := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	m := &jmap.MDN{ForEmailID: a.receiptAbout(r.OriginalMessageID), Subject: orNull(r.Subject), IncludeOriginal: r.Original,
		ReportingUA: orNull(r.ReportingUA), Gateway: orNull(r.Gateway), OriginalRecipient: orNull(r.OriginalRecipient),
		FinalRecipient: orNull(r.FinalRecipient), OriginalMessageID: orNull(r.OriginalMessageID), Errors: r.Errors, Extension: r.Extension,
		Disposition: jmap.Disposition{ActionMode: r.ActionMode, SendingMode: r.SendingMode, Type: r.Type}}
	if r.HasText {
		m.TextBody = &r.Text
	}
	return m, nil
}

// receiptAbout is the mail with a Message-ID, if there is exactly one.
func (a *Account) receiptAbout(messageID string) jmap.EmailID {
	ids := message.ParseMessageIDs(messageID)
	if len(ids) != 1 {
		return ""
	}
	if found := a.mail.ByMessageID(ids[0]); len(found) == 1 {
		return found[0]
	}
	return ""
}
