package account_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// lies is what stands between us and an honest server. As long as it lies each of
// the server's responses goes through lie, which may change it and add others.
type lies struct {
	dial func(context.Context) (net.Conn, error)

	mu   sync.Mutex // guards lie, which it is held for, and told
	lie  func(response []byte) []byte
	told int // responses that were changed
}

func (l *lies) say(response []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lie == nil {
		return response
	}
	said := l.lie(slices.Clone(response))
	if !bytes.Equal(said, response) {
		l.told++
	}
	return said
}

func (l *lies) set(f func([]byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = f
}

// lied reports whether anything was changed yet.
func (l *lies) lied() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told > 0
}

// Dial connects through the liar.
func (l *lies) Dial(ctx context.Context) (net.Conn, error) {
	c, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &liar{Conn: c, lies: l, br: bufio.NewReaderSize(c, 64<<10)}, nil
}

// liar is a connection that says other things than the server at its other end.
type liar struct {
	net.Conn
	lies *lies
	br   *bufio.Reader
	out  []byte
	over bool // it has hung up
}

// Read implements net.Conn.
func (c *liar) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.over {
			return 0, io.EOF
		}
		r, err := c.response()
		if err != nil {
			return 0, err
		}
		c.out = c.lies.say(r)
		c.over = bytes.HasPrefix(c.out, []byte("* BYE"))
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

var literalAtEnd = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// response reads one response with its literals.
func (c *liar) response() (all []byte, err error) {
	for {
		line, err := c.br.ReadBytes('\n')
		if all = append(all, line...); err != nil {
			return all, err
		}
		m := literalAtEnd.FindSubmatch(line)
		if m == nil {
			return all, nil
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return all, err
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(c.br, literal); err != nil {
			return all, err
		}
		all = append(all, literal...)
	}
}

// notYours is a word of the mails of others that a liar tells of.
const notYours = "somebody else's secret"

// stranger is a whole row of an index, and of a list, for a mail of somebody else.
func stranger(uid string) string {
	header := "From: boss@example.org\r\nSubject: " + notYours + "\r\nMessage-ID: <secret@example.org>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\n"
	s := "* 1 FETCH (UID " + uid + ` FLAGS () INTERNALDATE "02-Mar-2026 10:00:00 +0000" RFC822.SIZE 99 X-GUID 0123456789abcdef0123456789abcdef PREVIEW "` + notYours + `"` +
		` BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 22 1)`
	for _, part := range []string{"HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO REFERENCES SUBJECT DATE FROM)", "HEADER", "", "1"} {
		s += fmt.Sprintf(" BODY[%s] {%d}\r\n%s", part, len(header), header)
	}
	return s + ")\r\n"
}

// untagged reports whether a response is of a kind.
func untagged(r []byte, kind string) bool {
	return bytes.HasPrefix(r, []byte("* ")) && bytes.Contains(r[:min(len(r), 40)], []byte(kind))
}

var preview = regexp.MustCompile(`PREVIEW (?:"(?:[^"\\]|\\.)*"|\{(\d+)\}\r\n)`)

// previewNIL says of each mail that it has no preview, as Cyrus 3.6.1 does.
func previewNIL(r []byte) []byte {
	at := preview.FindSubmatchIndex(r)
	if at == nil || !untagged(r, "FETCH") {
		return r
	}
	n := 0
	if at[2] > 0 {
		n, _ = strconv.Atoi(string(r[at[2]:at[3]]))
	}
	return slices.Concat(r[:at[0]], []byte("PREVIEW NIL"), r[at[1]+n:])
}

// hostileSayings are lies by name. A lie is told before or in place of a response.
func hostileSayings() map[string]func([]byte) []byte {
	before := func(say string) func([]byte) []byte {
		return func(r []byte) []byte {
			if !bytes.HasPrefix(r, []byte("* ")) && !bytes.HasPrefix(r, []byte("+")) {
				return append([]byte(say), r...) // before a command is done, and the watcher's too
			}
			return r
		}
	}
	replace := func(re, with string) func([]byte) []byte {
		find := regexp.MustCompile(re)
		return func(r []byte) []byte {
			if !untagged(r, "FETCH") && !untagged(r, "STATUS") {
				return r
			}
			return find.ReplaceAll(r, []byte(with))
		}
	}
	said := 0
	return map[string]func([]byte) []byte{
		"a mailbox's id is garbage":      replace(`(STATUS .*)X-GUID [0-9a-f]+`, "${1}X-GUID \xff\x00)(\x01"),
		"all mailboxes have one id":      replace(`(STATUS .*)X-GUID [0-9a-f]+`, "${1}X-GUID 00000000000000000000000000000001"),
		"unknown items":                  replace(`FETCH \(`, `FETCH (X-EVIL (a (b "c" NIL) 99999999999999999999) X-LITERAL {3}`+"\r\n\x00a)"+` "odd" 7 X-[<1.2>] () `),
		"no preview":                     replace(`PREVIEW (\{\d+\}\r\n|")`, "X-PREVIEW $1"),
		"preview NIL":                    previewNIL,
		"mails that nobody asked for":    before(stranger("4294967290") + stranger("77") + stranger("0")),
		"rows without UID":               before("* 1 FETCH (FLAGS (\\Deleted))\r\n* 99 FETCH (BODY[] {3}\r\nabc)\r\n* 0 FETCH ()\r\n* 2 FETCH (UID x)\r\n"),
		"NUL":                            before("* OK \x00\x00 NUL\r\n* 1 FETCH (UID 1 X-NUL \"a\x00b\")\r\n* \x00\r\n* FLAGS (\x00)\r\n"),
		"numbers of nobody are expunged": before("* 0 EXPUNGE\r\n* 99 EXPUNGE\r\n* 4294967295 EXPUNGE\r\n* -1 EXPUNGE\r\n"),
		"a mailbox shrinks and grows":    before("* 0 EXISTS\r\n* 4294967295 EXISTS\r\n* 99999999999 EXISTS\r\n* 1 EXISTS\r\n* 4294967295 RECENT\r\n"),
		"everything vanished":            before("* VANISHED 1:4294967295\r\n* VANISHED (EARLIER) 1:*\r\n"),
		"no lists":                       before("* LIST (((\r\n* LIST () NIL\r\n* STATUS \"INBOX\" (MESSAGES 4294967296 UIDNEXT -1 UIDVALIDITY x)\r\n* SEARCH 1 x\r\n* ESEARCH (TAG \"\") UID ALL 0:\r\n"),
		"it hangs up midway": func(r []byte) []byte {
			if said++; said%7 == 0 {
				return []byte("* BYE I do not like you\r\n")
			}
			return r
		},
		"half a response, and it hangs up": func(r []byte) []byte {
			if untagged(r, "FETCH") {
				return append([]byte("* BYE\r\n"), r[:len(r)/2]...)
			}
			return r
		},
		"endless lines":      before("* OK " + strings.Repeat("x", 17<<20) + "\r\n* 1 FETCH (UID 1 X-LONG (" + strings.Repeat("y ", 2<<20) + "))\r\n"),
		"rows without end":   before(strings.Repeat(stranger("4294967290")+stranger("2"), 3_000)),
		"nests without end":  before("* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 1<<20) + "\r\n"),
		"literals in a line": before("* 1 FETCH (UID {1}\r\n1 FLAGS {2}\r\n() X-L {0}\r\n X-M ~{3}\r\n\x00\r\n)\r\n* {4}\r\nLIST\r\n"),
	}
}

// TestHostileServer is trap 6: between us and a Dovecot sits somebody who says
// other things. Calls may fail meanwhile; but nothing of what nobody asked for is
// shown, memory stays bounded, and at the next honest look all is as it was, with
// what another program did meanwhile.
func TestHostileServer(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	for name, lie := range hostileSayings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := fmt.Sprintf("lied%d", people.Add(1))
			honest := upstreamtest.SignedIn(s.Addr, who, imaptest.Password)
			l := &lies{dial: honest}
			r := newRig(t, imapup.New(imapup.Config{Dial: l.Dial, PollEvery: 200 * time.Millisecond}),
				imapup.New(imapup.Config{Dial: honest, PollEvery: 200 * time.Millisecond}))
			for _, subject := range []string{"one", "two", "three"} {
				r.deliver("INBOX", upstreamtest.Mail(subject))
			}
			r.waitFor(r.inboxID(), 3)
			was := r.remember()
			l.set(lie)
			r.deliver("INBOX", upstreamtest.Mail("four"))
			for _, fault := range r.workWith(was, l.lied) {
				t.Error(fault)
			}
			l.set(nil)
			if !l.lied() {
				t.Error("nothing was said that is not so: the test shows nothing")
			}
			r.until("an honest look", func() bool { return r.asHonest(imapup.New(imapup.Config{Dial: honest})) == "" })
			is := r.remember()
			delete(is.ids, "four")
			delete(is.blobs, "four")
			if !maps.Equal(is.ids, was.ids) || !maps.Equal(is.blobs, was.blobs) || is.inbox != was.inbox {
				t.Errorf("ids are not what they were:\n%s", cmp.Diff(was.ids, is.ids))
			}
			for subject, id := range was.blobs {
				r.wantBlob(id, upstreamtest.Mail(subject))
			}
		})
	}
}

// workWith does what people do, for half a second or until something has happened,
// and returns what they would not forgive. Errors are as good as answers.
func (r *rig) workWith(was memories, happened func() bool) (faults []string) {
	r.Helper()
	ids := slices.Collect(maps.Values(was.ids))
	began := time.Now()
	on := func() bool {
		d := time.Since(began)
		return d < 500*time.Millisecond || d < 10*time.Second && !happened()
	}
	for ; on() && len(faults) == 0; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(r.ctx, 2*time.Second)
		res, err := r.a.EmailQuery(ctx, &jmap.EmailQuery{Filter: inMailbox(was.inbox), Window: jmap.Window{Limit: 100}})
		if err == nil {
			ids = append(ids[:3:3], res.IDs...)
		}
		look := func(e *jmap.Email) error {
			if strings.Contains(fmt.Sprintf("%+v %+v", *e, e.BodyValues), notYours) || e.Subject != nil && strings.Contains(*e.Subject, notYours) {
				faults = append(faults, "the mail of somebody else is shown")
			} else if e.Subject != nil && e.Preview == "" {
				faults = append(faults, *e.Subject+" has no preview")
			}
			return nil
		}
		_, _, _ = r.a.EmailGet(ctx, ids, listFields, look)
		_, _, _ = r.a.EmailGet(ctx, ids, allFields, look)
		_, _ = r.a.EmailQuery(ctx, &jmap.EmailQuery{Filter: &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Text: "body"}}, Window: jmap.Window{Limit: 100}})
		cancel()
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapAlloc > 1<<30 {
			faults = append(faults, fmt.Sprintf("%d MB of memory", m.HeapAlloc>>20))
		}
	}
	return faults
}

// gullible is a store that believes a hostile server: it hands on what nobody asked
// for.
type gullible struct{ upstream.Store }

func (g gullible) Sync(ctx context.Context, box string, known upstream.Known, sink upstream.Sink) (upstream.Marks, error) {
	m, err := g.Store.Sync(ctx, box, known, sink)
	if err == nil && box == "INBOX" {
		sink.Row(&upstream.Row{UID: 77, ID: "0123456789abcdef0123456789abcdef", Date: time.Now(), Size: 9})
	}
	return m, err
}

func (g gullible) Fetch(ctx context.Context, asks []upstream.Ask, fn func(*upstream.Content)) error {
	secret := []byte("Subject: " + notYours + "\r\n\r\n" + notYours)
	fn(&upstream.Content{Box: "INBOX", UID: 77, Header: secret, Body: secret})
	return g.Store.Fetch(ctx, asks, fn)
}

// TestHostileServerBelieved is the control of TestHostileServer: with a store that
// hands on what nobody asked for, both what people see and the comparison with an
// honest account tell.
func TestHostileServerBelieved(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "believed", imaptest.Password)
	open := func() upstream.Store { return imapup.New(imapup.Config{Dial: dial, PollEvery: 200 * time.Millisecond}) }
	r := newRig(t, gullible{open()}, open())
	for _, subject := range []string{"one", "two", "three"} {
		r.deliver("INBOX", upstreamtest.Mail(subject))
	}
	r.until("the lie", func() bool { return len(r.query(nil)) == 4 })
	was := memories{inbox: r.inboxID(), ids: map[string]jmap.EmailID{"1": "x", "2": "y", "3": "z"}}
	if faults := r.workWith(was, func() bool { return true }); len(faults) == 0 {
		t.Error("the mail of somebody else is in the inbox, and nobody notices")
	}
	if r.asHonest(open()) == "" {
		t.Error("an account with a mail that is not there is taken for an honest one")
	}
}

// asHonest compares an account with one that was never lied to, and returns the
// difference.
func (r *rig) asHonest(store upstream.Store) string {
	r.Helper()
	fresh, err := account.New(r.ctx, account.Config{ID: "a1", Addresses: []string{"ann@example.org"}, Store: store, Key: testKey, Uploads: account.NewMemoryUploads()})
	r.must(err)
	done := make(chan struct{})
	run, stop := context.WithCancel(r.ctx)
	go func() { defer close(done); _ = fresh.Run(run) }()
	defer func() { stop(); <-done; fresh.Close() }()
	r.must(fresh.Ready(r.ctx))
	return cmp.Diff(seen(r.ctx, fresh), seen(r.ctx, r.a))
}

// seen is what a client sees of an account.
func seen(ctx context.Context, a *account.Account) map[string]string {
	out := map[string]string{}
	boxes, _, _, err := a.MailboxGet(ctx, nil)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	for _, m := range boxes {
		out[string(m.ID)] = fmt.Sprintf("%s: %d mails, %d unread, %d threads", m.Name, m.TotalEmails, m.UnreadEmails, m.TotalThreads)
	}
	res, err := a.EmailQuery(ctx, &jmap.EmailQuery{Window: jmap.Window{Limit: 100}})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	_, _, err = a.EmailGet(ctx, res.IDs, listFields, func(e *jmap.Email) error {
		slices.Sort(e.Keywords)
		out[string(e.ID)] = fmt.Sprintf("%s in %v, %v, thread %s: %s", *e.Subject, e.MailboxIDs, e.Keywords, e.ThreadID, e.Preview)
		return nil
	})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return out
}
