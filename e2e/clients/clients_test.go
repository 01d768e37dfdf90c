package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

func TestMain(m *testing.M) { os.Exit(system.Main(m)) }

// What each client does and says, one after the other: go-jmap threads, flags and
// moves the mail that it reads.
var (
	goSteps  = []string{"mailboxes", "read", "thread", "flag", "move", "blob", "send", "push"}
	jamSteps = []string{"mailboxes", "read", "thread", "flag", "move", "blob", "send", "push"}
)

// TestForeignClients lets each client work for somebody of its own.
func TestForeignClients(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 2, Postfix: true})
	s := system.Start(t, p, system.Options{Cells: 1, Renders: 1, Basic: true})
	t.Run("go-jmap", func(t *testing.T) {
		program := filepath.Join(t.TempDir(), "gojmap")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
		build.Dir = "gojmap"
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building: %v: %s", err, out)
		}
		drive(t, p, s, p.Users[0], goSteps, program)
	})
	t.Run("jmap-jam", func(t *testing.T) {
		if _, err := os.Stat("node_modules/jmap-jam"); err != nil {
			platform.Unmet(t, "jmap-jam is not installed: make e2e-modules")
		}
		drive(t, p, s, p.Users[1], jamSteps, "node", "jam.mjs")
	})
	t.Run("documentation of our capability", func(t *testing.T) { documented(t, s, p.Users[0]) })
}

// documented asks, without a login, for what the URL of our capability leads to
// (RFC 8620, section 1.8).
func documented(t *testing.T, s *system.Server, u platform.User) {
	ann := s.Browser(u.Login)
	defer ann.Close()
	if err := ann.SignIn(t.Context(), u.Password); err != nil {
		t.Fatal(err)
	}
	body, err := ann.Get(t.Context(), "/jmap/session")
	if err != nil {
		t.Fatal(err)
	}
	var session struct{ Capabilities map[string]any }
	if err := json.Unmarshal(body, &session); err != nil {
		t.Fatal(err)
	}
	stranger := s.Browser("nobody")
	defer stranger.Close()
	found := 0
	for name := range session.Capabilities {
		if path, ours := strings.CutPrefix(name, s.Origin); ours {
			found++
			page, err := stranger.Get(t.Context(), path)
			if err != nil || !strings.Contains(string(page), "MessageView/get\n---") {
				t.Errorf("%s: %v %.200s", name, err, page)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d capabilities at %s: %s", found, s.Origin, body)
	}
}

// drive runs a client after it got a conversation into its inbox.
func drive(t *testing.T, p *platform.Platform, s *system.Server, u platform.User, steps []string, argv ...string) {
	for _, header := range []string{
		"Message-ID: <root@x>\r\nSubject: talk\r\n",
		"Message-ID: <answer@x>\r\nIn-Reply-To: <root@x>\r\nReferences: <root@x>\r\nSubject: Re: talk\r\n",
	} {
		if err := p.Deliver("ann@example.org", u.Login, []byte("From: ann@example.org\r\n"+header+"\r\nHello\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, s.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "SESSION="+s.Origin+"/jmap/session", "LOGIN="+u.Login, "PASSWORD="+u.Password,
		"SSL_CERT_FILE="+root, "NODE_EXTRA_CA_CERTS="+root)
	out, err := cmd.CombinedOutput()
	if want := strings.Join(steps, "\n") + "\n"; err != nil || string(out) != want {
		t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
