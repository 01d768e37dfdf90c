package system

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// TestFutureRelease: where the submission server holds mails back (RFC 4865) a client
// may ask for as much; where it does not, for no more than we hold one ourselves. No
// server in Debian has the extension: holdServer speaks for those that do.
func TestFutureRelease(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1, Postfix: true})
	held, err := newHoldServer()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	holding := func(text string) string {
		at := strings.Index(text, "[platform.submission]")
		return text[:at] + fmt.Sprintf("[platform.submission]\naddress = %q\ntls = \"none\"\n", held.ln.Addr())
	}
	for name, c := range map[string]struct {
		edit func(string) string
		most float64
	}{
		"held":    {holding, 86400},
		"Postfix": {nil, 60},
	} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, p, Options{Cells: 1, Renders: 1, Edit: c.edit})
			ann := s.Browser(p.Users[0].Login)
			defer ann.Close()
			if err := ann.SignIn(ctx, p.Users[0].Password); err != nil {
				t.Fatal(err)
			}
			most, extensions := submissionOf(ctx, t, ann)
			for len(extensions) == 0 && ctx.Err() == nil { // the server is asked beside the sign-in
				time.Sleep(50 * time.Millisecond)
				most, extensions = submissionOf(ctx, t, ann)
			}
			if _, has := extensions["FUTURERELEASE"]; most != c.most || has != (name == "held") {
				t.Errorf("maxDelayedSend %v, extensions %v", most, extensions)
			}
			out, err := ann.Ready(ctx)
			if err != nil {
				t.Fatal(err)
			}
			out.To, out.Subject, out.Text, out.MessageID = ann.Login, "Later", "See you.", "later-"+strings.ToLower(name)+"@cofferdam.test"
			id, err := ann.SendHeld(ctx, out, 3600)
			if name != "held" {
				if err == nil || !strings.Contains(err.Error(), "invalidProperties") {
					t.Errorf("a mail that nobody would hold: %q, %v", id, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := ann.GetSubmissions(ctx, id)
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			at, err := time.Parse(time.RFC3339, got[0].SendAt)
			if wait := time.Until(at); err != nil || got[0].UndoStatus != "final" || wait < 59*time.Minute || wait > time.Hour {
				t.Errorf("%+v", got[0])
			}
			if said := held.said(); !strings.Contains(said, " HOLDFOR=3600") && !strings.Contains(said, " HOLDFOR=359") {
				t.Errorf("the server heard %q", said)
			}
		})
	}
}

// submissionOf is what the session says of the submission server.
func submissionOf(ctx context.Context, t *testing.T, who *Person) (most float64, extensions map[string][]string) {
	t.Helper()
	var session struct {
		Accounts map[string]struct {
			AccountCapabilities map[string]struct {
				MaxDelayedSend       float64
				SubmissionExtensions map[string][]string
			}
		}
	}
	if err := who.getInto(ctx, "/jmap/session", &session); err != nil {
		t.Fatal(err)
	}
	for _, a := range session.Accounts {
		told := a.AccountCapabilities["urn:ietf:params:jmap:submission"]
		return told.MaxDelayedSend, told.SubmissionExtensions
	}
	t.Fatal("no account")
	return 0, nil
}

// holdServer is a submission server with FUTURERELEASE that takes whatever comes and
// keeps the last MAIL command.
type holdServer struct {
	ln net.Listener
	wg sync.WaitGroup

	mu   sync.Mutex // guards mail
	mail string
}

func newHoldServer() (*holdServer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &holdServer{ln: ln}
	h.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			h.wg.Go(func() { h.talk(nc) })
		}
	})
	return h, nil
}

// Close waits for the clients to leave.
func (h *holdServer) Close() {
	_ = h.ln.Close()
	h.wg.Wait()
}

func (h *holdServer) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mail
}

func (h *holdServer) talk(nc net.Conn) {
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewScanner(nc)
	fmt.Fprint(nc, "220 hold.test\r\n")
	for lines.Scan() {
		line := lines.Text()
		switch word, _, _ := strings.Cut(line, " "); strings.ToUpper(word) {
		case "EHLO":
			until := time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339)
			fmt.Fprintf(nc, "250-hold.test\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 FUTURERELEASE 86400 %s\r\n", until)
		case "AUTH":
			fmt.Fprint(nc, "235 2.7.0 yes\r\n")
		case "DATA":
			fmt.Fprint(nc, "354 go on\r\n")
			for lines.Scan() && lines.Text() != "." {
			}
			fmt.Fprint(nc, "250 2.0.0 held\r\n")
		case "QUIT":
			fmt.Fprint(nc, "221 2.0.0 bye\r\n")
			return
		case "MAIL":
			h.mu.Lock()
			h.mail = line
			h.mu.Unlock()
			fmt.Fprint(nc, "250 2.1.0 yes\r\n")
		default:
			fmt.Fprint(nc, "250 2.0.0 yes\r\n")
		}
	}
}
