package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// reportReader reads what comes into the inbox while mails are out of which a report
// may come (RFC 8621, section 7), and tells the outbox. Otherwise nothing is fetched.
type reportReader struct {
	a    *Account
	seen map[jmap.EmailID]bool // mails that were looked at
}

// run reads until ctx ends.
func (r *reportReader) run(ctx context.Context) {
	if r.a.mail.AwaitComplete(ctx) != nil {
		return
	}
	var last moment
	for {
		moved, sent := r.a.mail.Moved(), r.a.cfg.Outbox.Moved()
		since := r.a.cfg.Outbox.Awaits()
		now := moment{r.a.mail.States()[jmap.TypeEmailDelivery], since.IsZero()}
		if now != last {
			last = now
			if err := r.read(ctx, since); err != nil && ctx.Err() == nil {
				r.a.log.Warn("reports on sent mails not read", "err", err)
				last = moment{} // the next change tries again
			}
		}
		select {
		case <-moved:
		case <-sent:
		case <-ctx.Done():
			return
		}
		select { // mails that come in a row are read together
		case <-time.After(reportPause):
		case <-ctx.Done():
			return
		}
	}
}

// moment is what decides whether there is something to read.
type moment struct {
	delivery jmap.State
	idle     bool // no mail is out
}

// read looks at the newest mails of the inbox that came since then.
func (r *reportReader) read(ctx context.Context, since time.Time) error {
	if since.IsZero() {
		return nil
	}
	boxes, _ := r.a.mail.Mailboxes()
	at := slices.IndexFunc(boxes, func(m jmap.Mailbox) bool { return m.Role == jmap.RoleInbox })
	if at < 0 {
		return nil
	}
	res, err := r.a.EmailQuery(ctx, &jmap.EmailQuery{
		Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: boxes[at].ID, After: since.Add(-reportSkew)}},
		Sort:   []jmap.Comparator{{Property: "receivedAt", Descending: true}},
		Window: jmap.Window{Limit: maxReportMails},
	})
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(res.IDs), func(id jmap.EmailID) bool { return r.seen[id] })
	slices.Reverse(fresh) // oldest first, as dsnBlobIds wants
	reports, err := r.reports(ctx, fresh)
	for i := 0; err == nil && i < len(reports); i++ {
		err = r.tell(ctx, reports[i])
	}
	if err != nil {
		return err
	}
	if len(r.seen) > maxReportSeen {
		clear(r.seen)
	}
	for _, id := range fresh {
		r.seen[id] = true
	}
	return nil
}

// reports are those mails whose Content-Type says that they are reports.
func (r *reportReader) reports(ctx context.Context, ids []jmap.EmailID) (out []jmap.EmailID, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	kind, _ := jmap.ParseHeaderProp("header:Content-Type")
	is := map[jmap.EmailID]bool{}
	_, _, err = r.a.EmailGet(ctx, ids, &jmap.EmailFields{Props: jmap.EmailPropID, Headers: []jmap.HeaderProp{kind}}, func(e *jmap.Email) error {
		is[e.ID] = len(e.Values) == 1 && len(e.Values[0]) == 1 && strings.HasPrefix(strings.ToLower(strings.TrimSpace(e.Values[0][0].Text)), "multipart/report")
		return nil
	})
	return slices.DeleteFunc(slices.Clone(ids), func(id jmap.EmailID) bool { return !is[id] }), err
}

// tell reads one report.
func (r *reportReader) tell(ctx context.Context, id jmap.EmailID) error {
	release, err := r.a.mayParse(ctx)
	if err != nil {
		return err
	}
	defer release()
	blob := r.a.messageBlob(id)
	raw, err := r.a.readBlob(ctx, blob)
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, jmap.ErrNotFound): // no report is so long; or it was deleted meanwhile
		return nil
	case err != nil:
		return err
	}
	if rep, ok := message.ReadReport(message.Parse(raw)); ok {
		r.a.cfg.Outbox.Reported(ctx, blob, rep)
	}
	return nil
}
