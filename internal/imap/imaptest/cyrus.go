package imaptest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Cyrus starts a Cyrus IMAP server as Dovecot does a Dovecot. Debian's package
// cannot be installed beside Dovecot: .ci/packages unpacks it to cyrusRoot;
// COFFERDAM_CYRUS names another folder. Without, the test is skipped.
func Cyrus(t testing.TB) *Server {
	t.Helper()
	root := os.Getenv("COFFERDAM_CYRUS")
	if root == "" {
		root = cyrusRoot
	}
	bin := filepath.Join(root, "usr/lib/cyrus/bin")
	if _, err := os.Stat(filepath.Join(bin, "master")); err != nil {
		t.Skip("no Cyrus here: .ci/packages unpacks it")
	}
	dir, err := os.MkdirTemp("", "dc")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Dir: dir, Addr: freePort(t)}
	cyrusFiles(t, s, bin)
	cmd := exec.Command(filepath.Join(bin, "master"), "-C", filepath.Join(dir, "imapd.conf"), "-M", filepath.Join(dir, "cyrus.conf"), "-p", filepath.Join(dir, "pid"), "-D")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu")+":"+filepath.Join(root, "lib/x86_64-linux-gnu"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	errs, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer errs.Close()
	cmd.Stderr = errs
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(3*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		kill.Stop()
	})
	waitFor(t, s)
	return s
}

// cyrusRoot is where .ci/packages unpacks Cyrus.
const cyrusRoot = "/var/cache/cofferdam/cyrus"

func cyrusFiles(t testing.TB, s *Server, bin string) {
	t.Helper()
	for _, d := range []string{"var", "var/proc", "var/db", "var/socket", "var/log", "var/lock", "var/ptclient", "spool", "sieve"} {
		must(t, os.MkdirAll(filepath.Join(s.Dir, d), 0o755))
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	write(t, filepath.Join(s.Dir, "imapd.conf"), fmt.Sprintf(`
configdirectory: %[1]s/var
proc_path: %[1]s/var/proc
mboxname_lockpath: %[1]s/var/lock
defaultpartition: default
partition-default: %[1]s/spool
sievedir: %[1]s/sieve
notifysocket: %[1]s/var/socket/notify
lmtpsocket: %[1]s/var/socket/lmtp
servername: cyrus.example
cyrus_user: nobody
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: alwaystrue
unixhierarchysep: yes
altnamespace: yes
autocreate_quota: 100000
imapidlepoll: 1
conversations: yes
conversations_db: twoskip
specialusealways: 1
autocreate_inbox_folders: Drafts|Sent|Trash
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
`, s.Dir))
	write(t, filepath.Join(s.Dir, "cyrus.conf"), fmt.Sprintf(`
START {
}
SERVICES {
  imap cmd="%[1]s/imapd -N -C %[2]s/imapd.conf" listen="127.0.0.1:%[3]s" prefork=0
}
EVENTS {
}
`, bin, s.Dir, port))
	must(t, exec.Command("chmod", "-R", "a+rwX", s.Dir).Run())
}
