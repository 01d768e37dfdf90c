package jmapserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/jmapserver/jmapservertest"
)

var update = flag.Bool("update", false, "rewrite the replies in testdata")

// world is a Handler and the accounts behind it.
type world struct {
	h      http.Handler
	a      *jmapservertest.Account
	person *jmapserver.Person
}

func newWorld(t testing.TB, limits jmapserver.Limits) *world {
	a := jmapservertest.New()
	w := &world{a: a, person: &jmapserver.Person{Key: "p1", Username: "anna@example.org", Accounts: []jmapserver.Account{a}}}
	h, err := jmapserver.New(jmapserver.Config{
		Person: func(r *http.Request) (*jmapserver.Person, bool) {
			return w.person, r.Header.Get("Authorization") != "nobody"
		},
		BaseURL: func(*http.Request) string { return "https://mail.example.org/" },
		Limits:  limits,
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.h = h
	return w
}

// post sends an API request and returns status and body.
func (w *world) post(body string) (int, []byte) {
	r := httptest.NewRequest("POST", "/jmap/api", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes()
}

// plain hides all abilities of an account but the ones that every account has.
type plain struct{ jmapserver.Account }

// setup does what a line of a case says.
func (w *world) setup(t *testing.T, line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "readonly":
		w.a.SetInfo(func(i *jmap.AccountInfo) { i.IsReadOnly = true })
	case "second-account": // shared, without the right to send
		b := jmapservertest.New()
		b.SetInfo(func(i *jmap.AccountInfo) { i.ID, i.Name, i.IsPersonal, i.Submission = "a2", "Team", false, nil })
		w.person.Accounts = append(w.person.Accounts, plain{b})
	case "team-account": // shared, with one mail of its own
		b, subject := jmapservertest.New(), "News"
		b.SetInfo(func(i *jmap.AccountInfo) { i.ID, i.Name, i.IsPersonal = "a2", "Team", false })
		blob, err := b.BlobPut(t.Context(), strings.NewReader("Subject: News\r\n\r\nx\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		b.Deliver(&jmap.Email{ID: "n1", BlobID: blob.ID, ThreadID: "tn1", MailboxIDs: []jmap.MailboxID{"Mi"}, Subject: &subject,
			Keywords: []jmap.Keyword{"$flagged"}, ReceivedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)})
		w.person.Accounts = append(w.person.Accounts, b)
	case "no-abilities":
		w.person.Accounts = []jmapserver.Account{plain{w.a}}
	case "quota":
		w.a.SetInfo(func(i *jmap.AccountInfo) { i.HasQuota = true })
	case "touch":
		id, k, _ := strings.Cut(rest, " ")
		w.a.Touch(jmap.EmailID(id), jmap.Keyword(k))
	case "forget":
		w.a.Forget()
	case "fail":
		w.a.Fail(errors.New("dialing imap.internal:993: a secret"))
	case "fail-unavailable":
		w.a.Fail(fmt.Errorf("selecting INBOX: %w", jmap.ServerUnavailable))
	default:
		t.Fatalf("unknown setup %q", line)
	}
}

const allCapabilities = `["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail","urn:ietf:params:jmap:submission","urn:ietf:params:jmap:blob","https://mail.example.org` + jmap.CapabilityVendor + `"]`

// TestCases runs testdata/*/*.txtar: requests and the replies that they must
// get, one after the other. A request that begins with "[" is the methodCalls
// of a Request that uses every capability. A file called "do" has a line for
// each thing that happens in between.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".txtar")
		t.Run(name, func(t *testing.T) { runCase(t, file) })
	}
}

func runCase(t *testing.T, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	limits := jmapserver.DefaultLimits()
	if bytes.Contains(ar.Comment, []byte("Small limits.")) {
		limits.MaxCallsInRequest, limits.MaxObjectsInGet, limits.MaxObjectsInSet, limits.MaxSizeRequest = 3, 3, 3, 2000
	}
	w := newWorld(t, limits)
	var out []txtar.File
	for i, f := range ar.Files {
		switch f.Name {
		case "do":
			for line := range strings.Lines(string(f.Data)) {
				w.setup(t, strings.TrimSpace(line))
			}
			out = append(out, f)
		case "request":
			body := string(f.Data)
			if strings.HasPrefix(body, "[") {
				body = `{"using":` + allCapabilities + `,"methodCalls":` + body + `}`
			}
			got := readable(w.post(body))
			out = append(out, f, txtar.File{Name: "reply", Data: []byte(got)})
			if *update {
				continue
			}
			if i+1 == len(ar.Files) || ar.Files[i+1].Name != "reply" {
				t.Fatalf("request %d has no reply", i)
			}
			if diff := cmp.Diff(string(ar.Files[i+1].Data), got); diff != "" {
				t.Errorf("reply to request %d (-want +got):\n%s", i, diff)
			}
		case "reply":
		default:
			t.Fatalf("unknown file %q", f.Name)
		}
	}
	if *update {
		ar.Files = out
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var sessionState = regexp.MustCompile(`,"sessionState":"[^"]+"}$`)

// readable puts each response on its own lines. The state of the session is
// taken off: TestSession looks at it.
func readable(status int, body []byte) string {
	if status != http.StatusOK {
		return fmt.Sprintf("%d\n%s\n", status, indent(body))
	}
	if !sessionState.Match(body) {
		return "no sessionState: " + string(body)
	}
	return indent(append(sessionState.ReplaceAll(body, nil), '}')) + "\n"
}

// indent is like json.Indent, but leaves short arrays and objects on one line.
func indent(body []byte) string {
	var v json.RawMessage = body
	return indentValue(v, "")
}

func indentValue(v json.RawMessage, pad string) string {
	const width = 110
	if len(pad)+len(v) <= width || v[0] != '[' && v[0] != '{' {
		return string(v)
	}
	d := json.NewDecoder(bytes.NewReader(v))
	open, err := d.Token()
	if err != nil {
		return "not JSON: " + string(v)
	}
	var lines []string
	for d.More() {
		key := ""
		if open == json.Delim('{') {
			k, err := d.Token()
			if err != nil {
				return "not JSON: " + string(v)
			}
			key = fmt.Sprintf("%q:", k)
		}
		var item json.RawMessage
		if d.Decode(&item) != nil {
			return "not JSON: " + string(v)
		}
		lines = append(lines, pad+" "+key+indentValue(item, pad+" "))
	}
	end := map[json.Token]string{json.Delim('{'): "}", json.Delim('['): "]"}[open]
	return string(v[:1]) + "\n" + strings.Join(lines, ",\n") + "\n" + pad + end
}
