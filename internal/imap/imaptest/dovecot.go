// Package imaptest starts real IMAP servers for tests, and replays dialogs.
// It is for tests only and knows nothing of the client it tests.
package imaptest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Password opens every account of a started server.
const Password = "pass-word"

// DovecotOptions vary the started server.
type DovecotOptions struct {
	// Capability replaces imap_capability: servers cut down. "" keeps it.
	Capability string
	// MailLocation; default "mdbox:~/mail".
	MailLocation string
	// Extra is appended to the configuration.
	Extra string
}

// Server is a started server.
type Server struct {
	Addr string // host:port of plain IMAP on loopback
	Dir  string
}

// Dovecot starts a Dovecot with a configuration of its own on a free port of
// loopback and stops it at the end of the test. It skips the test when there
// is no Dovecot.
func Dovecot(t testing.TB, o DovecotOptions) *Server {
	t.Helper()
	bin := findDovecot()
	if bin == "" {
		t.Skip("no Dovecot here: install dovecot-imapd to run this test")
	}
	// Not t.TempDir: unix sockets have short names, and other users must enter.
	dir, err := os.MkdirTemp("", "dc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Dir: dir, Addr: freePort(t)}
	conf := filepath.Join(dir, "dovecot.conf")
	write(t, conf, dovecotConf(t, s, o))
	// A file and not a pipe: the daemon keeps what it is given open, and
	// waiting for the end of a pipe would never end.
	errs, err := os.Create(filepath.Join(dir, "stderr"))
	must(t, err)
	defer errs.Close()
	cmd := exec.Command(bin, "-c", conf)
	cmd.Stderr = errs
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(errs.Name())
		t.Fatalf("starting Dovecot: %v\n%s", err, text)
	}
	t.Cleanup(func() { stopByPID(filepath.Join(dir, "run", "master.pid")) })
	waitFor(t, s)
	return s
}

func findDovecot() string {
	for _, p := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot"} {
		if bin, err := exec.LookPath(p); err == nil {
			return bin
		}
	}
	return ""
}

func dovecotConf(t testing.TB, s *Server, o DovecotOptions) string {
	t.Helper()
	home := filepath.Join(s.Dir, "home")
	must(t, os.Mkdir(home, 0o777))
	must(t, os.Chmod(s.Dir, 0o755))
	uid, gid, login := os.Getuid(), os.Getgid(), currentUser()
	if uid == 0 {
		// Dovecot refuses mail users of uid 0.
		uid, gid, login = 65534, 65534, "nobody"
		must(t, os.Chown(home, uid, gid))
	}
	if o.MailLocation == "" {
		o.MailLocation = "mdbox:~/mail"
	}
	capability := ""
	if o.Capability != "" {
		capability = "imap_capability = " + o.Capability
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	return fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/state
instance_name = %[1]s
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = %[2]s
default_internal_group = %[9]s
default_login_user = %[2]s
first_valid_uid = 1
mail_location = %[5]s
mail_plugins = quota
mail_fsync = never
imap_metadata = yes
mail_attribute_dict = file:%%h/attributes
%[6]s
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Trash {
    special_use = \Trash
  }
  mailbox Drafts {
    special_use = \Drafts
  }
}
passdb {
  driver = static
  args = password=%[7]s
}
userdb {
  driver = static
  args = uid=%[3]d gid=%[4]d home=%[1]s/home/%%u
}
protocol imap {
  mail_plugins = quota imap_quota imap_zlib
  mail_max_userip_connections = 100
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=100M
  quota_vsizes = yes
}
service imap-login {
  chroot =
  inet_listener imap { 
    port = %[8]s
  }
  inet_listener imaps { 
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
%[10]s
`, s.Dir, login, uid, gid, o.MailLocation, capability, Password, port, groupName(), o.Extra)
}

func currentUser() string {
	out, err := exec.Command("id", "-un").Output()
	if err != nil {
		return "nobody"
	}
	return strings.TrimSpace(string(out))
}

func groupName() string {
	if os.Getuid() == 0 {
		return "nogroup"
	}
	out, err := exec.Command("id", "-gn").Output()
	if err != nil {
		return "nogroup"
	}
	return strings.TrimSpace(string(out))
}

// waitFor waits for the greeting.
func waitFor(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 4)
			_, err = conn.Read(buf)
			_ = conn.Close()
			if err == nil && string(buf) == "* OK" {
				return
			}
		}
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			t.Fatalf("the server did not greet: %v\n%s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Log returns what the server logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(b)
}

func stopByPID(file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	_ = p.Signal(os.Interrupt)
	for range 200 {
		if _, err := os.Stat(file); err != nil {
			return // it removes its pid file last
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = p.Kill()
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func write(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
