package imapup_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// fixed is a connection to a server that keeps no new keywords.
type fixed struct {
	net.Conn
	br   *bufio.Reader
	rest []byte
}

func (f *fixed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		line, err := f.br.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		f.rest = bytes.ReplaceAll(line, []byte(` \*)]`), []byte(` $Known)]`))
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// TestKeywordsThatDoNotStick is trap 8: where PERMANENTFLAGS has no \*, a new
// keyword would be gone with the session (RFC 9051, section 7.1), so it is refused
// before anything is changed. What the server lists is kept, in any case.
func TestKeywordsThatDoNotStick(t *testing.T) {
	s := imaptest.Dovecot(t, imaptest.DovecotOptions{})
	dial := upstreamtest.SignedIn(s.Addr, "fixed", imaptest.Password)
	strict := imapup.New(imapup.Config{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &fixed{Conn: c, br: bufio.NewReader(c)}, nil
	}})
	defer strict.Close()
	free := imapup.New(imapup.Config{Dial: dial})
	defer free.Close()
	raw := []byte(upstreamtest.Mail("m"))
	if _, err := free.Append(t.Context(), "INBOX", upstream.Message{Body: bytes.NewReader(raw), Size: int64(len(raw))}); err != nil {
		t.Fatal(err)
	}
	uids, m, err := free.UIDs(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	at := upstream.Place{Box: "INBOX", Validity: m.UIDValidity}
	flags := func() (out int) {
		if err := free.Rows(t.Context(), at, uids, func(r *upstream.Row) {
			out = len(slices.DeleteFunc(slices.Clone(r.Flags), func(f string) bool { return f == `\Recent` }))
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if err := strict.SetFlags(t.Context(), at, uids, []string{`\Seen`, "own"}, nil); !errors.Is(err, upstream.ErrForbidden) || flags() != 0 {
		t.Errorf("a new keyword: %v, and %d flags are set", err, flags())
	}
	if err := strict.SetFlags(t.Context(), at, uids, []string{`\flagged`, "$KNOWN"}, nil); err != nil || flags() != 2 {
		t.Errorf("keywords that are kept: %v, and %d flags are set", err, flags())
	}
	if err := free.SetFlags(t.Context(), at, uids, []string{"own"}, nil); err != nil || flags() != 3 {
		t.Errorf("the control, a server that takes new keywords: %v, and %d flags are set", err, flags())
	}
}
