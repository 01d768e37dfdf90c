package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// FuzzFilter asks the index for what a filter finds, in the order of a sort, and
// compares it with RFC 8621, section 4.4 read naively over the Emails themselves.
// The bytes of the input are a program that puts filter and sort together.
func FuzzFilter(f *testing.F) {
	ix := fuzzIndex(f)
	for _, seed := range []string{"\x00\x00\x00", "\x0d\x02\x00\x03\x01", "\x0e\x01\x0f\x02\x05\x01\x06\x02\x07\x03", "\x0f\x03\x0d\x00\x0e\x00\x0f\x00", "\x08\x01\x09\x02\x0a\x03"} {
		f.Add([]byte(seed), []byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, program, order []byte, collapse bool) {
		p := &filterProgram{bytes: program, ix: ix}
		q := &jmap.EmailQuery{Filter: p.filter(0), Sort: sortOf(order), CollapseThreads: collapse, Window: jmap.Window{Limit: 1 << 30}, CalculateTotal: true}
		got, err := ix.Query(q, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := everyMail(ix)
		want := naiveQuery(all, q)
		if len(got.IDs) != len(want) || got.Total != len(want) {
			t.Fatalf("%s finds %d of %d, naively %d", said(q.Filter), len(got.IDs), got.Total, len(want))
		}
		if collapse {
			// Which mail stands for its thread depends on the order, which leaves ties open.
			checkCollapsed(t, all, got.IDs, want)
			return
		}
		if again := slices.Sorted(slices.Values(got.IDs)); !slices.Equal(again, slices.Sorted(slices.Values(want))) {
			t.Fatalf("%s finds %v, naively %v", said(q.Filter), got.IDs, want)
		}
		for i := 1; i < len(got.IDs); i++ {
			if naiveCompare(all, q.Sort, got.IDs[i-1], got.IDs[i]) > 0 {
				t.Fatalf("%v: %s stands before %s", q.Sort, got.IDs[i-1], got.IDs[i])
			}
		}
	})
}

// fuzzIndex is an index of some mails in several mailboxes and threads.
func fuzzIndex(f *testing.F) *Index {
	a := memup.New(memup.Options{Identity: upstream.IdentityGUID})
	w := &world{t: nil, a: a, st: a.Open(), rnd: rand.New(rand.NewPCG(5, 7))}
	for range 40 {
		w.deliver()
	}
	return opened(f, a).Index
}

func everyMail(ix *Index) map[jmap.EmailID]Meta {
	res, err := ix.Query(&jmap.EmailQuery{Window: jmap.Window{Limit: 1 << 30}}, nil)
	if err != nil {
		panic(err)
	}
	list, _, _ := ix.Emails(res.IDs)
	out := map[jmap.EmailID]Meta{}
	for _, m := range list {
		out[m.ID] = m
	}
	return out
}

// filterProgram reads a filter out of bytes.
type filterProgram struct {
	bytes  []byte
	ix     *Index
	leaves int
}

func (p *filterProgram) next() int {
	if len(p.bytes) == 0 {
		return 0
	}
	b := p.bytes[0]
	p.bytes = p.bytes[1:]
	return int(b)
}

func (p *filterProgram) filter(depth int) *jmap.Filter[jmap.EmailCondition] {
	p.leaves++
	op := p.next() % 16
	if op < 13 || depth > 12 || p.leaves > 200 {
		return &jmap.Filter[jmap.EmailCondition]{Leaf: p.condition(op)}
	}
	n := &jmap.Filter[jmap.EmailCondition]{Op: []jmap.FilterOp{jmap.OpAnd, jmap.OpOr, jmap.OpNot}[op-13]}
	for range p.next() % 5 {
		n.Nodes = append(n.Nodes, p.filter(depth+1))
	}
	return n
}

var fuzzKeywords = []jmap.Keyword{jmap.KeywordSeen, jmap.KeywordFlagged, "$label0", "$label1", "$label2", "nobody-has-it"}

func (p *filterProgram) condition(kind int) *jmap.EmailCondition {
	c := new(jmap.EmailCondition)
	arg := p.next()
	keyword := fuzzKeywords[arg%len(fuzzKeywords)]
	boxes, _ := p.ix.Mailboxes()
	box := append([]jmap.MailboxID{"none"}, mailboxIDs(boxes)...)[arg%(len(boxes)+1)]
	moment := time.Date(2026, 1, 1, 0, 0, arg*400, arg%2*500_000_000, time.UTC)
	size := uint64(100 + arg)
	switch kind {
	case 1:
		c.InMailbox = box
	case 2:
		c.InMailboxOtherThan = []jmap.MailboxID{box, append(mailboxIDs(boxes), "none")[p.next()%(len(boxes)+1)]}
	case 3:
		c.Before = moment
	case 4:
		c.After = moment
	case 5:
		c.MinSize = size
	case 6:
		c.MaxSize = &size
	case 7:
		c.HasKeyword = keyword
	case 8:
		c.NotKeyword = keyword
	case 9:
		c.AllInThreadHaveKeyword = keyword
	case 10:
		c.SomeInThreadHaveKeyword = keyword
	case 11:
		c.NoneInThreadHaveKeyword = keyword
	case 12: // several at once
		c.InMailbox, c.NotKeyword, c.After = box, keyword, moment
	}
	return c
}

func mailboxIDs(list []jmap.Mailbox) (ids []jmap.MailboxID) {
	for _, b := range list {
		ids = append(ids, b.ID)
	}
	return ids
}

var fuzzSorts = []jmap.SortProperty{jmap.SortReceivedAt, jmap.SortSize, jmap.SortHasKeyword, jmap.SortAllInThread, jmap.SortSomeInThread}

func sortOf(program []byte) (list []jmap.Comparator) {
	for _, b := range program[:min(len(program), 4)] {
		c := jmap.Comparator{Property: fuzzSorts[int(b)%len(fuzzSorts)], Descending: b&0x40 != 0}
		if c.Property != jmap.SortReceivedAt && c.Property != jmap.SortSize {
			c.Keyword = fuzzKeywords[int(b>>3)%len(fuzzKeywords)]
		}
		list = append(list, c)
	}
	return list
}

// naiveQuery are the mails that match; of each thread one, if collapsed.
func naiveQuery(all map[jmap.EmailID]Meta, q *jmap.EmailQuery) (ids []jmap.EmailID) {
	threads := map[jmap.ThreadID]bool{}
	for id, m := range all {
		if !naiveMatch(all, q.Filter, m) || q.CollapseThreads && threads[m.ThreadID] {
			continue
		}
		threads[m.ThreadID] = true
		ids = append(ids, id)
	}
	return ids
}

func checkCollapsed(t *testing.T, all map[jmap.EmailID]Meta, got, want []jmap.EmailID) {
	t.Helper()
	threads := func(ids []jmap.EmailID) (list []jmap.ThreadID) {
		for _, id := range ids {
			list = append(list, all[id].ThreadID)
		}
		slices.Sort(list)
		return list
	}
	if g, w := threads(got), threads(want); !slices.Equal(g, w) {
		t.Fatalf("threads %v, naively %v", g, w)
	}
}

func naiveMatch(all map[jmap.EmailID]Meta, f *jmap.Filter[jmap.EmailCondition], m Meta) bool {
	if f.Op == "" {
		return naiveCondition(all, f.Leaf, m)
	}
	hits := 0
	for _, n := range f.Nodes {
		if naiveMatch(all, n, m) {
			hits++
		}
	}
	return f.Op == jmap.OpAnd && hits == len(f.Nodes) || f.Op == jmap.OpOr && hits > 0 || f.Op == jmap.OpNot && hits == 0
}

func naiveCondition(all map[jmap.EmailID]Meta, c *jmap.EmailCondition, m Meta) bool {
	elsewhere := len(c.InMailboxOtherThan) == 0 || slices.ContainsFunc(m.MailboxIDs, func(id jmap.MailboxID) bool {
		return !slices.Contains(c.InMailboxOtherThan, id)
	})
	every, some := inThread(all, m, c.AllInThreadHaveKeyword), inThread(all, m, c.SomeInThreadHaveKeyword)
	none := inThread(all, m, c.NoneInThreadHaveKeyword)
	return elsewhere &&
		(c.InMailbox == "" || slices.Contains(m.MailboxIDs, c.InMailbox)) &&
		(c.Before.IsZero() || m.ReceivedAt.Before(c.Before)) &&
		(c.After.IsZero() || !m.ReceivedAt.Before(c.After)) &&
		uint64(m.Size) >= c.MinSize && (c.MaxSize == nil || uint64(m.Size) < *c.MaxSize) &&
		(c.HasKeyword == "" || slices.Contains(m.Keywords, c.HasKeyword)) &&
		(c.NotKeyword == "" || !slices.Contains(m.Keywords, c.NotKeyword)) &&
		(c.AllInThreadHaveKeyword == "" || every == allOf) &&
		(c.SomeInThreadHaveKeyword == "" || some != noneOf) &&
		(c.NoneInThreadHaveKeyword == "" || none == noneOf)
}

// share is how many mails of a thread have a keyword.
type share int

const (
	noneOf share = iota
	someOf
	allOf
)

func inThread(all map[jmap.EmailID]Meta, m Meta, k jmap.Keyword) share {
	have, lack := false, false
	for _, other := range all {
		if other.ThreadID == m.ThreadID {
			has := slices.Contains(other.Keywords, k)
			have, lack = have || has, lack || !has
		}
	}
	switch {
	case !lack:
		return allOf
	case have:
		return someOf
	}
	return noneOf
}

func naiveCompare(all map[jmap.EmailID]Meta, by []jmap.Comparator, x, y jmap.EmailID) int {
	for _, c := range by {
		n := naiveKey(all, c, all[x]) - naiveKey(all, c, all[y])
		if c.Descending {
			n = -n
		}
		if n != 0 {
			return int(n)
		}
	}
	return 0
}

func naiveKey(all map[jmap.EmailID]Meta, c jmap.Comparator, m Meta) int64 {
	yes := false
	switch c.Property {
	case jmap.SortReceivedAt:
		return m.ReceivedAt.Unix()
	case jmap.SortSize:
		return int64(m.Size)
	case jmap.SortHasKeyword:
		yes = slices.Contains(m.Keywords, c.Keyword)
	case jmap.SortAllInThread:
		yes = inThread(all, m, c.Keyword) == allOf
	case jmap.SortSomeInThread:
		yes = inThread(all, m, c.Keyword) != noneOf
	}
	if yes {
		return 1
	}
	return 0
}

func said(f *jmap.Filter[jmap.EmailCondition]) string {
	if f.Op == "" {
		return fmt.Sprintf("%+v", *f.Leaf)
	}
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, said(n))
	}
	return string(f.Op) + "(" + strings.Join(nodes, ", ") + ")"
}
