package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of what may be configured, with the reason.
const (
	maxCells   = 256 // each is a process with its renders
	maxRenders = 16
	maxUndo    = time.Minute // what a cell waits for: longer is the submission server's to hold (FUTURERELEASE)
	minForget  = 10 * time.Second
	minMemory  = 128 << 20 // a cell below this cannot hold one large index
	minRender  = 64 << 20
	minSession = time.Minute
	maxSession = 400 * 24 * time.Hour // browsers keep no cookie for longer
)

// Validate says all that is wrong with c.
func (c *Config) Validate() Error {
	var f faults
	if c.Data == "" || !strings.HasPrefix(c.Data, "/") {
		f.add("data must be an absolute path")
	}
	c.checkWeb(&f)
	c.checkAdmin(&f)
	c.checkSignIn(&f)
	c.checkCells(&f)
	c.checkSending(&f)
	c.checkPush(&f)
	c.checkPlatforms(&f)
	c.checkUnsafe(&f)
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		f.add("log.level must be debug, info, warn or error")
	}
	if c.Log.Format != "json" && c.Log.Format != "text" {
		f.add("log.format must be json or text")
	}
	return f.list
}

func (c *Config) checkWeb(f *faults) {
	w := &c.Web
	u, err := url.Parse(w.Origin)
	switch {
	case w.Origin == "":
		f.add("web.origin is missing: say where browsers find this webmail, such as https://mail.example.org")
	case err != nil || u.Host == "" || u.Path != "" || (u.Scheme != "https" && u.Scheme != "http"):
		f.add("web.origin %q must be scheme and host, such as https://mail.example.org", w.Origin)
	case u.Scheme == "http" && !isLoopback(u.Host):
		c.refuseUnless(f, UnsafePlainWeb, "web.origin with http")
	}
	if len(w.Listen) == 0 {
		f.add("web.listen is empty")
	}
	for _, a := range w.Listen {
		if _, _, err := net.SplitHostPort(a); err != nil {
			f.add("web.listen %q must be host:port or :port", a)
		}
	}
	c.checkTLS(f)
	for _, p := range w.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			f.add("web.proxies %q is not a network such as 10.1.0.0/24", p)
		}
	}
	if w.ProxyProtocol && len(w.Proxies) == 0 {
		f.add("web.proxy_protocol needs web.proxies: from whom is the header believed?")
	}
}

func (c *Config) checkTLS(f *faults) {
	w := &c.Web
	switch w.TLS {
	case "files":
		if w.Certificate == "" || w.Key == "" {
			f.add("web.tls = files needs web.certificate and web.key")
		}
	case "acme":
		if w.ACMEEmail == "" {
			f.add("web.tls = acme needs web.acme_email")
		}
	case "off":
		if !slices.ContainsFunc(w.Listen, func(a string) bool { return !isLoopback(a) }) || len(w.Proxies) > 0 {
			return // loopback, or a TLS proxy that is named
		}
		c.refuseUnless(f, UnsafePlainWeb, "web.tls = off on a public address without web.proxies")
	default:
		f.add("web.tls must be files, acme or off")
	}
}

func (c *Config) checkAdmin(f *faults) {
	if c.Admin.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.Admin.Listen); err != nil {
		f.add("admin.listen %q must be host:port", c.Admin.Listen)
	} else if !isLoopback(c.Admin.Listen) {
		c.refuseUnless(f, UnsafePublicAdmin, "admin.listen on an address that is not loopback")
	}
}

func (c *Config) checkSignIn(f *faults) {
	s := &c.SignIn
	if s.KeyDocument == "" || s.OperatorKey == "" {
		if s.KeyDocument != s.OperatorKey {
			f.add("signin.operator_key and signin.key_document belong together")
		} else {
			c.refuseUnless(f, UnsafeOnlineKey, "signin without operator_key and key_document")
		}
	}
	for _, d := range []struct {
		name string
		v    Duration
	}{{"idle", s.Idle}, {"absolute", s.Absolute}, {"shared", s.Shared}} {
		if v := time.Duration(d.v); v < minSession || v > maxSession {
			f.add("signin.%s must lie between %s and %s", d.name, minSession, maxSession)
		}
	}
	if s.FailsAccount < 3 || s.FailsNetwork < 3 {
		f.add("signin.fails_account and signin.fails_network must be at least 3: people mistype")
	}
}

func (c *Config) checkCells(f *faults) {
	k := &c.Cells
	if k.PeoplePerCell < 0 || k.PeoplePerCell > 10000 {
		f.add("cells.people_per_cell must lie between 0 and 10000")
	}
	if k.Cells < 1 || k.Cells > maxCells {
		f.add("cells.cells must lie between 1 and %d", maxCells)
	}
	if k.Renders < 1 || k.Renders > maxRenders {
		f.add("cells.renders must lie between 1 and %d", maxRenders)
	}
	if k.HeaderMemory > k.Memory/4 {
		f.add("cells.header_memory must be at most a quarter of cells.memory: it is for each person")
	}
	if k.Memory < minMemory || k.RenderMemory < minRender {
		f.add("cells.memory must be at least 128MiB and cells.render_memory at least 64MiB")
	}
	if time.Duration(k.Forget) < minForget {
		f.add("cells.forget must be at least %s: each return costs logins at the mail server", minForget)
	}
	if time.Duration(k.Idle) < 10*time.Second {
		f.add("cells.idle must be at least 10s")
	}
}

func (c *Config) checkSending(f *faults) {
	undo, most := time.Duration(c.Sending.Undo), time.Duration(c.Sending.UndoMost)
	if most < 0 || most > maxUndo {
		f.add("sending.undo_most must lie between 0s and %s", maxUndo)
	}
	if undo < 0 || undo > most {
		f.add("sending.undo must lie between 0s and sending.undo_most")
	}
	if undo%time.Second != 0 || most%time.Second != 0 {
		f.add("sending.undo and sending.undo_most are whole seconds")
	}
}

func (c *Config) checkPush(f *faults) {
	p := &c.Push
	if p.PerHost < 1 {
		f.add("push.per_host must be at least 1; to have no push, set push.enabled = false")
	}
	for _, n := range p.Only {
		if host := strings.TrimPrefix(n, "*."); host == "" || strings.ContainsAny(host, "*:/@ ") || strings.HasPrefix(host, ".") {
			f.add("push.only %q is not a host such as push.example.net, or *.example.net", n)
		}
	}
	for _, n := range p.Refuse {
		if _, err := netip.ParsePrefix(n); err != nil {
			f.add("push.refuse %q is not a network such as 192.0.2.0/24", n)
		}
	}
	for _, s := range p.Private {
		if _, err := netip.ParseAddrPort(s); err != nil {
			f.add("push.private %q is not address:port such as 10.1.2.3:443", s)
		}
	}
	if len(p.Private) > 0 {
		c.refuseUnless(f, UnsafePushPrivate, "push.private")
	}
}

func (c *Config) checkPlatforms(f *faults) {
	if len(c.Platform) == 0 {
		f.add("there is no [[platform]]: name the IMAP and submission servers")
	}
	names, domains, defaults := map[string]bool{}, map[string]string{}, 0
	for i := range c.Platform {
		p := &c.Platform[i]
		if p.Name == "" || names[p.Name] {
			f.add("platform %d needs a name of its own", i+1)
		}
		names[p.Name] = true
		if p.Default {
			defaults++
		}
		if len(p.Domains) == 0 {
			f.add("platform %s has no domains", p.Name)
		}
		for _, d := range p.Domains {
			if d != strings.ToLower(d) || !strings.Contains(d, ".") && d != "localhost" || strings.ContainsAny(d, "@ /") {
				f.add("platform %s: %q is not a mail domain in lower case", p.Name, d)
			}
			if other := domains[d]; other != "" {
				f.add("mail domain %s is listed by platforms %s and %s", d, other, p.Name)
			}
			domains[d] = p.Name
		}
		c.checkServer(f, p.Name+".imap", &p.IMAP, UnsafePlainIMAP)
		c.checkServer(f, p.Name+".submission", &p.Submission, UnsafePlainSubmission)
		if p.Sieve.Address != "" {
			c.checkServer(f, p.Name+".sieve", &p.Sieve, UnsafePlainSieve)
		}
		checkExtensions(f, p)
		if p.MaxPipes < 1 || p.Recipients < 1 {
			f.add("platform %s: max_pipes and recipients must be at least 1", p.Name)
		}
	}
	if defaults > 1 {
		f.add("more than one platform is the default")
	}
}

// ehloLine is what a server says of one extension, and keyword a parameter's name
// (RFC 5321, section 4.1.1.1 and 4.1.2).
var (
	ehloLine = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*$`)
	keyword  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)
)

// ownParameters are those that we say ourselves, or that would say who sent a mail.
var ownParameters = []string{"BODY", "SMTPUTF8", "SIZE", "RET", "ENVID", "REQUIRETLS", "HOLDFOR", "HOLDUNTIL", "AUTH"}

func checkExtensions(f *faults, p *Platform) {
	for _, e := range p.Extensions {
		if len(e) > maxExtension || !ehloLine.MatchString(e) {
			f.add("platform %s: extension %q is not what a server says after EHLO", p.Name, e)
		}
	}
	for _, name := range p.Parameters {
		switch {
		case len(name) > maxExtension || !keyword.MatchString(name):
			f.add("platform %s: %q is not the name of a parameter", p.Name, name)
		case slices.Contains(ownParameters, strings.ToUpper(name)):
			f.add("platform %s: parameter %s cannot be handed on", p.Name, name)
		}
	}
}

// maxExtension is the longest line of an EHLO reply (RFC 5321, section 4.5.3.1.5),
// without its code.
const maxExtension = 506

func (c *Config) checkServer(f *faults, name string, s *Server, unsafe string) {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		f.add("platform %s.address %q must be host:port", name, s.Address)
		return
	}
	switch s.TLS {
	case "implicit", "starttls":
	case "none":
		if !isLoopback(s.Address) {
			c.refuseUnless(f, unsafe, "platform "+name+".tls = none to a host that is not this one")
		}
	default:
		f.add("platform %s.tls must be implicit, starttls or none", name)
	}
	switch {
	case slices.Contains([]string{"plain", "login", "oauthbearer", "xoauth2"}, s.Auth):
	case s.Auth == "scram-sha-256" && strings.HasSuffix(name, ".submission"):
	default:
		f.add("platform %s.auth must be plain, login, oauthbearer or xoauth2, or for submission scram-sha-256", name)
	}
	if s.Login != "address" && s.Login != "local" {
		f.add("platform %s.login must be address or local", name)
	}
}

// isLoopback says whether host or host:port stays on this machine.
func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}
