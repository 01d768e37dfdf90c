package differential

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// side is one of the two servers.
type side interface {
	// call makes one method call.
	call(ctx context.Context, name string, args system.Args) (map[string]any, error)
	// blob downloads the bytes of a blob.
	blob(ctx context.Context, id string) ([]byte, error)
}

// login is how a person signs in with us, nativeLogin the same person for Cyrus,
// whose own domain is the default one.
const (
	login       = nativeLogin + "@" + platform.Domain
	nativeLogin = "ann"
)

// native is Cyrus' own JMAP.
type native struct{ c *platform.Cyrus }

func (n native) call(ctx context.Context, name string, args system.Args) (map[string]any, error) {
	args = with(args, nativeLogin)
	body, err := json.Marshal(system.Args{
		"using": []string{"urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"}, "methodCalls": []any{[]any{name, args, "0"}}})
	if err != nil {
		return nil, err
	}
	text, err := n.do(ctx, http.MethodPost, n.c.JMAP, body)
	if err != nil {
		return nil, err
	}
	a, err := system.ReadAnswers(text)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, a.Into(0, &out)
}

func (n native) blob(ctx context.Context, id string) ([]byte, error) {
	return n.do(ctx, http.MethodGet, n.c.JMAP+"download/"+nativeLogin+"/"+id+"/x", nil)
}

func (n native) do(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(nativeLogin, "secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", resp.Status, text)
	}
	return text, err
}

// ours is the whole product in front of the same Cyrus.
type ours struct {
	p       *system.Person
	account string
	path    string // of downloads
}

func (o ours) call(ctx context.Context, name string, args system.Args) (map[string]any, error) {
	a, err := o.p.Call(ctx, system.Call{Name: name, Args: with(args, o.account)})
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, a.Into(0, &out)
}

func (o ours) blob(ctx context.Context, id string) ([]byte, error) {
	return o.p.Get(ctx, strings.NewReplacer("{accountId}", o.account, "{blobId}", id, "{name}", "x", "{type}", "application%2Foctet-stream").Replace(o.path))
}

func with(args system.Args, account string) system.Args {
	out := system.Args{"accountId": account}
	for k, v := range args {
		out[k] = v
	}
	return out
}

// startOurs runs the product and signs in. Cyrus speaks without TLS on loopback.
func startOurs(t testing.TB, c *platform.Cyrus) ours {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(ca, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?s)\[platform.imap\].*?\n\[`)
	s := system.Start(t, &platform.Platform{IMAPS: c.IMAP, CAFile: ca}, system.Options{Cells: 1, Renders: 1, Edit: func(toml string) string {
		return plain.ReplaceAllString(toml, fmt.Sprintf("[platform.imap]\naddress = %q\ntls = \"none\"\n[", c.IMAP))
	}})
	p := s.Browser(login)
	t.Cleanup(p.Close)
	if err := p.SignIn(t.Context(), "secret"); err != nil {
		t.Fatalf("signing in: %v", err)
	}
	session, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ours{p, session.Account, session.Download}
}

// await waits until our index of every mailbox is whole: then totals are the
// servers' own.
func await(t testing.TB, o ours, total int) {
	t.Helper()
	var got any
	for began := time.Now(); time.Since(began) < indexTimeout; time.Sleep(100 * time.Millisecond) {
		a, err := o.call(t.Context(), "Email/query", system.Args{"calculateTotal": true, "limit": 1})
		if err != nil {
			t.Fatal(err)
		}
		if got = a["total"]; got == float64(total) {
			return
		}
	}
	t.Fatalf("our index has %v mails after %v, want %d", got, indexTimeout, total)
}
