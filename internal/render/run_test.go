package render

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
)

// startRole runs a render as the supervisor does, and gives the cell's end of
// its line and the channel of Run's answer.
func startRole(t *testing.T, cell *os.File) (control *ipc.Line, ended chan error) {
	t.Helper()
	mine, theirs, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	control, err = ipc.NewLine("render/0.0", mine)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, c := range []ipc.Control{{Op: ipc.OpConfig, Name: "render/0.0", Data: []byte("{}")}, {Op: ipc.OpLine, Name: "cell/0"}, {Op: ipc.OpStart}} {
		var f *os.File
		if c.Op == ipc.OpLine {
			f = cell
		}
		if err := control.SendControl(ctx, c, f); err != nil {
			t.Fatal(err)
		}
	}
	role, err := ipc.OpenRole(theirs)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	ended = make(chan error, 1)
	go func() { ended <- Run(ctx, role, slog.New(slog.DiscardHandler), prometheus.NewRegistry()) }()
	if c, _, err := control.ReceiveControl(); err != nil || c.Op != ipc.OpReady {
		t.Fatalf("not ready: %v %v", c, err)
	}
	return control, ended
}

func TestRunRetiresAndIsReplaced(t *testing.T) {
	mine, theirs, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	line, err := ipc.NewLine("render/0.0", mine)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	client := ipc.NewClient(line)
	defer client.Close()
	control, ended := startRole(t, theirs)
	defer control.Close()
	out, err := ipc.Call[ipc.Rendered](t.Context(), client, ipc.RenderHTML, ipc.RenderRequest{Body: strings.Repeat("<div>", 600) + "bomb"})
	if err != nil || !out.IsText {
		t.Fatalf("bomb: %v, %+v", err, out)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("retiring: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("does not retire after a limit")
	}
	// The next process takes over the same line; the cell notices nothing.
	control2, ended2 := startRole(t, theirs)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	out, err = ipc.Call[ipc.Rendered](ctx, client, ipc.RenderHTML, ipc.RenderRequest{Body: "<p>hello"})
	if err != nil || !strings.Contains(out.Document, "<p>hello</p>") {
		t.Fatalf("after the restart: %v, %+v", err, out)
	}
	control2.Close() // the supervisor is gone: the role ends
	select {
	case <-ended2:
	case <-time.After(5 * time.Second):
		t.Fatal("does not end with its supervisor")
	}
}
