package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"cofferdam/internal/config"
	"cofferdam/internal/courier"
	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// logged are the lines that the supervisor's log gets for what a role wrote.
func logged(t *testing.T, wrote string) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	s := &supervisor{ctx: t.Context(), log: slog.New(slog.NewJSONHandler(&out, nil))}
	s.copyLog("cell/1", io.NopCloser(strings.NewReader(wrote)))
	var lines []map[string]any
	for line := range strings.Lines(out.String()) {
		var rec map[string]any
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, rec)
	}
	return lines
}

func TestHostileLogLines(t *testing.T) {
	got := logged(t, `{"level":"WARN","msg":"m","role":"keeper","time":"x","source":"y","n":1,"a b":2,"":3,"`+strings.Repeat("k", maxLogKey+1)+`":4}`+"\n")
	if len(got) != 1 || got[0]["role"] != "cell/1" || got[0]["level"] != "WARN" || got[0]["n"] != 1.0 || len(got[0]) != 5 {
		t.Errorf("got %v", got)
	}
	many := map[string]int{}
	for i := range 10 * maxLogAttrs {
		many[strings.Repeat("a", i%30+1)+string(rune('a'+i/30))] = i
	}
	data, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	if got := logged(t, string(data)+"\n"); len(got) != 1 || len(got[0]) > maxLogAttrs+3 {
		t.Errorf("a line of %d attributes", len(got[0]))
	}
	long := strings.Repeat("x", maxLogLine) + strings.Repeat("y", 3*maxLogLine)
	got = logged(t, long+"\n"+`{"msg":"after"}`+"\nno newline")
	if len(got) != 3 || got[0]["text"] != long[:maxLogLine] || got[1]["msg"] != "after" || got[2]["text"] != "no newline" {
		t.Errorf("an overlong line: %d lines", len(got))
	}
	if got := logged(t, strings.Repeat("x\n", 3*maxLogRate)); len(got) > maxLogRate+1 {
		t.Errorf("%d lines in a moment", len(got))
	}
}

func figures(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	out, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A hostile role's figures neither pass for another's nor hide them.
func TestHostileFigures(t *testing.T) {
	merged := map[string]*dto.MetricFamily{}
	merge(merged, "keeper", figures(t, "# TYPE a counter\na 1\n"))
	merge(merged, "cell/0", figures(t, "# TYPE a gauge\na 7\n# TYPE b gauge\nb{role=\"keeper\"} 2\nb 3\n"))
	var out bytes.Buffer
	for _, f := range merged {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	text := out.String()
	for _, want := range []string{`a{role="keeper"} 1`, `b{role="cell/0"} 3`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "7") || strings.Contains(text, " 2") {
		t.Errorf("forged figures in\n%s", text)
	}
}

// Each ready of a role makes its peers tell it all they know: it counts once.
func TestRoleIsReadyOnce(t *testing.T) {
	fa, fb, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	defer fa.Close()
	defer fb.Close()
	mine, err := ipc.NewLine("cell/0", fa)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	role, err := ipc.NewLine("server", fb)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{ipc.OpReady, ipc.OpReady, ipc.OpReady} {
		if err := role.SendControl(t.Context(), ipc.Control{Op: op, Data: []byte("{}")}, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := &supervisor{ctx: t.Context(), log: slog.New(slog.DiscardHandler), procs: map[string]*process{}, hooks: map[string]func(){}}
	p := &process{name: "cell/0", sup: s, log: s.log, ready: make(chan struct{})}
	p.listen(mine)
	if p.starts != 1 {
		t.Errorf("one process started %d times", p.starts)
	}
}

// The key document that pages need is signed anew while the server runs.
func TestDocumentIsRenewed(t *testing.T) {
	p := &plan{loaded: config.Config{Data: t.TempDir()}}
	if err := p.renew(); err != nil {
		t.Fatal(err)
	}
	first := p.secrets()
	if left := p.documentLeft(); left <= documentWarn || left > onlineLife {
		t.Errorf("valid for %s", left)
	}
	if err := p.renew(); err != nil {
		t.Fatal(err)
	}
	again := p.secrets()
	if again == first || !bytes.Equal(again.SignIn, first.SignIn) || again.operator.Point() == nil || !bytes.Equal(again.operator.Point(), first.operator.Point()) {
		t.Error("the keys changed")
	}
	doc, err := seal.ParseSigninKeyDoc(again.document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Verify(again.operator, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatNeedAStart(t *testing.T) {
	old, cfg := config.Config{}, config.Config{}
	cfg.Web.Name, cfg.SignIn.Idle = "new name", 5
	if got := needStart(old, cfg); got != nil {
		t.Errorf("what a reload takes: %v", got)
	}
	cfg.Web.Listen, cfg.Data = []string{":1"}, "/elsewhere"
	if got := needStart(old, cfg); !slices.Equal(got, []string{"data", "web.listen"}) {
		t.Errorf("got %v", got)
	}
}

// A role that does not read its messages holds nobody up.
func TestDeafRoleIsNotWaitedFor(t *testing.T) {
	fa, fb, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	defer fa.Close()
	defer fb.Close()
	l, err := ipc.NewLine("cell/0", fa)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &supervisor{ctx: context.Background(), log: slog.New(slog.DiscardHandler)}
	p := &process{name: "cell/0", control: l}
	start := time.Now()
	for s.tell(p, ipc.Control{Op: ipc.OpReload, Data: json.RawMessage(`"` + strings.Repeat("x", 60<<10) + `"`)}, nil) == nil {
	}
	if took := time.Since(start); took > 4*controlTime {
		t.Errorf("waited %s", took)
	}
}

// An installation of before push gets a VAPID key, which stays, and loses no other.
func TestKeysGetVAPID(t *testing.T) {
	dir := t.TempDir()
	first, err := makeKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := *first
	old.VAPID = nil
	data, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, keysFile), data); err != nil {
		t.Fatal(err)
	}
	p := &plan{loaded: config.Config{Data: dir}}
	var public []string
	for range 2 {
		if err := p.renew(); err != nil {
			t.Fatal(err)
		}
		k, err := p.secrets().vapidPublic()
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, k)
		if !bytes.Equal(p.secrets().SignIn, first.SignIn) || !bytes.Equal(p.secrets().Device, first.Device) {
			t.Error("the other keys changed")
		}
	}
	if public[0] != public[1] || len(public[0]) != 87 {
		t.Errorf("the key changed: %q", public)
	}
}

// Courier alone gets the private key, and may dial what it has a use for.
func TestCourierIsTold(t *testing.T) {
	p := &plan{loaded: config.Default()}
	p.loaded.Data = t.TempDir()
	p.loaded.Web.Origin = "https://mail.example.org"
	p.loaded.Platform = []config.Platform{{Name: "main"}}
	p.loaded.Push.Private = []string{"127.0.0.1:8443"}
	if err := p.renew(); err != nil {
		t.Fatal(err)
	}
	secret, err := json.Marshal(p.secrets().VAPID)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"gate", "keeper", "vault", "porter", "cell/0", "render/0.0", "courier"} {
		if role == "gate" {
			p.loaded.Web.TLS = "off"
		}
		data, profile, err := p.settings(role)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(data, secret); got != (role == "courier") {
			t.Errorf("%s is told the VAPID key: %v", role, got)
		}
		if role == "courier" && !slices.Equal(profile.Ports, []uint16{53, 443, 8443}) {
			t.Errorf("courier may dial %v", profile.Ports)
		}
	}
	data, _, err := p.settings("courier")
	var told courier.Config
	if err == nil {
		err = ipc.Decode(data, &told)
	}
	if err != nil || told.Host != "mail.example.org" || told.Contact != "https://mail.example.org" || !slices.Contains(told.Own, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("courier is told %+v, %v", told, err)
	}
}
