package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

const (
	// corpusTime is how long the whole product may take to answer everything of one
	// mail, from the client's request to the end of the answer. Dovecot's part is in
	// it.
	corpusTime = 50 * time.Millisecond
	// corpusRounds is how often a mail that took longer is asked for again: on a
	// machine that does something else at the same time, the best of them is what
	// the product takes. Between two rounds nothing of a mail is remembered. What
	// still took longer is judged by the processor time of our processes.
	corpusRounds = 6
	// corpusGrowth and corpusFixed bound an answer by its mail: text is in it as
	// text and as HTML, fields are in it in several forms, and each part has some
	// 200 bytes of its own, for six in the mail.
	corpusGrowth = 8
	corpusFixed  = 64 << 10
	// corpusMemory bounds what the cell's memory grows by over the whole corpus,
	// whose largest mail has 2.6 MB, beyond what it has after the sign-in.
	corpusMemory = 96 << 20
	// renderEvery is which part of the mails is shown as well, unless COFFERDAM_FULL
	// asks for all.
	renderEvery = 16
)

var (
	everyProperty = []string{"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo", "references",
		"sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody",
		"attachments", "bodyStructure", "headers", "header:From:asGroupedAddresses:all", "header:Received:asRaw:all", "header:List-Post:asURLs"}
	everyPartProperty = []string{"partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location", "headers", "subParts"}
)

// TestCorpus asks the whole product for everything that there is of each mail of the
// corpus, one at a time, and has some of them shown: each is answered in time, and
// neither an answer nor the cell's memory is out of proportion.
func TestCorpus(t *testing.T) {
	p := platform.Start(t, platform.Options{Users: []platform.User{{Login: "corpus", Password: "the-corpus-password",
		Maildir: platform.Maildir(t, platform.MaildirSpec{Classes: "all"})}}})
	s := Start(t, p, Options{})
	user := s.Browser(p.Users[0].Login)
	defer user.Close()
	if err := user.SignIn(t.Context(), p.Users[0].Password); err != nil {
		t.Fatal(err)
	}
	ids := allIDs(t, user)
	before := s.peak(t, "cell")
	reads := measureEach(t, ids, func(ctx context.Context, id string) (int64, int64, error) { return user.everything(ctx, id) })
	grown := s.peak(t, "cell") - before
	reads.report(t, "Email/get of everything")
	for _, m := range reads.over(corpusTime) {
		spent := s.processorTime(t, func() { _, _, _ = user.everything(t.Context(), m.id) })
		t.Logf("%s of %d bytes takes %v by the clock, %v of the processor", m.id, m.size, m.time, spent)
		if spent > corpusTime {
			t.Errorf("%s of %d bytes takes %v", m.id, m.size, spent)
		}
	}
	for _, m := range reads {
		if m.answer > corpusGrowth*m.size+corpusFixed {
			t.Errorf("%s of %d bytes has an answer of %d", m.id, m.size, m.answer)
		}
	}
	t.Logf("the cell's memory grew from %d to %d MB at most", before>>20, (before+grown)>>20)
	if grown > corpusMemory {
		t.Errorf("the cell's memory grew by %d MB", grown>>20)
	}
	var shown []string
	for i, id := range ids {
		if i%renderEvery == 0 || os.Getenv("COFFERDAM_FULL") != "" {
			shown = append(shown, id)
		}
	}
	docs := measureEach(t, shown, func(ctx context.Context, id string) (int64, int64, error) {
		path, err := user.Ticket(ctx, id)
		if err != nil {
			return 0, 0, err
		}
		doc, err := user.Get(ctx, path)
		return 0, int64(len(doc)), err
	})
	docs.report(t, "ticket and document")
}

// allIDs are the ids of all mails of the account.
func allIDs(t *testing.T, p *Person) (ids []string) {
	t.Helper()
	for {
		a, err := p.Call(t.Context(), Call{"Email/query", Args{"position": len(ids), "limit": 5000, "calculateTotal": true}})
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			IDs   []string
			Total int
		}
		if err := a.Into(0, &page); err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, page.IDs...); len(ids) >= page.Total || len(page.IDs) == 0 {
			return ids
		}
	}
}

// everything reads all of a mail and returns its size and that of the answer.
func (p *Person) everything(ctx context.Context, id string) (size, answer int64, err error) {
	text, err := p.Exchange(ctx, Call{"Email/get", Args{"ids": []string{id}, "properties": everyProperty, "bodyProperties": everyPartProperty,
		"fetchTextBodyValues": true, "fetchHTMLBodyValues": true, "fetchAllBodyValues": true}})
	if err != nil {
		return 0, 0, err
	}
	if !json.Valid(text) {
		return 0, 0, fmt.Errorf("an answer that is no JSON")
	}
	e, err := ReadDetail(text, id)
	return e.Size, int64(len(text)), err
}

// measured is one mail.
type measured struct {
	id           string
	size, answer int64
	time         time.Duration
}

type measurements []measured

// measureEach calls f for each mail, and up to corpusRounds times more for those
// that took longer than corpusTime; the shortest time counts.
func measureEach(t *testing.T, ids []string, f func(context.Context, string) (size, answer int64, err error)) measurements {
	t.Helper()
	list := make(measurements, len(ids))
	once := func(i int) {
		began := time.Now()
		size, answer, err := f(t.Context(), ids[i])
		took := time.Since(began)
		if err != nil {
			t.Fatalf("%s: %v", ids[i], err)
		}
		if list[i].id == "" || took < list[i].time {
			list[i] = measured{ids[i], size, answer, took}
		}
	}
	for i := range ids {
		once(i)
	}
	for range corpusRounds {
		again := 0
		for i := range ids {
			if list[i].time > corpusTime {
				once(i)
				again++
			}
		}
		if again == 0 {
			break
		}
		for i := range min(len(ids), 8) { // they take the places of what is kept for a moment
			once(i)
		}
	}
	return list
}

// over are those that took longer.
func (l measurements) over(most time.Duration) (out measurements) {
	for _, m := range l {
		if m.time > most {
			out = append(out, m)
		}
	}
	return out
}

// report prints the distribution and the ten slowest.
func (l measurements) report(t *testing.T, what string) {
	t.Helper()
	sorted := slices.Clone(l)
	slices.SortFunc(sorted, func(a, b measured) int { return int(b.time - a.time) })
	n := len(sorted)
	if n == 0 {
		t.Fatalf("%s: no mail", what)
	}
	t.Logf("%s: %d mails, p50 %v, p95 %v, p99 %v, max %v", what, n, sorted[n/2].time, sorted[n/20].time, sorted[n/100].time, sorted[0].time)
	for _, m := range sorted[:min(n, 10)] {
		t.Logf("  %8v  mail %8d bytes, answer %8d", m.time.Round(10*time.Microsecond), m.size, m.answer)
	}
}

// processorTime is what all roles together take of the processor for one f, of some.
func (s *Server) processorTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	const times = 20 // the unit of the figures is 10 ms
	all := func() (sum time.Duration) {
		roles, err := s.RoleTimes()
		if err != nil {
			t.Fatal(err)
		}
		for _, spent := range roles {
			sum += spent
		}
		return sum
	}
	before := all()
	for range times {
		f()
	}
	return (all() - before) / times
}

// peak is the most memory that the processes of a kind have had resident so far.
func (s *Server) peak(t *testing.T, kind string) (most int64) {
	t.Helper()
	for name, pid := range s.Roles() {
		if k, _, _ := strings.Cut(name, "/"); k != kind {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
		kb, err := strconv.ParseInt(strings.Fields(string(rest))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, kb<<10)
	}
	return most
}
