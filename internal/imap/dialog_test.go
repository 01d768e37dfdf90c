package imap_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
)

var update = flag.Bool("update", false, "rewrite the expected outcome of dialogs")

// stage is what a script works on: a logged-in client, a place to tell what it
// saw, and the server's other users while recording.
type stage struct {
	t      testing.TB
	ctx    context.Context
	c      *imap.Client
	out    io.Writer
	events chan imap.Event
	other  func(func(*imap.Client)) // acts as a second client; does nothing in a replay
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// awaitEvent waits for an event that ok accepts and drops others.
func (s *stage) awaitEvent(ok func(imap.Event) bool) {
	s.t.Helper()
	for {
		select {
		case e := <-s.events:
			if ok(e) {
				return
			}
		case <-time.After(10 * time.Second):
			s.t.Fatal("the event did not come")
		}
	}
}

// TestDialogs replays what was recorded of real servers and compares what the
// client made of it.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.dlg")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogs", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dlg")
		_, script, _ := strings.Cut(name, "-")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run := scripts[script]
			if run == nil {
				t.Fatalf("no script %q for this dialog", script)
			}
			got := playScript(t, imaptest.Replay(t, string(text)), run, func(func(*imap.Client)) {})
			want := strings.TrimSuffix(file, ".dlg") + ".want"
			if *update {
				if err := os.WriteFile(want, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			wanted, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(wanted), string(got)); diff != "" {
				t.Errorf("outcome differs (-want +got):\n%s", diff)
			}
		})
	}
}

// playScript runs a script over a connection and returns what it told.
func playScript(t testing.TB, conn net.Conn, run func(*stage), other func(func(*imap.Client))) []byte {
	t.Helper()
	var out bytes.Buffer
	s := &stage{t: t, ctx: testContext(t), out: &out, other: other, events: make(chan imap.Event, 1000)}
	c, err := imap.New(s.ctx, conn, imap.Options{Handler: func(e imap.Event) {
		switch e := e.(type) {
		case imap.FetchEvent:
			e.Row = e.Row.Clone()
			s.events <- e
		case imap.UnknownEvent:
			s.events <- imap.UnknownEvent{Response: e.Response.Clone()}
		default:
			s.events <- e
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.c = c
	if err := c.Login(s.ctx, "user", []byte(imaptest.Password)); err != nil {
		t.Fatal(err)
	}
	run(s)
	return out.Bytes()
}

// TestRecord makes the dialogs again from real servers. Set COFFERDAM_RECORD
// to dovecot or cyrus; run TestDialogs with -update afterwards.
func TestRecord(t *testing.T) {
	kind := os.Getenv("COFFERDAM_RECORD")
	for name, run := range scripts {
		if kind == "" || only[name] != "" && only[name] != kind {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var addr string
			switch kind {
			case "dovecot":
				addr = imaptest.Dovecot(t, imaptest.DovecotOptions{}).Addr
			case "cyrus":
				addr = imaptest.Cyrus(t).Addr
			default:
				t.Fatalf("COFFERDAM_RECORD=%s: neither dovecot nor cyrus", kind)
			}
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			rec := &imaptest.Recorder{Conn: conn}
			other := func(act func(*imap.Client)) {
				c := dial(t, addr, "user", imap.Options{})
				defer c.Close()
				act(c)
			}
			want := playScript(t, rec, run, other)
			base := filepath.Join("testdata", "dialogs", kind+"-"+name)
			if err := os.WriteFile(base+".dlg", []byte(rec.Dialog()), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(base+".want", want, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
	if kind == "" {
		t.Skip("set COFFERDAM_RECORD to record dialogs of real servers")
	}
}
