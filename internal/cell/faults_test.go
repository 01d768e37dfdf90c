package cell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// line is an end of a line whose other end answers with m.
func line(t *testing.T, name string, m *ipc.Mux) *ipc.Line {
	t.Helper()
	fa, fb, err := ipc.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	a, err := ipc.NewLine(name, fa)
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
	t.Cleanup(func() { cancel(); <-done; fa.Close(); fb.Close() })
	return a
}

// A class that does not fit its root is counted for as long as its owner did not
// acknowledge it, and can be told to them.
func TestFaultsOfClassesAreKnown(t *testing.T) {
	ps, p, _ := visitor(t, nil)
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	ipc.Handle(m, ipc.KeeperRecordList, 4<<10, time.Second, func(context.Context, ipc.RecordList) (ipc.RecordPage, error) {
		return ipc.RecordPage{Mirror: 5}, nil // everything was taken out
	})
	ipc.Handle(m, ipc.KeeperRecordPut, 1<<20, time.Second, func(context.Context, ipc.RecordPut) (ipc.RecordMark, error) {
		return ipc.RecordMark{Change: 1}, nil
	})
	c := &Cell{people: ps, keeper: ipc.NewClient(line(t, "keeper", m)), log: slog.New(slog.DiscardHandler)}
	key, err := seal.NewUMK().ClassKey(p.uid, seal.ClassOutbox, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Faults() != nil || ps.faults() != 0 {
		t.Error("faults of a class that was not opened")
	}
	p.outbox = c.class(p, key)
	if _, err := p.outbox.all(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := p.Faults()
	if len(got) == 0 || got[0].Kind != string(ipc.FaultRolledBack) && got[0].Kind != string(ipc.FaultRoot) || got[0].Class != "outbox" || ps.faults() != len(got) {
		t.Errorf("faults %+v, counted %d", got, ps.faults())
	}
	// Its owner has seen it.
	if err := p.Acknowledge(t.Context()); err != nil || len(p.Faults()) != 0 || ps.faults() != 0 {
		t.Errorf("acknowledged: %v, %+v", err, p.Faults())
	}
	ps.closeAll(t.Context())
}

// An envelope of many recipients does not fit a header; the mail follows it.
func TestLongEnvelopeGoesWithTheMail(t *testing.T) {
	for n, long := range map[int]bool{1: false, 50: false, 1000: true} {
		env := ipc.SubmitEnvelope{From: "ada@x.test"}
		for i := range n {
			env.To = append(env.To, ipc.SubmitRcpt{Address: fmt.Sprintf("somebody.%d@example.org", i)})
		}
		r, err := submitRequest(t.Context(), []byte("capability"), env, strings.NewReader("From: Ada\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(r.Body)
		text, err := base64.RawURLEncoding.DecodeString(r.Header.Get(ipc.HeaderEnvelope))
		if inBody := r.Header.Get(ipc.HeaderEnvelope) == ipc.EnvelopeInBody; inBody != long {
			t.Fatalf("%d recipients: in the body %v", n, inBody)
		} else if inBody {
			text, err = body.ReadBytes('\n')
		}
		if err != nil {
			t.Fatal(err)
		}
		var got ipc.SubmitEnvelope
		if err := ipc.Decode(text, &got); err != nil || len(got.To) != n {
			t.Errorf("%d recipients: %d, %v", n, len(got.To), err)
		}
		if rest, _ := io.ReadAll(body); !bytes.Equal(rest, []byte("From: Ada\r\n")) {
			t.Errorf("%d recipients: the mail is %q", n, rest)
		}
	}
}
