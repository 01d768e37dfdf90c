package config

import (
	"cmp"
	"fmt"
	"time"
)

// Config is a whole configuration. Load fills what the file leaves out with
// Default's values.
type Config struct {
	// Data is the folder that holds what roles store, one folder a role.
	Data string `toml:"data" comment:"Folder for what the roles store; one sub-folder a role, readable by that role alone."`

	Web      Web               `toml:"web" comment:"The side that browsers see."`
	Admin    Admin             `toml:"admin" comment:"Health and metrics, for the operator's network only."`
	SignIn   SignIn            `toml:"signin" comment:"Sign-in and sessions."`
	Cells    Cells             `toml:"cells" comment:"The sandboxed processes that do the mail work."`
	Sending  Sending           `toml:"sending" comment:"How mail goes out."`
	Push     Push              `toml:"push" comment:"Web Push: other mail clients are told of changes through the push service of their device. The role courier posts to the internet for it, to public addresses alone."`
	Platform []Platform        `toml:"platform" comment:"The mail platforms behind us; at least one."`
	Unsafe   map[string]string `toml:"unsafe" comment:"Settings that take a defence away, each with the reason why it must be so. missing_sandbox names the layers first, as doctor does:\nmissing_sandbox = \"pid-namespace, empty-root: this container has no user namespaces\""`
	Log      Log               `toml:"log"`
}

// Web is what gate needs.
type Web struct {
	Name          string   `toml:"name" comment:"The provider's name on the sign-in page."`
	Origin        string   `toml:"origin" comment:"Where browsers find us: scheme and host, no path."`
	Listen        []string `toml:"listen" comment:"Addresses to listen on."`
	TLS           string   `toml:"tls" comment:"files, acme, or off (behind a TLS proxy or on localhost)."`
	Certificate   string   `toml:"certificate" comment:"tls = files: PEM chain."`
	Key           string   `toml:"key" comment:"tls = files: PEM key."`
	ACMEEmail     string   `toml:"acme_email" comment:"tls = acme: contact address of the account."`
	ACMEDirectory string   `toml:"acme_directory" comment:"tls = acme: directory URL; empty is Let's Encrypt."`
	ACMERoots     string   `toml:"acme_roots" comment:"tls = acme: PEM file of extra roots for a directory of your own."`
	Proxies       []string `toml:"proxies" comment:"Networks of proxies whose PROXY v2 header or X-Forwarded-For is believed."`
	ProxyProtocol bool     `toml:"proxy_protocol" comment:"Connections from those networks start with a PROXY v2 header."`
	HTTPBasic     bool     `toml:"http_basic" comment:"Let other JMAP clients sign in by HTTP Basic. Gate then sees those passwords."`
}

// Admin is the operator's listener.
type Admin struct {
	Listen string `toml:"listen" comment:"Address for /healthz and /metrics; empty is none."`
}

// SignIn is how people get in and how long they stay.
type SignIn struct {
	OperatorKey  string   `toml:"operator_key" comment:"Public operator key (cofferdam key operator); pinned beside the client."`
	KeyDocument  string   `toml:"key_document" comment:"Porter's sign-in key, signed offline by the operator key (cofferdam key sign)."`
	Idle         Duration `toml:"idle" comment:"A session ends after so long without a request."`
	Absolute     Duration `toml:"absolute" comment:"A session ends after so long in any case."`
	Shared       Duration `toml:"shared" comment:"The same, when signed in on a shared computer."`
	FailsAccount int      `toml:"fails_account" comment:"Failed sign-ins an hour to one account from networks that never signed in to it, before they must wait."`
	FailsNetwork int      `toml:"fails_network" comment:"Failed sign-ins an hour from one network, before it must wait."`
}

// Cells is how people are spread over processes.
type Cells struct {
	Cells         int      `toml:"cells" comment:"How many cells run. Used when people_per_cell is 0."`
	PeoplePerCell int      `toml:"people_per_cell" comment:"At most so many people in a cell; cells start at sign-in and end when idle. 0: fixed number of cells."`
	Renders       int      `toml:"renders" comment:"Renders for each cell."`
	Memory        Size     `toml:"memory" comment:"Memory limit of a cell."`
	RenderMemory  Size     `toml:"render_memory" comment:"Memory limit of a render."`
	HeaderMemory  Size     `toml:"header_memory" comment:"Memory for parsed headers, for each person who is signed in: pages seen before cost no request at the mail server. 0B: none."`
	GuessCharsets bool     `toml:"guess_charsets" comment:"Guess the charset of a text that names none or a wrong one. Turn it off if your mail filter does not guess: what it sees must be what people see."`
	Forget        Duration `toml:"forget" comment:"A person of whom nothing was heard for so long costs no memory and no connection any more; the session lives on."`
	Idle          Duration `toml:"idle" comment:"With people_per_cell: an empty cell ends after so long."`
}

// Sending is how mail goes out.
type Sending struct {
	Undo     Duration `toml:"undo" comment:"A sent mail can be taken back for so long by people who have not chosen another time."`
	UndoMost Duration `toml:"undo_most" comment:"The longest time that people can choose: 0s (mail goes out at once) to 1m."`
}

// Push is what courier may do.
type Push struct {
	Enabled bool     `toml:"enabled" comment:"false: courier is not started, and push is not offered."`
	PerHost int      `toml:"per_host" comment:"Pushes an hour to one host, all people together. The push services of the large makers of telephones are one host each."`
	Only    []string `toml:"only" comment:"Push services that are posted to, as host or *.host; empty: any, which people need whose telephone has a service of their own."`
	Refuse  []string `toml:"refuse" comment:"Networks that must not be reached although their addresses are public: servers of your own, the prefix of your NAT64."`
	CA      string   `toml:"ca" comment:"PEM file of roots to trust beside the system's."`
	Private []string `toml:"private" comment:"Push services at addresses or ports that are refused otherwise, as address:port. Needs push_private under [unsafe]."`
}

// Platform is one mail platform and the mail domains that live on it.
type Platform struct {
	Name       string   `toml:"name"`
	Domains    []string `toml:"domains" comment:"Mail domains; a login in one of them goes to this platform."`
	Default    bool     `toml:"default" comment:"Logins without a domain, or in a domain not listed, come here."`
	IMAP       Server   `toml:"imap"`
	Submission Server   `toml:"submission"`
	Sieve      Server   `toml:"sieve" comment:"ManageSieve, where mail filters are kept. Optional: without it there are no vacation responses and no filters."`
	Aliases    string   `toml:"aliases" comment:"File of lines 'login address address...': what people may send as besides their login."`
	MaxPipes   int      `toml:"max_pipes" comment:"Open IMAP connections to this platform, all people together."`
	Recipients int      `toml:"recipients" comment:"Recipients that one person may write to in an hour."`
	Extensions []string `toml:"extensions" comment:"Extensions of the submission server that JMAP programs are told of (submissionExtensions), as it says them after EHLO: DSN, SIZE 52428800, MT-PRIORITY MIXER. Given: these alone. Else: those of SIZE, DSN, SMTPUTF8, REQUIRETLS and FUTURERELEASE that it offers before anybody signs in."`
	Parameters []string `toml:"parameters" comment:"Parameters of MAIL FROM that are handed on for JMAP programs, beside those we know: MT-PRIORITY."`
}

// Server is one service of a platform.
type Server struct {
	Address    string `toml:"address" comment:"host:port"`
	TLS        string `toml:"tls" comment:"implicit, starttls, or none (loopback only, unless [unsafe] says so)."`
	ServerName string `toml:"server_name" comment:"Name in the certificate, if it is not the host of address."`
	CA         string `toml:"ca" comment:"PEM file of roots to trust instead of the system's."`
	Auth       string `toml:"auth" comment:"plain, login, oauthbearer or xoauth2. For submission plain means SCRAM-SHA-256 where the server offers it and takes it, else PLAIN or LOGIN; scram-sha-256 allows nothing else."`
	Login      string `toml:"login" comment:"What to send as user name: address (default) or local (the part before the @)."`
	HideIP     bool   `toml:"hide_ip" comment:"Do not tell the server the person's address (IMAP ID x-originating-ip, SMTP XCLIENT)."`
}

// Log is the log on standard error.
type Log struct {
	Level  string `toml:"level" comment:"debug, info, warn or error."`
	Format string `toml:"format" comment:"json or text."`
}

// Default is the configuration that an empty file means. It has no platform, so
// it does not run by itself.
func Default() Config {
	return Config{
		Data: "/var/lib/cofferdam",
		Web: Web{
			Name:   "Webmail",
			Listen: []string{":443"},
			TLS:    "files",
		},
		Admin: Admin{Listen: "127.0.0.1:9464"},
		SignIn: SignIn{
			Idle:         Duration(12 * time.Hour),
			Absolute:     Duration(7 * 24 * time.Hour),
			Shared:       Duration(30 * time.Minute),
			FailsAccount: 20,
			FailsNetwork: 100,
		},
		Cells: Cells{
			Cells:         2,
			Renders:       2,
			Memory:        1 << 30,
			RenderMemory:  512 << 20,
			HeaderMemory:  8 << 20,
			GuessCharsets: true,
			Forget:        Duration(5 * time.Minute),
			Idle:          Duration(10 * time.Minute),
		},
		Sending: Sending{Undo: Duration(10 * time.Second), UndoMost: Duration(time.Minute)},
		Push:    Push{Enabled: true, PerHost: 36_000},
		Log:     Log{Level: "info", Format: "json"},
	}
}

// fill gives a platform the defaults for what its table leaves out.
func (p *Platform) fill() {
	p.IMAP.fill("implicit")
	p.Submission.fill("starttls")
	p.Sieve.fill("starttls")
	p.MaxPipes = cmp.Or(p.MaxPipes, 2000)
	p.Recipients = cmp.Or(p.Recipients, 500)
}

func (s *Server) fill(tls string) {
	s.TLS = cmp.Or(s.TLS, tls)
	s.Auth = cmp.Or(s.Auth, "plain")
	s.Login = cmp.Or(s.Login, "address")
}

// Duration is a time span written like "12h" or "30m".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 12h or 30m", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Size is a number of bytes, written like "512MiB" or "1GiB".
type Size int64

var units = []struct {
	name string
	n    Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	for _, u := range units {
		var n int64
		if c, err := fmt.Sscanf(string(b), "%d"+u.name, &n); err == nil && c == 1 && fmt.Sprintf("%d%s", n, u.name) == string(b) && n >= 0 && n <= 1<<40/int64(u.n) {
			*s = Size(n) * u.n
			return nil
		}
	}
	return fmt.Errorf("%q is not a size such as 512MiB or 1GiB", b)
}

// MarshalText writes a size in the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range units {
		if s%u.n == 0 {
			return fmt.Appendf(nil, "%d%s", s/u.n, u.name), nil
		}
	}
	return fmt.Appendf(nil, "%dB", int64(s)), nil
}
