package porter

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func server(addr string) Server {
	return Server{Address: addr, TLS: "implicit", Auth: "plain", Login: "address"}
}

func plat(name string, isDefault bool, domains ...string) Platform {
	return Platform{Name: name, Default: isDefault, Domains: domains, IMAP: server(name + ":993"), Submission: server(name + ":465")}
}

func TestFindPlatform(t *testing.T) {
	two := []Platform{plat("one", false, "one.example", "uno.example"), plat("two", true, "two.example")}
	for name, c := range map[string]struct {
		list               []Platform
		typed, login, plat string // plat "" is refused
	}{
		"by domain":                   {two, "Ann@ONE.example", "ann@one.example", "one"},
		"second domain":               {two, "ann@uno.example", "ann@uno.example", "one"},
		"default takes other domains": {two, "ann@else.example", "ann@else.example", "two"},
		"bare name":                   {two, "ann", "ann@two.example", "two"},
		"only one, not default":       {two[:1], "ann@else.example", "", ""},
		"only one, bare name":         {two[:1], "ann", "ann@one.example", "one"},
		"no default, bare name":       {[]Platform{plat("a", false, "a.example"), plat("b", false, "b.example")}, "ann", "", ""},
		"no default, other domain":    {[]Platform{plat("a", false, "a.example"), plat("b", false, "b.example")}, "ann@c.example", "", ""},
		"no login":                    {two, "a b@one.example", "", ""},
		"empty":                       {two, "", "", ""},
		"nothing configured":          {nil, "ann@one.example", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := newPlatforms(c.list)
			if err != nil {
				t.Fatal(err)
			}
			login, p, err := table.find(c.typed)
			if c.plat == "" {
				if err == nil {
					t.Errorf("%s went to %s", login, p.Name)
				}
				return
			}
			if err != nil || login.String() != c.login || p.Name != c.plat {
				t.Errorf("%s, %v, %v", login, p, err)
			}
		})
	}
}

func TestServiceConfig(t *testing.T) {
	s, err := newService(Server{Address: "imap.example:993", ServerName: "cert.example"})
	if err != nil || s.host != "imap.example" || s.tls.ServerName != "cert.example" || s.tls.RootCAs != nil || s.tls.InsecureSkipVerify {
		t.Errorf("%+v, %v", s, err)
	}
	for name, c := range map[string]Server{"no port": {Address: "imap.example"}, "no certificate": {Address: "a:1", Roots: []byte("x")}} {
		bad := plat("p", true)
		bad.Submission = c
		if _, err := newPlatforms([]Platform{bad}); err == nil || !strings.Contains(err.Error(), "platform p: submission") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := (&service{Server: Server{Login: "local"}}).name("ann@x"); got != "ann" {
		t.Errorf("local login %s", got)
	}
	if got := (&service{Server: Server{Login: "address"}}).name("ann@x"); got != "ann@x" {
		t.Errorf("login %s", got)
	}
}

func TestAliases(t *testing.T) {
	file := filepath.Join(t.TempDir(), "aliases")
	stamp := time.Now().Add(-time.Hour)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		stamp = stamp.Add(time.Second) // file systems may keep times to the second
		if err := os.Chtimes(file, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	a := &aliases{file: file}
	want := func(login string, more ...string) {
		t.Helper()
		got, err := a.of(login)
		if err != nil || !slices.Equal(got, append([]string{login}, more...)) {
			t.Errorf("%s may send as %v, %v", login, got, err)
		}
	}
	write("# who may send as what\n\nAnn@x  Info@X sales@x # both\nbob@x bobby@x\r\nann@x third@x\nlonely@x\n")
	want("ann@x", "info@x", "sales@x", "third@x")
	want("bob@x", "bobby@x")
	want("lonely@x")
	want("info@x") // no alias of an alias
	write("ann@x other@x\n")
	want("ann@x", "other@x")
	want("bob@x")
	if err := os.Truncate(file, maxAliases+1); err != nil {
		t.Fatal(err)
	}
	if _, err := a.of("ann@x"); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a file that is too large: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := a.of("ann@x"); err == nil {
		t.Error("a file that is gone was read")
	}
	if got, err := (&aliases{}).of("ann@x"); err != nil || len(got) != 1 {
		t.Errorf("without a file: %v, %v", got, err)
	}
	got, _ := a.of("ann@x")
	_ = append(got, "evil@x") // the caller's to keep
}
