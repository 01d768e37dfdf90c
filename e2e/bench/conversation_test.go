package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// conversation is how many mails one has, and folders are where they lie by turns.
const conversation = 50

var folders = []string{"INBOX", "Sent", "Archive"}

// conversationProperties are what is shown of each mail of a conversation that is
// opened.
var conversationProperties = []string{"id", "threadId", "mailboxIds", "keywords", "from", "to", "cc", "subject", "receivedAt", "sentAt",
	"hasAttachment", "preview", "attachments", "textBody", "bodyValues"}

// TestBenchConversation opens a conversation that lies in several folders, with the
// text of each mail: by one request of ours, and by one write of the floor's.
func TestBenchConversation(t *testing.T) {
	samples := 20
	if long() {
		samples = 200
	}
	log := rawlog(t)
	p := platform.Start(t, platform.Options{Users: []platform.User{{Login: "talk", Password: "password-bench"}},
		Extra: "protocol imap {\n  rawlog_dir = " + log + "\n}\n"})
	s := system.Start(t, p, system.Options{LogLevel: "warn", Edit: withoutHeaderMemory})
	b := &bench{t: t, server: s, platform: p, user: p.Users[0], samples: samples}
	ctx := t.Context()
	raw, err := system.DialIMAP(ctx, p, b.user)
	b.must(err)
	defer raw.Close()
	b.writeConversation(raw)
	b.person = s.Browser(b.user.Login)
	defer b.person.Close()
	b.must(b.person.SignIn(ctx, b.user.Password))
	inbox, err := b.person.ByRole(ctx, "inbox")
	b.must(err)
	b.complete(ctx, inbox)
	page, err := b.person.List(ctx, system.Args{"inMailbox": inbox}, 0, 1, true)
	b.must(err)
	calls := []system.Call{
		{Name: "Email/get", Args: system.Args{"ids": page.IDs, "properties": []string{"threadId"}}},
		{Name: "Thread/get", Args: system.Args{"#ids": system.Ref("0", "Email/get", "/list/*/threadId")}},
		{Name: "Email/get", Args: system.Args{"#ids": system.Ref("1", "Thread/get", "/list/*/emailIds"), "properties": conversationProperties, "fetchTextBodyValues": true}},
	}
	var floor []string
	for _, box := range folders {
		floor = append(floor, "SELECT "+box, "FETCH 1:* "+listItems, "FETCH 1:* BODY.PEEK[]")
	}
	var r row
	said := 0 // commands
	for i := range samples + warmup {
		before := commands(t, log)
		began := time.Now()
		text, err := b.person.Exchange(ctx, calls...)
		took := time.Since(began)
		b.must(err)
		n := commands(t, log) - before
		a, err := system.ReadAnswers(text)
		b.must(err)
		var got struct{ List []system.Email }
		b.must(a.Into(2, &got))
		if len(got.List) != conversation {
			t.Fatalf("the conversation has %d mails, want %d", len(got.List), conversation)
		}
		began = time.Now()
		_, err = raw.Do(floor...)
		b.must(err)
		if i >= warmup {
			r.ours, r.floor, said = append(r.ours, took), append(r.floor, time.Since(began)), said+n
		}
	}
	doc := &report{}
	doc.printf("# A conversation of %d mails in %d folders\n\nOpened by one request, with the text of each mail; the floor selects each folder, and fetches the same and the whole mails, in one write of %d commands.\n\n", conversation, len(folders), len(floor))
	doc.printf("| n | ours p50 | p95 | floor p50 | p95 | IMAP commands of ours |\n|--:|--:|--:|--:|--:|--:|\n| %d | %s | %s | %s | %s | %.1f |\n",
		len(r.ours), ms(r.ours.at(.5)), ms(r.ours.at(.95)), ms(r.floor.at(.5)), ms(r.floor.at(.95)), float64(said)/float64(len(r.ours)))
	t.Logf("\n%s", doc)
	b.must(doc.append(repository()))
}

// writeConversation puts the mails of a conversation into the folders by turns.
func (b *bench) writeConversation(raw *system.RawIMAP) {
	b.t.Helper()
	refs := ""
	for i := range conversation {
		text := fmt.Sprintf("From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: Re: the plan\r\nMessage-ID: <m%d@example.org>\r\n%sDate: Mon, 02 Mar 2026 10:%02d:00 +0000\r\n\r\n%s\r\n",
			i, refs, i, strings.Repeat("What do you think of the plan? ", 40))
		b.must(raw.Append(folders[i%len(folders)], text))
		refs = fmt.Sprintf("In-Reply-To: <m%d@example.org>\r\nReferences: <m0@example.org> <m%d@example.org>\r\n", i, i)
	}
}

// rawlog is a folder in which the mail server keeps what it is told.
func rawlog(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cfl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ourCommand is a command of our client: its tags are numbers behind an A.
var ourCommand = regexp.MustCompile(`(?m)^(?:[0-9.]+ )?A[0-9]+ `)

// commands is how many of ours the mail server was told.
func commands(t *testing.T, dir string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.in"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the mail server keeps no log: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n += len(ourCommand.FindAll(text, -1))
	}
	return n
}
