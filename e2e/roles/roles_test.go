// Package roles_test runs keeper, porter and vault in one process, over real
// lines, against a real mail platform. The ends of cells and of gate are the
// test's own hands, so that it can try what a hostile cell would.
package roles_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/courier"
	"cofferdam/internal/demo"
	"cofferdam/internal/ipc"
	"cofferdam/internal/keeper"
	"cofferdam/internal/porter"
	"cofferdam/internal/seal"
	"cofferdam/internal/vault"
)

// house is one installation without gate and cells.
type house struct {
	t        testing.TB
	platform *demo.Platform
	doc      seal.SigninKeyDoc
	dir      string
	keys     porter.Config

	ends    map[string][2]*os.File // of each line, by "a-b"
	control map[string]*ipc.Line
	stops   map[string]func()

	gate  *ipc.Client            // gate's end towards keeper
	cells map[string]*ipc.Client // cells' ends towards keeper
	lines map[string]*ipc.Line   // cells' ends towards porter
	posts map[string]*ipc.Client // cells' ends towards courier
	push  courier.Config

	mu     sync.Mutex                   // guards the rest
	people map[string]ipc.PersonRequest // by cell and session
	ended  [][]byte
	refuse bool // cells do not hold anybody on resume
}

func newHouse(t testing.TB) *house {
	t.Helper()
	p, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	h := &house{t: t, platform: p, dir: t.TempDir(), ends: map[string][2]*os.File{}, control: map[string]*ipc.Line{}, stops: map[string]func(){},
		cells: map[string]*ipc.Client{}, lines: map[string]*ipc.Line{}, posts: map[string]*ipc.Client{}, people: map[string]ipc.PersonRequest{}}
	h.makeKeys()
	for _, pair := range []string{"gate-keeper", "keeper-vault", "keeper-porter", "keeper-cell/0", "keeper-cell/1", "porter-cell/0", "porter-cell/1", "keeper-courier", "courier-cell/0", "courier-cell/1"} {
		a, b, err := ipc.NewPair()
		if err != nil {
			t.Fatal(err)
		}
		h.ends[pair] = [2]*os.File{a, b}
	}
	h.start("vault")
	h.start("porter")
	h.start("keeper")
	h.gate = ipc.NewClient(h.open("gate-keeper", 0, "keeper", h.gateCalls()))
	for _, cell := range []string{"cell/0", "cell/1"} {
		h.cells[cell] = ipc.NewClient(h.open("keeper-"+cell, 1, "keeper", h.cellCalls(cell)))
		h.lines[cell] = h.open("porter-"+cell, 1, "porter", nil)
		h.posts[cell] = ipc.NewClient(h.open("courier-"+cell, 1, "courier", nil))
	}
	return h
}

func (h *house) makeKeys() {
	op, err := seal.NewOperatorKey()
	if err != nil {
		h.t.Fatal(err)
	}
	signIn, err := seal.NewSigninKey()
	if err != nil {
		h.t.Fatal(err)
	}
	cred, err := seal.NewPrivateKey()
	if err != nil {
		h.t.Fatal(err)
	}
	h.doc, err = seal.SignSigninKey(op, signIn.Public(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := h.doc.JSON()
	if err != nil {
		h.t.Fatal(err)
	}
	plain := func(addr string) porter.Server {
		return porter.Server{Address: addr, TLS: "none", Auth: "plain", Login: "address"}
	}
	h.keys = porter.Config{SignInKey: signIn.Reveal(), KeyDocument: text, CredentialKey: cred.Reveal(), FailsAccount: 6, Platforms: []porter.Platform{{
		Name: "demo", Domains: []string{"cofferdam.test"}, Default: true, IMAP: plain(h.platform.IMAP), Submission: plain(h.platform.SMTP),
		MaxPipes: 100, Recipients: 5,
	}}}
}

// open takes the test's own end of a line and answers calls on it.
func (h *house) open(pair string, end int, name string, calls http.Handler) *ipc.Line {
	h.t.Helper()
	l, err := ipc.NewLine(name, h.ends[pair][end])
	if err != nil {
		h.t.Fatal(err)
	}
	if calls != nil {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = ipc.Serve(ctx, l.Listener(), calls, time.Second) }()
		h.t.Cleanup(func() { cancel(); <-done })
	}
	return l
}

func (h *house) gateCalls() http.Handler {
	m := ipc.NewMux(h.log())
	ipc.Handle(m, ipc.GateEnded, 1<<20, time.Second, func(_ context.Context, e ipc.Ended) (ipc.None, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ended = append(h.ended, e.Sessions...)
		return ipc.None{}, nil
	})
	return m
}

func (h *house) cellCalls(cell string) http.Handler {
	m := ipc.NewMux(h.log())
	ipc.Handle(m, ipc.CellPerson, 64<<10, time.Second, func(_ context.Context, r ipc.PersonRequest) (ipc.PersonTaken, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.Resume && h.refuse {
			return ipc.PersonTaken{}, nil
		}
		if r.Resume {
			for key, have := range h.people {
				if strings.HasPrefix(key, cell) && string(have.UID) == string(r.UID) && have.Fence == r.Fence {
					h.people[cell+string(r.Session)] = r
					return ipc.PersonTaken{Held: true}, nil
				}
			}
			return ipc.PersonTaken{}, nil
		}
		h.people[cell+string(r.Session)] = r
		return ipc.PersonTaken{Held: true}, nil
	})
	ipc.Handle(m, ipc.CellPersonEnd, 1<<20, time.Second, func(_ context.Context, r ipc.EndRequest) (ipc.None, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range r.Sessions {
			delete(h.people, cell+string(s))
		}
		return ipc.None{}, nil
	})
	return m
}

func (h *house) log() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(h.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return slog.New(slog.DiscardHandler)
}

// start runs a role as the supervisor would.
func (h *house) start(name string) {
	h.t.Helper()
	var cfg any
	switch name {
	case "keeper":
		cfg = keeper.Config{Database: filepath.Join(h.dir, "k.db"), Uploads: filepath.Join(h.dir, "uploads"), Indexes: filepath.Join(h.dir, "indexes"), Node: "n", Cells: 2, Idle: time.Hour, Absolute: 24 * time.Hour,
			Shared: time.Minute, FailsNetwork: 50, CellIdle: time.Minute, DeviceKey: make([]byte, 32)}
	case "porter":
		keys := h.keys // porter wipes what it was handed
		keys.SignInKey, keys.CredentialKey = append([]byte(nil), keys.SignInKey...), append([]byte(nil), keys.CredentialKey...)
		cfg = keys
	case "courier":
		cfg = h.push
	}
	role, control := h.role(name, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.run(ctx, name, role) }()
	ready := make(chan struct{})
	go func() {
		for {
			c, _, err := control.ReceiveControl()
			if err != nil {
				return
			}
			if c.Op == ipc.OpReady {
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case err := <-done:
		h.t.Fatalf("%s ended: %v", name, err)
	case <-time.After(10 * time.Second):
		h.t.Fatalf("%s is not ready", name)
	}
	h.control[name] = control
	h.stops[name] = sync.OnceFunc(func() { cancel(); <-done; control.Close() })
	h.t.Cleanup(h.stops[name])
}

// role hands over what the supervisor would.
func (h *house) role(name string, cfg any) (*ipc.Role, *ipc.Line) {
	h.t.Helper()
	mine, theirs, err := ipc.NewPair()
	if err != nil {
		h.t.Fatal(err)
	}
	control, err := ipc.NewLine(name, mine)
	if err != nil {
		h.t.Fatal(err)
	}
	mine.Close()
	data, err := json.Marshal(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	send := func(c ipc.Control, f *os.File) {
		if err := control.SendControl(context.Background(), c, f); err != nil {
			h.t.Fatal(err)
		}
	}
	send(ipc.Control{Op: ipc.OpConfig, Name: name, Data: data}, nil)
	for pair, ends := range h.ends {
		a, b, _ := strings.Cut(pair, "-")
		switch name {
		case a:
			send(ipc.Control{Op: ipc.OpLine, Name: b}, ends[0])
		case b:
			send(ipc.Control{Op: ipc.OpLine, Name: a}, ends[1])
		}
	}
	send(ipc.Control{Op: ipc.OpStart}, nil)
	role, err := ipc.OpenRole(theirs)
	if err != nil {
		h.t.Fatal(err)
	}
	theirs.Close()
	return role, control
}

func (h *house) run(ctx context.Context, name string, role *ipc.Role) error {
	switch name {
	case "keeper":
		return keeper.Run(ctx, role, h.log(), prometheus.NewRegistry())
	case "porter":
		return porter.Run(ctx, role, h.log(), prometheus.NewRegistry())
	}
	if name == "courier" {
		return courier.Run(ctx, role, h.log(), prometheus.NewRegistry())
	}
	v, err := vault.Open(ctx, vault.Config{Dir: h.dir}, h.log())
	if err != nil {
		return err
	}
	defer v.Close()
	serve, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- v.Run(serve, role.Line("keeper")) }()
	if err := role.Ready(ctx); err != nil {
		stop()
		return err
	}
	err = role.Run(ctx)
	stop()
	<-done
	return err
}

// restart ends a role and starts its successor, which peers are told of.
func (h *house) restart(name string, tell ...string) {
	h.stops[name]()
	h.start(name)
	for _, peer := range tell {
		if err := h.control[peer].SendControl(context.Background(), ipc.Control{Op: ipc.OpRestarted, Name: name}, nil); err != nil {
			h.t.Fatal(err)
		}
	}
}

// signIn is what a page and gate do.
func (h *house) signIn(login, password string, device []byte) (ipc.SignedIn, error) {
	h.t.Helper()
	return h.signInAs(ipc.KindCookie, login, password, device)
}

func (h *house) signInAs(kind, login, password string, device []byte) (ipc.SignedIn, error) {
	h.t.Helper()
	ctx := h.t.Context()
	offer, err := ipc.Call[ipc.SignInOffer](ctx, h.gate, ipc.KeeperOffer, ipc.None{})
	if err != nil {
		h.t.Fatal(err)
	}
	box, err := seal.SealSignin(h.doc, offer.Challenge, seal.Credential{Kind: seal.KindPassword, Login: login, Secret: seal.NewSecret([]byte(password))})
	if err != nil {
		h.t.Fatal(err)
	}
	req := ipc.SignInRequest{Kind: kind, Network: "192.0.2.1", Agent: "test", Device: device,
		Box: ipc.Box{KID: box.KID, Enc: box.Enc, CT: box.CT, Challenge: box.Challenge}}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return ipc.Call[ipc.SignedIn](ctx, h.gate, ipc.KeeperSignIn, req)
}

func (h *house) mustSignIn(i int) ipc.SignedIn {
	h.t.Helper()
	u := h.platform.Users[i]
	s, err := h.signIn(u.Address, u.Password, nil)
	if err != nil {
		h.t.Fatalf("sign-in of %s: %v", u.Address, err)
	}
	return s
}

func (h *house) openSession(k ipc.SessionKey, stale []byte) (ipc.Grant, error) {
	return ipc.Call[ipc.Grant](h.t.Context(), h.gate, ipc.KeeperOpen, ipc.OpenRequest{Key: k, Network: "192.0.2.1", Stale: stale})
}

// pipe opens an IMAP pipe as a cell does and returns its greeting.
func (h *house) pipe(cell string, capability []byte) (string, error) {
	_, _, greeting, err := h.dial(cell, capability)
	return greeting, err
}

// say sends bytes down a fresh pipe and returns what the server says until it is
// silent or gone.
func (h *house) say(cell string, capability []byte, text string) string {
	h.t.Helper()
	conn, br, _, err := h.dial(cell, capability)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		h.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	answer, _ := io.ReadAll(br) // the deadline ends it
	return string(answer)
}

func (h *house) dial(cell string, capability []byte) (net.Conn, *bufio.Reader, string, error) {
	conn, err := h.lines[cell].Dial(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: line\r\nConnection: Upgrade\r\nUpgrade: imap\r\n%s: %s\r\n\r\n", ipc.PorterIMAP,
		ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, nil, "", err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, nil, "", ipc.ReadError(resp)
	}
	greeting, err := br.ReadString('\n')
	return conn, br, greeting, err
}

// put writes a record of a derived class, which needs no root (records_test.go has
// the others).
func (h *house) put(cell string, capability []byte, id string, revision int64) error {
	_, err := ipc.Call[ipc.RecordMark](h.t.Context(), h.cells[cell], ipc.KeeperRecordPut, ipc.RecordPut{Auth: ipc.Auth{Capability: capability},
		Record: ipc.Record{Class: "mail", ID: []byte(id), Revision: revision, Generation: 1, Data: []byte("sealed")}})
	return err
}

func wantCode(t *testing.T, what string, err error, want ...ipc.Code) {
	t.Helper()
	for _, w := range want {
		if ipc.CodeOf(err) == w {
			return
		}
	}
	t.Errorf("%s: got %v, want %v", what, err, want)
}
