package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CyrusVariable names the folder in which Debian's Cyrus lies unpacked, where it
// is not cyrusRoot: the package cannot be installed beside Dovecot's.
const CyrusVariable = "COFFERDAM_CYRUS"

// cyrusRoot is where .ci/packages unpacks Cyrus.
const cyrusRoot = "/var/cache/cofferdam/cyrus"

// Cyrus is a running Cyrus IMAP server with its native JMAP. Everybody can sign
// in, with any password; who does so by IMAP has an inbox from then on.
type Cyrus struct {
	// IMAP is host:port of plain IMAP, JMAP the URL of the API for POST with
	// HTTP Basic; uploads go to Upload + account id.
	IMAP, JMAP, Upload string
	// Dir has configuration, mail and logs.
	Dir string

	root    string
	http    string
	process *process
}

// StartCyrus starts a Cyrus for the length of a test. Where there is none it
// skips or fails the test as Require does.
func StartCyrus(t testing.TB) *Cyrus {
	t.Helper()
	root := os.Getenv(CyrusVariable)
	if root == "" {
		root = cyrusRoot
	}
	for _, program := range []string{"master", "imapd", "httpd"} {
		if _, err := os.Stat(filepath.Join(root, cyrusBin, program)); err != nil {
			Unmet(t, "Cyrus is missing: .ci/packages unpacks it to "+cyrusRoot+", or name its folder in "+CyrusVariable)
		}
	}
	c, err := launchCyrus(t.Context(), root)
	if err != nil {
		t.Fatalf("starting Cyrus: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.log())
		}
		if err := errors.Join(c.process.stop(), os.RemoveAll(c.Dir)); err != nil {
			t.Errorf("stopping Cyrus: %v", err)
		}
	})
	return c
}

const cyrusBin = "usr/lib/cyrus/bin"

// launchCyrus tries again when another program takes a port before Cyrus does.
func launchCyrus(ctx context.Context, root string) (*Cyrus, error) {
	for i := 1; ; i++ {
		// Short, because the paths of unix sockets may have 107 bytes.
		dir, err := os.MkdirTemp("", "cfc")
		if err != nil {
			return nil, err
		}
		c := &Cyrus{Dir: dir, root: root}
		if err = c.start(ctx); err == nil {
			return c, nil
		}
		err = fmt.Errorf("%w\n%s", err, c.log())
		if c.process != nil {
			err = errors.Join(err, c.process.stop())
		}
		err = errors.Join(err, os.RemoveAll(dir))
		if i == startAttempts || !errors.Is(err, errEnded) {
			return nil, err
		}
	}
}

func (c *Cyrus) start(ctx context.Context) error {
	var err error
	for _, addr := range []*string{&c.IMAP, &c.http} {
		if *addr, err = freeAddress(host); err != nil {
			return err
		}
	}
	c.JMAP, c.Upload = "http://"+c.http+"/jmap/", "http://"+c.http+"/jmap/upload/"
	if err := c.configure(); err != nil {
		return err
	}
	argv := c.command("master", "-C", c.path("imapd.conf"), "-M", c.path("cyrus.conf"), "-p", c.path("pid"))
	if c.process, err = startProcess(c.path("err"), argv...); err != nil {
		return err
	}
	return c.process.await(ctx, "tcp", c.IMAP)
}

func (c *Cyrus) libraries() string {
	return filepath.Join(c.root, "usr/lib/x86_64-linux-gnu") + ":" + filepath.Join(c.root, "lib/x86_64-linux-gnu")
}

// command is how a program of Cyrus is started: as nobody, if we may.
func (c *Cyrus) command(program string, args ...string) []string {
	argv := append([]string{"env", "LD_LIBRARY_PATH=" + c.libraries(), filepath.Join(c.root, cyrusBin, program)}, args...)
	if os.Getuid() == 0 {
		argv = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, argv...)
	}
	return argv
}

// configure writes the configuration. alwaystrue takes every password. There
// is no index of words: native JMAP refuses text searches, IMAP reads the mails.
func (c *Cyrus) configure() error {
	for _, d := range []string{"var/proc", "var/db", "var/socket", "var/log", "var/lock", "var/ptclient", "spool", "sieve", "search", "tmp"} {
		if err := os.MkdirAll(c.path(d), 0o755); err != nil {
			return err
		}
	}
	_, imap, _ := net.SplitHostPort(c.IMAP)
	_, web, _ := net.SplitHostPort(c.http)
	err := os.WriteFile(c.path("imapd.conf"), fmt.Appendf(nil, `
configdirectory: %[1]s/var
temp_path: %[1]s/tmp
proc_path: %[1]s/var/proc
mboxname_lockpath: %[1]s/var/lock
defaultpartition: default
partition-default: %[1]s/spool
sievedir: %[1]s/sieve
notifysocket: %[1]s/var/socket/notify
lmtpsocket: %[1]s/var/socket/lmtp
servername: cyrus.%[2]s
cyrus_user: nobody
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: alwaystrue
virtdomains: userid
defaultdomain: %[2]s
unixhierarchysep: yes
altnamespace: yes
autocreate_quota: 1000000
autocreate_inbox_folders: Drafts|Sent|Trash|Archive
imapidlepoll: 1
conversations: yes
conversations_db: twoskip
conversations_expire_days: 9999
conversations_max_thread: 10000
conversations_max_guidrecords: 10000
specialusealways: 1
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
xlist-archive: Archive
httpmodules: jmap
httpallowcompress: no
jmap_nonstandard_extensions: no
munge8bit: no
skiplist_unsafe: 1
conversations_counted_flags: \Draft \Flagged \Answered $forwarded project-x
`, c.Dir, Domain), 0o644)
	if err != nil {
		return err
	}
	err = os.WriteFile(c.path("cyrus.conf"), fmt.Appendf(nil, `
START {
}
SERVICES {
  imap cmd="%[1]s/imapd -N -C %[2]s/imapd.conf" listen="%[3]s:%[4]s" prefork=0
  http cmd="%[1]s/httpd -C %[2]s/imapd.conf" listen="%[3]s:%[5]s" prefork=0
}
EVENTS {
}
`, filepath.Join(c.root, cyrusBin), c.Dir, host, imap, web), 0o644)
	if err != nil {
		return err
	}
	if out, err := exec.Command("chmod", "-R", "a+rwX", c.Dir).CombinedOutput(); err != nil {
		return fmt.Errorf("opening the folder: %w: %s", err, out)
	}
	return nil
}

func (c *Cyrus) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cyrus) log() string {
	b, _ := os.ReadFile(c.path("err"))
	return strings.TrimSpace(string(b[max(0, len(b)-logTail):]))
}
