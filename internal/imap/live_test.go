package imap_test

import (
	"context"
	"fmt"
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

func TestLiveSmoke(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	c := dial(t, s.Addr, "smoke", imap.Options{})
	for i := range 5 {
		a := wait(t, c.Append("INBOX", message(i)))
		t.Log(a)
	}
	sel := wait(t, c.Select("INBOX", imap.SelectOptions{CondStore: true}))
	t.Logf("%+v", sel)
	done := wait(t, c.Fetch(imap.UIDRange(1, imap.Star), []imap.FetchItem{imap.ItemFlags, imap.ItemEnvelope, imap.ItemBodyStructure, imap.ItemXGUID, imap.ItemPreview, imap.ItemSize, imap.ItemInternalDate, imap.BodyPeek("1", imap.Span{Length: 10}), imap.BinaryPeek("2", imap.Span{})}, imap.FetchOptions{}, func(r *imap.FetchRow) {
		env, _ := r.Envelope()
		bs, _ := r.BodyStructure()
		p, ok := r.Preview()
		d, _ := r.InternalDate()
		b, err := r.Section(imap.BodyPeek("1", imap.Span{Length: 10}))
		b2, err2 := r.Section(imap.BinaryPeek("2", imap.Span{}))
		t.Log(r.UID(), r.Flags(), env, bs, r.GUID(), p, ok, d, string(b), err, b2, err2)
	}))
	t.Log(done)
	t.Log(s.Log())
}
