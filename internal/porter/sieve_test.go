package porter

import (
	"testing"

	mail "cofferdam/e2e/platform"
	"cofferdam/internal/ipc"
	"cofferdam/internal/managesieve"
)

// sieveAt is a conversation with a real Pigeonhole.
func sieveAt(t *testing.T) *sieveSession {
	t.Helper()
	p := mail.Start(t, mail.Options{People: 1, Sieve: true})
	u := p.Users[0]
	c, err := managesieve.Dial(t.Context(), managesieve.Config{Addr: p.ManageSieve, TLS: p.TLS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Authenticate(t.Context(), managesieve.Credentials{User: u.Login, Secret: []byte(u.Password)}); err != nil {
		t.Fatal(err)
	}
	return &sieveSession{c: c, own: []string{u.Login}}
}

// TestSieveGuard: a cell cannot have mail forwarded to where the person did not,
// and what is refused leaves nothing behind.
func TestSieveGuard(t *testing.T) {
	s := sieveAt(t)
	put := func(name, text string) ipc.SieveStep {
		return ipc.SieveStep{Verb: ipc.SievePut, Name: name, Content: []byte(text)}
	}
	try := func(want string, steps ...ipc.SieveStep) {
		t.Helper()
		done, err := s.apply(t.Context(), nil, steps)
		if err != nil || done.No != want {
			t.Errorf("%q, %v, want %q (%s)", done.No, err, want, done.Text)
		}
	}
	filing := put("mine", "require \"fileinto\";\r\nfileinto \"Junk\";\r\n")
	try("", filing, ipc.SieveStep{Verb: ipc.SieveActivate, Name: "mine"})
	try(ipc.SieveForbidden, put("other", "keep;"), put("mine", "redirect \"eve@example.net\";"))
	try(ipc.SieveForbidden, put("mine", "require \"variables\"; set \"x\" \"eve@example.net\"; redirect \"${x}\";"))
	try(ipc.SieveForbidden, put("mine", "require \"vacation\"; vacation :from \"eve@example.net\" \"x\";"))
	try(ipc.SieveInvalid, put("mine", "keep"))
	try(ipc.SieveInvalid, put("mine", "require \"no-such-extension\";"))
	try(ipc.SieveActive, ipc.SieveStep{Verb: ipc.SieveDelete, Name: "mine"})
	try(ipc.SieveNotFound, ipc.SieveStep{Verb: ipc.SieveActivate, Name: "none"})
	scripts, err := s.scripts(t.Context())
	if err != nil || len(scripts) != 1 || !scripts[0].Active || string(scripts[0].Content) != string(filing.Content) {
		t.Fatalf("%+v, %v", scripts, err)
	}
	// The person forwarded by another program: that address is known.
	if _, err := s.c.Put(t.Context(), "outside", "redirect \"bob@example.net\";"); err != nil {
		t.Fatal(err)
	}
	try("", put("mine", "if header :is \"subject\" \"x\" { redirect \"bob@example.net\"; }"))
	try(ipc.SieveForbidden, put("mine", "redirect \"bob@example.net\"; redirect \"eve@example.net\";"))
}
