package platform

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// postfixMaster is the process that runs all others.
const postfixMaster = "/usr/lib/postfix/sbin/master"

const mainCF = `
compatibility_level = 3.6
config_directory = %{dir}/postfix
queue_directory = %{dir}/queue
data_directory = %{dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
shlib_directory = /usr/lib/postfix
maillog_file = %{dir}/postfix.log
maillog_file_prefixes = %{dir}
syslog_name = %{instance}
myhostname = mail.` + Domain + `
mydomain = ` + Domain + `
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks =
inet_interfaces = 127.0.0.1
# master.cf names the IPv4 listeners; this is for XCLIENT with IPv6 addresses.
inet_protocols = all
disable_dns_lookups = yes
smtpd_peername_lookup = no
# Nothing leaves this machine. With error(8) as the transport smtpd would refuse
# at RCPT already, and no failure notice would be made.
default_transport = nowhere
relay_transport = nowhere
virtual_mailbox_domains = ` + Domain + `
virtual_mailbox_maps = texthash:%{dir}/postfix/mailboxes
virtual_alias_maps = texthash:%{dir}/postfix/aliases
virtual_transport = lmtp:unix:%{dir}/run/lmtp-public
lmtp_destination_concurrency_limit = 20
recipient_delimiter = +
smtputf8_enable = yes
message_size_limit = 52428800
smtpd_sasl_type = dovecot
smtpd_sasl_path = %{dir}/run/auth-public
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = %{tlslevel}
smtpd_tls_auth_only = %{tlsonly}
smtpd_tls_cert_file = %{dir}/cert.pem
smtpd_tls_key_file = %{dir}/key.pem
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_sasl_authenticated, reject
smtpd_sender_login_maps = texthash:%{dir}/postfix/senders
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
`

const masterCF = `
127.0.0.1:%{submission} inet n - n - - smtpd
127.0.0.1:%{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
nowhere   unix  - n n - - pipe
  user=nobody argv=/bin/sh -c {echo 5.4.4 this test platform knows no other domain; exit 69}
retry     unix  - - n - - error
discard   unix  - - n - - discard
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`

// writePostfix writes the configuration and makes the directories with the
// owners that Postfix asks for.
func (p *Platform) writePostfix() error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return fmt.Errorf("looking up the owner of Postfix's queue: %w", err)
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	for _, d := range []string{"postfix", "queue", "data"} {
		if err := os.MkdirAll(p.path(d), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chown(p.path("data"), uid, -1); err != nil {
		return err
	}
	values := map[string]string{
		"dir": p.Dir, "instance": filepath.Base(p.Dir), "tlslevel": "may", "tlsonly": "no",
		"submission": port(p.Submission), "submissions": port(p.Submissions),
	}
	if p.opts.RequireTLS {
		values["tlslevel"], values["tlsonly"] = "encrypt", "yes"
	}
	mailboxes, aliases, senders := p.postfixMaps()
	for name, text := range map[string]string{
		"main.cf":   fill(mainCF, values) + p.opts.PostfixExtra + "\n",
		"master.cf": fill(masterCF, values),
		"mailboxes": mailboxes, "aliases": aliases, "senders": senders,
	} {
		if err := os.WriteFile(filepath.Join(p.path("postfix"), name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// postfixMaps says who exists and who may send as whom.
func (p *Platform) postfixMaps() (mailboxes, aliases, senders string) {
	var m, a, s strings.Builder
	for _, u := range p.opts.Users {
		fmt.Fprintf(&m, "%s yes\n", u.Login)
		fmt.Fprintf(&s, "%s %s\n", u.Login, u.Login)
		for _, alias := range u.Aliases {
			fmt.Fprintf(&a, "%s %s\n", alias, u.Login)
			fmt.Fprintf(&s, "%s %s\n", alias, u.Login)
		}
	}
	return m.String(), a.String(), s.String()
}
