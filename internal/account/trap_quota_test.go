package account_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// line is a bare connection to a server, with nothing of ours in it.
type line struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func bare(t *testing.T, dial func(context.Context) (net.Conn, error)) *line {
	t.Helper()
	c, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	l := &line{t, c, bufio.NewReader(c)}
	l.until("* ")
	return l
}

// until returns what is said up to a line that begins so.
func (l *line) until(begin string) string {
	l.t.Helper()
	_ = l.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var said strings.Builder
	for {
		s, err := l.br.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the server said %q, then %v", said.String(), err)
		}
		said.WriteString(s)
		if strings.HasPrefix(s, begin) {
			return said.String()
		}
	}
}

// say sends commands at once and returns what is said to all of them.
func (l *line) say(commands ...string) string {
	l.t.Helper()
	for i, c := range commands {
		fmt.Fprintf(l.conn, "z%d %s\r\n", i, c)
	}
	return l.until(fmt.Sprintf("z%d ", len(commands)-1))
}

// TestFullMailbox is trap 1 over a server that is full: whatever is refused has
// changed nothing, and says that it is the quota. The control moves a mail as a
// well-known client does, with COPY, STORE and EXPUNGE in one breath: it is lost.
func TestFullMailbox(t *testing.T) {
	for name, capability := range map[string]string{"MOVE": "", "no MOVE": "IMAP4rev1 UIDPLUS IDLE", "bare": "IMAP4rev1 IDLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: capability, Extra: "plugin {\n  quota_rule = *:storage=60K\n  quota_grace = 0\n}\n"})
			dial := upstreamtest.SignedIn(s.Addr, "full", imaptest.Password)

			r := newRig(t, imapup.New(imapup.Config{Dial: dial, PollEvery: 300 * time.Millisecond}), imapup.New(imapup.Config{Dial: dial}))
			raw := upstreamtest.Mail("big") + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 500)
			r.deliver("INBOX", raw)
			inbox, archive := r.box(jmap.RoleInbox), r.box(jmap.RoleArchive)
			id := r.waitFor(inbox, 1)[0]
			other := upstreamtest.Mail("second") + strings.Repeat(strings.Repeat("y", 70)+"\r\n", 500)
			text := strings.Repeat("z", 40<<10)

			over := func(what string, why *jmap.SetError) {
				t.Helper()
				if why == nil || why.Type != jmap.SetOverQuota {
					t.Errorf("%s: %v, want overQuota", what, why)
				}
			}
			imported := r.importAll(jmap.EmailImport{Emails: []jmap.ImportedEmail{{CreationID: "k", BlobID: r.upload(other), MailboxIDs: []jmap.MailboxID{inbox}}}})
			over("import", imported.NotCreated["k"])
			set, err := r.a.EmailSet(r.ctx, &jmap.EmailSet{
				Create: []jmap.EmailCreate{{CreationID: "c", MailboxIDs: []jmap.MailboxID{inbox}, Body: &jmap.NewPart{Type: "text/plain", Text: &text}}},
				Update: []jmap.EmailUpdate{{ID: id, MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Add: []jmap.MailboxID{archive}}}},
			})
			r.must(err)
			over("create", set.NotCreated["c"])
			over("a second Mailbox", set.NotUpdated[id])
			set, err = r.a.EmailSet(r.ctx, &jmap.EmailSet{Update: []jmap.EmailUpdate{{ID: id, Keywords: &jmap.SetPatch[jmap.Keyword]{Add: []jmap.Keyword{"$seen"}},
				MailboxIDs: &jmap.SetPatch[jmap.MailboxID]{Replace: true, Values: []jmap.MailboxID{archive}}}}})
			r.must(err)
			where := inbox
			if name == "MOVE" {
				if where = archive; set.NotUpdated[id] != nil {
					t.Errorf("MOVE needs no room: %v", set.NotUpdated[id])
				}
			} else {
				over("a move by COPY", set.NotUpdated[id])
			}
			if e := r.get(allFields, id)[id]; e.Subject == nil || len(e.MailboxIDs) != 1 || e.MailboxIDs[0] != where {
				t.Fatalf("it is %+v", e)
			}
			r.wantBlob(r.get(allFields, id)[id].BlobID, raw)
			if n := len(r.otherFlags("INBOX")) + len(r.otherFlags("Archive")); n != 1 {
				t.Errorf("the server has %d mails", n)
			}

			from, to := "INBOX", "Trash"
			if where == archive {
				from = "Archive"
			}
			l := bare(t, dial)
			said := l.say("SELECT "+from, "COPY 1 "+to, `STORE 1 +FLAGS.SILENT (\Deleted)`, "EXPUNGE")
			if !strings.Contains(said, "OVERQUOTA") {
				t.Errorf("the control's COPY was not refused: %s", said)
			}
			if n := len(r.otherFlags("INBOX")) + len(r.otherFlags("Archive")) + len(r.otherFlags("Trash")); n != 0 {
				t.Errorf("the control has lost nothing: %d mails", n)
			}
		})
	}
}
