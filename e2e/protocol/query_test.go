package protocol

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

var queryChecks = []check{{"filters", queryFilters}, {"words", queryWords}, {"operators", queryOperators}, {"sort", querySort}, {"window", queryWindow},
	{"collapse", queryCollapse}, {"total is the Mailbox's", queryTotal}, {"other mailboxes", queryOther}, {"unsupported", queryUnsupported}, {"edges", queryEdges}}

var queryChangesChecks = []check{{"added and removed", queryChangesPlain}, {"unknown state", queryChangesUnknown}}

// found asserts which mails, named without their number, a filter finds in a Mailbox.
func (w *world) found(box string, filter A, want ...string) {
	w.Helper()
	args := A{"filter": A{"operator": "AND", "conditions": []A{{"inMailbox": box}, filter}}, "sort": []A{{"property": "receivedAt"}}}
	if got := words(w.named(args)); !slices.Equal(got, want) {
		w.Errorf("%v found %v, want %v", filter, got, want)
	}
}

// words are names without their numbers.
func words(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, strings.TrimRight(n, "0123456789"))
	}
	return out
}

func queryBox(w *world) (string, map[string]string) {
	box, _ := w.box()
	root := fresh("root")
	return box, w.put([]string{box},
		letter{name: root, header: "Subject: garden party\r\nTo: bob@example.org\r\n", minute: 0, keywords: []string{"$seen"}},
		letter{name: fresh("answer"), parent: root, header: "Subject: Re: garden party\r\nFrom: Zoe <zoe@example.net>\r\n", minute: 1, body: "Bring the zither.\r\n", keywords: []string{"$flagged"}},
		letter{name: fresh("big"), header: "Subject: apples\r\nCc: carol@example.org\r\nX-Own: spice\r\n", minute: 2, body: strings.Repeat("many words here\r\n", 300), keywords: []string{"$seen", "own"}},
		letter{name: fresh("file"), header: "From: Max <max@example.org>\r\nSubject: Zebra\r\n" + bodies, body: bodiesText, minute: 3})
}

// RFC 8621, section 4.4.1.
func queryFilters(w *world) {
	box, _ := queryBox(w)
	w.found(box, A{"before": "2026-03-01T10:02:00Z"}, "root", "answer")
	w.found(box, A{"after": "2026-03-01T10:02:00Z"}, "big", "file")
	w.found(box, A{"minSize": 4000}, "big")
	w.found(box, A{"maxSize": 4000}, "root", "answer", "file")
	w.found(box, A{"hasKeyword": "$seen"}, "root", "big")
	w.found(box, A{"notKeyword": "$seen"}, "answer", "file")
	w.found(box, A{"hasKeyword": "OWN"}, "big")
	w.found(box, A{"hasAttachment": true}, "file")
	w.found(box, A{"someInThreadHaveKeyword": "$flagged"}, "root", "answer")
	w.found(box, A{"allInThreadHaveKeyword": "$seen"}, "big")
	w.found(box, A{"noneInThreadHaveKeyword": "$seen"}, "file")
	w.found(box, A{"header": []string{"X-Own"}}, "big")
	w.found(box, A{"header": []string{"X-Own", "spice"}}, "big")
	w.found(box, A{"header": []string{"X-Own", "salt"}})
	// Cyrus finds the text in the name of the second field of a name.
	w.put([]string{box}, letter{name: fresh("twice"), header: "List-ID: <a.test>\r\nList-Id: <b.test>\r\n", minute: 4},
		letter{name: fresh("once"), header: "List-Id: =?utf-8?q?a_gr=C3=BC=C3=9Fe_list?= <c.test>\r\n", minute: 5})
	w.found(box, A{"header": []string{"List-Id", "list"}}, "once")
	w.found(box, A{"header": []string{"list-id", "b.TEST"}}, "twice")
	w.found(box, A{"header": []string{"List-Id", "grüße"}}, "once")
	w.found(box, A{"header": []string{"LIST-ID"}}, "twice", "once")
}

func queryWords(w *world) {
	box, _ := queryBox(w)
	w.found(box, A{"subject": "GARDEN"}, "root", "answer")
	w.found(box, A{"subject": "\"garden party\""}, "root", "answer")
	w.found(box, A{"from": "zoe"}, "answer")
	w.found(box, A{"to": "bob@example.org"}, "root")
	w.found(box, A{"cc": "carol"}, "big")
	w.found(box, A{"body": "zither"}, "answer")
	w.found(box, A{"text": "party zither"}, "answer")
	w.found(box, A{"text": "nowhere"})
}

func queryOperators(w *world) {
	box, _ := queryBox(w)
	w.found(box, A{"operator": "OR", "conditions": []A{{"subject": "apples"}, {"hasKeyword": "$flagged"}}}, "answer", "big")
	w.found(box, A{"operator": "NOT", "conditions": []A{{"subject": "garden"}, {"hasKeyword": "own"}}}, "file")
	w.found(box, A{"subject": "garden", "notKeyword": "$seen"}, "answer")
}

// RFC 8621, section 4.4.2.
func querySort(w *world) {
	box, _ := queryBox(w)
	for _, c := range []struct {
		by   A
		want []string
	}{
		{A{"property": "receivedAt", "isAscending": false}, []string{"file", "big", "answer", "root"}},
		{A{"property": "sentAt"}, []string{"root", "answer", "big", "file"}},
		{A{"property": "size", "isAscending": false}, []string{"big", "file", "answer", "root"}},
		{A{"property": "subject"}, []string{"big", "root", "answer", "file"}},
		{A{"property": "from"}, []string{"root", "big", "file", "answer"}},
		{A{"property": "hasKeyword", "keyword": "$seen", "isAscending": false}, []string{"root", "big", "answer", "file"}},
		{A{"property": "someInThreadHaveKeyword", "keyword": "$flagged", "isAscending": false}, []string{"root", "answer", "big", "file"}},
	} {
		if got := words(w.named(A{"filter": A{"inMailbox": box}, "sort": []A{c.by, {"property": "receivedAt"}}})); !slices.Equal(got, c.want) {
			w.Errorf("by %v: %v, want %v", c.by, got, c.want)
		}
	}
}

// RFC 8620, section 5.5.
func queryWindow(w *world) {
	box, ids := queryBox(w)
	oldest := []A{{"property": "receivedAt"}}
	id := map[string]string{}
	for name, i := range ids {
		id[words([]string{name})[0]] = i
	}
	for _, c := range []struct {
		args A
		want []string
	}{
		{A{"position": 1, "limit": 2}, []string{"answer", "big"}},
		{A{"position": -1}, []string{"file"}},
		{A{"position": 9}, []string{}},
		{A{"anchor": id["big"]}, []string{"big", "file"}},
		{A{"anchor": id["big"], "anchorOffset": -1, "limit": 2}, []string{"answer", "big"}},
		{A{"limit": 0}, []string{}},
	} {
		c.args["filter"], c.args["sort"], c.args["calculateTotal"] = A{"inMailbox": box}, oldest, true
		if got := words(w.named(c.args)); !slices.Equal(got, c.want) {
			w.Errorf("%v: %v, want %v", c.args, got, c.want)
		}
		var got struct{ Total int }
		if w.ask(&got, "Email/query", c.args); got.Total != 4 {
			w.Errorf("%v: total %d", c.args, got.Total)
		}
	}
	if _, refused := w.call("Email/query", A{"filter": A{"inMailbox": box}, "anchor": "Enothing"}); refused != "anchorNotFound" {
		w.Errorf("unknown anchor: %q", refused)
	}
}

func queryCollapse(w *world) {
	box, _ := queryBox(w)
	args := A{"filter": A{"inMailbox": box}, "sort": []A{{"property": "receivedAt", "isAscending": false}}, "collapseThreads": true, "calculateTotal": true}
	if got := words(w.named(args)); !slices.Equal(got, []string{"file", "big", "answer"}) {
		w.Errorf("%v", got)
	}
	var got struct{ Total int }
	if w.ask(&got, "Email/query", args); got.Total != 3 {
		w.Errorf("total %d", got.Total)
	}
}

// Trap 13: one state, one number.
func queryTotal(w *world) {
	box, _ := queryBox(w)
	got := w.batch([]any{"Mailbox/get", A{"ids": []string{box}}, "0"}, []any{"Email/query", A{"filter": A{"inMailbox": box}, "calculateTotal": true}, "1"})
	var m struct{ List []mailbox }
	var q struct{ Total int }
	w.decode(&m, got[0].args)
	w.decode(&q, got[1].args)
	if m.List[0].TotalEmails != 4 || q.Total != 4 {
		w.Errorf("the Mailbox counts %d, a query %d", m.List[0].TotalEmails, q.Total)
	}
}

func queryOther(w *world) {
	one, _ := w.box()
	two, _ := w.box()
	here, both := fresh("here"), fresh("both")
	w.put([]string{one}, letter{name: here, header: "Subject: otherwise" + here + "\r\n"})
	w.put([]string{one, two}, letter{name: both, header: "Subject: otherwise" + here + "\r\n"})
	got := w.named(A{"filter": A{"inMailboxOtherThan": []string{one}, "subject": "otherwise" + here}})
	if !slices.Equal(got, []string{both}) {
		w.Errorf("%v, want %s", got, both)
	}
}

func queryUnsupported(w *world) {
	if _, refused := w.call("Email/query", A{"sort": []A{{"property": "colour"}}}); refused != "unsupportedSort" {
		w.Errorf("a sort of no kind: %q", refused)
	}
	if _, refused := w.call("Email/query", A{"filter": A{"colour": "red"}}); refused != "unsupportedFilter" && refused != "invalidArguments" {
		w.Errorf("a filter of no kind: %q", refused)
	}
}

// RFC 8620, section 5.6.
func queryChangesPlain(w *world) {
	box, ids := queryBox(w)
	archive, _ := w.box()
	id := map[string]string{}
	for name, i := range ids {
		id[words([]string{name})[0]] = i
	}
	args := A{"filter": A{"inMailbox": box}, "sort": []A{{"property": "receivedAt"}}}
	var before struct {
		QueryState          string
		CanCalculateChanges bool
	}
	w.ask(&before, "Email/query", args)
	if !before.CanCalculateChanges {
		w.Fatal("changes of a query over the index cannot be calculated")
	}
	w.set("Email", A{"update": A{id["answer"]: A{"mailboxIds": A{archive: true}}}})
	fresh := w.put([]string{box}, letter{name: fresh("new"), minute: 9})
	args["sinceQueryState"], args["calculateTotal"] = before.QueryState, true
	var got struct {
		Removed []string
		Added   []struct {
			ID    string
			Index int
		}
		Total int
	}
	w.ask(&got, "Email/queryChanges", args)
	list := []string{id["root"], id["answer"], id["big"], id["file"]}
	for _, r := range got.Removed {
		list = slices.DeleteFunc(list, func(s string) bool { return s == r })
	}
	for _, a := range got.Added {
		list = slices.Insert(list, a.Index, a.ID)
	}
	var now string
	for _, i := range fresh {
		now = i
	}
	if diff := cmp.Diff([]string{id["root"], id["big"], id["file"], now}, list); diff != "" || got.Total != 4 {
		w.Errorf("total %d, the client's list (-want +got):\n%s", got.Total, diff)
	}
}

func queryChangesUnknown(w *world) {
	if _, refused := w.call("Email/queryChanges", A{"sinceQueryState": "nothing"}); refused != "cannotCalculateChanges" {
		w.Errorf("%q", refused)
	}
}
