package system

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/internal/breakin"
	"cofferdam/internal/ipc"
)

// A capability as keeper makes it: 25 bytes stand before the session's hash, 48
// after it (internal/keeper/capability.go).
const capBefore, capAfter = 25, 48

// intruder sits in one running cell.
type intruder struct {
	t      *testing.T
	server *Server
	cell   string
}

// TestHostileRunningCell is what an intruder in a running cell tries on the lines
// that the cell has, with capabilities found in its memory (issue: "must show" 4).
// e2e/roles tries more of it against the roles alone.
func TestHostileRunningCell(t *testing.T) {
	if os.Geteuid() != 0 {
		platform.Unmet(t, "reading capabilities out of a cell's memory needs root")
	}
	p := platform.Start(t, platform.Options{People: 16})
	s := Start(t, p, Options{Binary: BreakInBinary(t)})
	ada, grace, adaCell, graceCell := twoCells(t, s, p)
	in, other := intruder{t, s, adaCell}, intruder{t, s, graceCell}
	capability, foreign := in.capability(ada), other.capability(grace)
	forged := bytes.Clone(capability)
	forged[10] ^= 1 // another uid

	if text := in.put(capability, "mail", "mine", 1); !strings.HasPrefix(text, "200") {
		t.Fatalf("control: an honest record was answered %s", text)
	}
	if text := in.imap(capability, "a NOOP\r\n"); !strings.Contains(text, "a OK") {
		t.Fatalf("control: an honest IMAP command was answered %s", text)
	}
	type row struct{ what, answer, want string }
	forbidden, unknown, bye := string(ipc.CodeForbidden), string(ipc.CodeUnknown), "* BYE"
	rows := []row{
		{"record: forged capability", in.put(forged, "mail", "a", 1), forbidden},
		{"record: of another person, capability stolen from their cell", in.put(foreign, "mail", "b", 1), forbidden},
		{"record: no capability", in.put(nil, "mail", "c", 1), forbidden},
		{"record: of class auth", in.put(capability, "auth", "d", 1), forbidden},
		{"pipe: forged capability", in.imap(forged, "a NOOP\r\n"), unknown},
		{"pipe: of another person, capability stolen from their cell", in.imap(foreign, "a NOOP\r\n"), forbidden},
		{"blob: of another person's account", blobOf(t, ada, grace), "404"},
		{"submission: MAIL FROM somebody else", in.submit(capability, grace.Login), forbidden},
		{"submission: capability stolen from another cell", in.submit(foreign, grace.Login), forbidden},
		{"IMAP: SETACL", in.imap(capability, "a SETACL INBOX grace lrswipkxtea\r\n"), bye},
		{"IMAP: SETMETADATA", in.imap(capability, "a SETMETADATA INBOX (/shared/x y)\r\n"), bye},
		{"IMAP: AUTHENTICATE", in.imap(capability, "a AUTHENTICATE PLAIN\r\n"), bye},
		{"IMAP: SETACL hidden behind a literal", in.imap(capability, "a SELECT {5+}\r\nINBOX\r\nb SETACL INBOX g l\r\n"), bye},
		{"IMAP: SETACL hidden in a refused literal", in.imap(capability, "a SELECT {5}\r\nb SETACL INBOX g l\r\n"), bye},
	}
	// The cell dies; the person's lease gets a new fence.
	if err := s.Kill(adaCell, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	again(t, func() error { _, err := ada.Mailboxes(t.Context()); return err })
	if text := in.put(in.capability(ada), "mail", "after", 1); !strings.HasPrefix(text, "200") {
		t.Errorf("control: a record of the cell's successor was answered %s", text)
	}
	rows = append(rows, row{"record: old fencing number", in.put(capability, "mail", "e", 1), string(ipc.CodeFenced)},
		row{"pipe: old fencing number", in.imap(capability, "a NOOP\r\n"), unknown})
	stale := in.capability(ada)
	if err := ada.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows = append(rows, row{"record: capability of a session that ended", in.put(stale, "mail", "f", 1), unknown},
		row{"pipe: capability of a session that ended", in.imap(stale, "a NOOP\r\n"), unknown})

	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		if !strings.Contains(r.answer, r.want) {
			t.Errorf("%s: answered %s, want %s", r.what, r.answer, r.want)
		}
		if r.want == bye {
			r.answer = r.answer[max(0, strings.Index(r.answer, bye)):] // without the greeting
		}
		fmt.Fprintf(w, "%s\trefused: %s\n", r.what, clip(r.answer, 70))
	}
	w.Flush()
	t.Logf("a hostile running cell\n%s", &b)
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

// twoCells signs people in until two of them are in different cells.
func twoCells(t *testing.T, s *Server, p *platform.Platform) (ada, grace *Person, adaCell, graceCell string) {
	t.Helper()
	homes := map[string]*Person{}
	for _, u := range p.Users {
		one := s.Browser(u.Login)
		t.Cleanup(one.Close)
		if err := one.SignIn(t.Context(), u.Password); err != nil {
			t.Fatal(err)
		}
		if _, err := one.Mailboxes(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, cell := range s.Kind("cell") {
			if len((intruder{t, s, cell}).capabilities(one)) > 0 {
				homes[cell] = one
			}
		}
		if len(homes) == 2 {
			return homes["cell/0"], homes["cell/1"], "cell/0", "cell/1"
		}
	}
	t.Fatal("everybody is in one cell: by chance once in 32768 runs; run it again")
	return nil, nil, "", ""
}

// capabilities are those of a person's session in the memory of the cell.
func (i intruder) capabilities(p *Person) [][]byte {
	i.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(p.Cookie())
	if err != nil || len(raw) < 16 {
		i.t.Fatalf("cookie: %v", err)
	}
	hash := sha256.Sum256(raw[:16])
	found, err := FindIn(i.server.Roles()[i.cell], hash[:], capBefore, capAfter)
	if err != nil {
		i.t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(b []byte) bool { return b[0] != 1 || b[1] != 0 || b[2] != 0 })
}

// capability is the newest: a cell that was started again may have been given the
// person twice, under two fences.
func (i intruder) capability(p *Person) []byte {
	i.t.Helper()
	all := i.capabilities(p)
	if len(all) == 0 {
		i.t.Fatalf("no capability in the memory of %s", i.cell)
	}
	const fence = 1 + 8 + 16 + 32
	return slices.MaxFunc(all, func(a, b []byte) int { return bytes.Compare(a[fence:fence+8], b[fence:fence+8]) })
}

// put writes a record with a capability and returns status and answer.
func (i intruder) put(capability []byte, class, id string, revision int64) string {
	body, err := json.Marshal(ipc.RecordPut{Auth: ipc.Auth{Capability: capability},
		Record: ipc.Record{Class: class, ID: []byte(id), Revision: revision, Generation: 1, Data: []byte("sealed")}})
	if err != nil {
		i.t.Fatal(err)
	}
	return i.order("call", breakin.Order{Line: "keeper", Path: ipc.KeeperRecordPut, Body: body})
}

// imap opens a pipe with a capability and says text in it.
func (i intruder) imap(capability []byte, text string) string {
	return i.order("pipe", breakin.Order{Line: "porter", Path: ipc.PorterIMAP, Say: text,
		Header: map[string]string{ipc.HeaderCapability: base64.RawURLEncoding.EncodeToString(capability)}})
}

// submit hands over a mail with an envelope sender.
func (i intruder) submit(capability []byte, from string) string {
	env, err := json.Marshal(ipc.SubmitEnvelope{From: from, To: []ipc.SubmitRcpt{{Address: from}}})
	if err != nil {
		i.t.Fatal(err)
	}
	return i.order("call", breakin.Order{Line: "porter", Path: ipc.PorterSubmit, Body: []byte("Subject: x\r\n\r\nx\r\n"), Header: map[string]string{
		ipc.HeaderCapability: base64.RawURLEncoding.EncodeToString(capability), ipc.HeaderEnvelope: base64.RawURLEncoding.EncodeToString(env)}})
}

func (i intruder) order(what string, o breakin.Order) string {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), attemptTime)
	defer cancel()
	status, text, err := i.server.order(ctx, i.cell, what, o)
	if err != nil || status != http.StatusOK {
		i.t.Fatalf("the intruder in %s did not answer: %d %s %v", i.cell, status, text, err)
	}
	var heard breakin.Heard
	if err := json.Unmarshal(text, &heard); err != nil {
		i.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", heard.Status, heard.Text)
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
	if _, err := owner.Get(t.Context(), path); err != nil {
		t.Fatalf("control: the owner's own blob: %v", err)
	}
	_, err = asker.Get(t.Context(), path)
	if err == nil {
		return "200"
	}
	return err.Error()
}
