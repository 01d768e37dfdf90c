package protocol

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// edge is one call at the edge of what the RFCs allow, and what becomes of it.
type edge struct {
	method string
	args   A
	// want is "" for success, the type of a method error, or a list of a /set with
	// the type of the first SetError in it: "notCreated: invalidProperties".
	want string
}

// edges makes calls one after the other.
func (w *world) edges(list ...edge) {
	w.Helper()
	for _, e := range list {
		text, refused := w.call(e.method, e.args)
		got := refused
		if refused == "" && (strings.HasSuffix(e.method, "/set") || e.method == "Email/import") {
			var set setResponse
			w.decode(&set, text)
			got = firstRefusal(set)
		}
		if got != e.want {
			args, err := json.Marshal(e.args)
			w.Errorf("%s %.300s: %q, want %q %v", e.method, args, got, e.want, err)
		}
	}
}

func firstRefusal(set setResponse) string {
	for _, l := range []struct {
		name string
		list map[string]setError
	}{{"notCreated", set.NotCreated}, {"notUpdated", set.NotUpdated}, {"notDestroyed", set.NotDestroyed}} {
		for _, e := range l.list {
			return l.name + ": " + e.Type
		}
	}
	return ""
}

const most = 1<<53 - 1 // RFC 8620, section 1.3

// RFC 8620, sections 1.2, 3.6.2, 5.1 and 5.2.
func coreEdges(w *world) {
	long := strings.Repeat("a", 255)
	for _, kind := range []string{"Mailbox", "Email", "Thread"} {
		now := w.state(kind)
		w.edges(
			edge{kind + "/get", A{"ids": []string{}}, ""},
			edge{kind + "/get", A{"ids": []string{long, long}}, ""},
			edge{kind + "/get", A{"ids": []string{long + "a"}}, "invalidArguments"},
			edge{kind + "/get", A{"ids": []string{""}}, "invalidArguments"},
			edge{kind + "/get", A{"ids": "x"}, "invalidArguments"},
			edge{kind + "/get", A{"ids": []string{}, "properties": []string{"nothing"}}, "invalidArguments"},
			edge{kind + "/get", A{"ids": []string{}, "properties": nil}, ""},
			edge{kind + "/get", A{"ids": []string{}, "nothing": 1}, "invalidArguments"},
			edge{kind + "/get", A{"ids": []string{}, "accountId": "anobody"}, "accountNotFound"},
			edge{kind + "/get", A{"ids": []string{}, "accountId": nil}, "invalidArguments"},
			edge{kind + "/changes", A{"sinceState": now, "maxChanges": 0}, "invalidArguments"},
			edge{kind + "/changes", A{"sinceState": now, "maxChanges": -1}, "invalidArguments"},
			edge{kind + "/changes", A{"sinceState": now, "maxChanges": 1.5}, "invalidArguments"},
			edge{kind + "/changes", A{"sinceState": now, "maxChanges": most}, ""},
			edge{kind + "/changes", A{"sinceState": now, "maxChanges": nil}, ""},
			edge{kind + "/changes", A{"sinceState": ""}, "cannotCalculateChanges"},
			edge{kind + "/changes", A{}, "invalidArguments"},
		)
	}
	w.edges(edge{"Email/nothing", A{}, "unknownMethod"})
}

// RFC 8620, section 3.7.
func corePointers(w *world) {
	from := []any{"Core/echo", A{"a": A{"b/c": []string{"x", "y"}, "d~e": []any{[]string{"p", "q"}, []string{"r"}}, "": 1, "0": "zero", "n": nil,
		"list": []A{{"id": "1", "l": []string{"a", "b"}}, {"id": "2", "l": []string{"c"}}}}}, "e"}
	for path, want := range map[string]string{
		"/a/b~1c": `["x","y"]`, "/a/b~1c/1": `"y"`, "/a/d~0e/*": `["p","q","r"]`, "/a/list/*/id": `["1","2"]`, "/a/list/*/l": `["a","b","c"]`,
		"/a/list/*/l/0": `["a","c"]`, "/a/list/1/l/*": `["c"]`, "/a/": `1`, "/a/0": `"zero"`, "/a/n": `null`,
		"/a/b~1c/2": "", "/a/b~1c/-": "", "/a/b~1c/01": "", "/a/*": "", "a": "", "/a/n/x": "", "/a/~2": "", "/a/~": "", "/a/list/*/nothing": "", "/a/list/-1": "",
	} {
		got := w.batch(from, []any{"Core/echo", A{"#v": A{"resultOf": "e", "name": "Core/echo", "path": path}}, "1"})[1]
		if want == "" {
			var e struct{ Type string }
			if w.decode(&e, got.args); got.name != "error" || e.Type != "invalidResultReference" {
				w.Errorf("%s: %s %s, want invalidResultReference", path, got.name, got.args)
			}
		} else if compact(got.args) != `{"v":`+want+`}` {
			w.Errorf("%s: %s, want %s", path, got.args, want)
		}
	}
	failed := w.batch([]any{"Email/nothing", A{}, "e"}, []any{"Core/echo", A{"#v": A{"resultOf": "e", "name": "Email/nothing", "path": "/list"}}, "1"})[1]
	if failed.name != "error" || !strings.Contains(string(failed.args), "invalidResultReference") {
		w.Errorf("of a failed call: %s %s", failed.name, failed.args)
	}
}

func compact(text json.RawMessage) string {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return string(text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// RFC 8621, section 2, and RFC 8620, section 5.3.
func mailboxEdges(w *world) {
	parent, name := w.box()
	made := w.set("Mailbox", A{"create": A{"k": A{"name": "kid", "parentId": "#l"}, "l": A{"name": "line", "parentId": parent, "sortOrder": 5}}}).Created
	kid, line := made["k"].ID, made["l"].ID
	order := func(id string) int {
		var got struct{ List []struct{ SortOrder int } }
		w.ask(&got, "Mailbox/get", A{"ids": []string{id}, "properties": []string{"sortOrder"}})
		return got.List[0].SortOrder
	}
	// The tier in memory keeps no settings.
	if n := order(kid); order(line) == 5 && n != 0 {
		w.Errorf("made without a sortOrder: %d, want the default 0", n)
	}
	update := func(id string, patch A) A { return A{"update": A{id: patch}} }
	create := func(m A) A { return A{"create": A{"c": m}} }
	const badCreate, badUpdate = "notCreated: invalidProperties", "notUpdated: invalidProperties"
	w.edges(
		edge{"Mailbox/set", A{"ifInState": "nothing"}, "stateMismatch"},
		edge{"Mailbox/set", A{"create": nil, "update": nil, "destroy": nil, "ifInState": nil}, ""},
		edge{"Mailbox/set", create(A{}), badCreate},
		edge{"Mailbox/set", create(A{"name": ""}), badCreate},
		edge{"Mailbox/set", create(A{"name": "line", "parentId": parent}), badCreate},
		edge{"Mailbox/set", create(A{"name": "a", "parentId": "#c"}), badCreate},
		edge{"Mailbox/set", create(A{"name": "a", "totalEmails": 1}), badCreate},
		edge{"Mailbox/set", create(A{"name": "a", "sortOrder": 1 << 31}), badCreate},
		edge{"Mailbox/set", create(A{"name": "a", "role": "Inbox"}), badCreate},
		edge{"Mailbox/set", A{"create": A{"a": A{"name": "a", "parentId": "#b"}, "b": A{"name": "b", "parentId": "#a"}}}, badCreate},
		edge{"Mailbox/set", update(parent, A{"parentId": kid}), badUpdate},
		edge{"Mailbox/set", update(parent, A{"parentId": parent}), badUpdate},
		edge{"Mailbox/set", update(parent, A{"name": nil}), badUpdate},
		edge{"Mailbox/set", update(parent, A{"name": name}), ""},
		edge{"Mailbox/set", update(parent, A{"totalEmails": 7}), badUpdate},
		edge{"Mailbox/set", update(parent, A{"totalEmails": 0}), ""},
		edge{"Mailbox/set", update(parent, A{"name": name, "name/x": 1}), "notUpdated: invalidPatch"},
		edge{"Mailbox/set", update("Mnothing", A{}), "notUpdated: notFound"},
		edge{"Mailbox/set", A{"destroy": []string{"Mnothing", "#nothing"}}, "notDestroyed: notFound"},
		edge{"Mailbox/set", A{"destroy": []string{parent}}, "notDestroyed: mailboxHasChild"},
		edge{"Mailbox/set", A{"destroy": []string{parent, line, kid}}, ""},
	)
}

// RFC 8621, section 4.4, and RFC 8620, sections 5.5 and 5.6.
func queryEdges(w *world) {
	box, _ := queryBox(w)
	in := A{"inMailbox": box}
	filter := func(f A) A { return A{"filter": f} }
	sort := func(s ...A) A { return A{"filter": in, "sort": s} }
	var now struct{ QueryState string }
	w.ask(&now, "Email/query", A{"filter": in})
	w.edges(
		edge{"Email/query", A{"filter": in, "position": most}, ""},
		edge{"Email/query", A{"filter": in, "position": -most}, ""},
		edge{"Email/query", A{"filter": in, "position": most + 1}, "invalidArguments"},
		edge{"Email/query", A{"filter": in, "limit": -1}, "invalidArguments"},
		edge{"Email/query", A{"filter": in, "limit": nil, "anchor": nil, "anchorOffset": 7}, ""},
		edge{"Email/query", filter(A{"hasKeyword": "a b"}), "invalidArguments"},
		edge{"Email/query", filter(A{"before": "2026-01-01T00:00:00+01:00"}), "invalidArguments"},
		edge{"Email/query", filter(A{"before": "2026-02-30T00:00:00Z"}), "invalidArguments"},
		edge{"Email/query", filter(A{"header": []string{}}), "invalidArguments"},
		edge{"Email/query", filter(A{"header": []string{"a", "b", "c"}}), "invalidArguments"},
		edge{"Email/query", filter(A{"operator": "XOR", "conditions": []A{}}), "invalidArguments"},
		edge{"Email/query", filter(A{"text": strings.Repeat("x", 8000)}), "unsupportedFilter"},
		edge{"Email/query", sort(A{"property": "hasKeyword"}), "invalidArguments"},
		edge{"Email/query", sort(A{"property": "subject", "collation": "i;nothing"}), "unsupportedSort"},
		edge{"Email/queryChanges", A{"filter": in, "sinceQueryState": now.QueryState, "maxChanges": 0}, ""},
		edge{"Email/queryChanges", A{"filter": in, "sinceQueryState": now.QueryState, "maxChanges": -1}, "invalidArguments"},
		edge{"Email/queryChanges", A{"filter": in, "sinceQueryState": now.QueryState, "upToId": "Enothing"}, ""},
	)
	deep := A{"hasKeyword": "$seen"}
	for range 20 {
		deep = A{"operator": "AND", "conditions": []A{deep}}
	}
	w.found(box, deep, "root", "big")
	for op, want := range map[string]int{"AND": 4, "OR": 0, "NOT": 4} {
		if got := w.named(filter(A{"operator": "AND", "conditions": []A{in, {"operator": op, "conditions": []A{}}}})); len(got) != want {
			w.Errorf("%s of nothing finds %v", op, got)
		}
	}
	w.put([]string{box}, letter{name: fresh("late"), minute: 20})
	w.edges(edge{"Email/queryChanges", A{"filter": in, "sinceQueryState": now.QueryState, "maxChanges": 0}, "tooManyChanges"})
}

// RFC 8621, section 4.6, and RFC 8620, section 5.3.
func setEdges(w *world) {
	box, _ := w.box()
	name := fresh("m")
	id := w.put([]string{box}, letter{name: name, keywords: []string{"own"}})[name]
	update := func(patch A) A { return A{"update": A{id: patch}} }
	create := func(more A) A {
		e := A{"mailboxIds": A{box: true}}
		for k, v := range more {
			e[k] = v
		}
		return A{"create": A{"c": e}}
	}
	text := A{"partId": "t", "type": "text/plain"}
	values := A{"t": A{"value": "x"}}
	const badCreate, badUpdate, badPatch = "notCreated: invalidProperties", "notUpdated: invalidProperties", "notUpdated: invalidPatch"
	w.edges(
		edge{"Email/set", update(A{"keywords": A{"a": true}, "keywords/b": true}), badPatch},
		edge{"Email/set", update(A{"keywords/a/b": true}), badPatch},
		edge{"Email/set", update(A{"keywords/a b": true}), badUpdate},
		edge{"Email/set", update(A{"keywords/a": false}), badUpdate},
		edge{"Email/set", update(A{"keywords/none": nil}), ""},
		edge{"Email/set", update(A{"mailboxIds": A{}}), badUpdate},
		edge{"Email/set", update(A{"mailboxIds/" + box: nil}), badUpdate},
		edge{"Email/set", update(A{"mailboxIds/Mnothing": true}), badUpdate},
		edge{"Email/set", update(A{"mailboxIds/#nothing": true}), badUpdate},
		edge{"Email/set", update(A{"subject": "another"}), badUpdate},
		edge{"Email/set", update(A{"subject": name, "id": id}), ""},
		edge{"Email/set", update(A{"size": 1}), badUpdate},
		edge{"Email/set", update(A{"nothing": 1}), badUpdate},
		edge{"Email/set", update(A{}), ""},
		edge{"Email/set", A{"update": A{id: A{}}, "destroy": []string{id}, "ifInState": "nothing"}, "stateMismatch"},
		edge{"Email/set", A{"create": A{"c": A{}}}, badCreate},
		edge{"Email/set", create(A{"headers": []A{}}), badCreate},
		edge{"Email/set", create(A{"subject": "a", "header:subject:asText": "b"}), badCreate},
		edge{"Email/set", create(A{"header:Subject:asAddresses": []A{}}), badCreate},
		edge{"Email/set", create(A{"header:Content-Type": " text/plain"}), badCreate},
		edge{"Email/set", create(A{"subject": "a\r\nBcc: b@x.test"}), badCreate},
		edge{"Email/set", create(A{"header:X-A": " a\r\nBcc: b@x.test"}), badCreate},
		edge{"Email/set", create(A{"bodyStructure": text, "textBody": []A{text}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"subject": "a", "bodyStructure": A{"partId": "t", "type": "text/plain", "header:Subject:asText": "b"}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{text, text}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{{"partId": "t", "type": "text/html"}}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{text}}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{{"partId": "t", "type": "text/plain", "charset": "utf-8"}}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{{"partId": "t", "type": "text/plain", "header:Content-Transfer-Encoding": " 8bit"}}, "bodyValues": values}), badCreate},
		edge{"Email/set", create(A{"textBody": []A{text}, "bodyValues": A{"t": A{"value": "x", "isTruncated": true}}}), badCreate},
		edge{"Email/set", create(A{"attachments": []A{{"type": "image/png", "blobId": "Bnothing"}}}), "notCreated: blobNotFound"},
	)
	if e := w.email(id, nil, "keywords", "mailboxIds"); len(e.Keywords) != 1 || !e.Keywords["own"] || !e.MailboxIDs[box] {
		w.Errorf("refused patches changed it: %+v", e)
	}
	w.set("Email", A{"update": A{id: A{"keywords/a~1b": true, "keywords/OWN": nil}}})
	if diff := cmp.Diff(map[string]bool{"a/b": true}, w.email(id, nil, "keywords").Keywords); diff != "" {
		w.Errorf("JSON pointer and case (-want +got):\n%s", diff)
	}
	// An empty list is no field: RFC 5322, section 3.6 has none for it.
	made := w.set("Email", create(A{"cc": []A{}, "bcc": []A{}, "messageId": []string{}, "references": []string{}})).Created["c"].ID
	var got struct {
		List []struct {
			Headers []struct{ Name, Value string }
		}
	}
	w.ask(&got, "Email/get", A{"ids": []string{made}, "properties": []string{"headers"}})
	names := []string{}
	for _, h := range got.List[0].Headers {
		names = append(names, h.Name)
		if h.Name == "Message-ID" && !strings.Contains(h.Value, "@") {
			w.Errorf("Message-ID %q", h.Value)
		}
	}
	if slices.Sort(names); slices.Contains(names, "Cc") || slices.Contains(names, "References") || !slices.Contains(names, "Message-ID") || !slices.Contains(names, "Date") {
		w.Errorf("fields of empty lists: %v", names)
	}
}

// RFC 8621, section 4.8.
func importEdges(w *world) {
	box, _ := w.box()
	l := letter{name: fresh("m")}
	w.put([]string{box}, l)
	blob := w.upload(l.raw())
	one := func(e A) A { return A{"emails": A{"c": e}} }
	const bad = "notCreated: invalidProperties"
	w.edges(
		edge{"Email/import", one(A{"blobId": blob, "mailboxIds": A{box: true}}), "notCreated: alreadyExists"},
		// What is invalid MUST be said so, also of a mail that is there.
		edge{"Email/import", one(A{"blobId": blob, "mailboxIds": A{"Mnothing": true}}), bad},
		edge{"Email/import", one(A{"blobId": blob, "mailboxIds": A{}}), bad},
		edge{"Email/import", one(A{"blobId": blob, "mailboxIds": A{box: false}}), bad},
		edge{"Email/import", one(A{"blobId": blob, "mailboxIds": A{box: true}, "keywords": A{"a b": true}}), bad},
		edge{"Email/import", one(A{"blobId": "Bnothing", "mailboxIds": A{box: true}}), bad},
		edge{"Email/import", one(A{"mailboxIds": A{box: true}}), bad},
		edge{"Email/import", one(A{"blobId": w.upload("no mail at all"), "mailboxIds": A{box: true}}), "notCreated: invalidEmail"},
		edge{"Email/import", A{"emails": A{}}, ""},
		edge{"Email/import", A{"emails": nil}, "invalidArguments"},
		edge{"Email/import", A{"emails": A{}, "ifInState": "nothing"}, "stateMismatch"},
		edge{"Email/parse", A{"blobIds": []string{}}, ""},
		edge{"Email/parse", A{"blobIds": nil}, "invalidArguments"},
	)
}

// RFC 8621, sections 4.6 and 7.5: a draft may have any header, and what is sent may
// not.
func submissionEdges(w *world) {
	drafts, who := w.role("drafts"), w.identity().ID
	for property, more := range map[string]A{
		"sentAt":    {"header:Date": " nonsense"},
		"messageId": {"header:Message-ID": " nonsense"},
		"to":        {"header:To": " <<>>, " + w.site.peer},
		"subject":   {"header:Subject:asText:all": []string{"one", "two"}},
	} {
		d := A{"mailboxIds": A{drafts: true}, "from": []A{{"email": w.address}}, "cc": []A{{"email": w.site.peer}}}
		for k, v := range more {
			d[k] = v
		}
		id := w.set("Email", A{"create": A{"d": d}}).Created["d"].ID
		var got setResponse
		w.ask(&got, "EmailSubmission/set", A{"create": A{"s": A{"identityId": who, "emailId": id}}})
		if no := got.NotCreated["s"]; no.Type != "invalidEmail" || !slices.Equal(no.Properties, []string{property}) {
			w.Errorf("%v: %+v, want invalidEmail for %s", more, got, property)
		}
	}
	w.edges(
		edge{"EmailSubmission/set", A{"create": A{"s": A{"emailId": "Enothing"}}}, "notCreated: invalidProperties"},
		edge{"EmailSubmission/set", A{"create": A{}, "onSuccessUpdateEmail": A{"#nothing": A{}}, "onSuccessDestroyEmail": []string{"#nothing"}}, ""},
		edge{"EmailSubmission/set", A{"onSuccessDestroyEmail": A{}}, "invalidArguments"},
		edge{"Identity/set", A{"create": A{"i": A{"email": "nobody@elsewhere.test"}}}, "notCreated: forbiddenFrom"},
		edge{"Identity/set", A{"update": A{who: A{"email": "nobody@elsewhere.test"}}}, "notUpdated: invalidProperties"},
	)
}
