package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/system"
)

// query is one Email/query, with mailboxes by path.
type query struct {
	kind string // what it filters by, for the table
	args system.Args
}

// asker makes queries out of what the mails have, so that most find something.
type asker struct {
	r      *rand.Rand
	emails []map[string]any
	boxes  []string
}

// queries are n queries, the same ones each time.
func queries(us *view, mails []mail, n int) []query {
	a := &asker{r: rand.New(rand.NewPCG(seed, 2))}
	for _, m := range mails {
		if e := us.emails[hash(m.raw)]; e != nil {
			a.emails = append(a.emails, e)
		}
	}
	for path := range us.boxes {
		a.boxes = append(a.boxes, path)
	}
	slices.Sort(a.boxes)
	kinds := []string{"mailbox", "dates", "size", "keyword", "thread keyword", "attachment", "subject", "from", "to", "header", "operators"}
	var out []query
	for i := range n {
		kind := kinds[i%len(kinds)]
		args := system.Args{"filter": a.filter(kind), "calculateTotal": true, "limit": queryWindow, "sort": a.sort(i / len(kinds))}
		if wordFilter[kind] {
			args["sort"] = a.sort(i / len(kinds) % 2)
		}
		if i%5 == 3 {
			args["collapseThreads"] = true
		}
		if i%7 == 4 {
			args["position"] = a.r.IntN(40)
		}
		out = append(out, query{kind, args})
	}
	return out
}

func (a *asker) filter(kind string) any {
	switch kind {
	case "mailbox":
		if a.r.IntN(3) == 0 {
			return system.Args{"inMailboxOtherThan": []string{a.box(), a.box()}}
		}
		return system.Args{"inMailbox": a.box()}
	case "dates":
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(a.r.IntN(2000)) * time.Hour)
		return system.Args{[]string{"before", "after"}[a.r.IntN(2)]: at.Format(time.RFC3339)}
	case "size":
		return system.Args{[]string{"minSize", "maxSize"}[a.r.IntN(2)]: 500 + a.r.IntN(12_000)}
	case "keyword":
		return system.Args{[]string{"hasKeyword", "notKeyword"}[a.r.IntN(2)]: a.keyword()}
	case "thread keyword":
		return system.Args{[]string{"allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"}[a.r.IntN(3)]: a.keyword()}
	case "attachment":
		return system.Args{"hasAttachment": a.r.IntN(2) == 0, "inMailbox": a.box()}
	case "subject":
		return system.Args{"subject": a.word("subject")}
	case "from", "to":
		return system.Args{kind: a.word(kind)}
	case "header":
		name := []string{"List-Id", "X-Mailer", "Message-ID", "Subject", "X-Spam-Status"}[a.r.IntN(5)]
		if a.r.IntN(2) == 0 {
			return system.Args{"header": []string{name}}
		}
		return system.Args{"header": []string{name, []string{"list", "outlook", "mail", "the", "2002"}[a.r.IntN(5)]}}
	}
	op := []string{"AND", "OR", "NOT"}[a.r.IntN(3)]
	return system.Args{"operator": op, "conditions": []any{a.filter("keyword"), a.filter("mailbox"), a.filter("dates")}}
}

// sort is by arrival most of the time; every order ends in one, so that it is
// whole.
func (a *asker) sort(i int) []system.Args {
	last := system.Args{"property": "receivedAt", "isAscending": i%2 == 0}
	switch by := []string{"", "size", "", "sentAt", "", "hasKeyword", "subject", "", "from", "someInThreadHaveKeyword"}[i%10]; by {
	case "":
		return []system.Args{last}
	case "hasKeyword", "someInThreadHaveKeyword":
		return []system.Args{{"property": by, "keyword": a.keyword(), "isAscending": false}, last}
	default:
		return []system.Args{{"property": by, "isAscending": i%3 == 0}, last}
	}
}

func (a *asker) box() string { return "box:" + a.boxes[a.r.IntN(len(a.boxes))] }

func (a *asker) keyword() string {
	return []string{"$seen", "$flagged", "$answered", "$forwarded", "project-x"}[a.r.IntN(5)]
}

// word is a word of ASCII letters out of a property of some mail: what a word of
// other letters is, servers see differently.
func (a *asker) word(property string) string {
	for {
		e := a.emails[a.r.IntN(len(a.emails))]
		text, err := json.Marshal(e[property])
		if err != nil {
			continue
		}
		words := strings.FieldsFunc(string(text), func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') })
		words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 5 || w == "email" })
		if len(words) > 0 {
			return words[a.r.IntN(len(words))]
		}
	}
}

// answer is what a server says to a query, in words of no server.
func (v *view) answer(t testing.TB, q query) map[string]any {
	t.Helper()
	ids := map[string]string{}
	for id, path := range v.paths {
		ids["box:"+path] = id
	}
	args := system.Args{}
	for k, value := range q.args {
		args[k] = rename(value, ids)
	}
	if _, theirs := v.side.(native); theirs && wordFilter[q.kind] {
		return v.reference(q)
	}
	a, err := v.side.call(t.Context(), "Email/query", args)
	if err != nil {
		return map[string]any{"refused": err.Error()}
	}
	return map[string]any{"ids": strings.Join(v.named(texts(a["ids"])), " "), "total": a["total"], "position": a["position"]}
}

// rename replaces mailboxes by a server's ids for them.
func rename(v any, ids map[string]string) any {
	switch v := v.(type) {
	case string:
		if id := ids[v]; id != "" {
			return id
		}
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = rename(v[i], ids)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = rename(v[i], ids)
		}
		return out
	case system.Args:
		out := system.Args{}
		for k := range v {
			out[k] = rename(v[k], ids)
		}
		return out
	}
	return v
}

func (q query) String() string {
	text, err := json.Marshal(q.args)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}

// wordFilter are the kinds of queries that Cyrus refuses for want of an index of
// words.
var wordFilter = map[string]bool{"subject": true, "from": true, "to": true}
