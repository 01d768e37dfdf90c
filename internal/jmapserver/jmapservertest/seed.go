package jmapservertest

import "cofferdam/internal/jmap"

// New returns the account of Anna: six Mailboxes, five Emails in four Threads,
// two Identities.
func New() *Account {
	a := &Account{changed: make(chan struct{}), blobs: map[jmap.BlobID][]byte{}, seq: 10, first: 10}
	a.info = jmap.AccountInfo{
		ID: "a1", Name: "anna@example.org", IsPersonal: true,
		Mail: jmap.MailCapability{MaxMailboxDepth: 10, MaxSizeMailboxName: 200, MaxSizeAttachmentsPerEmail: 50_000_000,
			EmailQuerySortOptions:    []jmap.SortProperty{jmap.SortReceivedAt, jmap.SortSize, jmap.SortSubject, jmap.SortHasKeyword},
			MayCreateTopLevelMailbox: true},
		UndoSend:   &jmap.UndoSend{Default: 10, Most: 60},
		Submission: &jmap.SubmissionCapability{MaxDelayedSend: 60, SubmissionExtensions: map[string][]string{"SIZE": {"10240000"}, "DSN": {}}},
	}
	box := func(id, name, parent, role string, order uint32) {
		a.boxes = append(a.boxes, jmap.Mailbox{ID: jmap.MailboxID(id), Name: name, ParentID: jmap.MailboxID(parent),
			Role: jmap.Role(role), SortOrder: order, MyRights: jmap.AllRights, IsSubscribed: true})
	}
	box("Mi", "Inbox", "", "inbox", 1)
	box("Md", "Drafts", "", "drafts", 2)
	box("Ms", "Sent", "", "sent", 3)
	box("Mt", "Trash", "", "trash", 4)
	box("Mp", "Projects", "", "", 10)
	box("Mq", "Émile", "Mp", "", 10)
	for _, e := range seedEmails() {
		a.emails = append(a.emails, e)
		a.blobs[e.BlobID] = []byte("Subject: " + *e.Subject + "\r\n\r\nHello.\r\n")
	}
	a.ids = []jmap.Identity{
		{ID: "I1", Name: "Anna", Email: "anna@example.org"},
		{ID: "I2", Name: "Office", Email: "office@example.org", Bcc: []jmap.Address{{Email: "log@example.org"}}, TextSignature: "-- \nAnna", MayDelete: true},
	}
	return a
}

func seedEmails() []*jmap.Email {
	bob, anna := "Bob \"B\" Ångström", "Anna"
	mail := func(id, thread, box, subject, date string, size uint64, keywords ...jmap.Keyword) *jmap.Email {
		e := &jmap.Email{ID: jmap.EmailID(id), BlobID: jmap.BlobID("B" + id), ThreadID: jmap.ThreadID(thread),
			MailboxIDs: []jmap.MailboxID{jmap.MailboxID(box)}, Keywords: keywords, Size: size, ReceivedAt: at(date),
			MessageID: []string{id + "@example.org"}, From: []jmap.Address{{Name: &bob, Email: "bob@example.com"}},
			To: []jmap.Address{{Name: &anna, Email: "anna@example.org"}, {Email: "office@example.org"}}, Subject: &subject,
			SentAt: jmap.Date{Time: at(date)}, Preview: "Hello."}
		e.Headers = []jmap.Header{{Name: "Received", Value: " from a by b"}, {Name: "Received", Value: " from b by c"},
			{Name: "Subject", Value: " " + subject}, {Name: "List-Post", Value: " <mailto:list@example.org>"}}
		name, charset := "plan.pdf", "utf-8"
		attached := "attachment"
		text := &jmap.BodyPart{PartID: "1", BlobID: jmap.BlobID("B" + id + "_1"), Size: 6, Type: "text/plain", Charset: &charset}
		file := &jmap.BodyPart{PartID: "2", BlobID: jmap.BlobID("B" + id + "_2"), Size: 3, Type: "application/pdf", Name: &name, Disposition: &attached}
		e.BodyStructure = &jmap.BodyPart{Type: "multipart/mixed", SubParts: []*jmap.BodyPart{text, file}}
		e.TextBody, e.HTMLBody, e.Attachments = []*jmap.BodyPart{text}, []*jmap.BodyPart{text}, []*jmap.BodyPart{file}
		e.HasAttachment = true
		return e
	}
	return []*jmap.Email{
		mail("e1", "t1", "Mi", "Lunch", "2026-03-01T10:00:00Z", 1000, jmap.KeywordSeen),
		mail("e2", "t1", "Ms", "Re: Lunch", "2026-03-01T11:00:00Z", 1100, jmap.KeywordSeen),
		mail("e3", "t2", "Mi", "Überblick", "2026-03-02T09:30:00Z", 5000, jmap.KeywordFlagged),
		mail("e4", "t3", "Mi", "Zug <nach> \"Bern\"", "2026-03-03T08:00:00Z", 200),
		mail("e5", "t4", "Mq", "Plan", "2026-03-04T08:00:00Z", 90000, jmap.KeywordSeen),
	}
}
