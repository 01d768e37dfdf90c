package differential

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// folders are filled in these shares; the names are those of IMAP.
var folders = []struct {
	name  string
	share int
}{{"INBOX", 40}, {"Archive", 20}, {"Lists", 12}, {"Lists/Deep water", 8}, {"Trash", 6}, {"Sent", 6}, {"Gr&APYA3w-e", 5}, {"Drafts", 3}}

// flags are set on the n-th of each so many mails.
var flags = []struct {
	name    string
	percent int
}{{`\Seen`, 60}, {`\Flagged`, 12}, {`\Answered`, 15}, {`$Forwarded`, 6}, {`project-x`, 9}, {`\Draft`, 2}}

// imapLine is a connection to Cyrus by bare IMAP.
type imapLine struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

func dialIMAP(t testing.TB, addr, login string) *imapLine {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	l := &imapLine{t: t, conn: conn, br: bufio.NewReader(conn)}
	l.must("LOGIN " + login + " secret")
	return l
}

// do sends a command and returns its last line.
func (l *imapLine) do(command string) string {
	l.t.Helper()
	if err := l.conn.SetDeadline(time.Now().Add(mailTimeout)); err != nil {
		l.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(l.conn, "a %s\r\n", command); err != nil {
		l.t.Fatal(err)
	}
	for {
		line, err := l.br.ReadString('\n')
		if err != nil {
			l.t.Fatalf("%.60q: %v", command, err)
		}
		if strings.HasPrefix(line, "a ") {
			return line
		}
	}
}

func (l *imapLine) must(command string) {
	l.t.Helper()
	if said := l.do(command); !strings.HasPrefix(said, "a OK") {
		l.t.Fatalf("%.60q: %s", command, said)
	}
}

// fill lays the mails into folders, with flags and dates of arrival; some lie in
// two folders, with flags of their own, and some are marked as deleted. It returns
// those that Cyrus took.
func fill(t testing.TB, addr, login string, mails []mail) (taken []mail, refused int) {
	t.Helper()
	l := dialIMAP(t, addr, login)
	defer l.conn.Close()
	for _, f := range folders {
		_ = l.do(fmt.Sprintf("CREATE %q", f.name)) // some are there already
	}
	for name, use := range map[string]string{"Drafts": "Drafts", "Sent": "Sent", "Trash": "Trash", "Archive": "Archive"} {
		l.must(fmt.Sprintf(`SETMETADATA %q (/private/specialuse "\\%s")`, name, use))
	}
	r := rand.New(rand.NewPCG(seed, 1))
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	perm := r.Perm(len(mails))
	for i, m := range mails {
		into := folder(r)
		// Each has its own second, so that newest first is one order and no other.
		date := at.Add(time.Duration(perm[i]) * 3607 * time.Second)
		said := l.do(fmt.Sprintf("APPEND %q (%s) %q {%d+}\r\n%s", into, someFlags(r), date.Format("02-Jan-2006 15:04:05 -0700"), len(m.raw), m.raw))
		switch {
		case strings.HasPrefix(said, "a OK"):
			taken = append(taken, m)
		default:
			refused++
			continue
		}
		if i%20 == 7 && into != "Archive" {
			l.copyLast(into, "Archive", someFlags(r))
		}
	}
	l.must(`SELECT INBOX`)
	l.must(fmt.Sprintf("APPEND INBOX (\\Deleted) {%d+}\r\n%s", len(deleted), deleted))
	l.must("LOGOUT")
	return taken, refused
}

// deleted is marked so by another client, and must not be seen (RFC 8621, section
// 4.1.1).
const deleted = "Subject: gone\r\nMessage-ID: <gone@cofferdam.test>\r\n\r\nGone.\r\n"

// copyLast copies the newest mail of a folder and gives the copy flags of its own.
func (l *imapLine) copyLast(from, to, flags string) {
	l.must(fmt.Sprintf("SELECT %q", from))
	l.must(fmt.Sprintf("COPY * %q", to))
	l.must(fmt.Sprintf("SELECT %q", to))
	l.must(fmt.Sprintf("STORE * FLAGS.SILENT (%s)", flags))
	l.must("UNSELECT")
}

func folder(r *rand.Rand) string {
	n := r.IntN(100)
	for _, f := range folders {
		if n -= f.share; n < 0 {
			return f.name
		}
	}
	return "INBOX"
}

func someFlags(r *rand.Rand) string {
	var out []string
	for _, f := range flags {
		if r.IntN(100) < f.percent {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, " ")
}
