package system

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/ipc"
)

// hostilePeople are many, so that two of them are in different cells: all of the
// first n are in one cell once in 2^(n-1) runs.
const hostilePeople = 30

// Without the guard the server would do it: these settings let people share
// mailboxes and set notes on them, and send under any name.
const (
	openDovecot = `
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = acl imap_acl
  imap_metadata = yes
}
plugin {
  acl = vfile
}`
	openPostfix = "smtpd_sender_restrictions ="
)

// An attack is one row of the table. The control is the same act where nothing
// forbids it: with the right that the intruder lacks, or said to the mail server
// itself, with no guard between. Unless it works the row proves nothing.
type attack struct {
	what           string
	control, works string // what the control was answered, and what it has to hold
	answer, want   string // what the intruder was answered, and what it has to hold
}

// TestHostileRunningCell is what an intruder in a running cell tries on the lines
// that the cell has, with capabilities found in its memory, as root and
// unprivileged (issue: "must show" 4). e2e/roles tries more of it against the
// roles alone.
func TestHostileRunningCell(t *testing.T) {
	if os.Geteuid() != 0 {
		platform.Unmet(t, "reading capabilities out of a cell's memory needs root")
	}
	p := platform.Start(t, platform.Options{People: hostilePeople, Postfix: true, Extra: openDovecot, PostfixExtra: openPostfix})
	for name, uid := range starters(t) {
		t.Run(name, func(t *testing.T) { hostileCell(t, p, name, uid) })
	}
}

func hostileCell(t *testing.T, p *platform.Platform, starter string, uid int) {
	s := Start(t, p, Options{Binary: BreakInBinary(t), UID: uid})
	h := hostile{t: t, p: p}
	h.ada, h.grace, h.cell, h.other = twoCells(t, s, p)
	h.capability, h.foreign = h.cell.capability(h.ada), h.other.capability(h.grace)
	h.forged = bytes.Clone(h.capability)
	h.forged[10] ^= 1 // another uid

	table := slices.Concat(h.records(), h.pipes(), h.verbs(), h.mails(), h.lines(), h.outdated())
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "attempt\tcontrol\tanswer")
	for _, r := range table {
		if !strings.Contains(r.control, r.works) {
			t.Errorf("%s: the control was answered %s, want %s: the attempt proves nothing", r.what, r.control, r.works)
		}
		if !strings.Contains(r.answer, r.want) {
			t.Errorf("%s: answered %s, want %s", r.what, r.answer, r.want)
		}
		fmt.Fprintf(w, "%s\t%s\trefused: %s\n", r.what, clip(after(r.control, r.works), 40), clip(after(r.answer, r.want), 70))
	}
	w.Flush()
	t.Logf("a hostile running cell, started as %s\n%s", starter, &b)
}

// after cuts off what a mail server said before the words that count; the status of
// an HTTP answer stays.
func after(text, words string) string {
	if !strings.Contains(text, "\r\n") {
		return text
	}
	return text[max(0, strings.Index(text, words)):]
}

// hostile is the scene of the table: an intruder in the cell of one person, and
// what the intruder has.
type hostile struct {
	t           *testing.T
	p           *platform.Platform
	ada, grace  *Person
	cell, other intruder // ada's, and grace's
	// capability is ada's, foreign is grace's and was stolen from the other cell,
	// forged is ada's made out to another uid.
	capability, foreign, forged []byte
}

const (
	forbidden = string(ipc.CodeForbidden)
	unknown   = string(ipc.CodeUnknown)
	fenced    = string(ipc.CodeFenced)
	bye       = "* BYE"
	reached   = "reached" // a line that is there
	noLine    = "no line"
)

// records are those of other people and other classes. The control is the same
// call with the right that belongs to the cell.
func (h hostile) records() []attack {
	own := h.cell.put(h.capability, "mail", "mine", 1)
	list := h.cell.list(h.capability)
	return []attack{
		{"record: write with a forged capability", own, "200", h.cell.put(h.forged, "mail", "a", 1), forbidden},
		{"record: write with a capability stolen from another cell", h.other.put(h.foreign, "mail", "b", 1), "200", h.cell.put(h.foreign, "mail", "b", 2), forbidden},
		{"record: write with no capability", own, "200", h.cell.put(nil, "mail", "c", 1), forbidden},
		{"record: write of class auth", own, "200", h.cell.put(h.capability, "auth", "d", 1), forbidden},
		{"record: read with a forged capability", list, "200", h.cell.list(h.forged), forbidden},
		{"record: read with a capability stolen from another cell", h.other.list(h.foreign), "200", h.cell.list(h.foreign), forbidden},
	}
}

func (h hostile) pipes() []attack {
	const noop = "a NOOP\r\n"
	own := h.cell.imap(h.capability, noop)
	return []attack{
		{"pipe: forged capability", own, "a OK", h.cell.imap(h.forged, noop), unknown},
		{"pipe: capability stolen from another cell", h.other.imap(h.foreign, noop), "a OK", h.cell.imap(h.foreign, noop), forbidden},
	}
}

// verbs are said into a pipe that is the cell's by right. The control says the
// same to the mail server, on a connection that is logged in as the same person.
func (h hostile) verbs() []attack {
	var out []attack
	for _, v := range []struct{ what, say, works string }{
		{"IMAP: SETACL", "a SETACL INBOX grace lrs\r\n", "a OK Setacl"},
		{"IMAP: SETMETADATA", "a SETMETADATA INBOX (/private/comment \"x\")\r\n", "a OK Setmetadata"},
		{"IMAP: SETACL hidden behind a literal", "a STATUS {5+}\r\nINBOX (MESSAGES)\r\nb SETACL INBOX grace lrs\r\n", "b OK Setacl"},
		{"IMAP: SETACL hidden in a literal that is refused", "a APPEND nowhere {99}\r\nb SETACL INBOX grace lrs\r\n", "b OK Setacl"},
		{"IMAP: SETACL hidden in a quoted string", "a STATUS \"x\r\nb SETACL INBOX grace lrs\r\n", "b OK Setacl"},
	} {
		out = append(out, attack{v.what, h.bare(true, v.say, v.works), v.works, h.cell.imap(h.capability, v.say), bye})
	}
	// A pipe is logged in already, where the server takes no login either: the
	// control is a connection that is not.
	login := "a AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+h.grace.Login+"\x00"+h.password(h.grace))) + "\r\n"
	return append(out, attack{"IMAP: AUTHENTICATE as somebody else", h.bare(false, login, "a OK"), "a OK", h.cell.imap(h.capability, login), bye})
}

// mails are sent with a sender who is not the cell's person. The control is the
// person's own, and the mail server itself, which would take it.
func (h hostile) mails() []attack {
	return []attack{
		{"submission: MAIL FROM somebody else", h.bareSubmit(h.ada, h.grace.Login), "250 2.1.0", h.cell.submit(h.capability, h.grace.Login), forbidden},
		{"submission: capability stolen from another cell", h.other.submit(h.foreign, h.grace.Login), "200", h.cell.submit(h.foreign, h.grace.Login), forbidden},
		{"submission: forged capability", h.cell.submit(h.capability, h.ada.Login), "200", h.cell.submit(h.forged, h.ada.Login), unknown},
	}
}

// lines are those that a role does not have. The control is a role that has it.
func (h hostile) lines() []attack {
	keeper, render := h.cell.in("keeper"), h.cell.in(strings.Replace(h.cell.role, "cell", "render", 1)+".0")
	mine, theirs := blobOf(h.t, h.grace, h.grace), blobOf(h.t, h.ada, h.grace)
	return []attack{
		{"blob: of another person's account", mine, "200", theirs, "404"},
		{"line from the cell to another cell, for its blobs", keeper.reach(h.other.role), reached, h.cell.reach(h.other.role), noLine},
		{"line from the cell to vault", keeper.reach("vault"), reached, h.cell.reach("vault"), noLine},
		{"line from a render to keeper", h.cell.reach("keeper"), reached, render.reach("keeper"), noLine},
		{"line from a render to porter", h.cell.reach("porter"), reached, render.reach("porter"), noLine},
		{"line from a render to courier", h.cell.reach("courier"), reached, render.reach("courier"), noLine},
		{"line from courier to porter", h.cell.reach("porter"), reached, h.cell.in("courier").reach("porter"), noLine},
		{"line from courier to vault", keeper.reach("vault"), reached, h.cell.in("courier").reach("vault"), noLine},
	}
}

// outdated are capabilities whose time is over: the cell dies, so that the
// person's lease gets a new fence, and later the session ends. The control is the
// same capability before that.
func (h hostile) outdated() []attack {
	const noop = "a NOOP\r\n"
	record, pipe := h.cell.put(h.capability, "mail", "before", 1), h.cell.imap(h.capability, noop)
	if err := h.cell.server.Kill(h.cell.role, startTimeout); err != nil {
		h.t.Fatal(err)
	}
	again(h.t, func() error { _, err := h.ada.Mailboxes(h.t.Context()); return err })
	newest := h.cell.capability(h.ada)
	now, nowPipe := h.cell.put(newest, "mail", "after", 1), h.cell.imap(newest, noop)
	out := []attack{
		{"record: old fencing number", record, "200", h.cell.put(h.capability, "mail", "e", 1), fenced},
		{"pipe: old fencing number", pipe, "a OK", h.cell.imap(h.capability, noop), unknown},
	}
	if err := h.ada.SignOut(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return append(out,
		attack{"record: capability of a session that ended", now, "200", h.cell.put(newest, "mail", "f", 1), unknown},
		attack{"pipe: capability of a session that ended", nowPipe, "a OK", h.cell.imap(newest, noop), unknown})
}

func (h hostile) password(p *Person) string {
	h.t.Helper()
	for _, u := range h.p.Users {
		if u.Login == p.Login {
			return u.Password
		}
	}
	h.t.Fatalf("nobody is %s", p.Login)
	return ""
}

// bare says text to the mail server itself, as ada or before any login, and
// listens for words.
func (h hostile) bare(loggedIn bool, text, words string) string {
	h.t.Helper()
	c, err := connectIMAP(h.t.Context(), h.p)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if loggedIn {
		if _, err := c.Do(fmt.Sprintf("LOGIN %s %q", h.ada.Login, h.password(h.ada))); err != nil {
			h.t.Fatal(err)
		}
	}
	said, err := c.Say(text, words)
	if err != nil {
		h.t.Fatal(err)
	}
	return said
}

// bareSubmit is what the submission server itself answers to MAIL FROM.
func (h hostile) bareSubmit(as *Person, from string) string {
	h.t.Helper()
	c, err := smtp.Dial(h.p.Submission)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(c.StartTLS(h.p.TLS()), c.Auth(smtp.PlainAuth("", as.Login, h.password(as), "127.0.0.1"))); err != nil {
		h.t.Fatal(err)
	}
	id, err := c.Text.Cmd("MAIL FROM:<%s>", from)
	if err != nil {
		h.t.Fatal(err)
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	code, line, err := c.Text.ReadResponse(0)
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", code, line)
}

// blobOf asks, with one person's session, for a blob of another's account.
func blobOf(t *testing.T, asker, owner *Person) string {
	t.Helper()
	blob, err := owner.UploadBlob(t.Context(), "text/plain", []byte("private"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := owner.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := strings.NewReplacer("{accountId}", theirs.Account, "{blobId}", blob, "{name}", "x", "{type}", "text%2Fplain").Replace(theirs.Download)
	got, err := asker.Get(t.Context(), path)
	if err != nil {
		return err.Error()
	}
	return "200 " + string(got)
}

// again repeats what a client repeats while a role is started anew.
func again(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
