package account_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// TestEmailQuery compares every condition, every sort and random combinations of
// them with a naive evaluation over the same mails.
func TestEmailQuery(t *testing.T) {
	forEachUpstream(t, []testCase{{"query", testQuery}})
}

// letterOf is a mail of the test with what a person knows of it.
type letterOf struct {
	subject, base       string // base is the base subject, in lower case
	from, email, to     string // display name and address; names may be empty
	cc, bcc, body, more string // more is another header field
	sent                string // Date field; "": none
	sentAt              int64  // unix seconds
	received            int64
	box, copied         string
	flags               []string
	parent              int // subject of the thread's first mail, by place + 1
	attach              bool
}

// second is the moment that the times of the letters are counted from.
const second = 1_750_000_000

var letters = []letterOf{
	{subject: "Apples", base: "apples", from: "Zoe", email: "zoe@one.test", to: "Ann <ann@x.test>", body: "green zebra", box: "INBOX", received: 10},
	{subject: "Re: apples", base: "apples", from: "bob", email: "bob@one.test", to: "ann@x.test", body: "a red zebra runs", box: "INBOX", received: 20, flags: []string{`\Seen`}, parent: 1},
	{subject: "[list] APPLES (fwd)", base: "apples", email: "Adam@two.test", to: "Zed <zed@x.test>", cc: "Carl <carl@x.test>", body: "lion", box: "Archive", received: 30, flags: []string{`\Seen`, `\Flagged`}, parent: 1},
	{subject: "Fwd: [fwd: pears]", base: "pears", from: "alice", email: "q@two.test", to: "", bcc: "hidden@x.test", body: "lion and zebra", box: "Archive", received: 40, flags: []string{"work"}},
	{subject: "Pears", base: "pears", from: "Alice", email: "r@two.test", to: "bea@x.test, ann@x.test", body: "tiger", box: "Sent", received: 40, flags: []string{"work", `\Seen`}, attach: true},
	{subject: "Übermut", base: "übermut", from: "Émile", email: "emile@three.test", to: "Ünal <u@x.test>", body: "größe", box: "INBOX", received: 50},
	{subject: "unten", base: "unten", from: "Emil", email: "emil@three.test", to: "ulf@x.test", cc: "bob@one.test", body: "ganz klein", box: "INBOX", received: 60, copied: "Archive", flags: []string{`\Flagged`}},
	{subject: "vase", base: "vase", from: "zoe", email: "zoe@one.test", to: "ann@x.test", more: "X-Colour: crimson red", body: "lion", box: "Trash", received: 5},
	{subject: "Re: vase", base: "vase", from: "Zoe", email: "zoe@one.test", to: "ann@x.test", more: "X-Colour: blue", body: "it's broken", box: "Trash", received: 70, parent: 8, flags: []string{`\Seen`}},
	{subject: "", base: "", from: "", email: "none@x.test", to: "ann@x.test", sent: "-", body: "tiger tiger", box: "INBOX", received: 35, attach: true},
	{subject: "apples and pears", base: "apples and pears", from: "Bob", email: "bob@two.test", to: "ann@x.test", body: "zebra lion tiger", box: "Sent", received: 20, flags: []string{`\Answered`}},
	{subject: "AW: zoo", base: "aw: zoo", from: "Yan \"the man\"", email: "y@x.test", to: "Ann <ann@x.test>", body: "long " + strings.Repeat("filling of a long mail ", 60), box: "Archive", received: 80},
}

// raw writes mail n. Mails are sent in another order than they are received.
func (l *letterOf) raw(n int) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	word := func(s string) string {
		if strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) {
			return fmt.Sprintf("=?utf-8?q?%s?=", qEncode(s))
		}
		return s
	}
	from := "<" + l.email + ">"
	if l.from != "" {
		name := word(l.from)
		if strings.Contains(name, `"`) {
			name = `"` + strings.ReplaceAll(name, `"`, `\"`) + `"`
		}
		from = name + " " + from
	}
	line("From", from)
	if name, rest, ok := strings.Cut(l.to, " <"); ok {
		line("To", word(name)+" <"+rest)
	} else {
		line("To", l.to)
	}
	line("Cc", l.cc)
	line("Bcc", l.bcc)
	line("Subject", word(l.subject))
	if l.more != "" {
		b.WriteString(l.more + "\r\n")
	}
	if l.sent == "" {
		line("Date", time.Unix(l.sentAt, 0).In(time.FixedZone("", (n%5-2)*3600)).Format(time.RFC1123Z))
	}
	line("Message-ID", messageID(n))
	if l.parent > 0 {
		line("References", messageID(l.parent-1))
	}
	b.WriteString("MIME-Version: 1.0\r\n")
	if !l.attach {
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + l.body + "\r\n")
		return b.String()
	}
	b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + l.body +
		"\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nPDF\r\n--b--\r\n")
	return b.String()
}

func messageID(n int) string { return fmt.Sprintf("<m%d@id.test>", n) }

func qEncode(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c > 127 || c == ' ' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// naive answers queries from the letters.
type naive struct {
	letters []letterOf
	sizes   []uint64
	boxes   map[string]jmap.MailboxID
	ids     []jmap.EmailID // by place
}

func newNaive(r *rig) *naive {
	n := &naive{letters: slices.Clone(letters), boxes: map[string]jmap.MailboxID{"INBOX": r.box(jmap.RoleInbox),
		"Archive": r.box(jmap.RoleArchive), "Sent": r.box(jmap.RoleSent), "Trash": r.box(jmap.RoleTrash)}}
	count := map[string]int{}
	for i := range n.letters {
		l := &n.letters[i]
		l.received += second
		if l.sentAt = second + int64(i*7919%97); l.sent != "" {
			l.sentAt = l.received
		}
		raw := l.raw(i)
		n.sizes = append(n.sizes, uint64(len(raw)))
		_, err := r.other.Append(r.ctx, l.box, upstream.Message{Body: strings.NewReader(raw), Size: int64(len(raw)),
			Flags: l.flags, Date: time.Unix(l.received, 0)})
		r.must(err)
		count[l.box]++
		if l.copied != "" {
			uids, m, err := r.other.UIDs(r.ctx, l.box)
			r.must(err)
			last := uids.Ranges()[len(uids.Ranges())-1].Stop
			var one upstream.UIDSet
			one.Add(last)
			_, err = r.other.Copy(r.ctx, upstream.Place{Box: l.box, Validity: m.UIDValidity}, one, l.copied)
			r.must(err)
			count[l.copied]++
		}
	}
	for name, k := range count {
		r.waitFor(n.boxes[name], k)
	}
	n.ids = make([]jmap.EmailID, len(n.letters))
	want := &jmap.EmailFields{Props: jmap.EmailPropMessageID}
	for id, e := range r.get(want, r.query(nil)...) {
		for i := range n.letters {
			if "<"+e.MessageID[0]+">" == messageID(i) {
				n.ids[i] = id
			}
		}
	}
	if slices.Contains(n.ids, "") {
		r.Fatalf("a mail is missing: %v", n.ids)
	}
	return n
}

func (n *naive) in(i int) []jmap.MailboxID {
	out := []jmap.MailboxID{n.boxes[n.letters[i].box]}
	if c := n.letters[i].copied; c != "" {
		out = append(out, n.boxes[c])
	}
	return out
}

func (n *naive) has(i int, k jmap.Keyword) bool {
	flag := map[jmap.Keyword]string{"$seen": `\Seen`, "$flagged": `\Flagged`, "$answered": `\Answered`}[k]
	return slices.Contains(n.letters[i].flags, cmp.Or(flag, string(k)))
}

// inThread counts the mails of i's thread, and those with a keyword.
func (n *naive) inThread(i int, k jmap.Keyword) (all, with int) {
	root := func(j int) int {
		if p := n.letters[j].parent; p > 0 {
			return p - 1
		}
		return j
	}
	for j := range n.letters {
		if root(j) == root(i) {
			all++
			if n.has(j, k) {
				with++
			}
		}
	}
	return all, with
}

func contains(text, words string) bool {
	if strings.HasPrefix(words, `"`) {
		words = strings.ReplaceAll(strings.Trim(words, `"`), `\'`, `'`)
		return strings.Contains(strings.ToLower(text), strings.ToLower(words))
	}
	for _, w := range strings.Fields(words) {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			return false
		}
	}
	return true
}

func (n *naive) condition(i int, c *jmap.EmailCondition) bool {
	l := &n.letters[i]
	in := n.in(i)
	at := time.Unix(l.received, 0)
	from := l.from + " " + l.email
	everywhere := strings.Join([]string{from, l.to, l.cc, l.bcc, l.subject, l.more, l.body}, "\n")
	all, most := n.inThread(i, c.AllInThreadHaveKeyword)
	_, some := n.inThread(i, c.SomeInThreadHaveKeyword)
	_, none := n.inThread(i, c.NoneInThreadHaveKeyword)
	other := slices.ContainsFunc(in, func(id jmap.MailboxID) bool { return !slices.Contains(c.InMailboxOtherThan, id) })
	header := true
	if h := c.Header; h != nil {
		name, value, _ := strings.Cut(l.more, ": ")
		header = strings.EqualFold(name, h.Name) && (h.Text == "" || strings.Contains(value, h.Text))
	}
	return (c.InMailbox == "" || slices.Contains(in, c.InMailbox)) && other &&
		(c.Before.IsZero() || at.Before(c.Before)) && (c.After.IsZero() || !at.Before(c.After)) &&
		n.sizes[i] >= c.MinSize && (c.MaxSize == nil || n.sizes[i] < *c.MaxSize) &&
		(c.AllInThreadHaveKeyword == "" || all == most) && (c.SomeInThreadHaveKeyword == "" || some > 0) &&
		(c.NoneInThreadHaveKeyword == "" || none == 0) &&
		(c.HasKeyword == "" || n.has(i, c.HasKeyword)) && (c.NotKeyword == "" || !n.has(i, c.NotKeyword)) &&
		(c.HasAttachment == nil || l.attach == *c.HasAttachment) && header &&
		contains(everywhere, c.Text) && contains(from, c.From) && contains(l.to, c.To) && contains(l.cc, c.Cc) &&
		contains(l.bcc, c.Bcc) && contains(l.subject, c.Subject) && contains(l.body, c.Body)
}

func (n *naive) matches(f *jmap.Filter[jmap.EmailCondition]) []string {
	var out []string
	for i := range n.letters {
		if f.Match(func(c *jmap.EmailCondition) bool { return n.condition(i, c) }) {
			out = append(out, n.name(i))
		}
	}
	slices.Sort(out)
	return out
}

func (n *naive) name(i int) string { return fmt.Sprintf("%d %s", i, n.letters[i].subject) }

// compare is one comparator of RFC 8621, section 4.4.2.
func (n *naive) compare(c jmap.Comparator, i, j int) int {
	a, b := &n.letters[i], &n.letters[j]
	truth := func(i int) int {
		switch all, with := n.inThread(i, c.Keyword); {
		case c.Property == jmap.SortHasKeyword && n.has(i, c.Keyword),
			c.Property == jmap.SortAllInThread && all == with, c.Property == jmap.SortSomeInThread && with > 0:
			return 1
		}
		return 0
	}
	words := func(s, t string) int { return strings.Compare(jmap.UnicodeCasemap(s), jmap.UnicodeCasemap(t)) }
	first := func(to string) string {
		to, _, _ = strings.Cut(to, ",")
		name, _, _ := strings.Cut(to, " <")
		return name
	}
	d := 0
	switch c.Property {
	case jmap.SortReceivedAt:
		d = cmp.Compare(a.received, b.received)
	case jmap.SortSentAt:
		d = cmp.Compare(a.sentAt, b.sentAt)
	case jmap.SortSize:
		d = cmp.Compare(n.sizes[i], n.sizes[j])
	case jmap.SortSubject:
		d = words(a.base, b.base)
	case jmap.SortFrom:
		d = words(cmp.Or(a.from, a.email), cmp.Or(b.from, b.email))
	case jmap.SortTo:
		d = words(first(a.to), first(b.to))
	default:
		d = cmp.Compare(truth(i), truth(j))
	}
	if c.Descending {
		return -d
	}
	return d
}

func testQuery(r *rig) {
	n := newNaive(r)
	yes, no, small := true, false, uint64(300)
	conditions := []jmap.EmailCondition{
		{}, {InMailbox: n.boxes["INBOX"]}, {InMailbox: n.boxes["Archive"]}, {InMailbox: "nosuch"},
		{InMailboxOtherThan: []jmap.MailboxID{n.boxes["Trash"], n.boxes["INBOX"]}},
		{Before: time.Unix(second+40, 0)}, {After: time.Unix(second+40, 0)}, {Before: time.Unix(second+40, 1)}, {After: time.Unix(second+40, 1)},
		{MinSize: n.sizes[4]}, {MaxSize: &n.sizes[4]}, {MaxSize: &small},
		{AllInThreadHaveKeyword: "$seen"}, {SomeInThreadHaveKeyword: "$seen"}, {NoneInThreadHaveKeyword: "$seen"},
		{HasKeyword: "$flagged"}, {HasKeyword: "work"}, {NotKeyword: "$seen"}, {NotKeyword: "work"}, {HasKeyword: "unknown"},
		{HasAttachment: &yes}, {HasAttachment: &no},
		{Text: "zebra"}, {Text: "zebra lion"}, {Text: `"lion and zebra"`}, {Text: "größe"}, {Text: "Carl"}, {Text: "hidden"}, {Text: "crimson"}, {Text: "pears"},
		{From: "zoe"}, {From: "two.test"}, {From: "émile"}, {To: "ann"}, {To: "ünal"}, {Cc: "bob"}, {Bcc: "hidden"}, {Subject: "APPLES"}, {Subject: "über"},
		{Subject: "apples pears"}, {Body: "tiger"}, {Body: "klein"}, {Body: `"it\'s"`}, {Body: "nothing"}, {Body: "  "},
		{Header: &jmap.HeaderMatch{Name: "x-colour"}}, {Header: &jmap.HeaderMatch{Name: "X-Colour", Text: "crimson red"}}, {Header: &jmap.HeaderMatch{Name: "X-None"}},
		{InMailbox: n.boxes["Archive"], Text: "lion", HasKeyword: "work"}, {From: "zoe", Body: "lion", NotKeyword: "$seen"},
	}
	for i := range conditions {
		n.check(r, &jmap.Filter[jmap.EmailCondition]{Leaf: &conditions[i]}, nil)
	}
	sorts := []jmap.Comparator{{Property: jmap.SortReceivedAt}, {Property: jmap.SortSize}, {Property: jmap.SortFrom}, {Property: jmap.SortTo},
		{Property: jmap.SortSubject}, {Property: jmap.SortSentAt}, {Property: jmap.SortHasKeyword, Keyword: "$seen"},
		{Property: jmap.SortAllInThread, Keyword: "$seen"}, {Property: jmap.SortSomeInThread, Keyword: "$flagged"}}
	for _, s := range sorts {
		for _, box := range []string{"", "INBOX", "Archive"} {
			for _, s.Descending = range []bool{false, true} {
				f := &jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{InMailbox: n.boxes[box]}}
				n.check(r, f, []jmap.Comparator{s})
			}
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 120 {
		var by []jmap.Comparator
		for range rnd.IntN(4) {
			c := sorts[rnd.IntN(len(sorts))]
			c.Descending = rnd.IntN(2) == 0
			by = append(by, c)
		}
		n.check(r, randomFilter(rnd, conditions, 3), by)
		if r.Failed() {
			return
		}
	}
}

func randomFilter(rnd *rand.Rand, conditions []jmap.EmailCondition, depth int) *jmap.Filter[jmap.EmailCondition] {
	if depth == 0 || rnd.IntN(4) == 0 {
		c := conditions[rnd.IntN(len(conditions))]
		return &jmap.Filter[jmap.EmailCondition]{Leaf: &c}
	}
	f := &jmap.Filter[jmap.EmailCondition]{Op: []jmap.FilterOp{jmap.OpAnd, jmap.OpOr, jmap.OpNot}[rnd.IntN(3)]}
	for range 1 + rnd.IntN(3) {
		f.Nodes = append(f.Nodes, randomFilter(rnd, conditions, depth-1))
	}
	return f
}

// check compares one query, and its second page with the first.
func (n *naive) check(r *rig, f *jmap.Filter[jmap.EmailCondition], by []jmap.Comparator) {
	r.Helper()
	q := &jmap.EmailQuery{Filter: f, Sort: by, Window: jmap.Window{Limit: 100}}
	res, err := r.a.EmailQuery(r.ctx, q)
	r.must(err)
	var list []int
	var names []string
	for _, id := range res.IDs {
		i := slices.Index(n.ids, id)
		list, names = append(list, i), append(names, n.name(i))
	}
	if got, want := slices.Sorted(slices.Values(names)), n.matches(f); !slices.Equal(got, want) {
		r.Errorf("%s\n got %q\nwant %q", show(f), got, want)
	}
	for k := 1; k < len(list); k++ {
		for _, c := range by {
			d := n.compare(c, list[k-1], list[k])
			if d > 0 {
				r.Errorf("%s by %+v: %q before %q in %q", show(f), by, names[k-1], names[k], names)
			}
			if d != 0 {
				break
			}
		}
	}
	q.Window = jmap.Window{Position: 2, Limit: 3}
	page, err := r.a.EmailQuery(r.ctx, q)
	r.must(err)
	if want := res.IDs[min(2, len(res.IDs)):min(5, len(res.IDs))]; !slices.Equal(page.IDs, want) {
		r.Errorf("%s by %+v: a page is %v, want %v", show(f), by, page.IDs, want)
	}
}

func show(f *jmap.Filter[jmap.EmailCondition]) string {
	if f.Op == "" {
		return fmt.Sprintf("%+v", *f.Leaf)
	}
	s := string(f.Op) + "("
	for _, x := range f.Nodes {
		s += show(x) + " "
	}
	return s + ")"
}

// A sort by words has no Email/queryChanges, and says so.
func testNoQueryChangesByWords(r *rig) {
	r.deliver("INBOX", letter)
	inbox := r.box(jmap.RoleInbox)
	r.waitFor(inbox, 1)
	q := jmap.EmailQuery{Filter: inMailbox(inbox), Sort: []jmap.Comparator{{Property: jmap.SortSubject}}, Window: jmap.Window{Limit: 10}}
	res, err := r.a.EmailQuery(r.ctx, &q)
	r.must(err)
	if res.CanCalculateChanges {
		r.Error("canCalculateChanges is true")
	}
	if _, err := r.a.EmailQueryChanges(r.ctx, &jmap.EmailQueryChanges{Query: q, Since: res.State}); !errors.Is(err, jmap.CannotCalculateChanges) {
		r.Errorf("queryChanges: %v", err)
	}
	q.Sort[0].Collation = "i;octet"
	if _, err := r.a.EmailQuery(r.ctx, &q); !errors.Is(err, jmap.UnsupportedSort) {
		r.Errorf("an unknown collation: %v", err)
	}
}

func TestQueryChangesByWords(t *testing.T) {
	forEachUpstream(t, []testCase{{"no changes", testNoQueryChangesByWords}})
}
