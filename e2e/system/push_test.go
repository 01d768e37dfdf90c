package system

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/e2e/platform"
	"cofferdam/internal/push/pushtest"
)

// pushService is somebody's push service with TLS, on an address that the operator
// had to permit.
type pushService struct {
	*httptest.Server
	got chan pushed
}

type pushed struct {
	path   string
	header http.Header
	body   []byte
}

func newPushService(t *testing.T) *pushService {
	s := &pushService{got: make(chan pushed, 100)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Method == http.MethodPost {
			s.got <- pushed{r.URL.Path, r.Header, body}
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s
}

// next waits for a message.
func (s *pushService) next(t *testing.T, within time.Duration) pushed {
	t.Helper()
	select {
	case p := <-s.got:
		return p
	case <-time.After(within):
		t.Fatalf("nothing was pushed in %s", within)
		return pushed{}
	}
}

// silent checks that nothing comes for a while.
func (s *pushService) silent(t *testing.T, while time.Duration, when string) {
	t.Helper()
	select {
	case p := <-s.got:
		t.Errorf("pushed to %s %s", p.path, when)
	case <-time.After(while):
	}
}

// pushCall makes a call that has no account.
func (p *Person) pushCall(t *testing.T, method string, args Args) (out struct {
	Created    map[string]struct{ ID string }
	Updated    map[string]any
	NotCreated map[string]any
	NotUpdated map[string]any
	List       []struct{ ID string }
}) {
	t.Helper()
	s, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Post(t.Context(), s.API, Args{"using": []string{capCore}, "methodCalls": [][]any{{method, args, "0"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := ReadAnswers(text)
	if err == nil {
		err = a.Into(0, &out)
	}
	if err != nil {
		t.Fatalf("%s: %v in %s", method, err, text)
	}
	return out
}

// emailState is the state of a person's Emails.
func (p *Person) emailState(t *testing.T) (state string) {
	t.Helper()
	a, err := p.Call(t.Context(), Call{"Email/get", Args{"ids": []string{}}})
	var out struct{ State string }
	if err == nil {
		err = a.Into(0, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.State
}

// signedBy checks a push's Authorization (RFC 8292) by the announced key.
func signedBy(t *testing.T, key, origin string, header http.Header) {
	t.Helper()
	token, k, ok := strings.Cut(strings.TrimPrefix(header.Get("Authorization"), "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	if !ok || k != key || len(parts) != 3 {
		t.Fatalf("Authorization: %q, and the announced key is %q", header.Get("Authorization"), key)
	}
	raw := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw(k))
	if err != nil {
		t.Fatal(err)
	}
	sum, sig := sha256.Sum256([]byte(parts[0]+"."+parts[1])), raw(parts[2])
	var claims struct{ Aud string }
	if err := json.Unmarshal(raw(parts[1]), &claims); err != nil || claims.Aud != origin || len(sig) != 64 ||
		!ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Errorf("the token for %q is not good: %v", claims.Aud, err)
	}
}

// TestWebPush is PushSubscription through all roles: the verification, then a change
// when mail arrives, over a restart of courier, until the person signs out.
func TestWebPush(t *testing.T) {
	service := newPushService(t)
	address := service.Listener.Addr().String()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	p := platform.Start(t, platform.Options{People: 2})
	s := Start(t, p, Options{LogLevel: "debug", Edit: func(text string) string {
		return strings.Replace(text, "[unsafe]\n", fmt.Sprintf("[push]\nca = %q\nprivate = [%q]\n[unsafe]\npush_private = \"the push service of this test\"\n", roots, address), 1)
	}})
	ada := s.Browser(p.Users[0].Login)
	defer ada.Close()
	if err := ada.SignIn(t.Context(), p.Users[0].Password); err != nil {
		t.Fatal(err)
	}
	var session struct {
		Capabilities map[string]struct{ ApplicationServerKey string }
	}
	if err := ada.getInto(t.Context(), "/jmap/session", &session); err != nil {
		t.Fatal(err)
	}
	key := session.Capabilities["urn:ietf:params:jmap:webpush-vapid"].ApplicationServerKey
	deliver := func(subject string) {
		t.Helper()
		if err := p.Deliver("bob@example.org", ada.Login, []byte("From: bob@example.org\r\nSubject: "+subject+"\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	ada.emailState(t) // the account is there

	device := pushtest.New()
	made := ada.pushCall(t, "PushSubscription/set", Args{"create": Args{
		"device": Args{"deviceClientId": "d1", "url": service.URL + "/planted-device-url", "keys": Args{"p256dh": device.P256DH(), "auth": device.Auth()}},
		"inside": Args{"deviceClientId": "d2", "url": "https://" + s.Admin + "/inside"}, // the admin listener of this machine
		"clear":  Args{"deviceClientId": "d3", "url": "http://" + address + "/clear"},
	}})
	id := made.Created["device"].ID
	if id == "" || made.NotCreated["clear"] == nil {
		t.Fatalf("made %+v", made)
	}
	first := service.next(t, 5*time.Second)
	signedBy(t, key, service.URL, first.header)
	got := []string{first.path, first.header.Get("Content-Type"), first.header.Get("Content-Encoding")}
	if diff := cmp.Diff([]string{"/planted-device-url", "application/json", "aes128gcm"}, got); diff != "" || first.header.Get("TTL") == "" {
		t.Errorf("TTL %q; %s", first.header.Get("TTL"), diff)
	}
	var verification struct {
		Type                                 string `json:"@type"`
		PushSubscriptionID, VerificationCode string
	}
	text, err := device.Open(first.body)
	if err == nil {
		err = json.Unmarshal(text, &verification)
	}
	if err != nil || verification.Type != "PushVerification" || verification.PushSubscriptionID != id {
		t.Fatalf("the first message is %s, %v", text, err)
	}
	deliver("before the code is returned")
	service.silent(t, 2*time.Second, "before the code was returned")
	if list := ada.pushCall(t, "PushSubscription/get", Args{"ids": nil}).List; len(list) != 1 || list[0].ID != id {
		t.Errorf("subscriptions %+v: one that leads inside is to be gone", list)
	}

	verify := func(code string) (updated, refused int) {
		out := ada.pushCall(t, "PushSubscription/set", Args{"update": Args{id: Args{"verificationCode": code}}})
		return len(out.Updated), len(out.NotUpdated)
	}
	if _, refused := verify("wrong"); refused != 1 {
		t.Error("a wrong code was taken")
	}
	if updated, _ := verify(verification.VerificationCode); updated != 1 {
		t.Fatal("the code was not taken")
	}
	time.Sleep(time.Second) // the states of this moment are what the device has
	told := func(what string) {
		t.Helper()
		deliver(what)
		m := service.next(t, 20*time.Second)
		text, err := device.Open(m.body)
		var change struct {
			Type    string `json:"@type"`
			Changed map[string]map[string]string
		}
		if err == nil {
			err = json.Unmarshal(text, &change)
		}
		if err != nil || change.Type != "StateChange" || len(change.Changed) != 1 {
			t.Fatalf("%s: pushed %s, %v", what, text, err)
		}
		for _, states := range change.Changed {
			if states["Email"] != ada.emailState(t) || states["EmailDelivery"] == "" || states["Mailbox"] == "" {
				t.Errorf("%s: pushed %v, and Emails are at %s", what, states, ada.emailState(t))
			}
		}
	}
	began := time.Now()
	told("a mail that arrives")
	t.Logf("the device knew of the mail after %v", time.Since(began))
	if err := s.Kill("courier", startTimeout); err != nil {
		t.Fatal(err)
	}
	told("after a restart of courier")

	if err := ada.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliver("after signing out")
	service.silent(t, 8*time.Second, "after the person signed out")
	unseen(t, s, "planted-device-url", device.Auth())
}

// unseen looks for texts in the log and in all that is stored.
func unseen(t *testing.T, s *Server, texts ...string) {
	t.Helper()
	files := map[string]string{"the log": s.Log.Tail(1 << 20)}
	err := filepath.WalkDir(s.path("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Errorf("control: only %d files", len(files))
	}
	for name, data := range files {
		for _, text := range texts {
			if strings.Contains(data, text) {
				t.Errorf("%q stands in %s", text, name)
			}
		}
	}
}
