package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"cofferdam/e2e/platform"
)

const (
	// drillVariable is how many mails the drill sends; drillReport, where its figures
	// are written.
	drillVariable = "COFFERDAM_SEND_MAILS"
	drillReport   = "COFFERDAM_SEND_REPORT"
	drillShort    = 30
	drillSenders  = 6
	// drillPause is between two blows, more or less: a role that is killed more often
	// than each ten seconds is started with a pause.
	drillPause = time.Second
	// drillTries: a person whose mail was certainly not sent sends it again.
	drillTries = 8
	// drillPatience is how long a mail may take to a final answer: longer than the
	// outbox's own tries.
	drillPatience = 90 * time.Second
	// drillQuiet is how long a send without an answer may still show up as a
	// submission.
	drillQuiet = 4 * time.Second
)

// fate is what a sender knows of a mail in the end.
type fate string

const (
	fateSent      fate = "sent"
	fateUncertain fate = "uncertain"
	fateUnsent    fate = "not sent" // after drillTries
)

// drillMail is one mail of the drill.
type drillMail struct {
	token, from, to string
	fate            fate
	tries           int
	began, ended    time.Time
	struck          bool // a blow fell while it was on its way
}

// drill is senders at work, and blows.
type drill struct {
	t        *testing.T
	platform *platform.Platform
	server   *Server
	cutter   *Cutter

	mu     sync.Mutex // guards the rest
	next   time.Time  // of the next blow
	blows  []time.Time
	kinds  map[string]int
	left   int // mails that nobody has taken yet
	number int
	mails  []*drillMail
	faults []string
}

var drillToken = regexp.MustCompile(`drill-\d{5}`)

// TestSendDrill sends mails while roles are killed, Postfix is stopped and its
// connections are cut, each mail with a blow at a random moment of its way. None is
// lost, none arrives twice, and what is in doubt is shown as uncertain.
func TestSendDrill(t *testing.T) {
	count := drillShort
	if text := os.Getenv(drillVariable); text != "" {
		if _, err := fmt.Sscan(text, &count); err != nil || count < 1 {
			t.Fatalf("%s=%q is no number of mails", drillVariable, text)
		}
	}
	p := platform.Start(t, platform.Options{People: drillSenders, Postfix: true})
	cutter, err := NewCutter(p.Submission, drillToken)
	if err != nil {
		t.Fatal(err)
	}
	defer cutter.Close()
	behind := *p
	behind.Submission = cutter.Addr
	// The cutter has to see where a mail ends.
	s := Start(t, &behind, Options{Edit: func(text string) string {
		at := strings.Index(text, "[platform.submission]")
		return text[:at] + fmt.Sprintf("[platform.submission]\naddress = %q\ntls = \"none\"\n", cutter.Addr)
	}})
	d := &drill{t: t, platform: p, server: s, cutter: cutter, left: count, kinds: map[string]int{}}
	people := signInAll(t, s, p.Users)
	began := time.Now()
	stop := make(chan struct{})
	var blows, senders sync.WaitGroup
	blows.Go(func() { d.strikeOn(stop) })
	for i, one := range people {
		senders.Go(func() { d.work(i, one) })
	}
	senders.Wait()
	close(stop)
	blows.Wait()
	d.judge(people, time.Since(began))
}

// strikeOn strikes until told to stop.
func (d *drill) strikeOn(stop <-chan struct{}) {
	for {
		at := time.Now().Add(drillPause/2 + rand.N(drillPause))
		d.mu.Lock()
		d.next = at
		d.mu.Unlock()
		select {
		case <-stop:
			return
		case <-time.After(time.Until(at)):
		}
		kind := d.strike()
		d.mu.Lock()
		d.blows = append(d.blows, time.Now())
		d.kinds[kind]++
		d.mu.Unlock()
	}
}

// strike kills a role, cuts connections, or stops Postfix.
func (d *drill) strike() string {
	switch n := rand.IntN(100); {
	case n < 20:
		at := []Cut{CutMail, CutEnd, CutReply}[rand.IntN(3)]
		d.cutter.Arm(at)
		return "connection cut " + string(at)
	case n < 27:
		if err := errors.Join(d.platform.StopPostfix(), d.platform.StartPostfix(context.Background())); err != nil {
			d.fault("stopping and starting Postfix: %v", err)
		}
		return "Postfix stopped"
	}
	kind := []string{"cell", "cell", "cell", "porter", "porter", "keeper", "keeper", "gate", "gate", "vault", "render"}[rand.IntN(11)]
	names := d.server.Kind(kind)
	if len(names) == 0 {
		d.fault("no %s runs", kind)
		return kind
	}
	if err := d.server.Kill(names[rand.IntN(len(names))], 10*time.Second); err != nil {
		d.fault("%v", err)
	}
	return kind + " killed"
}

func (d *drill) fault(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) < 30 {
		d.faults = append(d.faults, fmt.Sprintf(format, args...))
	}
}

// take takes on a mail; nil: there is none left.
func (d *drill) take(p *Person) *drillMail {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return nil
	}
	d.left--
	d.number++
	m := &drillMail{token: fmt.Sprintf("drill-%05d", d.number), from: p.Login, to: d.platform.Users[rand.IntN(len(d.platform.Users))].Login}
	d.mails = append(d.mails, m)
	return m
}

// work sends mails one after the other. Each begins at a random moment before a
// blow, within the time that its way takes.
func (d *drill) work(i int, p *Person) {
	ctx := context.Background()
	var out Outgoing
	if !d.again(p, drillPatience, func() (err error) { out, err = p.Ready(ctx); return err }) {
		return
	}
	for {
		m := d.take(p)
		if m == nil {
			return
		}
		hold := rand.IntN(3)
		d.mu.Lock()
		blow := d.next
		d.mu.Unlock()
		// Before the first blow there is no time of a next one.
		time.Sleep(max(0, time.Until(blow)) - rand.N(time.Duration(hold)*time.Second+300*time.Millisecond))
		m.began = time.Now()
		d.send(ctx, p, out, m, hold)
		m.ended = time.Now()
		d.mu.Lock()
		m.struck = slices.ContainsFunc(d.blows, func(b time.Time) bool { return b.After(m.began) && b.Before(m.ended) })
		if !m.struck {
			d.left++ // it does not count: another one goes in its place
		}
		d.mu.Unlock()
	}
}

// again repeats what may be repeated. False: it failed for so long.
func (d *drill) again(p *Person, patience time.Duration, f func() error) bool {
	began := time.Now()
	for {
		err := f()
		switch {
		case err == nil:
			return true
		case StatusOf(err) == 401:
			d.fault("%s has to sign in again: %v", p.Login, err)
			return false
		case time.Since(began) > patience:
			d.fault("%s: still failing after %v: %v", p.Login, time.Since(began).Round(time.Second), err)
			return false
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// send does what a careful person does: a mail that was certainly not sent is sent
// again, one in doubt never.
func (d *drill) send(ctx context.Context, p *Person, out Outgoing, m *drillMail, hold int) {
	out.To, out.Subject, out.Text, out.MessageID = m.to, m.token, "Mail "+m.token, m.token+"@cofferdam.test"
	m.fate = fateUnsent
	for m.tries = 1; m.tries <= drillTries; m.tries++ {
		id, err := p.SendHeld(ctx, out, hold)
		if err == nil {
			m.fate = d.follow(ctx, p, m, id)
		} else {
			m.fate = d.lookUp(ctx, p, m, err)
		}
		if m.fate != fateUnsent {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// follow waits for the end of a submission.
func (d *drill) follow(ctx context.Context, p *Person, m *drillMail, id string) fate {
	f := fateUncertain
	d.again(p, drillPatience, func() error {
		list, err := p.GetSubmissions(ctx, id)
		if err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("submission of %s is not there", m.token)
		}
		var over bool
		if f, over = fateOf(list[0], m.to); !over {
			return fmt.Errorf("submission of %s is still under way: %+v", m.token, list[0])
		}
		return nil
	})
	return f
}

// fateOf reads a submission as our client does.
func fateOf(s Submission, to string) (f fate, over bool) {
	status := s.DeliveryStatus[to]
	switch {
	case s.UndoStatus == "pending" || status.Delivered == "queued":
		return fateUncertain, false
	case status.Delivered == "no":
		return fateUnsent, true
	case status.Delivered == "unknown" && strings.HasPrefix(status.SMTPReply, "2"):
		return fateSent, true
	}
	return fateUncertain, true
}

// lookUp finds out what became of a send that had no answer, or a no. What no
// submission tells of within drillQuiet was not sent: a submission is durable before
// anything leaves.
func (d *drill) lookUp(ctx context.Context, p *Person, m *drillMail, err error) fate {
	var stored *NotStored
	if errors.As(err, &stored) {
		return fateUnsent
	}
	if StatusOf(err) == 401 {
		d.fault("%s has to sign in again", p.Login)
		return fateUncertain
	}
	var no *MethodError
	answered := errors.As(err, &no)
	for began := time.Now(); ; time.Sleep(400 * time.Millisecond) {
		var all map[string][]Submission
		if !d.again(p, drillPatience, func() (err error) { all, err = p.Submissions(ctx); return err }) {
			return fateUncertain
		}
		unsent := 0
		for _, s := range all[m.token+"@cofferdam.test"] {
			switch f, over := fateOf(s, m.to); {
			case !over:
				return d.follow(ctx, p, m, s.ID)
			case f == fateUnsent:
				unsent++
			default:
				return f
			}
		}
		if answered && unsent >= m.tries || time.Since(began) > drillQuiet {
			return fateUnsent
		}
	}
}

// judge counts every mail in the mailboxes themselves.
func (d *drill) judge(people []*Person, took time.Duration) {
	arrived, again := d.arrived()
	shown := d.shownUncertain(people)
	var lost, doubled, sent, uncertain, uncertainArrived, early, unsent, hits, retries int
	for _, m := range d.mails {
		in := arrived[m.token+" "+m.to]
		if m.struck {
			hits++
		}
		retries += m.tries - 1
		switch {
		case in > 1:
			doubled++
			d.t.Errorf("%s (%s, %d tries) arrived %d times", m.token, m.fate, m.tries, in)
		case m.fate == fateSent && in == 0:
			lost++
			d.t.Errorf("%s was taken and never arrived", m.token)
		case m.fate == fateUnsent && in == 1:
			d.t.Errorf("%s was told as not sent, and arrived", m.token)
		}
		switch m.fate {
		case fateSent:
			sent++
		case fateUnsent:
			unsent++
			d.t.Errorf("%s was not sent in %d tries", m.token, m.tries)
		case fateUncertain:
			uncertain++
			uncertainArrived += in
			if d.cutter.Ended(m.token) == 0 {
				early++
			}
			if !shown[m.token] {
				d.t.Errorf("%s is uncertain, and EmailSubmission/get does not show it", m.token)
			}
		}
	}
	for _, f := range d.faults {
		d.t.Error(f)
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	rows := [][2]any{
		{"mails", len(d.mails)}, {"mails on their way while a blow fell", hits}, {"time", took.Round(time.Second)},
		{"senders at once", drillSenders}, {"blows", len(d.blows)}, {"mails lost", lost}, {"mails doubled", doubled},
		{"taken once by Postfix, which was killed, and delivered twice by it", again},
		{"told as sent, and there once", sent - lost}, {"sends repeated, as certainly not sent", retries}, {"not sent in the end", unsent},
		{"uncertain, and shown so", uncertain}, {"of these: arrived", uncertainArrived}, {"of these: not arrived", uncertain - uncertainArrived},
		{"of these: killed between the end's leaving the cell and its leaving porter", early},
	}
	for _, kind := range sortedKeys(d.kinds) {
		rows = append(rows, [2]any{"blow: " + kind, d.kinds[kind]})
	}
	for _, at := range []Cut{CutMail, CutEnd, CutReply} {
		rows = append(rows, [2]any{"cut off " + string(at), d.cutter.Cuts()[at]})
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%v\t%v\n", r[0], r[1])
	}
	w.Flush()
	d.t.Logf("\n%s", &b)
	if name := os.Getenv(drillReport); name != "" {
		if err := writeReport(name, hits, rows); err != nil {
			d.t.Error(err)
		}
	}
}

func sortedKeys(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// queueID is the name that Postfix gave a mail when it took it.
var queueID = regexp.MustCompile(`\(Postfix\)\s+with\s+\w+\s+id\s+(\w+)`)

// arrived counts the tokens in everybody's INBOX, when what was taken has had time to
// arrive. A mail that Postfix took once and delivered twice, which it does where it is
// killed between the two, counts once, and in again.
func (d *drill) arrived() (out map[string]int, again int) {
	d.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		out, again = map[string]int{}, 0
		seen := map[string]bool{}
		for _, u := range d.platform.Users {
			raw, err := DialIMAP(d.t.Context(), d.platform, u)
			if err != nil {
				d.t.Fatal(err)
			}
			said, err := raw.Fields("INBOX", "RECEIVED SUBJECT")
			raw.Close()
			if err != nil {
				d.t.Fatalf("counting the mails of %s: %v", u.Login, err)
			}
			for _, mail := range bytes.Split(said, []byte(" FETCH ("))[1:] {
				token, taken := drillToken.Find(mail), queueID.FindSubmatch(mail)
				switch {
				case token == nil:
				case taken == nil:
					d.t.Fatalf("a mail of %s does not say how it came: %q", u.Login, mail)
				case seen[u.Login+string(token)+string(taken[1])]:
					again++
					d.t.Logf("%s was taken once, as %s, and delivered twice", token, taken[1])
				default:
					seen[u.Login+string(token)+string(taken[1])] = true
					out[string(token)+" "+u.Login]++
				}
			}
		}
		missing := slices.ContainsFunc(d.mails, func(m *drillMail) bool { return m.fate == fateSent && out[m.token+" "+m.to] == 0 })
		if !missing || time.Now().After(deadline) {
			return out, again
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// shownUncertain are the mails that EmailSubmission/get shows as uncertain.
func (d *drill) shownUncertain(people []*Person) map[string]bool {
	out := map[string]bool{}
	for _, p := range people {
		var all map[string][]Submission
		d.again(p, drillPatience, func() (err error) { all, err = p.Submissions(context.Background()); return err })
		for id, list := range all {
			for _, s := range list {
				for _, status := range s.DeliveryStatus {
					if status.Delivered == "unknown" && strings.HasPrefix(status.SMTPReply, "451 4.4.2 Uncertain") {
						out[strings.TrimSuffix(id, "@cofferdam.test")] = true
					}
				}
			}
		}
	}
	return out
}

// drillPage is what stands around the figures.
const drillPage = `# Sending under blows

` + "`make send-drill SEND_MAILS=%d`" + ` on %s, commit %s, on %s, with Dovecot and Postfix on the same machine.

%d people send to one another. While each mail is on its way, at a random moment, ` + "`kill -9`" + ` ends a random role, Postfix is stopped and started, or the connection to it is cut: within the
mail, before its end reaches the server, or before the reply to it reaches us. A mail waits 0, 1 or 2 seconds before it goes out. A sender here does what a careful person does: what was
certainly not sent is sent again, what is in doubt never. In the end every mail is counted in the mailboxes themselves, and each one in doubt must be shown as uncertain by
EmailSubmission/get. A mail that was through before a blow fell is not counted towards the number asked for.

| | |
|---|--:|
%s
Continuous integration sends %d each time (` + "`TestSendDrill`" + `).
`

// writeReport writes the page with the figures.
func writeReport(name string, mails int, rows [][2]any) error {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "| %v | %v |\n", r[0], r[1])
	}
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("asking for the commit: %w", err)
	}
	page := fmt.Sprintf(drillPage, mails, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), machine(), drillSenders, &b, drillShort)
	return os.WriteFile(name, []byte(page), 0o644)
}

// machine is its kind: processors, memory, system.
func machine() string {
	var kB int
	text, err := os.ReadFile("/proc/meminfo")
	if err == nil {
		_, err = fmt.Sscanf(string(text), "MemTotal: %d kB", &kB)
	}
	if err != nil {
		return fmt.Sprintf("%d cores, %s", runtime.NumCPU(), runtime.GOOS)
	}
	return fmt.Sprintf("%d cores, %d GiB, Linux", runtime.NumCPU(), (kB+1<<19)>>20)
}
