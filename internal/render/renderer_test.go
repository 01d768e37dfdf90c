package render

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sanitize"
)

func post(t *testing.T, h http.Handler, path string, in any) (*httptest.ResponseRecorder, ipc.Rendered) {
	t.Helper()
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", path, &body))
	var out ipc.Rendered
	if w.Code == http.StatusOK {
		if err := ipc.Decode(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("answer: %v", err)
		}
	}
	return w, out
}

func TestHTML(t *testing.T) {
	_, out := post(t, Handler(slog.New(slog.DiscardHandler)), ipc.RenderHTML, ipc.RenderRequest{
		Body: `<p onclick=x>Hi <img src="cid:logo@x"><img src="http://t.example/p.gif"><a href="https://a.example">a</a><form action=x></form><script>1</script>`,
		CIDs: map[string]string{"logo@x": "p/abc"},
	})
	if !strings.Contains(out.Document, `<p>Hi <img src="p/abc">`) || strings.Contains(out.Document, "t.example") || out.IsText {
		t.Errorf("document: %s", out.Document)
	}
	f := out.Findings
	if f.Remote != 1 || len(f.RemoteHosts) != 1 || f.RemoteHosts[0] != "t.example" || f.Links != 1 || f.Forms != 1 {
		t.Errorf("findings: %+v", f)
	}
	if strings.Join(f.Removed, ",") != "form,script" {
		t.Errorf("removed: %q", f.Removed)
	}
}

func TestText(t *testing.T) {
	_, out := post(t, Handler(slog.New(slog.DiscardHandler)), ipc.RenderText, ipc.RenderRequest{Body: "a <b> \nc https://x.example/\n> quoted", Flowed: true})
	for _, want := range []string{"a &lt;b&gt; c <a ", "<blockquote>quoted</blockquote>"} {
		if !strings.Contains(out.Document, want) {
			t.Errorf("no %q in %s", want, out.Document)
		}
	}
}

func TestRefused(t *testing.T) {
	h := Handler(slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"unknown field", "POST", ipc.RenderHTML, `{"body":"x","evil":1}`, http.StatusBadRequest},
		{"not json", "POST", ipc.RenderHTML, `<p>`, http.StatusBadRequest},
		{"theme", "POST", ipc.RenderHTML, `{"body":"x","theme":"red}"}`, http.StatusBadRequest},
		{"method", "GET", ipc.RenderHTML, ``, http.StatusMethodNotAllowed},
		{"path", "POST", "/render/exec", `{}`, http.StatusNotFound},
		{"too large", "POST", ipc.RenderText, `{"body":"` + strings.Repeat("x", maxRequest) + `"}`, http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d", c.name, w.Code, c.status)
		}
	}
}

func TestRetiresAfterDocuments(t *testing.T) {
	r := New(slog.New(slog.DiscardHandler))
	for i := range MaxDocuments {
		select {
		case <-r.Retired():
			t.Fatalf("retired after %d documents", i)
		default:
		}
		resp, _ := post(t, r, ipc.RenderText, ipc.RenderRequest{Body: "x"})
		if last := i == MaxDocuments-1; (resp.Header().Get("Connection") == "close") != last {
			t.Fatalf("document %d: the connection is kept for another: %v", i+1, last)
		}
	}
	select {
	case <-r.Retired():
	default:
		t.Errorf("lives on after %d documents", MaxDocuments)
	}
}

func TestLimitCostsOneDocument(t *testing.T) {
	r := New(slog.New(slog.DiscardHandler))
	_, out := post(t, r, ipc.RenderHTML, ipc.RenderRequest{Body: strings.Repeat("<div>", 600) + "readable"})
	if !out.IsText || !strings.Contains(out.Document, "readable") {
		t.Errorf("not shown as text: %.200s", out.Document)
	}
	select {
	case <-r.Retired():
	default:
		t.Error("lives on after a limit was hit")
	}
}

func TestPanicCostsOneDocument(t *testing.T) {
	var log bytes.Buffer
	r := New(slog.New(slog.NewTextHandler(&log, nil)))
	r.sanitize = func(context.Context, string, sanitize.Options) sanitize.Result { panic("secret content") }
	_, out := post(t, r, ipc.RenderHTML, ipc.RenderRequest{Body: "<p>readable"})
	if !out.IsText || !strings.Contains(out.Document, "readable") {
		t.Errorf("not shown as text: %+v", out)
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("content in the log")
	}
	<-r.Retired()
}

func TestStuckCostsOneDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(slog.New(slog.DiscardHandler))
		release := make(chan struct{})
		r.sanitize = func(context.Context, string, sanitize.Options) sanitize.Result { <-release; return sanitize.Result{} }
		_, out := post(t, r, ipc.RenderHTML, ipc.RenderRequest{Body: "<p>readable"})
		if !out.IsText || !strings.Contains(out.Document, "readable") {
			t.Errorf("not shown as text: %+v", out)
		}
		<-r.Retired()
		close(release)
	})
}

func TestOneAtATime(t *testing.T) {
	r := New(slog.New(slog.DiscardHandler))
	var now, most atomic.Int32
	r.sanitize = func(ctx context.Context, s string, o sanitize.Options) sanitize.Result {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		return sanitize.HTML(ctx, s, o)
	}
	done := make(chan struct{})
	for range 8 {
		go func() {
			for range 20 {
				post(t, r, ipc.RenderHTML, ipc.RenderRequest{Body: "<p>x"})
			}
			done <- struct{}{}
		}()
	}
	for range 8 {
		<-done
	}
	if most.Load() != 1 {
		t.Errorf("%d documents at once", most.Load())
	}
}

func TestLongAnswerIsCut(t *testing.T) {
	// Each "<" becomes four bytes.
	_, out := post(t, Handler(slog.New(slog.DiscardHandler)), ipc.RenderText, ipc.RenderRequest{Body: strings.Repeat("<", 3<<20)})
	if len(out.Document) == 0 || len(out.Document) > maxAnswer {
		t.Errorf("%d bytes", len(out.Document))
	}
	if strings.Join(out.Findings.Removed, ",") != "end of text" {
		t.Errorf("the cut is not told: %q", out.Findings.Removed)
	}
}
