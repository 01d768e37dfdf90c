package differential

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

func TestMain(m *testing.M) { os.Exit(system.Main(m)) }

// variable asks for the full run, which writes the table.
const variable = "COFFERDAM_DIFFERENTIAL"

// table is where a full run writes what it saw, from this folder.
const table = "../../docs/results/differential.md"

// tally counts what was compared and what differed.
type tally struct {
	t        testing.TB
	compared map[string]int // by method
	matched  []int          // by rule
	unlisted map[string][]difference
	names    map[string]string // of mails, by key

	mails, refused int
}

func TestDifferential(t *testing.T) {
	full := os.Getenv(variable) != ""
	n := &tally{t: t, compared: map[string]int{}, matched: make([]int, len(rules)), unlisted: map[string][]difference{}, names: map[string]string{}}
	if !full {
		n.part(pick(t, 0, shortMails), shortQueries)
		n.report()
		return
	}
	for part := range fullParts {
		n.part(pick(t, part, fullMails), fullQueries)
	}
	n.report()
	n.unused()
	if !t.Failed() {
		if err := n.write(); err != nil {
			t.Error(err)
		}
	}
}

// part compares some mails in a mailbox of their own, and so many queries.
func (n *tally) part(mails []mail, asks int) {
	c := platform.StartCyrus(n.t)
	taken, refused := fill(n.t, c.IMAP, login, mails)
	n.mails += len(taken)
	n.refused += refused
	o := startOurs(n.t, c)
	await(n.t, o, len(taken))
	us, them := look(n.t, o), look(n.t, native{c})
	for _, m := range taken {
		n.names[hash(m.raw)] = m.name
	}
	n.compareMails(us, them, taken)
	n.compareMailboxes(us, them)
	for _, q := range queries(us, taken, asks) {
		n.compared["Email/query"]++
		ours := us.answer(n.t, q)
		compare(difference{method: "Email/query", path: q.kind, name: q.String(), view: us, query: &q, answer: ours, ours: ours, theirs: them.answer(n.t, q)}, n.put)
	}
	n.t.Logf("%d mails, %d refused by Cyrus\n%s", len(taken), refused, n.text())
}

func (n *tally) compareMails(us, them *view, taken []mail) {
	for _, m := range taken {
		k := hash(m.raw)
		a, b := us.emails[k], them.emails[k]
		if a == nil || b == nil {
			n.t.Errorf("%s: with us %t, with Cyrus %t", m.name, a != nil, b != nil)
			continue
		}
		n.compared["Email/get"]++
		n.compared["Thread/get"]++
		compare(difference{method: "Email/get", name: m.name, raw: m.raw, view: us, ours: a, theirs: b}, n.put)
		compare(difference{method: "Thread/get", path: "emailIds", name: m.name, view: us, ours: us.thread[k], theirs: them.thread[k]}, n.put)
	}
	if len(us.emails) != len(taken) || len(them.emails) != len(taken) {
		n.t.Errorf("we show %d mails, Cyrus %d, %d were laid in", len(us.emails), len(them.emails), len(taken))
	}
}

func (n *tally) compareMailboxes(us, them *view) {
	for _, path := range slices.Sorted(maps.Keys(us.boxes)) {
		n.compared["Mailbox/get"]++
		compare(difference{method: "Mailbox/get", name: path, view: us, ours: us.boxes[path], theirs: them.boxes[path]}, n.put)
	}
	if len(us.boxes) != len(them.boxes) {
		n.t.Errorf("we show %d mailboxes, Cyrus %d", len(us.boxes), len(them.boxes))
	}
}

// put files one difference under the first rule that matches.
func (n *tally) put(d difference) {
	for i, r := range rules {
		if r.match(d) {
			n.matched[i]++
			if r.undecided() {
				n.t.Logf("%s: %s %s\n    ours   %s\n    Cyrus  %s", r.name, d.name, d.path, show(d.ours), show(d.theirs))
			}
			return
		}
	}
	key := d.method + " " + d.path
	n.unlisted[key] = append(n.unlisted[key], d)
}

// report fails the test for each kind of difference without a rule.
func (n *tally) report() {
	for _, key := range slices.Sorted(maps.Keys(n.unlisted)) {
		all := n.unlisted[key]
		var b strings.Builder
		for _, d := range all[:min(shownExamples, len(all))] {
			fmt.Fprintf(&b, "\n  %s\n    ours   %s\n    Cyrus  %s", d.name, show(d.ours), show(d.theirs))
			if d.query != nil {
				fmt.Fprintf(&b, "\n    ours alone   %s\n    Cyrus alone  %s", n.alone(d.ours, d.theirs), n.alone(d.theirs, d.ours))
			}
		}
		n.t.Errorf("%d differences in %s, and no rule:%s", len(all), key, &b)
	}
}

// alone names a few mails that stand in one list of keys and not in the other.
func (n *tally) alone(in, other any) string {
	a, _ := in.(string)
	b, _ := other.(string)
	var out []string
	for key := range strings.FieldsSeq(a) {
		if !strings.Contains(b, key) && len(out) < 2*shownExamples {
			out = append(out, n.names[key])
		}
	}
	return strings.Join(out, " ")
}

// unused fails the test for rules without a difference.
func (n *tally) unused() {
	for i, r := range rules {
		if n.matched[i] == 0 {
			n.t.Errorf("rule %q matches nothing any more", r.name)
		}
	}
}

func (n *tally) text() string {
	var b strings.Builder
	for i, r := range rules {
		fmt.Fprintf(&b, "%6d  %s\n", n.matched[i], r.name)
	}
	return b.String()
}

// write writes the table of a full run.
func (n *tally) write() error {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("asking for the commit: %w", err)
	}
	return os.WriteFile(table, []byte(n.document(strings.TrimSpace(string(commit)))), 0o644)
}

func (n *tally) document(commit string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Compared with Cyrus' own JMAP\n\n`make differential` on %s, commit %s: %d mails of the corpus (%d more were refused by Cyrus' IMAP) in %d times eight mailboxes of Cyrus 3.6, read through us and through Cyrus' native JMAP.\n",
		time.Now().UTC().Format(time.DateOnly), commit, n.mails, n.refused, fullParts)
	b.WriteString("Each property of each mail, part, mailbox and thread is compared, blobs by their bytes, and the answers to queries. Cyrus has no index of words here and refuses searches by subject,\nfrom and to: for these the other side is worked out from what Cyrus says of its mails. Searches in bodies are not compared.\n\n| method | compared |\n|---|--:|\n")
	for _, m := range slices.Sorted(maps.Keys(n.compared)) {
		fmt.Fprintf(&b, "| %s | %d |\n", m, n.compared[m])
	}
	b.WriteString("\nNo other differences were seen than these; the test fails on any other kind. Sections are those of RFC 8621.\n\n| difference | values | section | the RFC's words | why |\n|---|--:|---|---|---|\n")
	for i, r := range rules {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", r.name, n.matched[i], r.section, r.words, r.why)
	}
	return b.String()
}
