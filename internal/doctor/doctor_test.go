package doctor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/internal/config"
	"cofferdam/internal/seal"
)

// want checks a finding's result and words.
func want(t *testing.T, f Finding, result Result, words string) {
	t.Helper()
	if f.Result != result || !strings.Contains(f.Found+"\n"+f.Advice, words) {
		t.Errorf("%s: got %s %q (%s), want %s with %q", f.Check, f.Result, f.Found, f.Advice, result, words)
	}
	if f.About == "" || f.Result != OK && f.Advice == "" {
		t.Errorf("%s: says neither what it is for nor what to do: %+v", f.Check, f)
	}
}

func write(t *testing.T, name string, data []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir is a folder to be, on a way that all may pass: t.TempDir's is for its
// owner alone.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "data")
}

// certificate makes a self-signed one and returns PEM chain and key.
func certificate(t *testing.T, host string, from, to time.Time) (chain, key []byte) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})
}

func TestConfigurationIsNamedByItsFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.toml")
	_, out := checkConfiguration(missing)
	want(t, out[0], Fail, "is not there")
	_, out = checkConfiguration(write(t, "c.toml", []byte("[web]\nnmae = \"x\"\n"), 0o600))
	want(t, out[0], Fail, ":2:1: unknown key web.nmae")
}

func TestProgram(t *testing.T) {
	want(t, checkProgram(false), OK, "static")
	want(t, checkProgram(true), Fail, "make build")
}

func TestCrashIsClipped(t *testing.T) {
	if got := clip("a\nb\nc\nd\ne", 3); got != "a\nb\nc\n(and 2 lines more)" {
		t.Errorf("got %q", got)
	}
	if got := clip("a\nb", 3); got != "a\nb" {
		t.Errorf("got %q", got)
	}
}

func TestUnsafeSettingsAreWarnedOf(t *testing.T) {
	l := &config.Loaded{Config: config.Default()}
	want(t, checkUnsafe(l)[0], OK, "none")
	l.Unsafe = map[string]string{config.UnsafePlainIMAP: "same rack, own switch"}
	want(t, checkUnsafe(l)[0], Warn, "reason given: same rack, own switch")
}

func TestWayToTheDataFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "closed", "data")
	if err := os.MkdirAll(data, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(data), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(closedWays(data, true), "\n"); !strings.Contains(got, "chmod a+x "+filepath.Dir(data)) || strings.Contains(got, "pass "+data) {
		t.Errorf("got %q", got)
	}
	if got := closedWays(data, false); got != nil {
		t.Errorf("without root roles are who started them: %q", got)
	}
}

func TestDataFolderOpenToOthers(t *testing.T) {
	data := openDir(t)
	want(t, checkFolder(data), OK, "will be made")
	if err := os.MkdirAll(filepath.Join(data, "vault"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(data, "vault"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, checkFolder(data), OK, "closed to others")
	if err := os.Chmod(filepath.Join(data, "vault"), 0o750); err != nil {
		t.Fatal(err)
	}
	want(t, checkFolder(data), Fail, "chmod go-rwx")
	want(t, checkFolder(write(t, "file", nil, 0o600)), Fail, "is not a folder")
}

func TestWebCertificate(t *testing.T) {
	now := time.Now()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		host     string
		from, to time.Duration
		result   Result
		words    string
	}{
		"another name": {"mail.example.org", -day, 90 * day, Fail, "not for webmail.example.org"},
		"over":         {"webmail.example.org", -9 * day, -day, Fail, "Renew"},
		"not trusted":  {"webmail.example.org", -day, 90 * day, Warn, "does not trust"},
	} {
		t.Run(name, func(t *testing.T) {
			chain, key := certificate(t, c.host, now.Add(c.from), now.Add(c.to))
			w := &config.Web{Origin: "https://webmail.example.org", TLS: "files", Certificate: write(t, "c.pem", chain, 0o600), Key: write(t, "k.pem", key, 0o600)}
			want(t, checkWeb(w), c.result, c.words)
			_, other := certificate(t, c.host, now, now.Add(day))
			w.Key = write(t, "k.pem", other, 0o600)
			want(t, checkWeb(w), Fail, "belong together")
		})
	}
	want(t, checkWeb(&config.Web{TLS: "files", Origin: "https://a.example", Certificate: "/nowhere"}), Fail, "no such file")
	want(t, checkWeb(&config.Web{TLS: "off", Origin: "http://localhost:8080"}), OK, "without TLS")
}

// keyFixture is an installation with an operator key and a signed document.
func keyFixture(t *testing.T, life time.Duration) (c config.Config, own string) {
	t.Helper()
	op, err := seal.NewOperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	signIn, err := seal.NewSigninKey()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	doc, err := seal.SignSigninKey(op, signIn.Public(), now.Add(-100*24*time.Hour), now.Add(life))
	if err != nil {
		t.Fatal(err)
	}
	text, err := doc.JSON()
	if err != nil {
		t.Fatal(err)
	}
	public, err := op.Public().PEM()
	if err != nil {
		t.Fatal(err)
	}
	c = config.Default()
	c.Data = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Data, "keys.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.SignIn.OperatorKey, c.SignIn.KeyDocument = write(t, "o.pub", public, 0o644), write(t, "s.json", text, 0o644)
	return c, seal.EncodeBase64(signIn.Public())
}

func TestKeyDocument(t *testing.T) {
	const day = 24 * time.Hour
	show := func(s string) func(config.Config) (string, error) {
		return func(config.Config) (string, error) { return s, nil }
	}
	good, own := keyFixture(t, 90*day)
	want(t, checkKeys(good, show(own))[1], OK, "valid until")
	want(t, checkKeys(good, show("other"))[1], Fail, "another installation")
	late, own := keyFixture(t, 5*day)
	want(t, checkKeys(late, show(own))[1], Warn, "nobody can sign in from then on")
	over, own := keyFixture(t, -day)
	want(t, checkKeys(over, show(own))[1], Fail, "Sign the key again")
	mixed := good
	mixed.SignIn.OperatorKey = late.SignIn.OperatorKey
	want(t, checkKeys(mixed, show(own))[1], Fail, "Sign the key again")
	mixed.SignIn.OperatorKey = good.SignIn.KeyDocument
	want(t, checkKeys(mixed, show(own))[0], Fail, "cofferdam key operator")
	want(t, checkKeys(config.Default(), nil)[0], Warn, "keeps it beside the data")
}

// imapServer answers one IMAP greeting and CAPABILITY per connection.
func imapServer(t *testing.T, wrap func(net.Listener) net.Listener) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = wrap(l)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go greet(c)
		}
	}()
	return l.Addr().String()
}

func greet(c net.Conn) {
	defer c.Close()
	if _, err := io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 IDLE MOVE AUTH=PLAIN] ready\r\n"); err != nil {
		return
	}
	buf := make([]byte, 200)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		tag, _, _ := bytes.Cut(buf[:n], []byte(" "))
		io.WriteString(c, "* CAPABILITY IMAP4rev1 IDLE MOVE AUTH=PLAIN\r\n"+string(tag)+" OK done\r\n")
	}
}

func TestIMAPServer(t *testing.T) {
	now := time.Now()
	plain := imapServer(t, func(l net.Listener) net.Listener { return l })
	chain, key := certificate(t, "imap.example.org", now.Add(-time.Hour), now.Add(90*24*time.Hour))
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	secure := imapServer(t, func(l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}})
	})
	ca := write(t, "ca.pem", chain, 0o644)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, c := range map[string]struct {
		server config.Server
		result Result
		words  string
	}{
		"plain":          {config.Server{Address: plain, TLS: "none"}, OK, "IDLE IMAP4REV1 MOVE"},
		"good":           {config.Server{Address: secure, TLS: "implicit", CA: ca, ServerName: "imap.example.org"}, OK, "certificate is good until"},
		"wrong name":     {config.Server{Address: secure, TLS: "implicit", CA: ca}, Fail, "for imap.example.org, not for 127.0.0.1"},
		"unknown issuer": {config.Server{Address: secure, TLS: "implicit", ServerName: "imap.example.org"}, Fail, "name its PEM file as ca"},
		"down":           {config.Server{Address: gone.Addr().String(), TLS: "implicit"}, Fail, "connection refused"},
		"not TLS":        {config.Server{Address: plain, TLS: "implicit"}, Fail, "does not speak TLS at once"},
		"no ca":          {config.Server{Address: secure, TLS: "implicit", CA: "/nowhere"}, Fail, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, checkIMAP(t.Context(), &config.Platform{Name: "main", IMAP: c.server}), c.result, c.words)
		})
	}
}

func TestSubmissionServerDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := &config.Platform{Name: "main", Submission: config.Server{Address: l.Addr().String(), TLS: "starttls"}}
	want(t, checkSubmission(t.Context(), p), Fail, "connection refused")
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := config.Default()
	c.Web.Listen, c.Admin.Listen = []string{l.Addr().String()}, ""
	want(t, checkPorts(t.Context(), &c)[0], Fail, "in use by another program")
	c.Web.Listen = []string{"127.0.0.1:0"}
	want(t, checkPorts(t.Context(), &c)[0], OK, "free")
}

func TestClockAndPrint(t *testing.T) {
	if f := checkClock(); f.Result == Fail {
		t.Errorf("this machine's clock is taken for wrong: %+v", f)
	}
	var b bytes.Buffer
	list := []Finding{{Check: "a", About: "x", Result: OK, Found: "good"}, {Check: "bb", About: "It matters.", Result: Fail, Found: "one\ntwo", Advice: "Act."}}
	if err := Print(&b, list); err != nil {
		t.Fatal(err)
	}
	text := "ok    a   good\nfail  bb  one\n          two\n          why: It matters.\n          do:  Act.\n\n1 ok, 0 warn, 1 fail\n"
	if b.String() != text || Worst(list) != Fail {
		t.Errorf("got\n%s\nwant\n%s", &b, text)
	}
}

// sieveServer greets with these extensions and says OK to what it is asked.
func sieveServer(t *testing.T, extensions string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "\"IMPLEMENTATION\" \"Test\"\r\n\"SIEVE\" \""+extensions+"\"\r\n\"VERSION\" \"1.0\"\r\nOK\r\n")
			_, _ = c.Read(make([]byte, 100)) // a LOGOUT
			io.WriteString(c, "OK\r\n")
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func TestSieveServer(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	if got := checkSieve(t.Context(), &config.Platform{Name: "main"}); got != nil {
		t.Errorf("a platform without Sieve has findings: %+v", got)
	}
	all := sieveServer(t, "fileinto vacation date relational include")
	for name, c := range map[string]struct {
		server config.Server
		result Result
		words  string
	}{
		"good":       {config.Server{Address: all, TLS: "none"}, OK, "fileinto"},
		"no include": {config.Server{Address: sieveServer(t, "vacation date relational"), TLS: "none"}, Warn, "no include"},
		"old":        {config.Server{Address: sieveServer(t, "fileinto"), TLS: "none"}, Warn, "no vacation, date, relational, include"},
		"no TLS":     {config.Server{Address: all, TLS: "starttls"}, Fail, "STARTTLS"},
		"down":       {config.Server{Address: gone.Addr().String(), TLS: "starttls"}, Fail, "connection refused"},
		"no ca":      {config.Server{Address: all, TLS: "starttls", CA: "/nowhere"}, Fail, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			got := checkSieve(t.Context(), &config.Platform{Name: "main", Sieve: c.server})
			if len(got) != 1 || got[0].Check != "sieve main" {
				t.Fatalf("%+v", got)
			}
			want(t, got[0], c.result, c.words)
		})
	}
}
