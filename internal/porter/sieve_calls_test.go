package porter

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sieve"
)

// sieveServer speaks as much ManageSieve as porter needs, and keeps what it is
// told to.
type sieveServer struct {
	mu      sync.Mutex // guards the rest
	scripts map[string]string
	active  string
	hidden  string // a script that cannot be read
	old     bool   // from before RFC 5804
	break_  string // the connection breaks at this verb
	slow    chan struct{}
	greeted int
	signed  int
	verbs   []string
}

func (s *sieveServer) serve(p *post, c net.Conn) {
	s.mu.Lock()
	s.greeted++
	version := "\"VERSION\" \"1.0\"\r\n"
	if s.old {
		version = ""
	}
	slow := s.slow
	s.mu.Unlock()
	hello := "\"IMPLEMENTATION\" \"Test\"\r\n\"SIEVE\" \"fileinto vacation\"\r\n\"SASL\" \"PLAIN\"\r\n\"NOTIFY\" \"mailto\"\r\n\"MAXREDIRECTS\" \"4\"\r\n" + version + "OK\r\n"
	fmt.Fprint(c, hello)
	for br := bufio.NewReader(c); ; {
		verb, args, err := readSieveCommand(br)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.verbs = append(s.verbs, verb)
		broken := verb == s.break_
		s.mu.Unlock()
		if broken {
			return
		}
		if slow != nil && verb == "LISTSCRIPTS" {
			<-slow
		}
		if verb == "CAPABILITY" {
			fmt.Fprint(c, hello)
			continue
		}
		fmt.Fprint(c, s.answer(p, verb, args))
	}
}

// readSieveCommand reads a line with its literals as strings.
func readSieveCommand(br *bufio.Reader) (verb string, args []string, err error) {
	text := ""
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return "", nil, err
		}
		text += strings.TrimRight(line, "\r\n")
		open := strings.LastIndexByte(text, '{')
		if open < 0 || !strings.HasSuffix(text, "+}") {
			break
		}
		n, err := strconv.Atoi(text[open+1 : len(text)-2])
		if err != nil {
			return "", nil, err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(br, data); err != nil {
			return "", nil, err
		}
		text = text[:open] + strconv.Quote(string(data))
	}
	verb, rest, _ := strings.Cut(text, " ")
	for rest != "" {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return verb, args, nil
		}
		arg, _ := strconv.Unquote(quoted)
		args, rest = append(args, arg), strings.TrimPrefix(rest[len(quoted):], " ")
	}
	return verb, args, nil
}

func (s *sieveServer) answer(p *post, verb string, args []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch verb {
	case "AUTHENTICATE":
		s.signed++
		if p.password == "wrong" {
			return "NO \"no\"\r\n"
		}
	case "LISTSCRIPTS":
		out := ""
		for name := range s.scripts {
			out += strconv.Quote(name)
			if name == s.active {
				out += " ACTIVE"
			}
			out += "\r\n"
		}
		if s.hidden != "" {
			out += strconv.Quote(s.hidden) + "\r\n"
		}
		return out + "OK\r\n"
	case "GETSCRIPT":
		text, ok := s.scripts[args[0]]
		if !ok {
			return "NO (NONEXISTENT)\r\n"
		}
		return fmt.Sprintf("{%d}\r\n%s\r\nOK\r\n", len(text), text)
	case "PUTSCRIPT", "CHECKSCRIPT":
		text := args[len(args)-1]
		for word, no := range map[string]string{"nonsense": "NO \"line 1: error: unknown command\"\r\n", "large": "NO (QUOTA/MAXSIZE) \"too large\"\r\n", "many": "NO (QUOTA/MAXSCRIPTS) \"too many\"\r\n",
			"busy": "NO (TRYLATER) \"later\"\r\n"} {
			if strings.Contains(text, word) {
				return no
			}
		}
		if verb == "PUTSCRIPT" {
			s.scripts[args[0]] = text
		}
	case "RENAMESCRIPT":
		if _, taken := s.scripts[args[1]]; taken {
			return "NO (ALREADYEXISTS)\r\n"
		}
		s.scripts[args[1]] = s.scripts[args[0]]
		delete(s.scripts, args[0])
	case "SETACTIVE":
		if _, ok := s.scripts[args[0]]; args[0] != "" && !ok {
			return "NO (NONEXISTENT) \"no such script\"\r\n"
		}
		s.active = args[0]
	case "DELETESCRIPT":
		if args[0] == s.active {
			return "NO (ACTIVE)\r\n"
		}
		delete(s.scripts, args[0])
	case "LOGOUT":
		return "OK\r\n"
	}
	return "OK\r\n"
}

func (s *sieveServer) count(verb string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.verbs {
		if v == verb {
			n++
		}
	}
	return n
}

// sieveLine is a cell's line to a porter whose platform has that server; nil: the
// platform has none. Auth is of Ann's session.
func sieveLine(t *testing.T, s *sieveServer) (*ipc.Client, *Porter, ipc.Auth) {
	t.Helper()
	mail := newPost(t, imapPost)
	p := testPorter(t, mail.addr, mail.addr)
	if s != nil {
		if s.scripts == nil {
			s.scripts = map[string]string{}
		}
		filters := newPost(t, s.serve)
		if s.active == "wrong password" {
			filters.password = "wrong"
		}
		table := *p.table.Load().byName["p"]
		table.Platform.Sieve = &Server{Address: filters.addr, TLS: "none", Auth: "plain", Login: "address"}
		if err := p.setPlatforms([]Platform{table.Platform}); err != nil {
			t.Fatal(err)
		}
	}
	p.begin(t, "ann", "secret")
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	p.sieveCalls(m, "cell/0")
	fa, fb, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	a, err := ipc.NewLine("porter", fa)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ipc.NewLine("cell/0", fb)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = ipc.Serve(ctx, b.Listener(), m, time.Second) }()
	client := ipc.NewClient(a)
	t.Cleanup(func() { client.Close(); cancel(); <-done; fa.Close(); fb.Close() })
	return client, p, ipc.Auth{Capability: []byte("capability of ann")}
}

// TestSieveOffer: it is asked once for all, and a cell that gives up or has no
// session spoils it for nobody.
func TestSieveOffer(t *testing.T) {
	ask := func(c *ipc.Client, auth ipc.Auth) (ipc.SieveOffer, error) {
		return ipc.Call[ipc.SieveOffer](t.Context(), c, ipc.PorterSieveOffer, ipc.SieveAsk{Auth: auth})
	}
	none, _, auth := sieveLine(t, nil)
	if o, err := ask(none, auth); err != nil || o.Configured {
		t.Errorf("a platform without Sieve: %+v, %v", o, err)
	}
	for _, path := range []string{ipc.PorterSieveRead, ipc.PorterSieveCheck, ipc.PorterSieveApply} {
		_, err := ipc.Call[ipc.SieveDone](t.Context(), none, path, ipc.SieveAsk{Auth: auth})
		wantCode(t, err, ipc.CodeNotFound)
	}
	s := &sieveServer{}
	c, p, auth := sieveLine(t, s)
	_, err := ask(c, ipc.Auth{Capability: []byte("capability of eve")})
	wantCode(t, err, ipc.CodeUnknown)
	_, _, err = p.sieveGrant(auth, "cell/1") // stolen by another cell
	wantCode(t, err, ipc.CodeForbidden)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if o, err := p.sieveOffer(gone, p.table.Load().byName["p"]); err == nil && !o.Configured {
		t.Errorf("for one who gave up: %+v", o)
	}
	for range 3 {
		o, err := ask(c, auth)
		if err != nil || !o.Configured || o.Implementation != "Test" || strings.Join(o.Extensions, " ") != "fileinto vacation" || *o.MaxRedirects != 4 || len(o.Notify) != 1 {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if s.greeted != 1 || s.signed != 0 {
		t.Errorf("greeted %d times, signed in %d times", s.greeted, s.signed)
	}
}

// TestSieveOfferAway: a server that does not answer is not asked by everybody.
func TestSieveOfferAway(t *testing.T) {
	c, p, auth := sieveLine(t, &sieveServer{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	plat := p.table.Load().byName["p"]
	plat.sieve.Address = l.Addr().String()
	for range 2 {
		_, err := ipc.Call[ipc.SieveOffer](t.Context(), c, ipc.PorterSieveOffer, ipc.SieveAsk{Auth: auth})
		wantCode(t, err, ipc.CodeUnavailable)
	}
	if left := time.Until(plat.offer.until); left <= 0 || left > sieveAway {
		t.Errorf("asked again in %v", left)
	}
}

// TestSieveRead: all scripts with what is in them, within limits.
func TestSieveRead(t *testing.T) {
	s := &sieveServer{scripts: map[string]string{"mine": "keep;\r\n", "other": "stop;"}, active: "mine", hidden: "default"}
	c, _, auth := sieveLine(t, s)
	read := func() (ipc.SieveScripts, error) {
		return ipc.Call[ipc.SieveScripts](t.Context(), c, ipc.PorterSieveRead, ipc.SieveAsk{Auth: auth})
	}
	got, err := read()
	if err != nil || len(got.Scripts) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, sc := range got.Scripts {
		if string(sc.Content) != s.scripts[sc.Name] || sc.Active != (sc.Name == "mine") {
			t.Errorf("%+v", sc)
		}
	}
	_, err = ipc.Call[ipc.SieveScripts](t.Context(), c, ipc.PorterSieveRead, ipc.SieveAsk{Auth: ipc.Auth{Capability: []byte("x")}})
	wantCode(t, err, ipc.CodeUnknown)
	for i := range ipc.MaxSieveScripts {
		s.scripts[fmt.Sprint(i)] = "keep;"
	}
	_, err = read()
	wantCode(t, err, ipc.CodeInvalid)
	s.scripts = map[string]string{}
	for i := range maxScriptsTotal>>19 + 1 {
		s.scripts[fmt.Sprint(i)] = strings.Repeat("#", 1<<19)
	}
	_, err = read()
	wantCode(t, err, ipc.CodeInvalid)
}

// TestSieveCheck: by us, by the server, and by a server that cannot.
func TestSieveCheck(t *testing.T) {
	for _, old := range []bool{false, true} {
		s := &sieveServer{old: old}
		c, _, auth := sieveLine(t, s)
		for text, want := range map[string]string{"keep;": "", "keep": ipc.SieveInvalid, "nonsense;": ipc.SieveInvalid,
			strings.Repeat("#", sieve.MaxScript+1): ipc.SieveTooLarge, "redirect \"eve@example.net\";": ""} {
			if old && text == "nonsense;" {
				want = "" // it is said when it is stored
			}
			done, err := ipc.Call[ipc.SieveDone](t.Context(), c, ipc.PorterSieveCheck, ipc.SieveCheck{Auth: auth, Content: []byte(text)})
			if err != nil || done.No != want || want == ipc.SieveInvalid && !strings.Contains(done.Text, "line 1") {
				t.Errorf("%.20q: %+v, %v, want %q", text, done, err, want)
			}
		}
		if len(s.scripts) != 0 || old && s.count("CHECKSCRIPT") != 0 {
			t.Errorf("stored %v, asked %v", s.scripts, s.verbs)
		}
	}
}

// TestSieveApply: steps are taken in order until one is refused, in words that a
// cell knows; what another program changed meanwhile is not overwritten.
func TestSieveApply(t *testing.T) {
	s := &sieveServer{scripts: map[string]string{"mine": "keep;"}, active: "mine"}
	c, p, auth := sieveLine(t, s)
	apply := func(seen []byte, steps ...ipc.SieveStep) ipc.SieveDone {
		t.Helper()
		done, err := ipc.Call[ipc.SieveDone](t.Context(), c, ipc.PorterSieveApply, ipc.SieveApply{Auth: auth, Seen: seen, Steps: steps})
		if err != nil {
			t.Error(err)
		}
		return done
	}
	put := func(name, text string) ipc.SieveStep {
		return ipc.SieveStep{Verb: ipc.SievePut, Name: name, Content: []byte(text)}
	}
	good := put("a", "stop;")
	for want, last := range map[string]ipc.SieveStep{
		ipc.SieveInvalid:  put("b", "nonsense;"),
		ipc.SieveTooLarge: put("b", "keep; # large"),
		ipc.SieveQuota:    put("b", "keep; # many"),
		ipc.SieveAway:     put("b", "keep; # busy"),
		ipc.SieveActive:   {Verb: ipc.SieveDelete, Name: "mine"},
		ipc.SieveNotFound: {Verb: ipc.SieveActivate, Name: "none"},
		ipc.SieveExists:   {Verb: ipc.SieveRename, Name: "mine", To: "a"},
	} {
		steps := 1
		if want == ipc.SieveInvalid {
			steps = 0 // a command that is not known stops the guard
		}
		if done := apply(nil, good, last); done.No != want || done.Done != steps {
			t.Errorf("%+v, want %q after one step", done, want)
		}
	}
	if done := apply(nil, good, put("b", "redirect \"eve@example.net\";")); done.No != ipc.SieveForbidden || done.Done != 0 || strings.Contains(done.Text, "eve") {
		t.Errorf("%+v", done)
	}
	var counted dto.Metric
	if err := p.counts.refused.WithLabelValues("sieve").Write(&counted); err != nil || counted.GetCounter().GetValue() != 1 {
		t.Errorf("%v refusals counted: %v", counted.GetCounter().GetValue(), err)
	}
	seen := ipc.SieveDigest([]ipc.SieveScript{{Name: "a", Content: []byte("stop;")}, {Name: "mine", Active: true, Content: []byte("keep;")}})
	s.mu.Lock()
	s.scripts["mine"] = "discard;"
	s.mu.Unlock()
	if done := apply(seen, put("mine", "stop;")); done.No != ipc.SieveChanged || s.scripts["mine"] != "discard;" {
		t.Errorf("%+v, and the script is %q", done, s.scripts["mine"])
	}
	seen = ipc.SieveDigest([]ipc.SieveScript{{Name: "mine", Active: true, Content: []byte("discard;")}, {Name: "a", Content: []byte("stop;")}})
	if done := apply(seen, put("mine", "stop;"), ipc.SieveStep{Verb: ipc.SieveActivate}); done.No != "" || done.Done != 2 || s.scripts["mine"] != "stop;" || s.active != "" {
		t.Errorf("%+v, %q", done, s.scripts["mine"])
	}
	s.mu.Lock()
	s.break_ = "DELETESCRIPT"
	s.mu.Unlock()
	if done := apply(nil, put("mine", "keep;"), ipc.SieveStep{Verb: ipc.SieveDelete, Name: "a"}); done.No != ipc.SieveAway || done.Done != 1 {
		t.Errorf("a connection that broke: %+v", done)
	}
}

// TestSieveApplyLimits: what is no change, or too much of one.
func TestSieveApplyLimits(t *testing.T) {
	s := &sieveServer{scripts: map[string]string{"mine": "keep;"}}
	c, _, auth := sieveLine(t, s)
	step := ipc.SieveStep{Verb: ipc.SievePut, Name: "x", Content: []byte("keep;")}
	many := make([]ipc.SieveStep, maxSieveSteps+1)
	for i := range many {
		many[i] = step
	}
	for name, steps := range map[string][]ipc.SieveStep{
		"none": {}, "many": many, "verb": {{Verb: "get", Name: "x"}}, "no name": {{Verb: ipc.SieveDelete}}, "no content": {{Verb: ipc.SievePut, Name: "x"}},
		"content of a delete": {{Verb: ipc.SieveDelete, Name: "x", Content: []byte("x")}}, "rename to nothing": {{Verb: ipc.SieveRename, Name: "x"}},
		"large": {{Verb: ipc.SievePut, Name: "x", Content: bytes.Repeat([]byte("#"), maxSieveCall)}},
	} {
		_, err := ipc.Call[ipc.SieveDone](t.Context(), c, ipc.PorterSieveApply, ipc.SieveApply{Auth: auth, Steps: steps})
		if got := ipc.CodeOf(err); got != ipc.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{strings.Repeat("x", 129), "a\x01", "a\u2028"} {
		done, err := ipc.Call[ipc.SieveDone](t.Context(), c, ipc.PorterSieveApply, ipc.SieveApply{Auth: auth, Steps: []ipc.SieveStep{{Verb: ipc.SieveRename, Name: "mine", To: name}}})
		if err != nil || done.No != ipc.SieveInvalid {
			t.Errorf("%q: %+v, %v", name, done, err)
		}
	}
	if done, err := ipc.Call[ipc.SieveDone](t.Context(), c, ipc.PorterSieveApply, ipc.SieveApply{Auth: auth, Steps: many[:maxSieveSteps]}); err != nil || done.Done != maxSieveSteps {
		t.Errorf("%+v, %v", done, err)
	}
	if len(s.scripts) != 2 {
		t.Errorf("stored %v", s.scripts)
	}
}

// TestSieveSignIn: a server that does not take the password is not shown it again
// and again, and the session lives on: mail may be all right.
func TestSieveSignIn(t *testing.T) {
	s := &sieveServer{active: "wrong password"}
	c, p, auth := sieveLine(t, s)
	for range 4 {
		_, err := ipc.Call[ipc.SieveScripts](t.Context(), c, ipc.PorterSieveRead, ipc.SieveAsk{Auth: auth})
		wantCode(t, err, ipc.CodeUnavailable)
	}
	if s.signed != 1 {
		t.Errorf("the password was shown %d times", s.signed)
	}
	if _, err := p.registry.find(show("capability of ann"), "cell/0"); err != nil {
		t.Errorf("the session ended: %v", err)
	}
}

// TestSieveAtOnce: so many conversations of one person, and none after the session.
func TestSieveAtOnce(t *testing.T) {
	s := &sieveServer{slow: make(chan struct{})}
	c, p, auth := sieveLine(t, s)
	read := func() error {
		_, err := ipc.Call[ipc.SieveScripts](t.Context(), c, ipc.PorterSieveRead, ipc.SieveAsk{Auth: auth})
		return err
	}
	under := make(chan error, maxSieves)
	for range maxSieves {
		go func() { under <- read() }()
	}
	for s.count("LISTSCRIPTS") < maxSieves {
		time.Sleep(time.Millisecond)
	}
	wantCode(t, read(), ipc.CodeThrottled)
	p.registry.endSessions([][]byte{sum("ann")})
	for range maxSieves {
		if err := <-under; err == nil {
			t.Error("a conversation outlived its session")
		}
	}
	close(s.slow)
	wantCode(t, read(), ipc.CodeUnknown)
}
