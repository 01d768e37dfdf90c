package account_test

import (
	"fmt"
	"strings"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
)

// testSendLarge: a mail that is too large to be kept while it is sent goes out as it
// was written, whether or not it has 8-bit content.
func testSendLarge(r *rig) {
	ids, _, _, err := r.a.IdentityGet(r.ctx, nil)
	r.must(err)
	for i, line := range []string{strings.Repeat("x", 70), strings.Repeat("é", 35)} {
		raw := fmt.Sprintf("From: ann@example.org\r\nTo: bob@example.org\r\nBcc: eve@example.org\r\nSubject: large\r\nMessage-ID: <large%d@example.org>\r\n"+
			"Date: Mon, 2 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", i) +
			strings.Repeat(line+"\r\n", 10_000)
		up, err := r.a.BlobPut(r.ctx, strings.NewReader(raw))
		r.must(err)
		res, err := r.a.EmailImport(r.ctx, &jmap.EmailImport{Emails: []jmap.ImportedEmail{{CreationID: "m", BlobID: up.ID, MailboxIDs: []jmap.MailboxID{r.box(jmap.RoleDrafts)}}}})
		r.must(err)
		made := res.Created["m"]
		if made == nil {
			r.Fatalf("not imported: %+v", res.NotCreated["m"])
		}
		m, err := account.OutboxMail(r.ctx, r.a, made.ID)
		r.must(err)
		m.Body.Close()
		if !m.Known || m.EightBit != (i == 1) {
			r.Errorf("known %v, 8-bit %v", m.Known, m.EightBit)
		}
		sub, err := r.a.SubmissionSet(r.ctx, &jmap.SubmissionSet{Create: []jmap.SubmissionCreate{{CreationID: "s", IdentityID: ids[0].ID, EmailID: made.ID}}})
		r.must(err)
		if sub.Created["s"] == nil {
			r.Fatalf("not sent: %+v", sub.NotCreated["s"])
		}
		r.sent.mu.Lock()
		got := r.sent.mails[i]
		r.sent.mu.Unlock()
		if got != strings.Replace(raw, "Bcc: eve@example.org\r\n", "", 1) {
			r.Errorf("sent %d bytes of %d", len(got), len(raw))
		}
	}
}
