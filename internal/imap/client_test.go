package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
)

// hello is the greeting most dialogs start with: logged in, capabilities told.
const hello = "S: * PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ ENABLE IDLE UIDPLUS MOVE ESEARCH CONDSTORE QRESYNC UTF8=ACCEPT SORT ESORT] hi\n"

// open makes a client on a dialog.
func open(t *testing.T, dialog string, opts imap.Options) *imap.Client {
	t.Helper()
	c, err := imap.New(testContext(t), imaptest.Replay(t, dialog), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// events gathers what the handler gets, as text.
type events struct {
	mu   sync.Mutex // guards said
	said []string
}

func (e *events) handle(ev imap.Event) {
	var text string
	switch ev := ev.(type) {
	case imap.CapsEvent:
		return
	case imap.FetchEvent:
		text = fmt.Sprintf("fetch %q seq %d uid %d %v", ev.Mailbox, ev.Row.Seq(), ev.Row.UID(), ev.Row.Flags())
	case imap.VanishedEvent:
		text = fmt.Sprintf("vanished %q %s earlier %v", ev.Mailbox, ev.UIDs, ev.Earlier)
	case imap.StatusEvent:
		text = fmt.Sprintf("status %q %d", ev.Status.Mailbox, ev.Status.Messages)
	case imap.ListEvent:
		text = fmt.Sprintf("list %q old %q", ev.Entry.Mailbox, ev.Entry.OldName)
	case imap.StatusLineEvent:
		text = fmt.Sprintf("%s %s %q", ev.Kind, ev.Code.Name, ev.Text)
	case imap.SearchUpdateEvent:
		text = fmt.Sprintf("update %s %v", ev.Result.Tag, ev.Result.AddTo)
	case imap.UnknownEvent:
		text = fmt.Sprintf("unknown %s %s", ev.Response.Word, ev.Response.Arg(0).Raw())
	case imap.ByeEvent:
		text = fmt.Sprintf("bye %s %q", ev.Code.Name, ev.Text)
	default:
		text = fmt.Sprintf("%T %+v", ev, ev)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, text)
}

func (e *events) check(t *testing.T, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if diff := cmp.Diff(want, e.said); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestGreetings(t *testing.T) {
	tests := []struct {
		name, dialog string
		state        imap.State
		ok           bool
	}{
		{"capabilities told", "S: * OK [CAPABILITY IMAP4rev1] hi\n", imap.StateNotAuthenticated, true},
		{"capabilities asked for", "S: * OK hi\nC: A1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE\nS: A1 OK done\n", imap.StateNotAuthenticated, true},
		{"preauth", hello, imap.StateAuthenticated, true},
		{"bye", "S: * BYE go away\nX: close\n", 0, false},
		{"another protocol", "S: 220 mail ESMTP\n", 0, false},
		{"tagged", "S: A1 OK hi\n", 0, false},
		{"data", "S: * 1 EXISTS\n", 0, false},
		{"hang up", "X: close\n", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := imap.New(testContext(t), imaptest.Replay(t, tt.dialog), imap.Options{})
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if tt.ok {
				if c.State() != tt.state || !c.Caps().Has("imap4rev1") {
					t.Errorf("state %d, imap4rev1 %v", c.State(), c.Caps().Has("imap4rev1"))
				}
				_ = c.Close()
			}
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	client, _ := net.Pipe()
	if _, err := imap.New(ctx, client, imap.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that never greets: %v", err)
	}
}

func TestErrorsTellWhatToDo(t *testing.T) {
	tests := []struct {
		name, reply string
		temporary   bool
		check       func(error) bool
	}{
		{"no", "S: A1 NO [OVERQUOTA] full", false, func(e error) bool { return imap.HasCode(e, imap.CodeOverQuota) }},
		{"no, later", "S: A1 NO [UNAVAILABLE] later", true, func(e error) bool { return imap.HasCode(e, imap.CodeUnavailable) }},
		{"bad", "S: A1 BAD [CLIENTBUG] what", false, func(e error) bool { return imap.HasCode(e, imap.CodeClientBug) }},
		{"unknown code", "S: A1 NO [X-NEW (a b)] what", false, func(e error) bool { return imap.HasCode(e, "X-NEW") }},
		{"bye", "S: * BYE [UNAVAILABLE] restart\nX: close", true, func(e error) bool {
			var s *imap.StatusError
			return errors.As(e, &s) && s.Kind == imap.StatusBYE
		}},
		{"hang up", "X: close", true, func(e error) bool { var c *imap.ConnError; return errors.As(e, &c) }},
		{"endless literal", "S: * X {999999999999}", false, func(e error) bool { var l *imap.LimitError; return errors.As(e, &l) }},
	}
	for _, tt := range tests {
		c := open(t, hello+"C: A1 NOOP\n"+tt.reply+"\n", imap.Options{})
		_, err := c.Noop().Wait(testContext(t))
		if err == nil || !tt.check(err) || imap.Temporary(err) != tt.temporary {
			t.Errorf("%s: %T %v, temporary %v", tt.name, err, err, imap.Temporary(err))
		}
		if strings.Contains(fmt.Sprint(err), "restart") || strings.Contains(fmt.Sprint(err), "full") {
			t.Errorf("%s: the server's text is in the error: %v", tt.name, err)
		}
	}
}

func TestUnsolicitedData(t *testing.T) {
	var e events
	c := open(t, hello+`C: A1 SELECT INBOX
S: * FLAGS (\Seen $x)
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] v
S: * OK [X-FUTURE 5 (a)] new
S: * OK [MAILBOXID (F1)] id
S: A1 OK [READ-WRITE] done
C: A2 NOOP
S: * 4 EXISTS
S: * 1 RECENT
S: * 2 EXPUNGE
S: * VANISHED 5:7
S: * 3 FETCH (FLAGS (\Seen) UID 9)
S: * 1 FETCH (FLAGS ($x))
S: * FLAGS (\Seen $y)
S: * OK [PERMANENTFLAGS (\Seen \*)] p
S: * STATUS Other (MESSAGES 5)
S: * LIST () "/" New ("OLDNAME" ("Old"))
S: * METADATA INBOX /shared/comment
S: * ESEARCH (TAG "B1") UID ADDTO (1 4)
S: * OK [ALERT] look out
S: * NO [NOTIFICATIONOVERFLOW] too much
S: * OK still here
S: * XYZZY foo {3}
S: bar (x)
S: * 12 XNUMBER foo
S: + nobody asked
S: Z9 OK nobody's
S: A2 OK done
`, imap.Options{Handler: e.handle})
	sel := wait(t, c.Select("INBOX", imap.SelectOptions{}))
	if sel.Exists != 3 || sel.UIDValidity != 7 || sel.MailboxID != "F1" || len(sel.Codes) != 3 || sel.ReadOnly {
		t.Errorf("%+v", sel)
	}
	wait(t, c.Noop())
	e.check(t,
		`imap.ExistsEvent {Mailbox:INBOX Count:4}`, `imap.RecentEvent {Mailbox:INBOX Count:1}`, `imap.ExpungeEvent {Mailbox:INBOX Seq:2}`,
		`vanished "INBOX" 5:7 earlier false`, `fetch "INBOX" seq 3 uid 9 [\Seen]`, `fetch "INBOX" seq 1 uid 0 [$x]`,
		`imap.FlagsEvent {Mailbox:INBOX Flags:[\Seen $y] Permanent:false}`, `imap.FlagsEvent {Mailbox:INBOX Flags:[\Seen \*] Permanent:true}`,
		`status "Other" 5`, `list "New" old "Old"`, `imap.MetadataEvent {Mailbox:INBOX Entries:[/shared/comment]}`, `update B1 [{1 [4]}]`,
		`OK ALERT "look out"`, `NO NOTIFICATIONOVERFLOW "too much"`, `OK  "still here"`, `unknown XYZZY foo`, `unknown XNUMBER foo`)
}

// TestNewsAmongRows: flags changed elsewhere are not taken for the answer to a
// FETCH of envelopes, whatever uid they name.
func TestNewsAmongRows(t *testing.T) {
	var e events
	c := open(t, hello+`C: A1 UID FETCH 1:5 (UID FLAGS RFC822.SIZE)
S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)
S: * 2 FETCH (UID 2 FLAGS (\Seen))
S: * 2 FETCH (UID 2 FLAGS (\Seen) RFC822.SIZE 20 X-EXTRA (a "b"))
S: * 9 FETCH (UID 99 RFC822.SIZE 20)
S: A1 OK done
C: A2 UID FETCH 7 (UID FLAGS)
S: * 7 FETCH (FLAGS (\Deleted) UID 7 MODSEQ (12))
S: * 8 FETCH (FLAGS (\Deleted))
S: A2 OK done
`, imap.Options{Handler: e.handle})
	var rows []string
	row := func(r *imap.FetchRow) {
		size, _ := r.Size()
		rows = append(rows, fmt.Sprintf("%d %d %v %d %s", r.UID(), size, r.Flags(), r.ModSeq(), r.Item("x-extra").At(1).Text()))
	}
	done := wait(t, c.Fetch(imap.UIDRange(1, 5), []imap.FetchItem{imap.ItemFlags, imap.ItemSize}, imap.FetchOptions{}, row))
	wait(t, c.Fetch(imap.UIDs(7), []imap.FetchItem{imap.ItemFlags}, imap.FetchOptions{}, row))
	if diff := cmp.Diff([]string{`1 10 [] 0 `, `2 20 [\Seen] 0 b`, `7 0 [\Deleted] 12 `}, rows); diff != "" || done.Rows != 2 {
		t.Errorf("rows (-want +got):\n%s%+v", diff, done)
	}
	e.check(t, `fetch "" seq 2 uid 2 [\Seen]`, `fetch "" seq 9 uid 99 []`, `fetch "" seq 8 uid 0 [\Deleted]`)
}

// TestSelectBoundary: what comes before CLOSED belongs to the mailbox left.
func TestSelectBoundary(t *testing.T) {
	var e events
	c := open(t, hello+`C: A1 SELECT One
S: * 1 EXISTS
S: A1 OK done
C: A2 NOOP
C: A3 SELECT Two
S: * 2 EXISTS
S: * OK [CLOSED] bye One
S: * 30 EXISTS
S: A2 OK done
S: A3 OK done
C: A4 SELECT Gone
S: * OK [CLOSED] bye Two
S: A4 NO [NONEXISTENT] no
`, imap.Options{Handler: e.handle})
	wait(t, c.Select("One", imap.SelectOptions{}))
	noop := c.Noop()
	two := wait(t, c.Select("Two", imap.SelectOptions{}))
	wait(t, noop)
	if two.Exists != 30 || c.Mailbox() != "Two" {
		t.Errorf("Two has %d messages, selected is %q", two.Exists, c.Mailbox())
	}
	if _, err := c.Select("Gone", imap.SelectOptions{}).Wait(testContext(t)); !imap.HasCode(err, imap.CodeNonExistent) {
		t.Error(err)
	}
	if c.Mailbox() != "" || c.State() != imap.StateAuthenticated {
		t.Errorf("after a refused SELECT %q is selected", c.Mailbox())
	}
	e.check(t, `imap.ExistsEvent {Mailbox:One Count:2}`)
}

// TestOutOfOrder: answers may overtake each other, as Dovecot's do.
func TestOutOfOrder(t *testing.T) {
	c := open(t, hello+`C: A1 UID SEARCH RETURN (ALL) SEEN
C: A2 UID SEARCH RETURN (ALL) UNSEEN
C: A3 STATUS a (MESSAGES)
C: A4 STATUS b (MESSAGES)
S: * ESEARCH (TAG "A2") UID ALL 2,4
S: * STATUS b (MESSAGES 22)
S: A2 OK done
S: A4 OK done
S: * ESEARCH (TAG "A1") UID ALL 1,3
S: * STATUS a (MESSAGES 11)
S: A3 OK done
S: A1 OK done
`, imap.Options{})
	f1, f2 := c.Search(imap.HasFlagKey(imap.FlagSeen), imap.SearchOptions{}), c.Search(imap.LacksFlagKey(imap.FlagSeen), imap.SearchOptions{})
	s1, s2 := c.Status("a", imap.StatusMessages), c.Status("b", imap.StatusMessages)
	if a, b := wait(t, f1).UIDs().String(), wait(t, f2).UIDs().String(); a != "1,3" || b != "2,4" {
		t.Errorf("%s and %s", a, b)
	}
	if a, b := wait(t, s1).Messages, wait(t, s2).Messages; a != 11 || b != 22 {
		t.Errorf("%d and %d", a, b)
	}
}

// TestAmbiguousCommandsWait: two plain SEARCHes are never in flight together.
func TestAmbiguousCommandsWait(t *testing.T) {
	c := open(t, hello+`C: A1 UID SEARCH SEEN
S: * SEARCH 1
S: A1 OK done
C: A2 UID SEARCH UNSEEN
C: A3 NOOP
S: * SEARCH 2 (MODSEQ 99)
S: A2 OK done
S: A3 OK done
`, imap.Options{})
	f1 := c.Search(imap.HasFlagKey(imap.FlagSeen), imap.SearchOptions{Plain: true})
	f2 := c.Search(imap.LacksFlagKey(imap.FlagSeen), imap.SearchOptions{Plain: true})
	noop := c.Noop()
	a, b := wait(t, f1), wait(t, f2)
	wait(t, noop)
	if a.UIDs().String() != "1" || b.UIDs().String() != "2" || b.ModSeq != 99 {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestCancelledCallerLeavesTheConnectionUsable(t *testing.T) {
	c := open(t, hello+`C: A1 UID FETCH 1:3 (UID BODY.PEEK[])
S: * 1 FETCH (UID 1 BODY[] {3}
S" "abc"
S: )
C: A2 NOOP
S: * 2 FETCH (UID 2 BODY[] {3}
S" "abc"
S: )
S: A1 OK done
S: A2 OK done
`, imap.Options{})
	ctx, cancel := context.WithCancel(testContext(t))
	rows := 0
	first := make(chan struct{})
	f := c.Fetch(imap.UIDRange(1, 3), []imap.FetchItem{imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{}, func(*imap.FetchRow) {
		rows++
		close(first)
	})
	<-first
	cancel()
	if _, err := f.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wait(t, c.Noop())
	if rows != 1 {
		t.Errorf("%d rows were delivered, some after the caller went away", rows)
	}
}

// TestWithdrawn: a command abandoned in the queue is not written.
func TestWithdrawn(t *testing.T) {
	c := open(t, hello+`C: A1 APPEND INBOX {65537}
S: + go
C" "`+strings.Repeat("x", 65537)+`\r\n"
S: A1 OK done
C: A3 NOOP
S: A3 OK done
`, imap.Options{})
	body, feed := io.Pipe()
	app := c.Append("INBOX", imap.AppendMessage{Body: body, Size: 65537})
	_, _ = feed.Write(make([]byte, 0))
	dropped := c.Create("Never")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := dropped.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { _, _ = feed.Write(bytes.Repeat([]byte("x"), 65537)) }()
	wait(t, app)
	wait(t, c.Noop())
}

func TestAppendRefusedBeforeTheLiteral(t *testing.T) {
	c := open(t, "S: * PREAUTH [CAPABILITY IMAP4rev1] no literals\n"+`C: A1 APPEND Nowhere (\Seen) " 1-Feb-2026 00:00:00 +0000" {5}
S: A1 NO [TRYCREATE] first create it
C: A2 CREATE Nowhere
S: A2 OK [MAILBOXID (F7)] done
C: A3 APPEND Nowhere {5}
S: + go
C" "hello\r\n"
S: A3 OK [APPENDUID 5 77] done
`, imap.Options{})
	msg := imap.AppendMessage{Body: strings.NewReader("hello"), Size: 5, Flags: []imap.Flag{imap.FlagSeen}, Date: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	_, err := c.Append("Nowhere", msg).Wait(testContext(t))
	if !imap.HasCode(err, imap.CodeTryCreate) {
		t.Fatal(err)
	}
	if id := wait(t, c.Create("Nowhere")); id != "F7" {
		t.Errorf("mailbox id %q", id)
	}
	app := wait(t, c.Append("Nowhere", imap.AppendMessage{Body: strings.NewReader("hello, too long"), Size: 5}))
	if app.UIDValidity != 5 || len(app.UIDs) != 1 || app.UIDs[0] != 77 {
		t.Errorf("%+v", app)
	}
}

func TestAppendShortBodyEndsTheConnection(t *testing.T) {
	c := open(t, hello+"C: A1 APPEND INBOX {10+}\nC\" \"hello\"\n", imap.Options{})
	_, err := c.Append("INBOX", imap.AppendMessage{Body: strings.NewReader("hello"), Size: 10}).Wait(testContext(t))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("append: %v", err)
	}
	<-c.Done()
	if _, err := c.Noop().Wait(testContext(t)); err == nil {
		t.Error("the connection lives on in the middle of a literal")
	}
}

func TestAppendCancelledInTheBody(t *testing.T) {
	c := open(t, hello+"C: A1 APPEND INBOX {10+}\nC\" \"hello\"\n", imap.Options{})
	body, feed := io.Pipe()
	ctx, cancel := context.WithCancel(testContext(t))
	f := c.Append("INBOX", imap.AppendMessage{Body: body, Size: 10})
	_, _ = feed.Write([]byte("hello"))
	cancel()
	_ = feed.CloseWithError(ctx.Err())
	if _, err := f.Wait(ctx); err == nil {
		t.Error("no error")
	}
	<-c.Done()
}

func TestLongSetsAreCut(t *testing.T) {
	client, server := net.Pipe()
	var uids imap.UIDSet
	for u := imap.UID(1); u <= 60000; u += 2 {
		uids.Add(u + 4_000_000)
	}
	asked := make(chan imap.UIDSet, 1)
	longest := 0
	go func() {
		defer server.Close()
		fmt.Fprintf(server, "* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hi\r\n")
		var all imap.UIDSet
		buf := make([]byte, 0, 1<<20)
		chunk := make([]byte, 1<<16)
		for {
			n, err := server.Read(chunk)
			buf = append(buf, chunk[:n]...)
			for {
				line, rest, ok := bytes.Cut(buf, []byte("\r\n"))
				if !ok {
					break
				}
				buf = rest
				longest = max(longest, len(line)+2)
				words := strings.Fields(string(line))
				set, _ := imap.ParseUIDSet(words[3])
				all.AddSet(set)
				switch words[2] {
				case "FETCH":
					for u := range set.All() {
						fmt.Fprintf(server, "* 1 FETCH (UID %d RFC822.SIZE 5)\r\n", u)
					}
					fmt.Fprintf(server, "%s OK done\r\n", words[0])
				case "COPY":
					fmt.Fprintf(server, "%s OK [COPYUID 9 %s %s] done\r\n", words[0], set, set)
				case "STORE":
					asked <- all
					fmt.Fprintf(server, "%s NO [MODIFIED %d] done\r\n", words[0], set.Ranges()[0].Start)
				}
			}
			if err != nil {
				return
			}
		}
	}()
	c, err := imap.New(testContext(t), client, imap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got imap.UIDSet
	done := wait(t, c.Fetch(uids, []imap.FetchItem{imap.ItemSize}, imap.FetchOptions{}, func(r *imap.FetchRow) { got.Add(r.UID()) }))
	if done.Rows != 30000 || got.String() != uids.String() {
		t.Errorf("%d rows of 30000", done.Rows)
	}
	cp := wait(t, c.Copy(uids, "Target"))
	if cp.UIDs.Count() != 30000 {
		t.Errorf("COPYUID of %d", cp.UIDs.Count())
	}
	st, err := c.Store(imap.UIDs(5_000_001), imap.StoreAdd, []imap.Flag{imap.FlagSeen}, imap.StoreOptions{Silent: true}).Wait(testContext(t))
	if err == nil || st.Modified.String() != "5000001" {
		t.Errorf("%v %v", st, err)
	}
	<-asked
	if longest > 8192 || longest < 4000 {
		t.Errorf("the longest line has %d bytes", longest)
	}
	if _, err := c.Search(imap.UIDKey(uids), imap.SearchOptions{}).Wait(testContext(t)); err == nil {
		t.Error("a search key that fits no line was sent")
	}
}

func TestStreamedLiteralTrouble(t *testing.T) {
	c := open(t, hello+`C: A1 UID FETCH 1 (UID BODY.PEEK[])
S: * 1 FETCH (UID 1 BODY[] {6}
S" "abcdef"
S: )
S: A1 OK done
C: A2 NOOP
S: A2 OK done
`, imap.Options{})
	broken := errors.New("the browser went away")
	_, err := c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{
		Literal: func(imap.LiteralInfo) (io.Writer, bool) {
			return writerFunc(func([]byte) (int, error) { return 0, broken }), true
		},
	}, nil).Wait(testContext(t))
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	wait(t, c.Noop())
}

func TestLiteralTooLargeForMemory(t *testing.T) {
	c := open(t, hello+`C: A1 UID FETCH 1 (UID BODY.PEEK[] RFC822.SIZE)
S: * 1 FETCH (UID 1 BODY[] {20}
S" "01234567890123456789"
S:  RFC822.SIZE 20)
S: A1 OK done
`, imap.Options{MaxLiteralInMemory: 19})
	seen := false
	wait(t, c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.BodyPeek("", imap.Span{}), imap.ItemSize}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		_, err := r.Section(imap.BodyPeek("", imap.Span{}))
		size, _ := r.Size()
		seen = errors.Is(err, imap.ErrTooLarge) && size == 20 && r.Truncated()
	}))
	if !seen {
		t.Error("the row does not tell that its literal was too large")
	}
}

func TestCloseInCallbackDoesNotHang(t *testing.T) {
	var c *imap.Client
	ready := make(chan struct{})
	c = open(t, hello+"C: A1 NOOP\nS: * 1 EXISTS\n", imap.Options{Handler: func(e imap.Event) {
		if _, ok := e.(imap.ExistsEvent); ok {
			<-ready
			_ = c.Close()
		}
	}})
	close(ready)
	if _, err := c.Noop().Wait(testContext(t)); !errors.Is(err, imap.ErrClosed) {
		t.Error(err)
	}
	_ = c.Close()
	if !errors.Is(c.Err(), imap.ErrClosed) {
		t.Error(c.Err())
	}
}

func TestStallAndIdleInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, hello+"C: A1 NOOP\n", imap.Options{})
		start := time.Now()
		_, err := c.Noop().Wait(context.Background())
		var ce *imap.ConnError
		if !errors.As(err, &ce) || !imap.Temporary(err) || time.Since(start) != 2*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// IDLE is renewed, interrupted by a command, and ended by its caller.
		c := open(t, hello+`C: A1 IDLE
S: + idling
C: DONE
S: A1 OK done
C: A2 IDLE
S: + idling
C: DONE
C: A3 NOOP
S: A2 OK done
S: A3 OK done
C: A4 IDLE
S: + idling
C: DONE
S: A4 OK done
C: A5 NOOP
S: A5 OK done
`, imap.Options{})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- c.Idle(ctx) }()
		time.Sleep(10 * time.Minute) // renewed once by now
		if _, err := c.Noop().Wait(context.Background()); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute) // longer than the stall timeout: silence is fine in IDLE
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := c.Noop().Wait(context.Background()); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		synctest.Wait()
	})
}

func TestIdleRefused(t *testing.T) {
	c := open(t, hello+"C: A1 IDLE\nS: A1 NO not now\nC: A2 NOOP\nS: A2 OK done\n", imap.Options{})
	var s *imap.StatusError
	if err := c.Idle(testContext(t)); !errors.As(err, &s) {
		t.Errorf("got %v", err)
	}
	wait(t, c.Noop())
	c = open(t, "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n", imap.Options{})
	if err := c.Idle(testContext(t)); !errors.Is(err, imap.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestUTF8Accept(t *testing.T) {
	c := open(t, hello+`C: A1 SELECT &ANw-bung
S: A1 OK done
C: A2 ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: A2 OK done
C: A3 SELECT "Übung"
S: A3 OK done
C: A4 UID SEARCH RETURN (ALL) SUBJECT "größe"
S: * ESEARCH (TAG "A4") UID
S: A4 OK done
C: A5 LIST "" "*"
S: * LIST () "/" "Übung & Co"
S: A5 OK done
C: A6 APPEND INBOX UTF8 (~{3}
S: + go
C" "abc)\r\n"
S: A6 OK done
`, imap.Options{})
	wait(t, c.Select("Übung", imap.SelectOptions{}))
	wait(t, c.Enable("UTF8=ACCEPT"))
	wait(t, c.Select("Übung", imap.SelectOptions{}))
	text, err := imap.NewSearchText("größe")
	if err != nil {
		t.Fatal(err)
	}
	if r := wait(t, c.Search(imap.Subject(text), imap.SearchOptions{})); len(r.Numbers) != 0 {
		t.Errorf("%+v", r)
	}
	if rows := wait(t, c.List(imap.ListOptions{})); len(rows) != 1 || rows[0].Mailbox != "Übung & Co" {
		t.Errorf("%+v", rows)
	}
	wait(t, c.Append("INBOX", imap.AppendMessage{Body: strings.NewReader("abc"), Size: 3, UTF8: true}))
}

func TestLiteralMinus(t *testing.T) {
	small, big := strings.Repeat("é", 600), strings.Repeat("é", 2100)
	c := open(t, "S: * PREAUTH [CAPABILITY IMAP4rev1 LITERAL-] hi\n"+
		"C: A1 UID SEARCH CHARSET UTF-8 TEXT {1200+}\nC: "+small+"\nS: * SEARCH\nS: A1 OK done\n"+
		"C: A2 UID SEARCH CHARSET UTF-8 TEXT {4200}\nS: + go\nC: "+big+"\nS: * SEARCH 4\nS: A2 OK done\n", imap.Options{})
	for i, s := range []string{small, big} {
		text, _ := imap.NewSearchText(s)
		if r := wait(t, c.Search(imap.Text(text), imap.SearchOptions{})); len(r.Numbers) != i {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

func TestSearchKeysOnTheWire(t *testing.T) {
	text := func(s string) imap.SearchText { st, _ := imap.NewSearchText(s); return st }
	day := time.Date(2026, 2, 3, 23, 0, 0, 0, time.UTC)
	tests := []struct {
		key  imap.SearchKey
		want string
	}{
		{imap.All(), "ALL"},
		{imap.And(), "ALL"},
		{imap.Or(), "NOT ALL"},
		{imap.Or(imap.All(), imap.Before(day), imap.SentOn(day)), "OR ALL OR BEFORE 3-Feb-2026 SENTON 3-Feb-2026"},
		{imap.Not(imap.And(imap.HasFlagKey(imap.FlagSeen), imap.LacksFlagKey("$Junk"))), "NOT (SEEN UNKEYWORD $Junk)"},
		{imap.And(imap.LacksFlagKey(imap.FlagDraft), imap.Larger(5), imap.ModSeqKey(7)), "UNDRAFT LARGER 5 MODSEQ 7"},
		{imap.Header(text("X-A"), text("")), `HEADER "X-A" ""`},
		{imap.Fuzzy(imap.Subject(text(`a "b" \c`))), `FUZZY SUBJECT "a \"b\" \\c"`},
		{imap.UIDKey(imap.UIDs(3, 4, 9)), "UID 3:4,9"},
		{imap.UIDKey(imap.UIDSet{}), "NOT ALL"},
		{imap.And(imap.SavedKey(), imap.EmailIDKey("M1"), imap.GUIDKey("a,b=c(")), `$ EMAILID M1 X-GUID "a,b=c("`},
		{imap.OlderSeconds(60), "OLDER 60"},
	}
	for _, tt := range tests {
		c := open(t, hello+"C: A1 UID SEARCH RETURN (COUNT) "+tt.want+"\nS: * ESEARCH (TAG \"A1\") UID COUNT 3\nS: A1 OK done\n", imap.Options{})
		if r := wait(t, c.Search(tt.key, imap.SearchOptions{Count: true})); r.Count != 3 || !r.HasCount {
			t.Errorf("%s: %+v", tt.want, r)
		}
	}
	for _, bad := range []string{"a\r\nb", "a\nb", "a\x00", "\xff"} {
		if _, err := imap.NewSearchText(bad); !errors.Is(err, imap.ErrBadArgument) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestExtendedSearchAnswers(t *testing.T) {
	c := open(t, hello[:len(hello)-4]+`hi
C: A1 UID SORT RETURN (PARTIAL -1:-3) (REVERSE ARRIVAL) UTF-8 ALL
S: * ESEARCH (TAG "A1") UID PARTIAL (-1:-3 9,4,7)
S: A1 OK done
C: A2 UID SORT RETURN (ALL) (DATE) UTF-8 ALL
S: * ESEARCH (TAG "A2") UID ALL 9:7,2
S: A2 OK done
C: A3 UID THREAD REFERENCES UTF-8 ALL
S: * THREAD (2)(3 6 (4 23)(44 7 96))
S: A3 OK done
C: A4 STATUS INBOX (MAILBOXID)
S: * STATUS INBOX (MAILBOXID (`+"\u00ff\u0001"+`))
S: A4 OK done
`, imap.Options{})
	page := wait(t, c.Sort([]imap.SortKey{{By: imap.SortArrival, Reverse: true}}, nil, imap.SearchOptions{Partial: imap.PartialRange{From: -1, To: -3}}))
	if diff := cmp.Diff([]imap.UID{9, 4, 7}, page.UIDList()); diff != "" || !page.HasPartial || page.Partial != (imap.PartialRange{From: -1, To: -3}) {
		t.Errorf("%+v %s", page, diff)
	}
	sorted := wait(t, c.Sort([]imap.SortKey{{By: imap.SortDate}}, nil, imap.SearchOptions{}))
	if diff := cmp.Diff([]imap.UID{9, 8, 7, 2}, sorted.UIDList()); diff != "" {
		t.Error(diff)
	}
	threads := wait(t, c.Thread(imap.ThreadReferences, nil, imap.SearchOptions{}))
	if len(threads) != 2 || threads[1].Number != 3 || len(threads[1].Children[0].Children) != 2 || threads[1].Children[0].Children[1].Children[0].Number != 7 {
		t.Errorf("%+v", threads)
	}
	if st := wait(t, c.Status("INBOX", imap.StatusMailboxID)); st.MailboxID != "" {
		t.Errorf("garbage was taken for a mailbox id: %q", st.MailboxID)
	}
}

func TestMultiSearch(t *testing.T) {
	c := open(t, "S: * PREAUTH [CAPABILITY IMAP4rev1 MULTISEARCH ESEARCH] hi\n"+`C: A1 ESEARCH IN (mailboxes ("a b" INBOX) subtree-one (c)) RETURN (ALL) UNSEEN
S: * ESEARCH (TAG "A1" MAILBOX "&ANw-" UIDVALIDITY 5) UID ALL 4001,4003
S: * ESEARCH (TAG "A1" MAILBOX INBOX UIDVALIDITY 6) UID ALL 1
S: A1 OK done
`, imap.Options{})
	var got []string
	n := wait(t, c.MultiSearch([]imap.SearchScope{{Kind: imap.ScopeMailboxes, Mailboxes: []string{"a b", "INBOX"}}, {Kind: imap.ScopeSubtreeOne, Mailboxes: []string{"c"}}},
		imap.LacksFlagKey(imap.FlagSeen), imap.SearchOptions{}, func(r *imap.SearchResult) {
			got = append(got, fmt.Sprintf("%s %d %s", r.Mailbox, r.UIDValidity, r.UIDs()))
		}))
	if diff := cmp.Diff([]string{"Ü 5 4001,4003", "INBOX 6 1"}, got); diff != "" || n != 2 {
		t.Error(n, diff)
	}
}

func TestTooManyCommands(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	go func() { fmt.Fprint(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n") }()
	c, err := imap.New(testContext(t), client, imap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var last *imap.Future[string]
	for i := range 5000 {
		last = c.Create(fmt.Sprint(i))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := last.Wait(ctx); !errors.Is(err, imap.ErrBusy) || !imap.Temporary(err) {
		t.Errorf("5,000 commands wait for a server that does not read: %v", err)
	}
}

func TestServerOfOddLines(t *testing.T) {
	client, server := net.Pipe()
	go func() {
		fmt.Fprint(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
		for range 3000 {
			if _, err := fmt.Fprint(server, "who am I\r\n"); err != nil {
				return
			}
		}
	}()
	c, err := imap.New(testContext(t), client, imap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var p *imap.ProtocolError
	if !errors.As(c.Err(), &p) || imap.Temporary(c.Err()) {
		t.Errorf("%v", c.Err())
	}
}
