package platform

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// dovecotAccount is who owns the mail, and who runs the servers' inner parts.
type dovecotAccount struct {
	uid, gid         int
	internal, login  string
	unprivilegedRows string
}

// account picks the users: as root those of the Debian package and nobody for
// the mail; else ourselves for everything, without chroots.
func account() (dovecotAccount, error) {
	if os.Geteuid() == 0 {
		return dovecotAccount{uid: 65534, gid: 65534, internal: "dovecot", login: "dovenull"}, nil
	}
	me, err := user.Current()
	if err != nil {
		return dovecotAccount{}, fmt.Errorf("finding out who we are: %w", err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return dovecotAccount{}, err
	}
	rows := fmt.Sprintf("default_internal_group = %s\n", group.Name)
	for _, s := range []string{"anvil", "imap-login", "pop3-login", "managesieve-login", "submission-login"} {
		rows += fmt.Sprintf("service %s {\n  chroot =\n}\n", s)
	}
	rows += "service stats {\n  chroot =\n}\n"
	return dovecotAccount{
		uid: os.Getuid(), gid: os.Getgid(), internal: me.Username, login: me.Username, unprivilegedRows: rows,
	}, nil
}

// dovecotConf is the configuration; %{...} are filled by conf.
const dovecotConf = `
base_dir = %{dir}/run
state_dir = %{dir}/state
instance_name = %{instance}
log_path = %{dir}/dovecot.log
auth_verbose = yes
listen = %{host}
protocols = imap lmtp%{protocols}
default_internal_user = %{internal}
default_login_user = %{login}
first_valid_uid = 1
mail_uid = %{uid}
mail_gid = %{gid}
mail_location = %{location}
mail_home = %{dir}/home/%u
mail_fsync = never
mail_plugins =%{mail_plugins}
postmaster_address = postmaster@` + Domain + `
hostname = mail.` + Domain + `
submission_host = 127.0.0.1:%{smtp}
ssl = %{ssl}
ssl_cert = <%{dir}/cert.pem
ssl_key = <%{dir}/key.pem
disable_plaintext_auth = %{tlsonly}
auth_mechanisms = plain login scram-sha-256
auth_cache_size = 0
# A wrong password costs the test no waiting time.
auth_failure_delay = 0
login_trusted_networks = %{trusted}
recipient_delimiter = +

passdb {
  driver = passwd-file
  args = username_format=%u %{dir}/users
}
userdb {
  driver = passwd-file
  args = username_format=%u %{dir}/users
}
namespace inbox {
  inbox = yes
  separator = %{separator}
  mailbox Drafts {
    special_use = \Drafts
    auto = subscribe
  }
  mailbox Sent {
    special_use = \Sent
    auto = subscribe
  }
  mailbox Trash {
    special_use = \Trash
    auto = subscribe
  }
  mailbox Junk {
    special_use = \Junk
    auto = subscribe
  }
  mailbox Archive {
    special_use = \Archive
    auto = subscribe
  }
}
service imap-login {
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = %{imap}
  }
  inet_listener imaps {
    port = %{imaps}
    ssl = yes
  }
}
service imap {
  process_limit = 4096
}
service lmtp {
  unix_listener lmtp-public {
    mode = 0666
  }
}
service auth {
  unix_listener auth-public {
    mode = 0666
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
protocol imap {
  mail_max_userip_connections = 1000
  mail_plugins =%{imap_plugins}
%{capability}
}
protocol lmtp {
  mail_plugins =%{mail_plugins}%{lmtp_plugins}
}
`

const pop3Conf = `
service pop3-login {
  inet_listener pop3 {
    port = %{pop3}
  }
  inet_listener pop3s {
    port = %{pop3s}
    ssl = yes
  }
}
protocol pop3 {
  mail_max_userip_connections = 1000
}
`

const sieveConf = `
service managesieve-login {
  inet_listener sieve {
    port = %{sieve}
  }
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_extensions = +editheader
}
`

// writeDovecot writes dovecot.conf and the users file.
func (p *Platform) writeDovecot() error {
	acct, err := account()
	if err != nil {
		return err
	}
	conf := dovecotConf + acct.unprivilegedRows
	values := p.dovecotValues(acct)
	if p.opts.POP3 {
		conf += pop3Conf
	}
	if p.opts.Sieve {
		conf += sieveConf
	}
	if p.opts.Quota > 0 {
		conf += "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_grace = 0\n  quota_rule = *:bytes=" +
			strconv.FormatInt(p.opts.Quota, 10) + "\n}\n"
	}
	conf = fill(conf, values) + p.opts.Extra + "\n"
	if err := os.WriteFile(p.path("dovecot.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	var users strings.Builder
	for _, u := range p.opts.Users {
		fmt.Fprintf(&users, "%s:{PLAIN}%s:%d:%d::%s::\n", u.Login, u.Password, acct.uid, acct.gid, p.Home(u.Login))
	}
	return os.WriteFile(p.path("users"), []byte(users.String()), 0o644)
}

func (p *Platform) dovecotValues(acct dovecotAccount) map[string]string {
	v := map[string]string{
		"dir": p.Dir, "host": p.opts.host(), "instance": filepath.Base(p.Dir), "internal": acct.internal, "login": acct.login,
		"uid": strconv.Itoa(acct.uid), "gid": strconv.Itoa(acct.gid),
		"imap": port(p.IMAP), "imaps": port(p.IMAPS), "pop3": port(p.POP3), "pop3s": port(p.POP3S),
		"sieve": port(p.ManageSieve), "smtp": "25", "trusted": "127.0.0.0/8", "tlsonly": "no", "ssl": "yes",
		"location": p.opts.Format + ":~/Maildir", "separator": "/", "capability": "", "protocols": "",
		"mail_plugins": "", "imap_plugins": "", "lmtp_plugins": "",
	}
	if p.opts.Postfix {
		v["smtp"] = port(p.Submission)
	}
	if p.opts.RequireTLS {
		// Trusted networks may log in without TLS, whatever else is said.
		// disable_plaintext_auth alone lets everything from our own address pass.
		v["tlsonly"], v["trusted"], v["ssl"] = "yes", "", "required"
	}
	if p.opts.Capability != "" {
		v["capability"] = "  imap_capability = " + p.opts.Capability
	}
	if p.opts.Quota > 0 {
		v["mail_plugins"], v["imap_plugins"] = " quota", " quota imap_quota"
	}
	if p.opts.POP3 {
		v["protocols"] += " pop3"
	}
	if p.opts.Sieve {
		v["protocols"] += " sieve"
		v["lmtp_plugins"] = " sieve"
	}
	return v
}

// fill replaces %{name} by its value.
func fill(s string, values map[string]string) string {
	var pairs []string
	for k, v := range values {
		pairs = append(pairs, "%{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// port returns what stands after the colon.
func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
