package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"cofferdam/internal/imap"
)

// only names scripts that make sense on one kind of server.
var only = map[string]string{"notify": "dovecot", "objectid": "cyrus", "guid": "dovecot"}

// scripts are what dialogs were recorded with.
var scripts = map[string]func(*stage){
	"session":  scriptSession,
	"folders":  scriptFolders,
	"fetch":    scriptFetch,
	"store":    scriptStore,
	"move":     scriptMove,
	"search":   scriptSearch,
	"qresync":  scriptQResync,
	"idle":     scriptIdle,
	"notify":   scriptNotify,
	"metadata": scriptMetadata,
	"guid":     scriptGUID,
	"objectid": scriptObjectID,
	"pipeline": scriptPipeline,
	"refused":  scriptRefused,
}

// did waits for a future and tells an error; ok is whether there was none.
func did[T any](s *stage, f *imap.Future[T]) (v T, ok bool) {
	s.t.Helper()
	v, err := f.Wait(s.ctx)
	if err != nil {
		s.say("error: %v (temporary %v)", err, imap.Temporary(err))
	}
	return v, err == nil
}

func plainMessage(text string) imap.AppendMessage {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	return imap.AppendMessage{Body: strings.NewReader(text), Size: int64(len(text)), Date: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
}

const oddMail = `From: =?utf-8?q?J=C3=B6rg?= "the \"Quote\"" <joerg@example.org>
To: undisclosed-recipients:;
Cc: A Group: one@example.org, "Two \\ Back" <two@example.net>;, three@example.com
Subject: a "quoted" \ back {5}
Date: Mon, 7 Feb 1994 21:52:25 -0800
Message-ID: <odd@example.org>
In-Reply-To: <first@example.org>
References: <zero@example.org> <first@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b{3}"

--b{3}
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 =20
{10}
A1 OK not an answer

--c
Content-Type: text/html; charset=utf-8
Content-Language: de, en
Content-Location: http://example.org/x

<p>caf&eacute;</p>
--c--
--b{3}
Content-Type: message/rfc822
Content-Disposition: attachment; filename="inner (1).eml"

From: inner@example.org
Subject: inner
Content-Type: multipart/mixed; boundary=d

--d

first
--d
Content-Type: image/png; name*=utf-8''%e2%82%ac.png
Content-Transfer-Encoding: base64
Content-ID: <pic@example.org>
Content-Description: a picture

AAECAwQ=
--d--
--b{3}--
`

const plainMail = `From: a@example.org
To: b@example.org
Subject: plain
Message-ID: <plain@example.org>
Date: Tue, 1 Jan 2030 00:00:00 +0000

Hello, world.
`

func scriptSession(s *stage) {
	caps := s.c.Caps()
	s.say("idle %v uidplus %v esearch %v", caps.Has("idle"), caps.Supports(imap.CapUIDPlus), caps.Supports(imap.CapESearch))
	id, _ := did(s, s.c.ID(map[string]string{"name": "tester", "note": "a \"b\""}))
	s.say("id name %q", id["name"])
	ns, _ := did(s, s.c.Namespace())
	s.say("namespaces %+v", ns)
	roots, _ := did(s, s.c.QuotaRoots("INBOX"))
	s.say("quota %+v", roots)
	if len(roots) > 0 {
		root, _ := did(s, s.c.Quota(roots[0].Name))
		s.say("root %+v", root)
	}
	on, _ := did(s, s.c.Enable("CONDSTORE", "QRESYNC"))
	s.say("enabled %v", on)
	did(s, s.c.Noop())
	s.say("state %d", s.c.State())
}

func scriptFolders(s *stage) {
	for _, name := range []string{"Work", "Work/Grüße & Co", "日本語", "{5}", "a\"b\\c"} {
		if name == "Work/Grüße & Co" && s.c.Caps().Has("X-QUOTA=STORAGE") {
			continue // Cyrus here has the separator "."
		}
		did(s, s.c.Create(name))
	}
	did(s, s.c.Subscribe("日本語"))
	did(s, s.c.Append("日本語", plainMessage(plainMail)))
	did(s, s.c.Rename("日本語", "にほんご"))
	rows, _ := did(s, s.c.List(imap.ListOptions{
		Patterns: []string{"INBOX", "*"}, ReturnSubscribed: true, ReturnSpecialUse: true, ReturnChildren: true,
		ReturnStatus: []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen, imap.StatusUIDNext, imap.StatusHighestModSeq},
	}))
	for _, r := range rows {
		s.say("%q delimiter %q use %q attributes %v", r.Mailbox, r.Delimiter, r.SpecialUse(), r.Attributes)
		if r.Status != nil {
			s.say("  messages %d unseen %d uidnext %d modseq %d", r.Status.Messages, r.Status.Unseen, r.Status.UIDNext, r.Status.HighestModSeq)
		}
	}
	subs, _ := did(s, s.c.LSub("", "*"))
	for _, r := range subs {
		s.say("subscribed %q", r.Mailbox)
	}
	did(s, s.c.Delete("{5}"))
	_, err := s.c.Status("{5}", imap.StatusMessages).Wait(s.ctx)
	s.say("status of the deleted one: refused %v", err != nil)
}

func scriptFetch(s *stage) {
	did(s, s.c.Append("INBOX", plainMessage(oddMail)))
	did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	items := []imap.FetchItem{imap.ItemFlags, imap.ItemEnvelope, imap.ItemBodyStructure, imap.ItemSize, imap.ItemInternalDate, imap.ItemPreview, imap.ItemSaveDate,
		imap.HeaderFields("", "Subject", "X-None"), imap.BodyPeek("1", imap.Span{Offset: 2, Length: 20})}
	did(s, s.c.Fetch(imap.UIDRange(1, imap.Star), items, imap.FetchOptions{}, func(r *imap.FetchRow) {
		e, _ := r.Envelope()
		size, _ := r.Size()
		date, _ := r.InternalDate()
		s.say("uid %d size %d date %s subject %q", r.UID(), size, date.UTC().Format(time.RFC3339), e.Subject)
		s.say("  from %v", e.From)
		s.say("  to %v", e.To)
		s.say("  cc %v", e.Cc)
		s.say("  id %q reply %q", e.MessageID, e.InReplyTo)
		b, _ := r.BodyStructure()
		for p := range b.All() {
			s.say("  part %q %s/%s %v %s size %d lines %d disposition %q file %q language %v location %q", p.Section, p.Type, p.Subtype, p.Params, p.Encoding, p.Size, p.Lines, p.Disposition, p.Filename(), p.Language, p.Location)
		}
		h, err := r.Section(imap.HeaderFields("", "Subject", "X-None"))
		s.say("  header %q %v", h, err)
		part, err := r.Section(imap.BodyPeek("1", imap.Span{Offset: 2, Length: 20}))
		s.say("  part %q %v", part, err)
		_, err = r.Section(imap.BodyPeek("9", imap.Span{}))
		s.say("  not asked for: %v", err)
	}))
	var whole bytes.Buffer
	var infos []string
	done, _ := did(s, s.c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{
		Literal: func(l imap.LiteralInfo) (io.Writer, bool) {
			infos = append(infos, l.Item)
			return &whole, true
		},
	}, func(r *imap.FetchRow) {
		_, err := r.Section(imap.BodyPeek("", imap.Span{}))
		s.say("streamed section: %v", err)
	}))
	s.say("rows %d streamed %v same %v", done.Rows, infos, whole.String() == strings.ReplaceAll(oddMail, "\n", "\r\n"))
	did(s, s.c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.BinaryPeek("1.1", imap.Span{}), imap.BinarySize("2.2")}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		b, err := r.Section(imap.BinaryPeek("1.1", imap.Span{}))
		size, ok := r.BinarySize("2.2")
		s.say("binary %q %v size %d %v", b, err, size, ok)
	}))
}

func scriptStore(s *stage) {
	for range 4 {
		did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	}
	sel, _ := did(s, s.c.Select("INBOX", imap.SelectOptions{CondStore: true}))
	s.say("exists %d keywords stick %v modseq set %v", sel.Exists, sel.CanCreateKeywords(), sel.HighestModSeq > 0)
	did(s, s.c.Store(imap.UIDRange(1, 3), imap.StoreAdd, []imap.Flag{imap.FlagSeen, imap.FlagForwarded}, imap.StoreOptions{OnRow: func(r *imap.FetchRow) {
		s.say("uid %d seen %v forwarded %v modseq %v", r.UID(), r.HasFlag(imap.FlagSeen), r.HasFlag("$forwarded"), r.ModSeq() > 0)
	}}))
	did(s, s.c.Store(imap.UIDs(1), imap.StoreRemove, []imap.Flag{imap.FlagSeen}, imap.StoreOptions{Silent: true}))
	old := sel.HighestModSeq
	st, _ := did(s, s.c.Store(imap.UIDs(1, 4), imap.StoreAdd, []imap.Flag{imap.FlagFlagged}, imap.StoreOptions{UnchangedSince: &old, OnRow: func(*imap.FetchRow) {}}))
	s.say("not changed: %s", st.Modified)
	did(s, s.c.Fetch(imap.UIDRange(1, imap.Star), []imap.FetchItem{imap.ItemFlags}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		s.say("uid %d flags %v", r.UID(), withoutRecent(r.Flags()))
	}))
}

func withoutRecent(flags []imap.Flag) []imap.Flag {
	var out []imap.Flag
	for _, f := range flags {
		if !f.Equal(imap.FlagRecent) {
			out = append(out, f)
		}
	}
	return out
}

func scriptMove(s *stage) {
	msgs := []imap.AppendMessage{plainMessage(plainMail), plainMessage(oddMail), plainMessage(plainMail)}
	app, _ := did(s, s.c.Append("INBOX", msgs...))
	s.say("appended %v", app.UIDs)
	did(s, s.c.Create("Target"))
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	cp, _ := did(s, s.c.Copy(imap.UIDs(1, 3), "Target"))
	for from, to := range cp.UIDs.Pairs() {
		s.say("copied %d to %d", from, to)
	}
	mv, _ := did(s, s.c.Move(imap.UIDs(2), "Target"))
	for from, to := range mv.UIDs.Pairs() {
		s.say("moved %d to %d", from, to)
	}
	_, err := s.c.Copy(imap.UIDs(1), "Nowhere").Wait(s.ctx)
	s.say("copy to nowhere: trycreate %v", imap.HasCode(err, imap.CodeTryCreate))
	did(s, s.c.Store(imap.UIDs(1, 3), imap.StoreAdd, []imap.Flag{imap.FlagDeleted}, imap.StoreOptions{Silent: true}))
	did(s, s.c.UIDExpunge(imap.UIDs(1)))
	found, _ := did(s, s.c.Search(imap.All(), imap.SearchOptions{}))
	s.say("left %v", found.UIDs())
	did(s, s.c.Unselect())
	s.say("state %d", s.c.State())
}

func scriptSearch(s *stage) {
	for range 3 {
		did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	}
	did(s, s.c.Append("INBOX", plainMessage(oddMail)))
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	text := func(v string) imap.SearchText {
		st, err := imap.NewSearchText(v)
		if err != nil {
			s.t.Fatal(err)
		}
		return st
	}
	found, _ := did(s, s.c.Search(imap.Or(imap.Subject(text("plain")), imap.Body(text("café"))), imap.SearchOptions{}))
	s.say("or: %v", found.UIDs())
	found, _ = did(s, s.c.Search(imap.And(imap.Not(imap.From(text("joerg"))), imap.Smaller(100000), imap.LacksFlagKey(imap.FlagSeen)), imap.SearchOptions{Plain: true}))
	s.say("plain: %v", found.UIDs())
	found, _ = did(s, s.c.Search(imap.Subject(text(`"quoted" \ back {5}`)), imap.SearchOptions{Min: true, Max: true, Count: true}))
	s.say("min %d max %d count %d", found.Min, found.Max, found.Count)
	found, _ = did(s, s.c.Search(imap.Since(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)), imap.SearchOptions{Save: true}))
	s.say("saved, numbers %d", len(found.Numbers))
	rows := 0
	did(s, s.c.FetchSaved([]imap.FetchItem{imap.ItemSize}, imap.FetchOptions{}, func(*imap.FetchRow) { rows++ }))
	s.say("rows of the saved search %d", rows)
	sorted, _ := did(s, s.c.Sort([]imap.SortKey{{By: imap.SortSize, Reverse: true}, {By: imap.SortArrival}}, imap.All(), imap.SearchOptions{}))
	s.say("sorted %v", sorted.UIDList())
	sorted, _ = did(s, s.c.Sort([]imap.SortKey{{By: imap.SortDisplayFrom}}, imap.All(), imap.SearchOptions{All: true, Count: true}))
	s.say("display %v count %d", sorted.UIDList(), sorted.Count)
	threads, _ := did(s, s.c.Thread(imap.ThreadReferences, nil, imap.SearchOptions{}))
	s.say("threads %d", len(threads))
	empty, _ := did(s, s.c.Search(imap.Subject(text("nothing has this")), imap.SearchOptions{}))
	s.say("empty: %d", len(empty.Numbers))
}

func scriptQResync(s *stage) {
	for range 6 {
		did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	}
	did(s, s.c.Enable("QRESYNC"))
	sel, _ := did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	did(s, s.c.Unselect())
	s.other(func(c *imap.Client) {
		wait(s.t, c.Select("INBOX", imap.SelectOptions{}))
		wait(s.t, c.Store(imap.UIDs(2, 3), imap.StoreAdd, []imap.Flag{imap.FlagDeleted}, imap.StoreOptions{Silent: true}))
		wait(s.t, c.UIDExpunge(imap.UIDs(2, 3)))
		wait(s.t, c.Store(imap.UIDs(5), imap.StoreAdd, []imap.Flag{imap.FlagFlagged}, imap.StoreOptions{Silent: true}))
	})
	again, _ := did(s, s.c.Select("INBOX", imap.SelectOptions{
		QResync:    &imap.QResync{UIDValidity: sel.UIDValidity, ModSeq: sel.HighestModSeq, KnownUIDs: imap.UIDRange(1, 6)},
		OnVanished: func(set imap.UIDSet) { s.say("vanished %s", set) },
		OnRow:      func(r *imap.FetchRow) { s.say("changed %d flags %v", r.UID(), withoutRecent(r.Flags())) },
	}))
	s.say("exists %d", again.Exists)
	done, _ := did(s, s.c.Fetch(imap.UIDRange(1, imap.Star), []imap.FetchItem{imap.ItemFlags}, imap.FetchOptions{
		ChangedSince: sel.HighestModSeq, Vanished: true, OnVanished: func(set imap.UIDSet) { s.say("vanished since %s", set) },
	}, func(r *imap.FetchRow) { s.say("since %d", r.UID()) }))
	s.say("rows %d", done.Rows)
}

func scriptIdle(s *stage) {
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.c.Idle(ctx) }()
	s.other(func(c *imap.Client) {
		time.Sleep(300 * time.Millisecond)
		wait(s.t, c.Append("INBOX", plainMessage(plainMail)))
	})
	s.awaitEvent(func(e imap.Event) bool {
		x, ok := e.(imap.ExistsEvent)
		if ok {
			s.say("exists %d in %q", x.Count, x.Mailbox)
		}
		return ok
	})
	cancel()
	s.say("idle ended: %v", <-ended)
	found, _ := did(s, s.c.Search(imap.All(), imap.SearchOptions{}))
	s.say("found %v", found.UIDs())
}

func scriptNotify(s *stage) {
	did(s, s.c.Create("Watched"))
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	did(s, s.c.Notify(imap.NotifyOptions{Groups: []imap.NotifyGroup{
		{Scope: imap.SearchScope{Kind: imap.ScopeSelected}, Events: []imap.NotifyEvent{imap.NotifyMessageNew, imap.NotifyMessageExpunge, imap.NotifyFlagChange}, NewItems: []imap.FetchItem{imap.ItemUID, imap.ItemSize}},
		{Scope: imap.SearchScope{Kind: imap.ScopePersonal}, Events: []imap.NotifyEvent{imap.NotifyMessageNew, imap.NotifyMessageExpunge, imap.NotifyFlagChange, imap.NotifyMailboxName}},
	}}))
	s.other(func(c *imap.Client) {
		wait(s.t, c.Append("Watched", plainMessage(plainMail)))
		wait(s.t, c.Create("Fresh"))
	})
	var status, list bool // in either order
	s.awaitEvent(func(e imap.Event) bool {
		switch e := e.(type) {
		case imap.StatusEvent:
			status = status || e.Status.Mailbox == "Watched" && e.Status.Messages == 1
		case imap.ListEvent:
			list = list || e.Entry.Mailbox == "Fresh"
		}
		return status && list
	})
	s.say("news of Watched and Fresh came")
	s.other(func(c *imap.Client) { wait(s.t, c.Rename("Fresh", "Renamed")) })
	s.awaitEvent(func(e imap.Event) bool {
		x, ok := e.(imap.ListEvent)
		if ok && x.Entry.Mailbox == "Renamed" {
			s.say("renamed from %q", x.Entry.OldName)
		}
		return ok && x.Entry.Mailbox == "Renamed"
	})
	did(s, s.c.Notify(imap.NotifyOptions{}))
}

func scriptMetadata(s *stage) {
	rights, _ := did(s, s.c.MyRights("INBOX"))
	s.say("rights known %v", rights != "")
	_, err := s.c.Raw("SETMETADATA", nil, imap.MailboxArg("INBOX"), imap.ListArg{imap.RawArg("/private/comment"), imap.StringArg("hello \"there\"")}).Wait(s.ctx)
	s.say("set: %v", err)
	entries, _ := did(s, s.c.GetMetadata("INBOX", imap.MetadataOptions{}, "/private/comment", "/shared/comment"))
	for _, e := range entries {
		s.say("%s = %q", e.Name, e.Value)
	}
}

func scriptGUID(s *stage) {
	did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	st, _ := did(s, s.c.Status("INBOX", imap.StatusXGUID, imap.StatusMessages, imap.StatusSize))
	s.say("mailbox guid of %d letters, messages %d, size %d", len(st.GUID), st.Messages, st.Size)
	did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	var guid string
	did(s, s.c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.ItemXGUID}, imap.FetchOptions{}, func(r *imap.FetchRow) { guid = r.GUID() }))
	s.say("guid of %d letters", len(guid))
	found, _ := did(s, s.c.Search(imap.GUIDKey(guid), imap.SearchOptions{}))
	s.say("found by it %v", found.UIDs())
}

func scriptObjectID(s *stage) {
	did(s, s.c.Append("INBOX", plainMessage(plainMail)))
	st, _ := did(s, s.c.Status("INBOX", imap.StatusMailboxID))
	s.say("mailbox id known %v", st.MailboxID != "")
	sel, _ := did(s, s.c.Select("INBOX", imap.SelectOptions{}))
	s.say("the same at select %v", sel.MailboxID == st.MailboxID)
	var id string
	did(s, s.c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.ItemEmailID, imap.ItemThreadID}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		id = r.EmailID()
		s.say("email id of %d letters, thread id of %d", len(id), len(r.ThreadID()))
	}))
	found, _ := did(s, s.c.Search(imap.EmailIDKey(id), imap.SearchOptions{}))
	s.say("found by it %v", found.UIDs())
}

func scriptPipeline(s *stage) {
	app := []*imap.Future[*imap.Appended]{}
	for range 5 {
		app = append(app, s.c.Append("INBOX", plainMessage(plainMail)))
	}
	for _, f := range app {
		did(s, f)
	}
	// A list page: one exchange.
	sel := s.c.Select("INBOX", imap.SelectOptions{})
	var rows []string // callbacks come while this goroutine talks as well
	page := s.c.FetchSeq(imap.SeqRange(3, 5), []imap.FetchItem{imap.ItemUID, imap.ItemEnvelope}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		e, _ := r.Envelope()
		rows = append(rows, fmt.Sprintf("row %d uid %d %q", r.Seq(), r.UID(), e.Subject))
	})
	status := s.c.Status("INBOX", imap.StatusMessages)
	found := s.c.Search(imap.All(), imap.SearchOptions{})
	v, _ := did(s, sel)
	s.say("exists %d", v.Exists)
	did(s, page)
	s.say("%s", strings.Join(rows, "\n"))
	st, _ := did(s, status)
	s.say("status %d", st.Messages)
	f, _ := did(s, found)
	s.say("found %v", f.UIDs())
}

func scriptRefused(s *stage) {
	_, err := s.c.Select("No such folder", imap.SelectOptions{}).Wait(s.ctx)
	var st *imap.StatusError
	s.say("select: NO %v, text kept %v", errors.As(err, &st) && st.Kind == imap.StatusNO, st != nil && st.Text != "")
	_, err = s.c.Create("INBOX").Wait(s.ctx)
	s.say("create INBOX refused %v temporary %v", err != nil, imap.Temporary(err))
	_, err = s.c.Raw("X-NO-SUCH-VERB", nil).Wait(s.ctx)
	s.say("unknown verb: %v", err)
	_, err = s.c.Create("bad\r\nname").Wait(s.ctx)
	s.say("CR LF in a name is sent encoded: error %v", err != nil)
	_, err = s.c.Raw("NOOP\r\nA9 LOGOUT", nil).Wait(s.ctx)
	s.say("CR LF in a verb: %v", err)
	_, err = s.c.Fetch(imap.UIDs(1), []imap.FetchItem{"BODY[]\r\nA9 LOGOUT"}, imap.FetchOptions{}, nil).Wait(s.ctx)
	s.say("CR LF in an item: %v", err)
	did(s, s.c.Noop())
}
