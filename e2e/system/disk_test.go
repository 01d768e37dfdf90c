package system

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"cofferdam/e2e/platform"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// planted are words that stand in mail and nowhere else. Their letters are those
// that quoted-printable leaves alone.
type planted struct {
	login, password, partner           string // whole words of ours in addresses and the password
	subject, body, attached            string
	arrivedSubject, arrivedBody, query string
	draft, unused                      string
}

func plant() planted {
	word := func() string { return "q" + strings.ToLower(rand.Text()[:22]) }
	return planted{word(), rand.Text(), word(), word(), word(), word(), word(), word(), word(), word(), word()}
}

func (p planted) all() []string {
	return []string{p.login, p.password, p.partner, p.subject, p.body, p.attached, p.arrivedSubject, p.arrivedBody, p.query, p.draft, p.unused}
}

// TestNothingOnDisk: after a whole session with uploads, a draft, sending,
// searching and a crash no word of it lies in any file of ours: no store, log,
// write-ahead log, temporary file (R3); nor does the password (R8). The files
// alone, started again, open no session.
func TestNothingOnDisk(t *testing.T) {
	secret := plant()
	scanner, err := NewScanner(secret.all())
	if err != nil {
		t.Fatal(err)
	}
	checkControl(t, scanner, secret)
	p := platform.Start(t, platform.Options{Postfix: true, Users: []platform.User{
		{Login: secret.login, Password: secret.password}, {Login: secret.partner, Password: rand.Text()}}})
	s := Start(t, p, Options{LogLevel: "debug"})
	ada := workWith(t, p, s, secret)
	checkDisk(t, s, scanner, "at work")
	crash(t, s, ada)
	checkDisk(t, s, scanner, "after a crash")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	checkDisk(t, s, scanner, "stopped")
	if err := s.Launch(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.List(t.Context(), Args{}, 0, 10, false); StatusOf(err) != 401 {
		t.Errorf("the files alone opened a session: %v", err)
	}
	checkDisk(t, s, scanner, "started from the files")
}

// workWith does everything that brings words of mail to us.
func workWith(t *testing.T, p *platform.Platform, s *Server, secret planted) *Person {
	t.Helper()
	ctx := t.Context()
	ada := s.Browser(p.Users[0].Login)
	t.Cleanup(ada.Close)
	if err := ada.SignIn(ctx, p.Users[0].Password); err != nil {
		t.Fatalf("sign-in: %v", err)
	}
	arrived := fmt.Sprintf("From: %s <%s>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@cofferdam.test>\r\n\r\n%s\r\n",
		secret.partner, p.Users[1].Login, p.Users[0].Login, secret.arrivedSubject, secret.arrivedSubject, secret.arrivedBody)
	if err := p.Deliver(p.Users[1].Login, p.Users[0].Login, []byte(arrived)); err != nil {
		t.Fatal(err)
	}
	inbox, err := ada.ByRole(ctx, "inbox")
	if err != nil {
		t.Fatal(err)
	}
	var page Page
	for began := time.Now(); len(page.IDs) == 0; time.Sleep(50 * time.Millisecond) {
		if page, err = ada.List(ctx, Args{"inMailbox": inbox}, 0, 10, true); err != nil || time.Since(began) > startTimeout {
			t.Fatalf("waiting for a mail: %v", err)
		}
	}
	if e, doc, err := ada.OpenMail(ctx, page.IDs[0]); err != nil || e.Subject != secret.arrivedSubject || !strings.Contains(string(doc), secret.arrivedBody) {
		t.Fatalf("opening: %v, subject %q", err, e.Subject)
	}
	for _, filter := range []Args{{"text": secret.query}, {"body": secret.arrivedBody}, {"from": secret.partner}} {
		if _, err := ada.List(ctx, filter, 0, 10, false); err != nil {
			t.Fatalf("searching: %v", err)
		}
	}
	send(t, p, ada, secret)
	return ada
}

// send uploads two files, lays down a draft, and sends a mail with one of the
// files.
func send(t *testing.T, p *platform.Platform, ada *Person, secret planted) {
	t.Helper()
	ctx := t.Context()
	out, err := ada.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = ada.UploadBlob(ctx, "text/plain", many(secret.unused)); err != nil {
		t.Fatalf("upload: %v", err)
	}
	if out.Blob, err = ada.UploadBlob(ctx, "text/plain", many(secret.attached)); err != nil {
		t.Fatalf("upload: %v", err)
	}
	a, err := ada.Call(ctx, Call{"Email/set", Args{"create": Args{"d": Args{"mailboxIds": Args{out.Drafts: true}, "keywords": Args{"$draft": true}, "subject": secret.draft,
		"bodyValues": Args{"t": Args{"value": secret.draft}}, "textBody": []Args{{"partId": "t", "type": "text/plain"}}}}}})
	var made struct{ Created map[string]json.RawMessage }
	if err == nil {
		err = a.Into(0, &made)
	}
	if err != nil || made.Created["d"] == nil {
		t.Fatalf("a draft: %v", err)
	}
	out.To, out.Subject, out.Text, out.MessageID = p.Users[1].Login, secret.subject, secret.body, secret.subject+"@cofferdam.test"
	if err := ada.Send(ctx, out); err != nil {
		t.Fatalf("sending: %v", err)
	}
}

// many is a file of a megabyte that has the word all over.
func many(word string) []byte { return bytes.Repeat([]byte(word+" \n"), 1<<20/len(word)) }

// crash kills the roles that hold what a person works with.
func crash(t *testing.T, s *Server, ada *Person) {
	t.Helper()
	for _, name := range append(s.Kind("cell"), "keeper") {
		if err := s.Kill(name, startTimeout); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for began := time.Now(); time.Since(began) < startTimeout; time.Sleep(200 * time.Millisecond) {
		if _, err = ada.List(t.Context(), Args{}, 0, 10, false); err == nil {
			return
		}
	}
	t.Fatalf("after the crash: %v", err)
}

func checkDisk(t *testing.T, s *Server, scanner *Scanner, when string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, "log"), []byte(s.Log.Tail(1<<30)), 0o600); err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{}
	select {
	case <-s.Exited():
	default:
		pids = s.Roles()
		pids["supervisor"] = s.Pid()
	}
	d, err := scanner.Disk(pids, s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d files, %d bytes, %d compressed streams", when, d.Files, d.Bytes, d.Streams)
	if len(d.Found) > 0 {
		t.Errorf("%s, on disk:\n%s", when, d)
	}
	if d.Bytes < 100_000 {
		t.Errorf("%s: only %d bytes were read", when, d.Bytes)
	}
}

// checkControl is the probe's proof: an installation's files as they would be with
// sealing off. The product has no such switch, and shall have none; so its own
// store takes the words as records, an upload, the index's snapshot and the log
// have them in the forms in which software writes words, and each is found.
func checkControl(t *testing.T, scanner *Scanner, secret planted) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "cofferdam.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	words := secret.all()
	if err := unsealed(t.Context(), db, words); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(words, "\n")
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, _ = zw.Write([]byte(text)) // a Buffer takes all
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"upload": []byte(text), "log": []byte(`{"msg":"` + strings.Join(words, " ") + `"}`), "wide": wide(text),
		"base64": []byte(base64.StdEncoding.EncodeToString([]byte(text))), "gzip": append([]byte("head"), zipped.Bytes()...),
		"zstd": append([]byte("head"), enc.EncodeAll([]byte(text), nil)...),
	}
	for name, b := range forms {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := scanner.Disk(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	forms["cofferdam.db-wal"] = nil
	for name := range forms {
		if f := d.Found[filepath.Join(dir, name)]; f.Count() != len(words) {
			t.Errorf("control: %d of %d words found in %s", f.Count(), len(words), name)
		}
	}
}

// unsealed stores words as records without sealing them.
func unsealed(ctx context.Context, db *store.SQLite, words []string) error {
	uid := user.NewID()
	if _, err := db.AddLogin(ctx, store.LoginID{1}, uid); err != nil {
		return err
	}
	b := store.Batch{UID: uid, Class: "outbox", Unfenced: true}
	for i, w := range words {
		b.Writes = append(b.Writes, store.Write{ID: fmt.Append(nil, i), Revision: 1, Generation: 1, Sealed: []byte(w)})
	}
	_, err := db.Put(ctx, b)
	return err
}
