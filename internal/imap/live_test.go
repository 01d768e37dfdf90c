package imap_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/imap/imaptest"
)

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// dial connects to a started server and logs in.
func dial(t testing.TB, addr, user string, opts imap.Options) *imap.Client {
	t.Helper()
	ctx := testContext(t)
	c, err := imap.Dial(ctx, addr, imap.DialOptions{Security: imap.SecurityNone, Options: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Login(ctx, user, []byte(imaptest.Password)); err != nil {
		t.Fatal(err)
	}
	return c
}

func message(n int) imap.AppendMessage {
	text := fmt.Sprintf("From: \"A. Sender\" <a%d@example.org>\r\nTo: b@example.org, Group: c@example.org;\r\nSubject: number %d\r\nMessage-ID: <m%d@example.org>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello %d\r\n--x\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.bin\"\r\n\r\nAAECAw==\r\n--x--\r\n", n, n, n, n)
	return imap.AppendMessage{Body: strings.NewReader(text), Size: int64(len(text)), Date: time.Date(2026, 1, 2, 3, 4, n%60, 0, time.UTC)}
}

func wait[T any](t testing.TB, f *imap.Future[T]) T {
	t.Helper()
	v, err := f.Wait(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestLiveTiers does the same work on servers that offer less and less.
func TestLiveTiers(t *testing.T) {
	tiers := []struct{ name, capability string }{
		{"all", ""},
		{"common", "IMAP4rev1 UIDPLUS MOVE ESEARCH CONDSTORE IDLE LITERAL-"},
		{"bare", "IMAP4rev1"},
	}
	for _, tier := range tiers {
		t.Run(tier.name, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: tier.capability, MailLocation: "maildir:~/Maildir"})
			c := dial(t, s.Addr, "user", imap.Options{})
			if got := c.Caps().Has(imap.CapLiteralPlus); got != (tier.capability == "") {
				t.Fatalf("LITERAL+ is offered: %v", got)
			}
			workOnTier(t, c)
		})
	}
}

func workOnTier(t *testing.T, c *imap.Client) {
	wait(t, c.Create("Entwürfe"))
	big := message(7)
	text := strings.Repeat("0123456789abcdef", 10_000)
	big.Body, big.Size = io.MultiReader(big.Body, strings.NewReader(text)), big.Size+int64(len(text))
	app := []*imap.Future[*imap.Appended]{c.Append("INBOX", message(1)), c.Append("INBOX", message(2)), c.Append("Entwürfe", big)}
	for _, f := range app {
		wait(t, f)
	}
	sel := wait(t, c.Select("INBOX", imap.SelectOptions{}))
	if sel.Exists != 2 || !sel.CanCreateKeywords() {
		t.Errorf("%+v", sel)
	}
	st, err := imap.NewSearchText("nümber 2")
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := imap.NewSearchText("number 2")
	if r := wait(t, c.Search(imap.Or(imap.Subject(subject), imap.Subject(st)), imap.SearchOptions{})); r.UIDs().String() != "2" {
		t.Errorf("found %s", r.UIDs())
	}
	wait(t, c.Store(imap.UIDs(2), imap.StoreAdd, []imap.Flag{imap.FlagSeen, "$Own"}, imap.StoreOptions{Silent: true}))
	wait(t, c.Copy(imap.UIDs(1, 2), "Entwürfe"))
	status := wait(t, c.Status("Entwürfe", imap.StatusMessages, imap.StatusUnseen))
	if status.Messages != 3 || status.Unseen != 2 || !status.Has(imap.StatusUnseen) || status.Has(imap.StatusSize) {
		t.Errorf("%+v", status)
	}
	wait(t, c.Select("Entwürfe", imap.SelectOptions{ReadOnly: true}))
	var whole bytes.Buffer
	wait(t, c.Fetch(imap.UIDs(1), []imap.FetchItem{imap.BodyPeek("", imap.Span{})}, imap.FetchOptions{
		Literal: func(imap.LiteralInfo) (io.Writer, bool) { return &whole, true },
	}, nil))
	if int64(whole.Len()) != big.Size || !strings.HasSuffix(whole.String(), text) {
		t.Errorf("%d bytes of %d came back", whole.Len(), big.Size)
	}
	if err := c.Logout(testContext(t)); err != nil {
		t.Errorf("logout: %v", err)
	}
}

// BenchmarkLiveIndex compares FETCH 1:* through the client with reading the
// same bytes off the socket. COFFERDAM_BENCH names the number of messages.
func BenchmarkLiveIndex(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("COFFERDAM_BENCH"))
	if err != nil {
		b.Skip("set COFFERDAM_BENCH to a number of messages")
	}
	s := imaptest.Dovecot(b, imaptest.DovecotOptions{})
	c := dial(b, s.Addr, "user", imap.Options{})
	for i := 0; i < n; i += 500 {
		var batch []imap.AppendMessage
		for j := range 500 {
			batch = append(batch, message(i+j))
		}
		wait(b, c.Append("INBOX", batch...))
	}
	wait(b, c.Select("INBOX", imap.SelectOptions{}))
	items := []imap.FetchItem{imap.ItemUID, imap.ItemFlags, imap.ItemXGUID, imap.ItemInternalDate, imap.ItemSize}
	all := imap.SeqRange(1, imap.Star)
	count := func(r *imap.FetchRow) {
		r.InternalDate()
		r.Size()
		r.GUIDBytes()
	}
	wait(b, c.FetchSeq(all, items, imap.FetchOptions{}, count)) // fill the server's caches
	b.Run("client", func(b *testing.B) {
		for b.Loop() {
			if d := wait(b, c.FetchSeq(all, items, imap.FetchOptions{}, count)); d.Rows < n {
				b.Fatal(d.Rows)
			}
		}
	})
	page := imap.SeqRange(imap.SeqNum(n-49), imap.SeqNum(n))
	list := append(items, imap.ItemEnvelope, imap.ItemBodyStructure, imap.ItemPreview)
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			wait(b, c.FetchSeq(page, list, imap.FetchOptions{}, func(r *imap.FetchRow) {
				r.Envelope()
				r.BodyStructure()
				r.Flags()
			}))
		}
	})
	conn, err := c.Detach(testContext(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	raw := func(cmd string) func(*testing.B) {
		return func(b *testing.B) {
			in := bufio.NewReaderSize(conn, 64<<10)
			for b.Loop() {
				fmt.Fprintf(conn, "x %s\r\n", cmd)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						b.Fatal(err)
					}
					if bytes.HasPrefix(line, []byte("x OK")) {
						break
					}
				}
			}
		}
	}
	b.Run("floor", raw("FETCH 1:* (UID FLAGS X-GUID INTERNALDATE RFC822.SIZE)"))
	b.Run("pagefloor", raw(fmt.Sprintf("FETCH %s (UID FLAGS X-GUID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)", page)))
}
