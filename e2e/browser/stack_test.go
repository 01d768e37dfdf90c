package browser_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// stack is what the specs are told of that which runs; lib/stack.ts has the same.
type stack struct {
	URL string `json:"url"`
	// SPKI pins the web certificate, base64 of SHA-256; "" on plain localhost.
	SPKI string `json:"spki"`
	// Control takes mail to deliver; "" where there is no mail server of ours.
	Control string            `json:"control"`
	People  map[string]person `json:"people"`
	// Mails counts what was given to a person at the start, in the inbox.
	Mails map[string]int `json:"mails"`
	// Shared has the corpus.
	Shared string `json:"shared"`
}

type person struct {
	Address  string `json:"address"`
	Password string `json:"password"`
}

// startDemo runs the demo as a newcomer does.
func startDemo(t *testing.T) stack {
	t.Helper()
	cmd := exec.Command(system.Binary(t), "demo", "--json", "--listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			t.Errorf("stopping the demo: %v", err)
		}
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n') // "" is no JSON
		line <- text
	}()
	var printed struct {
		URL   string
		Users []person
	}
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), &printed); err != nil || len(printed.Users) != 2 {
			t.Fatalf("the demo printed %q: %v", text, err)
		}
	case <-time.After(demoStart):
		t.Fatalf("the demo printed nothing in %v", demoStart)
	}
	t.Logf("the demo was ready after %v", time.Since(began).Round(time.Millisecond))
	s := stack{URL: printed.URL, People: map[string]person{}}
	for _, u := range printed.Users {
		name, _, _ := strings.Cut(u.Address, "@")
		s.People[name] = u
	}
	return s
}

// startServer runs serve before real Dovecot and Postfix. Ada's inbox has the
// corpus, Cora's has many mails made of it; Ben, Dora and Emma begin with nothing.
func startServer(t *testing.T) stack {
	t.Helper()
	corpus := platform.Maildir(t, platform.MaildirSpec{Classes: "all"})
	large := platform.Maildir(t, platform.MaildirSpec{Count: many})
	users := []platform.User{
		{Login: "ada", Password: "wide gate low tide", Maildir: corpus}, {Login: "ben", Password: "slack water at noon"},
		{Login: "cora", Password: "ten thousand tides", Maildir: large}, {Login: "dora", Password: "no script no harm"},
		{Login: "emma", Password: "five seconds more"},
	}
	for i := range users {
		users[i].Password = strings.ReplaceAll(users[i].Password, " ", "-")
	}
	p := platform.Start(t, platform.Options{Users: users, Postfix: true})
	s := system.Start(t, p, system.Options{})
	out := stack{
		URL: s.Origin, SPKI: pin(t, filepath.Join(s.Dir, "web.pem")), Control: control(t, p), Shared: platform.Shared(t),
		People: map[string]person{}, Mails: map[string]int{"ada": count(t, corpus), "cora": count(t, large)},
	}
	if n := out.Mails["ada"]; n < real {
		t.Fatalf("the corpus gives %d mails for the inbox, want at least %d", n, real)
	}
	for _, u := range p.Users {
		name, _, _ := strings.Cut(u.Login, "@")
		out.People[name] = person{u.Login, u.Password}
	}
	return out
}

// count is the number of mails in a Maildir's inbox.
func count(t *testing.T, dir string) (n int) {
	t.Helper()
	for _, sub := range []string{"cur", "new"} {
		list, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		n += len(list)
	}
	return n
}

// pin is how Chromium is told to trust one certificate.
func pin(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s has no PEM block", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// control delivers mail: POST /deliver?from=...&to=... with the mail as body.
func control(t *testing.T, p *platform.Platform) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /deliver", func(w http.ResponseWriter, r *http.Request) {
		mail, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivered))
		if err == nil {
			err = p.Deliver(r.FormValue("from"), r.FormValue("to"), mail)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("control server: %v", err)
		}
	})
	return fmt.Sprintf("http://%s", l.Addr())
}
