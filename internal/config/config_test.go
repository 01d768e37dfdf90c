package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const good = `data = "/var/lib/cofferdam"
[web]
origin = "https://mail.example.org"
certificate = "/c.pem"
key = "/k.pem"
[signin]
operator_key = "/o.pub"
key_document = "/s.json"
[[platform]]
name = "main"
domains = ["example.org"]
[platform.imap]
address = "imap.example.org:993"
[platform.submission]
address = "smtp.example.org:587"
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoadFillsDefaults(t *testing.T) {
	l, err := Load(write(t, filepath.Join(t.TempDir(), "c.toml"), good))
	if err != nil {
		t.Fatal(err)
	}
	p := l.Platform[0]
	if p.IMAP.TLS != "implicit" || p.Submission.TLS != "starttls" || p.MaxPipes != 2000 || time.Duration(l.SignIn.Idle) != 12*time.Hour {
		t.Errorf("defaults missing: %+v", l.Config)
	}
}

// Each case changes the good file in one place; the fault must be named with
// its place or its key.
func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":           {"certificate =", "certifcate =", ":4:1: unknown key web.certifcate"},
		"wrong type":            {`"/k.pem"`, `7`, ":5:7: cannot decode"},
		"syntax":                {`key = "/k.pem"`, `key = "/k.pem`, ":5:"},
		"bad duration":          {"[signin]", "[signin]\nidle = \"3 hours\"", "is not a duration"},
		"bad size":              {"[signin]", "[cells]\nmemory = \"1GB\"\n[signin]", "is not a size"},
		"no platform":           {good[strings.Index(good, "[[plat"):], "", "no [[platform]]"},
		"plain imap":            {`993"`, "993\"\ntls = \"none\"", "plain_imap under [unsafe]"},
		"online operator key":   {"operator_key = \"/o.pub\"\nkey_document = \"/s.json\"", "", "online_operator_key under [unsafe]"},
		"http origin":           {"https://", "http://", "plain_web under [unsafe]"},
		"unsafe without reason": {"[signin]", "[unsafe]\nplain_imap = \"x\"\n[signin]", "needs a reason"},
		"unsafe unknown":        {"[signin]", "[unsafe]\nfoo = \"because we must\"\n[signin]", "not the name of an unsafe setting"},
		"layers not named":      {"[signin]", "[unsafe]\nmissing_sandbox = \"our container has none\"\n[signin]", "names no layer"},
		"layer unknown":         {"[signin]", "[unsafe]\nmissing_sandbox = \"landlock, net: our container has none\"\n[signin]", `"net" is not the name of a layer; they are: identity, network-namespace`},
		"layers, no reason":     {"[signin]", "[unsafe]\nmissing_sandbox = \"landlock: \"\n[signin]", "missing_sandbox needs a reason"},
		"all layers":            {"[signin]", "[unsafe]\nmissing_sandbox = \"*: our container has none\"\n[signin]", `"*" is not the name`},
		"private push":          {"[signin]", "[push]\nprivate = [\"127.0.0.1:8443\"]\n[signin]", "push_private under [unsafe]"},
		"private push, no port": {"[signin]", "[push]\nprivate = [\"127.0.0.1\"]\n[signin]", "is not address:port"},
		"push rate":             {"[signin]", "[push]\nper_host = 0\n[signin]", "push.per_host must be at least 1"},
		"push service":          {"[signin]", "[push]\nonly = [\"https://push.example.net\"]\n[signin]", "push.only \"https://push.example.net\" is not a host"},
		"push network":          {"[signin]", "[push]\nrefuse = [\"192.0.2.0\"]\n[signin]", "is not a network"},
		"undo too long":         {"[signin]", "[sending]\nundo_most = \"61s\"\n[signin]", "sending.undo_most must lie between 0s and 1m0s"},
		"undo above its bound":  {"[signin]", "[sending]\nundo_most = \"5s\"\n[signin]", "sending.undo must lie between 0s and sending.undo_most"},
		"undo not whole":        {"[signin]", "[sending]\nundo = \"1500ms\"\n[signin]", "are whole seconds"},
		"scram for imap":        {`993"`, "993\"\nauth = \"scram-sha-256\"", "auth must be plain"},
		"extension":             {"[platform.imap]", "extensions = [\"DSN\\nX\"]\n[platform.imap]", "is not what a server says after EHLO"},
		"parameter":             {"[platform.imap]", "parameters = [\"X=Y\"]\n[platform.imap]", "is not the name of a parameter"},
		"own parameter":         {"[platform.imap]", "parameters = [\"auth\"]\n[platform.imap]", "cannot be handed on"},
		"bad origin":            {"https://mail.example.org", "mail.example.org", "must be scheme and host"},
		"tls off, public":       {"certificate =", "tls = \"off\"\ncertificate =", "plain_web under [unsafe]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, filepath.Join(t.TempDir(), "c.toml"), strings.Replace(good, c.old, c.new, 1)))
			var e Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a fault with %q", err, c.want)
			}
		})
	}
}

func TestUnsafeWithReasonIsTaken(t *testing.T) {
	text := strings.Replace(good, `993"`, "993\"\ntls = \"none\"", 1) + "[unsafe]\nplain_imap = \"same rack, own switch\"\n"
	l, err := Load(write(t, filepath.Join(t.TempDir(), "c.toml"), text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.Report(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"UNSAFE", "same rack, own switch", "in clear", "platform.main.imap.tls = \"none\""} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, &b)
		}
	}
}

// Only the layers that are named may be missing, and only with a reason.
func TestMissingLayers(t *testing.T) {
	for value, want := range map[string][]string{
		"landlock: kernel 5.4 of the vendor":                {"landlock"},
		"pid-namespace,  empty-root : container: no userns": {"pid-namespace", "empty-root"},
		"landlock: no":   nil,
		"because we can": nil,
		"":               nil,
	} {
		c := Config{Unsafe: map[string]string{UnsafeMissingLayers: value}}
		if got := c.MissingLayers(); !slices.Equal(got, want) {
			t.Errorf("%q permits %q, want %q", value, got, want)
		}
	}
}

func TestDropInsOverrideAndAreListed(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "c.toml"), good)
	drop := write(t, filepath.Join(dir, "c.d", "50-name.toml"), "[web]\nname = \"Other\"\n")
	l, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if l.Web.Name != "Other" || l.Web.Origin != "https://mail.example.org" || len(l.Platform) != 1 {
		t.Errorf("got %+v", l.Config)
	}
	var b bytes.Buffer
	if err := l.Report(&b); err != nil || !strings.Contains(b.String(), "local override: "+drop) {
		t.Errorf("the override is not listed:\n%s", &b)
	}
}

// The example must load, but for the files it names.
func TestExampleLoads(t *testing.T) {
	var b bytes.Buffer
	if err := Example(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(write(t, filepath.Join(t.TempDir(), "c.toml"), b.String())); err != nil {
		t.Errorf("%v\n%s", err, &b)
	}
	if n := strings.Count(b.String(), "# "); n < 40 {
		t.Errorf("only %d comments", n)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		l := &Loaded{Config: Default()}
		file := filepath.Join(t.TempDir(), "c.toml")
		if os.WriteFile(file, []byte(text), 0o600) == nil && l.read(file) == nil {
			l.Validate()
		}
	})
}
