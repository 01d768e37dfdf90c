package system

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

const (
	// uploadVariable makes the drill as large as "must show" 10 wants it.
	uploadVariable = "COFFERDAM_UPLOADS"
	// uploadReport names the file that a drill writes what it saw to.
	uploadReport = "COFFERDAM_UPLOADS_REPORT"
	// What a full and a short drill send: the largest attachments that the session
	// object allows, and some that take a moment.
	fullSenders, fullAttachment   = 20, 50_000_000
	shortSenders, shortAttachment = 3, 10_000_000
	// slowest is how much longer someone else's list may take, at p50 and at p95.
	slowest = 1.2
	// listsBefore are the lists before that the others are measured against.
	listsBefore = 200
	// drillTime bounds one upload, or sending, beside nineteen others on two cores.
	drillTime = 5 * time.Minute
)

// TestUploadDrill: many people attach and send large files at once. Cells stay
// under their memory limit and alive, everything arrives whole, and a person who
// only reads hardly notices, which is asserted of a full run that has the machine
// for itself.
func TestUploadDrill(t *testing.T) {
	senders, size, full := shortSenders, shortAttachment, false
	if os.Getenv(uploadVariable) != "" {
		senders, size, full = fullSenders, fullAttachment, true
	}
	p := platform.Start(t, platform.Options{People: senders + 1, Postfix: true, PostfixExtra: "message_size_limit = 0\nmailbox_size_limit = 0\n"})
	for i := range 50 {
		u := p.Users[senders].Login
		if err := p.Deliver(u, u, fmt.Appendf(nil, "Subject: mail %d\r\n\r\nHello.\r\n", i)); err != nil {
			t.Fatal(err)
		}
	}
	s := Start(t, p, Options{})
	people := signInAll(t, s, p.Users)
	reader := people[senders]
	before := lists(t, reader, func(n int) bool { return n < listsBefore })
	cells := cellPids(s)
	watch, stopWatch := context.WithCancel(t.Context())
	defer stopWatch()
	peaks := watchMemory(watch, cells)
	cpu, err := cpuNow()
	if err != nil {
		t.Fatal(err)
	}

	roles, err := s.RoleTimes()
	if err != nil {
		t.Fatal(err)
	}

	sums := make([][32]byte, senders)
	errs := make([]error, senders)
	var wg sync.WaitGroup
	began := time.Now()
	for i, one := range people[:senders] {
		one.Patience = drillTime
		wg.Go(func() { sums[i], errs[i] = attachAndSend(t.Context(), one, i, people[(i+1)%senders].Login, size) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	during := lists(t, reader, func(int) bool {
		select {
		case <-done:
			return false
		default:
			return true
		}
	})
	took := time.Since(began)
	now, err := cpuNow()
	if err != nil {
		t.Fatal(err)
	}
	used, err := s.RoleTimes()
	if err != nil {
		t.Fatal(err)
	}
	stopWatch()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", people[i].Login, err)
		}
	}
	seen := uploadDrill{senders: senders, size: size, took: took, before: before, during: during, others: now.othersShare(cpu), cells: checkMemoryLimit(t, s, cells, <-peaks), work: map[string]time.Duration{}}
	for kind := range used {
		seen.work[kind] = used[kind] - roles[kind]
	}
	seen.all = time.Duration(now.ours-cpu.ours) * tick
	if full {
		seen.floor = floorLists(t, p, reader, took/time.Duration(senders), size)
	}
	t.Logf("%s", seen.table())
	if full && seen.others < lightLoad && (seen.ratio(50) > slowest || seen.beside(95) > slowest) {
		t.Errorf("someone else's list takes more than %.1f times as long", slowest)
	}
	if t.Failed() {
		return
	}
	for i, sum := range sums {
		checkArrived(t, people[(i+1)%senders], subjectOf(i), sum, size)
	}
	if file := os.Getenv(uploadReport); file != "" && !t.Failed() {
		if err := seen.write(file); err != nil {
			t.Error(err)
		}
	}
}

// floorLists are a person's lists while some of the same mails go to the mail server
// without us, one each pace.
func floorLists(t *testing.T, p *platform.Platform, reader *Person, pace time.Duration, size int) []time.Duration {
	t.Helper()
	mail := largeMail(p.Users[0].Login, p.Users[1].Login, size)
	time.Sleep(pace) // for what is still under way
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range floorMails {
			next := time.Now().Add(pace)
			if err := fileAndSubmit(t.Context(), p, p.Users[0], p.Users[1].Login, mail); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Until(next))
		}
	}()
	return lists(t, reader, func(int) bool {
		select {
		case <-done:
			return false
		default:
			return true
		}
	})
}

func subjectOf(i int) string { return fmt.Sprintf("large %d", i) }

// attachAndSend uploads bytes that do not compress and sends them.
func attachAndSend(ctx context.Context, p *Person, i int, to string, size int) (sum [32]byte, err error) {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(i)}).Read(data)
	out, err := p.Ready(ctx)
	if err != nil {
		return sum, err
	}
	if out.Blob, err = p.UploadBlob(ctx, "application/octet-stream", data); err != nil {
		return sum, fmt.Errorf("upload: %w", err)
	}
	out.To, out.Subject, out.Text, out.MessageID = to, subjectOf(i), "See the file.", fmt.Sprintf("large-%d@cofferdam.test", i)
	if err := p.Send(ctx, out); err != nil {
		return sum, fmt.Errorf("sending: %w", err)
	}
	return sha256.Sum256(data), nil
}

// lists are the times of one list after the other.
func lists(t *testing.T, p *Person, more func(n int) bool) []time.Duration {
	t.Helper()
	var out []time.Duration
	for n := 0; more(n); n++ {
		began := time.Now()
		if _, err := p.List(t.Context(), Args{}, 0, 50, true); err != nil {
			t.Fatalf("listing: %v", err)
		}
		out = append(out, time.Since(began))
		time.Sleep(10 * time.Millisecond)
	}
	return out
}

// uploadDrill is what one run saw.
type uploadDrill struct {
	senders, size  int
	took           time.Duration
	before, during []time.Duration
	floor          []time.Duration // lists while the mail server alone was at work; none in a short drill
	others         float64         // share of the processors that other programs took
	cells          []cellMemory
	work           map[string]time.Duration // processor time by kind of role
	all            time.Duration            // of the test, the mail server and us
}

// cellMemory is the most that a cell had, in bytes.
type cellMemory struct {
	name                  string
	data, resident, limit int64
}

func percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[min(len(d)*p/100, len(d)-1)].Round(10 * time.Microsecond)
}

// ratio is how many times as long a list took while files went out.
func (d uploadDrill) ratio(p int) float64 {
	return float64(percentile(d.during, p)) / float64(max(percentile(d.before, p), 1))
}

// beside is how many times as long a list took as while the mail server alone
// handled such mails, or as before if that is more.
func (d uploadDrill) beside(p int) float64 {
	return float64(percentile(d.during, p)) / float64(max(percentile(d.floor, p), percentile(d.before, p), 1))
}

func (d uploadDrill) table() string {
	var b strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | "+format+" |\n", append([]any{what}, args...)...)
	}
	row("people", "%d", d.senders)
	row("bytes each", "%d", d.size)
	row("until all were uploaded and accepted", "%v", d.took.Round(100*time.Millisecond))
	row("lists before, and during", "%d, %d", len(d.before), len(d.during))
	for _, p := range []int{50, 95} {
		row(fmt.Sprintf("list, p%d before", p), "%v", percentile(d.before, p))
		row(fmt.Sprintf("list, p%d during", p), "%v", percentile(d.during, p))
		row(fmt.Sprintf("list, p%d, times", p), "%.2f", d.ratio(p))
		if len(d.floor) > 0 {
			row(fmt.Sprintf("list, p%d while the mail server alone had such mails", p), "%v", percentile(d.floor, p))
			row(fmt.Sprintf("list, p%d, times of that", p), "%.2f", d.beside(p))
		}
	}
	row("processors taken by other programs", "%.0f%%", 100*d.others)
	row("processor time of all: those who upload, mail server, we", "%v", d.all.Round(100*time.Millisecond))
	for _, kind := range slices.Sorted(maps.Keys(d.work)) {
		row("processor time of "+kind, "%v", d.work[kind].Round(10*time.Millisecond))
	}
	for _, c := range d.cells {
		row(c.name+": data, resident, limit", "%d, %d, %d MiB", c.data>>20, c.resident>>20, c.limit>>20)
	}
	return b.String()
}

// write writes the page of a run.
func (d uploadDrill) write(file string) error {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("asking for the commit: %w", err)
	}
	return os.WriteFile(file, fmt.Appendf(nil, uploadPage, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), machine(), d.table()), 0o644)
}

// uploadPage is docs/results/uploads.md.
const uploadPage = "# Large files at once\n\n`make upload-drill` on %s, commit %s, on %s, with Dovecot, Postfix and all who upload on the same machine.\n" + `
Each person uploads a file, sends it to the next, and every file arrives as it was. Another person lists their mail all the time, before and meanwhile.
No cell may come to its limit of memory, and the list may take 1.2 times as long at most: the median than before, the 95th of a hundred than
while a mail server on the same machine gets the same mails by bare IMAP and SMTP, one after the other, as often and as fast as it got them from us.
That is asserted where other programs leave three quarters of the processors.

| | |
|---|--:|
%s
Continuous integration runs a short form each time (` + "`TestUploadDrill`" + `).
`

func cellPids(s *Server) map[string]int {
	out := map[string]int{}
	for name, pid := range s.Roles() {
		if strings.HasPrefix(name, "cell/") {
			out[name] = pid
		}
	}
	return out
}

// watchMemory returns, after ctx ends, the most that each cell had as data (which
// its limit counts) and resident, in bytes.
func watchMemory(ctx context.Context, cells map[string]int) <-chan map[string][2]int64 {
	out := make(chan map[string][2]int64, 1)
	go func() {
		peaks := map[string][2]int64{}
		for {
			for name, pid := range cells {
				p := peaks[name]
				p[0], p[1] = max(p[0], statusKB(pid, "VmData")<<10), max(p[1], statusKB(pid, "VmRSS")<<10)
				peaks[name] = p
			}
			select {
			case <-ctx.Done():
				out <- peaks
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return out
}

// statusKB reads a line of /proc/PID/status.
func statusKB(pid int, name string) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// checkMemoryLimit: each cell has a limit, stayed below it, and still runs.
func checkMemoryLimit(t *testing.T, s *Server, cells map[string]int, peaks map[string][2]int64) []cellMemory {
	t.Helper()
	var out []cellMemory
	roles := s.Roles()
	for name, pid := range cells {
		limit := int64(0)
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil || roles[name] != pid {
			t.Errorf("%s died: %v", name, err)
			continue
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Max data size"); ok {
				limit, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			}
		}
		p := peaks[name]
		out = append(out, cellMemory{name, p[0], p[1], limit})
		if limit == 0 || p[0] == 0 || p[0] > limit {
			t.Errorf("%s: %d bytes of data at most, with a limit of %d", name, p[0], limit)
		}
	}
	slices.SortFunc(out, func(a, b cellMemory) int { return strings.Compare(a.name, b.name) })
	return out
}

// checkArrived downloads the file at its receiver and compares it.
func checkArrived(t *testing.T, p *Person, subject string, want [32]byte, size int) {
	t.Helper()
	ctx := t.Context()
	p.Patience = drillTime
	session, err := p.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := p.ByRole(ctx, "inbox")
	if err != nil {
		t.Fatal(err)
	}
	type email struct {
		Subject     string
		Attachments []struct {
			BlobID string
			Size   int
		}
	}
	var got struct{ List []email }
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		a, err := p.Call(ctx, Call{"Email/query", Args{"filter": Args{"inMailbox": inbox}}},
			Call{"Email/get", Args{"#ids": Ref("0", "Email/query", "/ids"), "properties": []string{"subject", "attachments"}}})
		if err == nil {
			got.List = nil
			err = a.Into(1, &got)
		}
		if err != nil || time.Since(began) > drillTime {
			t.Fatalf("%s waits for %q: %v", p.Login, subject, err)
		}
		if i := slices.IndexFunc(got.List, func(e email) bool { return e.Subject == subject }); i >= 0 {
			got.List = got.List[i : i+1]
			break
		}
	}
	if len(got.List[0].Attachments) != 1 || got.List[0].Attachments[0].Size != size {
		text, _ := json.Marshal(got.List[0]) // for the failure's text
		t.Errorf("%s: %.300s", subject, text)
		return
	}
	data, err := p.Get(ctx, strings.NewReplacer("{accountId}", url.PathEscape(session.Account), "{blobId}", got.List[0].Attachments[0].BlobID,
		"{name}", "file.bin", "{type}", url.QueryEscape("application/octet-stream")).Replace(session.Download))
	if err != nil || sha256.Sum256(data) != want {
		t.Errorf("%s: %d bytes arrived that are other ones: %v", subject, len(data), err)
	}
}
